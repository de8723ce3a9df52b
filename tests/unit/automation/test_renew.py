"""`tenancy renew` over several stacks: one stack's trouble is never another's."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from automation import stacks
from automation.commands.renew import renew

ROOT = Path(__file__).parents[3]


class Fleet:
    """Which stacks were opened; those that were never applied are not there."""

    def __init__(self, missing: tuple[str, ...]) -> None:
        self.missing = missing
        self.renewed: list[str] = []

    def open_stack(self, _root: Path, name: str) -> str:
        if name in self.missing:
            raise stacks.StackMissingError(f"stack {name!r} has never been applied")
        return name

    def up(self, stack: str, **_: object) -> None:
        self.renewed.append(stack)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the stacks dev and web."""
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    for name in ("dev", "web"):
        shutil.copy(ROOT / f"Pulumi.{name}.yaml", tmp_path)
        shutil.copytree(ROOT / "tenants" / name, tmp_path / "tenants" / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, fleet: Fleet, *arguments: str) -> tuple[int, dict[str, Any]]:
    def targets(_: object) -> list[str]:
        return ["**"]

    def due(stack: str, **_: object) -> stacks.Outcome:
        step: dict[str, Any] = {
            "op": "create",
            "urn": "urn:pulumi:dev::tenancy::kind::name",
            "properties": [],
        }
        return stacks.Outcome(stack, {"create": 1}, [step])

    monkeypatch.setattr(stacks, "open_stack", fleet.open_stack)
    monkeypatch.setattr(stacks, "credential_targets", targets)
    monkeypatch.setattr(stacks, "preview", due)
    monkeypatch.setattr(stacks, "up", fleet.up)
    done = CliRunner().invoke(renew, [*arguments, "--json"])
    return done.exit_code, {report["stack"]: report for report in json.loads(done.stdout)["stacks"]}


def test_a_broken_file_stops_no_other_stack(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (checkout / "tenants/dev/vision.yaml").write_text("gpus: 4\n")
    fleet = Fleet(())
    code, reports = run(monkeypatch, fleet)
    assert (code, fleet.renewed) == (2, ["web"])
    assert "tenants/dev/vision.yaml:1: gpus" in reports["dev"]["error"]
    assert reports["web"]["error"] is None


@pytest.mark.usefixtures("checkout")
def test_a_stack_that_was_never_applied_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    fleet = Fleet(("dev",))
    code, reports = run(monkeypatch, fleet)
    assert (code, fleet.renewed, reports["dev"]["error"]) == (0, ["web"], None)


@pytest.mark.usefixtures("checkout")
def test_unless_it_is_asked_for_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    code, reports = run(monkeypatch, Fleet(("dev",)), "--stack", "dev")
    assert code == 1
    assert "has never been applied" in reports["dev"]["error"]
