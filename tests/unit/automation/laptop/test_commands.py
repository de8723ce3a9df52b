"""`tenancy access` where no GitHub is asked."""

import json
from pathlib import Path

import pytest
import yaml

from model import credential, load
from tests.unit.automation.laptop.conftest import FILE, NOW, Laptop, csr_in, plugin


def test_without_a_token_the_checkout_is_changed(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_USER", "Ada")
    done = laptop.tenancy("request", "vision", "--stack=dev")
    text = laptop.file().read_text()
    assert csr_in(text)
    load(laptop.project, "dev")
    for command in ("switch --create access-vision-ada-", f"-- {FILE}", "push --set-upstream origin"):
        assert command in done.output
    again = laptop.tenancy("request", "vision", "--stack=dev")
    assert laptop.file().read_text() == text
    assert "has this request already" in again.output


def _nothing_selected(_root: Path) -> None:
    """What `pulumi stack select` left: nothing."""


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("request", "nobody", "--stack=dev"), "it has: speech, vision"),
        (("request", "../gpu/vision", "--stack=dev"), "no tenant"),
        (("request", "vision", "--stack=none"), "there is no stack 'none'"),
        (("request", "vision"), "which stack?"),
        (("request", "vision", "--stack=dev", "--login=ada", "--pull-request"), "needs a token"),
        (("pull", "vision", "--stack=dev", "--login=ada"), "which repository is the platform's?"),
        (("revoke", "vision", "--stack=dev"), "what is to be revoked?"),
        (("revoke", "vision", "--stack=dev", "--member=nobody"), "it has: ada, grace"),
        (("revoke", "vision", "--stack=dev", "--member=ada"), "ada has no laptop access"),
    ],
)
def test_bad_input(
    laptop: Laptop, arguments: tuple[str, ...], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automation.project._selected", _nothing_selected)
    before = laptop.file().read_text()
    assert told in laptop.tenancy(*arguments, code=2).output
    assert laptop.file().read_text() == before


def test_the_plugin_before_the_first_pull(laptop: Laptop) -> None:
    assert "tenancy access pull vision --stack dev" in plugin(laptop, code=1).output


def test_revoke_a_laptop(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_USER", "ada")
    before = laptop.file().read_text()
    laptop.tenancy("request", "vision", "--stack=dev")
    done = laptop.tenancy("revoke", "vision", "--stack=dev", "--member=ADA")
    assert "the laptop of ada is shut out" in done.output
    assert "tenancy up --stack dev" in done.output
    assert laptop.file().read_text() == before


def subject(laptop: Laptop) -> str:
    vision = next(tenant for tenant in load(laptop.project, "dev").tenants if tenant.name == "vision")
    schedule = credential.codespaces(vision, NOW)
    assert schedule is not None
    return schedule.current.name


def test_revoke_what_the_repositories_hold(laptop: Laptop) -> None:
    before = subject(laptop)
    laptop.tenancy("revoke", "vision", "--stack=dev", "--codespaces")
    first = subject(laptop)
    laptop.tenancy("revoke", "vision", "--stack=dev", "--codespaces")
    assert len({before, first, subject(laptop)}) == 3


def test_revoke_everything(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_USER", "ada")
    laptop.tenancy("request", "vision", "--stack=dev")
    done = json.loads(
        laptop.tenancy(
            "revoke", "vision", "--stack=dev", "--all", "--member=grace", "--remove", "--json"
        ).stdout
    )
    assert len(done["done"]) == 3
    written = yaml.safe_load(laptop.file().read_text())
    assert written["members"] == {"ada": {"role": "admin"}}
    assert written["credentials"] == {"generation": 1}
