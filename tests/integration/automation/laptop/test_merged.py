"""What is merged into a kubeconfig, read by kubectl."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from automation.laptop import identity, publication
from sandbox.toolchain import ensure
from tests.unit.automation.laptop.conftest import Authority, Laptop
from tests.unit.automation.laptop.test_access import ADA, OWN, merge, published

Kubectl = Callable[..., str]


@pytest.fixture(scope="session")
def program() -> Path:
    """kubectl, found before a laptop's empty home hides the user's cache."""
    return ensure(["kubectl"])["kubectl"]


@pytest.fixture
def kubectl(program: Path, laptop: Laptop) -> Kubectl:
    def run(*arguments: str) -> str:
        return subprocess.run(
            [program, "--kubeconfig", str(laptop.config), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    return run


def test_two_clusters_in_one_file(laptop: Laptop, authority: Authority, kubectl: Kubectl) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    merge(laptop, published(authority, certificate))
    merge(laptop, published(authority, certificate, "gpu"), "gpu")
    view = json.loads(kubectl("config", "view", "-o", "json"))
    assert {item["name"]: item["context"] for item in view["contexts"]} == {
        f"{cluster}-{namespace}": {
            "cluster": cluster,
            "namespace": namespace,
            "user": f"tenancy-{cluster}-vision-ada",
        }
        for cluster in ("dev", "gpu")
        for namespace in ("vision", "vision-serving")
    }
    assert {item["name"] for item in view["users"]} == {"tenancy-dev-vision-ada", "tenancy-gpu-vision-ada"}
    assert view["users"][0]["user"]["exec"]["args"][-4:] == ["--tenant", "vision", "--login", "ada"]
    assert kubectl("config", "current-context").strip() == "dev-vision"


def test_a_persons_own_entries_stay(laptop: Laptop, authority: Authority, kubectl: Kubectl) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    laptop.config.parent.mkdir(mode=0o700)
    laptop.config.touch(mode=0o600)
    laptop.config.write_text(OWN)
    merge(laptop, published(authority, certificate))
    text = laptop.config.read_text()
    assert text.startswith("# mine\n")
    assert "# behind the VPN" in text
    assert kubectl("config", "current-context").strip() == "home"
    assert set(kubectl("config", "get-contexts", "-o", "name").split()) == {
        "home",
        "dev-vision",
        "dev-vision-serving",
    }


def test_merging_again_replaces_what_was_ours(laptop: Laptop, authority: Authority, kubectl: Kubectl) -> None:
    certificate = authority.sign(identity.make_request(identity.make_key(), *ADA))
    facts = published(authority, certificate)
    merge(laptop, facts)
    once = laptop.config.read_text()
    merge(laptop, facts)
    assert laptop.config.read_text() == once

    kubectl(
        "config", "set-context", "short", "--cluster=dev", "--user=tenancy-dev-vision-ada", "--namespace=x"
    )
    moved = publication.Published("dev", "https://new.example.com", None, ("vision",), certificate)
    merge(laptop, moved)
    view = yaml.safe_load(laptop.config.read_text())
    assert {item["name"] for item in view["contexts"]} == {"dev-vision", "short"}
    assert [item["cluster"] for item in view["clusters"]] == [{"server": "https://new.example.com"}]
