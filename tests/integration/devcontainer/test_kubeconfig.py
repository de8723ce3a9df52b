from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.devcontainer.conftest import Codespace


def test_the_namespace_is_there_at_the_first_start(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision", "vision-serving")
    done = codespace.start()
    assert done.returncode == 0, done.stderr
    assert codespace.contexts() == {
        "dev-vision": ("dev", "vision"),
        "dev-vision-serving": ("dev", "vision-serving"),
    }
    assert codespace.kubectl("config", "current-context").strip() == "dev-vision"
    assert "dev-vision dev-vision-serving" in done.stdout
    assert codespace.view()["clusters"][0]["cluster"]["server"] == "https://dev.example.com:6443"


def test_all_clusters_of_the_repository(codespace: Codespace) -> None:
    codespace.cluster("web", "vision")
    codespace.cluster("dev", "vision")
    # An organisation's secret, for a tenant with several repositories.
    codespace.cluster("gpu-eu", "vision", secret="KUBECONFIG_GPU_EU_VISION")
    assert codespace.start().returncode == 0
    assert set(codespace.contexts()) == {"dev-vision", "gpu-eu-vision", "web-vision"}
    assert codespace.kubectl("config", "current-context").strip() == "dev-vision"
    assert len(codespace.view()["users"]) == 1, "one name, but kubectl takes the first"


def test_each_cluster_keeps_its_own_credential(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision", serial="aaaaaaaaaa")
    codespace.cluster("web", "vision", serial="bbbbbbbbbb")
    assert codespace.start().returncode == 0
    users = {item["context"]["cluster"]: item["context"]["user"] for item in codespace.view()["contexts"]}
    assert users == {
        "dev": "tenancy:vision:codespaces:aaaaaaaaaa",
        "web": "tenancy:vision:codespaces:bbbbbbbbbb",
    }


def test_parts_of_a_kubeconfig_are_for_others(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision")
    codespace.secrets |= {
        "KUBECONFIG_DEV_SERVER": "https://dev.example.com:6443",
        "KUBECONFIG_DEV_CA": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "KUBECONFIG_DEV_KEY_VISION": "-----BEGIN PRIVATE KEY-----\nBBBB\n-----END PRIVATE KEY-----\n",
        "KUBECONFIG_DEV_TOKEN": "opaque",
        "KUBECONFIG_DEV_TOKEN_VISION": "eyJhbGciOiJub25lIn0.e30.x",
        "KUBECONFIG_WEB_CA": "",
    }
    codespace.sensitive += ["BBBB", "opaque", "eyJhbGciOiJub25lIn0"]
    done = codespace.start()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert set(codespace.contexts()) == {"dev-vision"}


def test_a_cluster_whose_name_looks_like_a_part(codespace: Codespace) -> None:
    codespace.cluster("dev-ca", "vision")
    assert codespace.start().returncode == 0
    assert set(codespace.contexts()) == {"dev-ca-vision"}


def test_a_secret_with_a_name_of_its_own(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision", secret="GPU_ACCESS")
    codespace.secrets["TENANCY_SECRETS"] = "GPU_ACCESS ABSENT 1$(touch x)"
    assert codespace.start().returncode == 0
    assert set(codespace.contexts()) == {"dev-vision"}


@pytest.mark.parametrize(
    "broken",
    [
        '{"apiVersion": "v1", "kind": "Config", "users": [{"token": "a-secret-token"',
        '{"apiVersion": "v1", "kind": "Config", "current-context": "gone", "contexts": []}',
        "{}",
        "a-secret-token",
        "apiVersion: v1\nkind: Config\n\tusers: a-secret-token",
    ],
)
def test_a_broken_secret_does_not_harm_the_others(codespace: Codespace, broken: str) -> None:
    codespace.cluster("dev", "vision")
    codespace.secrets["KUBECONFIG_WEB"] = broken
    codespace.sensitive.append("a-secret-token")
    done = codespace.start()
    assert done.returncode == 1
    assert "KUBECONFIG_WEB is not a kubeconfig" in done.stderr
    assert "ask the platform team" in done.stderr
    assert set(codespace.contexts()) == {"dev-vision"}


def test_no_secret_at_all(codespace: Codespace) -> None:
    done = codespace.start()
    assert done.returncode == 1
    assert "there is no secret KUBECONFIG_<CLUSTER> here" in done.stderr
    assert "write access" in done.stderr
    assert not codespace.config.exists()


def test_only_a_broken_secret_leaves_what_is_there(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision")
    codespace.start()
    before = codespace.config.read_text()
    codespace.secrets = {"KUBECONFIG_DEV": "{"}
    assert codespace.start().returncode == 1
    assert codespace.config.read_text() == before


def test_an_expired_certificate(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision", lifetime=-timedelta(minutes=3))
    codespace.cluster("web", "vision", lifetime=timedelta(minutes=3), serial="bbbbbbbbbb")
    ended = datetime.now(UTC) - timedelta(minutes=3)
    done = codespace.start()
    assert done.returncode == 1
    assert f"the credential in KUBECONFIG_DEV expired on {ended:%Y-%m-%d}" in done.stderr
    assert "Stop this codespace and start it again" in done.stderr
    assert "KUBECONFIG_WEB" not in done.stderr
    assert set(codespace.contexts()) == {"dev-vision", "web-vision"}


def test_a_certificate_that_ends_after_2050(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision", lifetime=timedelta(days=365 * 40))
    done = codespace.start()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("minutes", [-3, 3])
def test_tokens(codespace: Codespace, minutes: int) -> None:
    codespace.token_cluster("web", "shop", end=datetime.now(UTC) + timedelta(minutes=minutes))
    done = codespace.start()
    assert done.returncode == (1 if minutes < 0 else 0)
    assert ("the credential in KUBECONFIG_WEB expired on 20" in done.stderr) == (minutes < 0)
    assert set(codespace.contexts()) == {"web-shop"}


def test_what_a_person_added_stays(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision", serial="aaaaaaaaaa")
    codespace.start()
    for command in (
        "set-cluster home --server=https://home.example.com",
        "set-credentials me --token=a-token-of-my-own",
        "set-context home --cluster=home --user=me --namespace=mine",
        "set-context short --cluster=dev --user=tenancy:vision:codespaces:aaaaaaaaaa --namespace=vision",
        "use-context home",
    ):
        codespace.kubectl("config", *command.split())
    codespace.sensitive.append("a-token-of-my-own")

    codespace.cluster("dev", "vision", serial="bbbbbbbbbb")
    assert codespace.start().returncode == 0
    assert codespace.contexts() == {
        "dev-vision": ("dev", "vision"),
        "home": ("home", "mine"),
        "short": ("dev", "vision"),
    }
    assert codespace.kubectl("config", "current-context").strip() == "home"
    view = codespace.view()
    assert {item["name"] for item in view["users"]} == {"me", "tenancy:vision:codespaces:bbbbbbbbbb"}
    (short,) = [item["context"] for item in view["contexts"] if item["name"] == "short"]
    assert short["user"] == "tenancy:vision:codespaces:bbbbbbbbbb", "led to the renewed credential"


def test_the_next_start_replaces_what_the_last_one_wrote(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision", "vision-old", serial="aaaaaaaaaa")
    codespace.cluster("web", "vision")
    codespace.start()
    codespace.secrets.clear()
    codespace.cluster("dev", "vision", serial="bbbbbbbbbb")
    assert codespace.start().returncode == 0
    view = codespace.view()
    assert set(codespace.contexts()) == {"dev-vision"}
    assert [item["name"] for item in view["users"]] == ["tenancy:vision:codespaces:bbbbbbbbbb"]
    assert [item["name"] for item in view["clusters"]] == ["dev"]


def test_starting_twice_changes_nothing(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision")
    codespace.start()
    before = codespace.config.read_text()
    assert codespace.start().returncode == 0
    assert codespace.config.read_text() == before


def test_a_file_that_kubectl_cannot_read_is_left(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision")
    codespace.start()
    codespace.config.write_text("clusters: [not closed")
    done = codespace.start()
    assert done.returncode == 1
    assert "repair it or move it away" in done.stderr
    assert codespace.config.read_text() == "clusters: [not closed"


def test_without_kubectl(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision")
    (codespace.root / "bin" / "kubectl").unlink()
    done = codespace.start()
    assert (done.returncode, done.stderr) == (1, "tenancy: kubectl is not installed\n")


def test_stopped_on_its_way_it_leaves_the_old_file(codespace: Codespace) -> None:
    codespace.cluster("dev", "vision")
    codespace.start()
    before = codespace.config.read_text()
    # The last step before the new file is in its place.
    (codespace.root / "bin" / "mv").write_text("#!/bin/sh\nkill -TERM $PPID\n")
    codespace.cluster("dev", "vision", serial="bbbbbbbbbb")
    assert codespace.start().returncode == 1
    assert codespace.config.read_text() == before
