"""`tenancy access` against an emulated GitHub."""

import json
import os
from datetime import timedelta
from typing import Any

import pytest
import yaml

from automation.laptop import folder, identity, publication
from model import load
from tests.integration.automation.laptop.conftest import Platform
from tests.unit.automation.laptop.conftest import FILE, NOW, WEEK, Authority, Laptop, csr_in, outputs, plugin


def merge(platform: Platform, number: int = 1) -> None:
    platform.call("PUT", f"/pulls/{number}/merge", {})


def request(laptop: Laptop, platform: Platform, *arguments: str, login: str = "ada") -> Any:
    command = ("request", "vision", "--stack=dev", f"--login={login}", f"--repository={platform.repository}")
    return laptop.tenancy(*command, *arguments)


def pull(laptop: Laptop, platform: Platform, *arguments: str, code: int = 0) -> Any:
    command = ("pull", "vision", "--stack=dev", f"--repository={platform.repository}")
    return laptop.tenancy(*command, *arguments, code=code)


def age(laptop: Laptop, minutes: int) -> None:
    """Let the last look for a renewed certificate be some time ago."""
    then = (NOW - timedelta(minutes=minutes)).timestamp()
    os.utime(laptop.folder().source, (then, then))


def test_from_request_to_pull(laptop: Laptop, platform: Platform, authority: Authority) -> None:
    done = request(laptop, platform)
    assert "opened http" in done.output
    assert "csr" not in laptop.file().read_text(), "the checkout stays clean"
    (opened,) = platform.call("GET", "/pulls")
    assert opened["title"] == "Access to vision for ada"
    assert csr_in(platform.file(FILE, opened["head"]["ref"]))
    assert "csr" not in platform.file(FILE)

    merge(platform)
    csr = csr_in(platform.file(FILE))
    laptop.file().write_text(platform.file(FILE))
    load(laptop.project, "dev")

    certificate = authority.sign(csr)
    assert platform.publish("dev", outputs(authority, {"vision": {"ada": certificate}}))
    report = json.loads(pull(laptop, platform, "--json").output)
    assert report["contexts"] == ["dev-vision", "dev-vision-serving"]
    assert report["signed_by_cluster_ca"] is True
    entry = yaml.safe_load(laptop.config.read_text())["users"][0]["user"]["exec"]
    assert entry["apiVersion"] == "client.authentication.k8s.io/v1"
    assert entry["interactiveMode"] == "Never"
    assert entry["args"][:2] == ["access", "credential"]

    status = json.loads(plugin(laptop).output)
    assert status["kind"] == "ExecCredential"
    assert status["status"]["clientCertificateData"] == certificate
    assert status["status"]["clientKeyData"] == laptop.folder().key.read_text()
    assert status["status"]["expirationTimestamp"] == f"{NOW + WEEK:%Y-%m-%dT%H:%M:%SZ}"


def test_the_kubeconfig_can_name_the_files(laptop: Laptop, platform: Platform, authority: Authority) -> None:
    request(laptop, platform)
    merge(platform)
    platform.publish(
        "dev", outputs(authority, {"vision": {"ada": authority.sign(csr_in(platform.file(FILE)))}})
    )
    pull(laptop, platform, "--embed")
    assert yaml.safe_load(laptop.config.read_text())["users"][0]["user"] == {
        "client-certificate": str(laptop.folder().certificate),
        "client-key": str(laptop.folder().key),
    }


def test_asking_again_finds_the_same_pull_request(laptop: Laptop, platform: Platform) -> None:
    first = json.loads(request(laptop, platform, "--json").output)
    assert json.loads(request(laptop, platform, "--json").output) == first
    assert len(platform.call("GET", "/pulls")) == 1
    merge(platform)
    again = json.loads(request(laptop, platform, "--json").output)
    assert again["pull_request"] is None
    assert "has this request already" in request(laptop, platform).output


def test_a_newcomer_asks_for_a_role(laptop: Laptop, platform: Platform) -> None:
    request(laptop, platform, "--role=viewer", login="newcomer")
    merge(platform)
    assert yaml.safe_load(platform.file(FILE))["members"]["newcomer"]["role"] == "viewer"


def test_who_one_is_comes_from_the_token(laptop: Laptop, platform: Platform) -> None:
    laptop.tenancy("request", "vision", "--stack=dev", f"--repository={platform.repository}")
    (opened,) = platform.call("GET", "/pulls")
    assert opened["title"] == f"Access to vision for {platform.api.login()}"


def test_another_key(laptop: Laptop, platform: Platform, authority: Authority) -> None:
    request(laptop, platform)
    merge(platform)
    first = csr_in(platform.file(FILE))
    platform.publish("dev", outputs(authority, {"vision": {"ada": authority.sign(first)}}))
    pull(laptop, platform)
    old = laptop.folder().key.read_text()

    request(laptop, platform, "--renew-key")
    assert json.loads(plugin(laptop).output)["status"]["clientKeyData"] == old
    merge(platform, 2)
    second = csr_in(platform.file(FILE))
    assert second != first
    platform.publish("dev", outputs(authority, {"vision": {"ada": authority.sign(second)}}))
    pull(laptop, platform)
    assert json.loads(plugin(laptop).output)["status"]["clientKeyData"] != old
    assert not laptop.folder().new_key.exists()


def test_nothing_to_pull(laptop: Laptop, platform: Platform, authority: Authority) -> None:
    assert "tenancy access request vision" in pull(laptop, platform, code=1).output
    request(laptop, platform)
    assert "tenancy access publish" in pull(laptop, platform, code=1).output
    platform.publish("dev", outputs(authority, {"vision": {}}))
    assert "not merged and applied yet" in pull(laptop, platform, code=1).output
    assert not laptop.config.exists()


