"""The laptop's side: keys, certificates, kubeconfigs."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509

from automation.laptop import context, errors, folder, identity, publication
from automation.laptop.errors import AccessError
from tests.unit.automation.laptop.conftest import NOW, WEEK, Authority, Laptop, outputs

ADA = ("vision", "ada")


def published(authority: Authority, certificate: str, cluster: str = "dev") -> publication.Published:
    facts = publication.from_outputs(outputs(authority, {"vision": {"ada": certificate}}, cluster))
    return publication.of_member(facts, "vision", "Ada")


def test_a_key_is_made_once(laptop: Laptop) -> None:
    kept = laptop.folder()
    kept.ask(*ADA, renew_key=False)
    key = kept.key.read_text()
    kept.ask(*ADA, renew_key=False)
    assert kept.key.read_text() == key
    assert kept.path == laptop.home / ".config/tenancy/dev/vision/ada"


def test_xdg_config_home(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(laptop.home / "elsewhere"))
    assert laptop.folder().key == laptop.home / "elsewhere/tenancy/dev/vision/ada/key.pem"


def test_a_new_key_takes_over_with_its_certificate(laptop: Laptop, authority: Authority) -> None:
    kept = laptop.folder()
    first = authority.sign(kept.ask(*ADA, renew_key=False))
    kept.accept(first, *ADA, NOW)
    old = kept.key.read_text()

    request = kept.ask(*ADA, renew_key=True)
    assert kept.key.read_text() == old, "the old one still works"
    kept.accept(first, *ADA, NOW)
    assert kept.new_key.exists()
    assert kept.ask(*ADA, renew_key=True) != request
    assert kept.fits()

    kept.accept(authority.sign(request), *ADA, NOW)
    assert kept.key.read_text() != old
    assert not kept.new_key.exists()
    assert kept.fits()


def test_a_pull_killed_between_certificate_and_key(laptop: Laptop, authority: Authority) -> None:
    kept = laptop.folder()
    kept.accept(authority.sign(kept.ask(*ADA, renew_key=False)), *ADA, NOW)
    second = authority.sign(kept.ask(*ADA, renew_key=True))
    folder.write_private(kept.certificate, second)
    folder.write_private(kept.source, "{}")
    assert not kept.fits()
    shown = laptop.tenancy("credential", "--stack=dev", "--tenant=vision", "--login=ada")
    laptop.ran.clear()  # what kubectl reads has the key
    assert json.loads(shown.output)["status"]["clientCertificateData"] == second
    assert kept.fits()


def test_certificates_that_are_not_taken(laptop: Laptop, authority: Authority) -> None:
    kept = laptop.folder()
    request = kept.ask(*ADA, renew_key=False)
    foreign = identity.make_request(identity.make_key(), *ADA)
    for certificate, told in (
        (authority.sign(foreign), "is not for the key in"),
        (authority.sign(request, name="tenancy:vision:laptop-grace:0123456789"), "laptop-grace"),
        (authority.sign(request, begin=NOW - 2 * WEEK), "expired on"),
        (authority.sign(request, begin=NOW + timedelta(hours=1)), "is the clock of this machine right?"),
        ("nonsense", "not one that can be read"),
    ):
        with pytest.raises(AccessError, match=told):
            kept.accept(certificate, *ADA, NOW)
        assert not kept.certificate.exists()


def test_names_that_are_too_long_together_for_a_common_name() -> None:
    key = identity.make_key()
    long, other = ("a" * 63, "b" * 39), ("a" * 63, "b" * 38 + "c")
    names = [
        x509.load_pem_x509_csr(identity.make_request(key, *each).encode()).subject.rfc4514_string()
        for each in (long, other)
    ]
    assert names[0] != names[1]
    assert {len(name) for name in names} == {len("CN=") + 64}


def test_nobody_elses_certificate(authority: Authority) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    facts = publication.from_outputs(outputs(authority, {"vision": {"ada": certificate}, "speech": {}}))
    assert set(facts["tenants"]) == {"vision"}
    for tenant, login in (("vision", "grace"), ("speech", "ada"), ("none", "ada")):
        with pytest.raises(errors.NotPublishedError, match="not merged and applied"):
            publication.of_member(facts, tenant, login)


def test_what_is_published_is_read_again(authority: Authority) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    facts = publication.from_outputs(outputs(authority, {"vision": {"ada": certificate}}))
    assert publication.parse(publication.render(facts), "x") == facts
    for text in ("", "[]", "{}", '{"cluster": 1, "tenants": {}}'):
        with pytest.raises(AccessError, match="x is not what"):
            publication.parse(text, "x")


def test_outputs_of_a_stack_that_was_never_applied() -> None:
    with pytest.raises(AccessError, match="never applied"):
        publication.from_outputs({})


@pytest.mark.parametrize(("age", "due"), [(0, False), (4, False), (5, True), (8, True)])
def test_when_a_renewed_one_is_looked_for(authority: Authority, age: int, due: bool) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    assert identity.is_due(certificate, NOW + timedelta(days=age)) == due


def test_signed_by(authority: Authority) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    assert identity.signed_by(certificate, authority.pem)
    assert not identity.signed_by(certificate, Authority().pem)
    assert not identity.signed_by(certificate, None)


def merge(
    laptop: Laptop, facts: publication.Published, stack: str = "dev", *, overwrite: bool = False
) -> None:
    laptop.config.parent.mkdir(mode=0o700, exist_ok=True)
    text = laptop.config.read_text() if laptop.config.exists() else ""
    entry = context.plugin("/opt/bin/tenancy", stack, *ADA)
    user = context.user_of(stack, *ADA)
    laptop.config.touch(mode=0o600)
    laptop.config.write_text(context.merged(text, laptop.config, facts, user, entry, overwrite=overwrite))


OWN = """\
# mine
apiVersion: v1
kind: Config
current-context: home
clusters:
- name: home
  cluster: {server: "https://home.example.com"}  # behind the VPN
users:
- name: me
  user: {}
contexts:
- name: home
  context: {cluster: home, user: me}
"""


@pytest.mark.parametrize(
    ("own", "told"),
    [
        (OWN.replace("home", "dev-vision"), "there is another context 'dev-vision'"),
        (
            OWN.replace("name: home", "name: dev").replace("cluster: home", "cluster: dev"),
            "another cluster 'dev'",
        ),
    ],
)
def test_entries_of_the_same_name(laptop: Laptop, authority: Authority, own: str, told: str) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    laptop.config.parent.mkdir(mode=0o700)
    laptop.config.touch(mode=0o600)
    laptop.config.write_text(own)
    with pytest.raises(AccessError, match=told):
        merge(laptop, published(authority, certificate))
    assert laptop.config.read_text() == own
    merge(laptop, published(authority, certificate), overwrite=True)
    view: Any = yaml.safe_load(laptop.config.read_text())
    contexts = {item["name"]: item["context"] for item in view["contexts"]}
    assert contexts["dev-vision"]["user"] == "tenancy-dev-vision-ada"


def test_files_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AccessError, match="cannot be written: Not a directory"):
        folder.write_private(tmp_path / "file" / "key.pem", "x")