def test_a_certificate_for_another_machine(laptop: Laptop, platform: Platform, authority: Authority) -> None:
    request(laptop, platform)
    foreign = authority.sign(identity.make_request(identity.make_key(), "vision", "ada"))
    platform.publish("dev", outputs(authority, {"vision": {"ada": foreign}}))
    assert "made on another machine" in pull(laptop, platform, code=1).output
    assert not laptop.config.exists()


def test_the_plugin_fetches_a_renewed_certificate(
    laptop: Laptop, platform: Platform, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    request(laptop, platform)
    merge(platform)
    csr = csr_in(platform.file(FILE))
    old = authority.sign(csr, begin=NOW - timedelta(days=5))
    new = authority.sign(csr)
    platform.publish("dev", outputs(authority, {"vision": {"ada": old}}))
    pull(laptop, platform)
    platform.publish("dev", outputs(authority, {"vision": {"ada": new}}))
    assert json.loads(plugin(laptop).output)["status"]["clientCertificateData"] == old, "looked a moment ago"
    age(laptop, minutes=6)
    assert json.loads(plugin(laptop).output)["status"]["clientCertificateData"] == new
    # From now on nobody needs to be asked.
    monkeypatch.setenv("GITHUB_BASE_URL", "http://127.0.0.1:9/")
    monkeypatch.delenv("GITHUB_TOKEN")
    age(laptop, minutes=6)
    assert json.loads(plugin(laptop).output)["status"]["clientCertificateData"] == new


def sources(laptop: Laptop, api: str) -> None:
    """Let the laptop look somewhere else from now on."""
    kept = laptop.folder()
    folder.write_private(kept.source, json.dumps({**json.loads(kept.source.read_text()), "api": api}))


def test_the_plugin_without_a_network(laptop: Laptop, platform: Platform, authority: Authority) -> None:
    request(laptop, platform)
    merge(platform)
    csr = csr_in(platform.file(FILE))
    due = authority.sign(csr, begin=NOW - timedelta(days=5))
    platform.publish("dev", outputs(authority, {"vision": {"ada": due}}))
    pull(laptop, platform)
    sources(laptop, "http://127.0.0.1:9/api/v3")
    age(laptop, minutes=6)
    assert json.loads(plugin(laptop).output)["status"]["clientCertificateData"] == due
    folder.write_private(laptop.folder().certificate, authority.sign(csr, begin=NOW - 2 * WEEK))
    failed = plugin(laptop, code=1)
    assert "the certificate expired on" in failed.output
    assert "Connection refused" in failed.output
    assert failed.stdout == ""


def test_publishing(platform: Platform, authority: Authority) -> None:
    ada = authority.sign(identity.make_request(identity.make_key(), "vision", "ada"))
    alan = authority.sign(identity.make_request(identity.make_key(), "speech", "alan"))

    def head() -> Any:
        return platform.call("GET", f"/git/ref/heads/{publication.BRANCH}")["object"]["sha"]

    assert platform.publish("dev", outputs(authority, {"vision": {"ada": ada}, "speech": {"alan": alan}}))
    first = head()
    assert not platform.publish("dev", outputs(authority, {"vision": {"ada": ada}, "speech": {"alan": alan}}))
    assert head() == first, "no commit without a change"
    assert platform.publish("gpu", outputs(authority, {"vision": {"ada": ada}}, "gpu"))
    assert platform.publish("dev", outputs(authority, {"vision": {"ada": ada}, "speech": {}}))
    (parent,) = platform.call("GET", f"/commits/{head()}")["parents"]
    assert platform.call("GET", f"/commits/{parent['sha']}")["parents"][0]["sha"] == first, "a commit each"
    published = json.loads(platform.file("certificates/dev.json", publication.BRANCH))
    assert set(published["tenants"]) == {"vision"}, "who is gone, is gone"
    assert "PRIVATE" not in json.dumps(published)


def test_status(laptop: Laptop, platform: Platform, authority: Authority) -> None:
    request(laptop, platform)
    merge(platform)
    laptop.file().write_text(platform.file(FILE))
    command = ("status", "--stack=dev", f"--repository={platform.repository}")

    def rows() -> dict[str, dict[str, Any]]:
        # What is said on standard error stands before.
        shown = laptop.tenancy(*command, "--json").stdout
        return {row["who"]: row for row in json.loads(shown)["access"] if row["tenant"] == "vision"}

    assert rows()["ada"]["certificate"] == "unknown", "nothing was published yet"
    platform.publish("dev", outputs(authority, {}))
    assert rows()["ada"]["certificate"] == "requested"
    certificate = authority.sign(csr_in(platform.file(FILE)))
    platform.publish("dev", outputs(authority, {"vision": {"ada": certificate}}))
    found = rows()
    assert found["ada"]["certificate"] == "issued"
    assert found["ada"]["not_after"] == identity.ends(certificate).isoformat()
    assert found["ada"]["key_here"] is True
    assert found["ada"]["role"] == "admin"
    assert found["grace"]["certificate"] == "none"
    assert found["acme/vision"]["subject"].startswith("tenancy:vision:codespaces:")
    assert "ada" in laptop.tenancy(*command).output


def test_a_token_is_never_shown(laptop: Laptop, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "ghp_wrong_but_secret")
    failed = laptop.tenancy(
        "request", "vision", "--stack=dev", f"--repository={platform.repository}", "--login=ada", code=1
    )
    assert "401" in failed.output
    assert "ghp_wrong" not in failed.output
