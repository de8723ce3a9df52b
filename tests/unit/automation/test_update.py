"""`tenancy preview` and `tenancy up` beside a cluster that cannot be asked."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from click import Command
from click.testing import CliRunner

from automation import stacks
from automation.commands import update

ROOT = Path(__file__).parents[3]


class Untouched:
    """A stack with a kubeconfig of its own, whose engine is not to be run."""

    name = "dev"

    def get_all_config(self) -> dict[str, object]:
        return {"tenancy:kubeconfig": SimpleNamespace(value='{"apiVersion": "v1", "kind": "Config"}')}

    def preview(self, **_: object) -> None:
        pytest.fail("the engine was run")

    def up(self, **_: object) -> None:
        pytest.fail("the engine was run")


@pytest.mark.parametrize("command", [update.preview, update.up])
def test_the_engine_is_not_run(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def opened(*_: object, create: bool) -> Untouched:
        return Untouched()

    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(stacks, "open_stack", opened)
    done = CliRunner().invoke(command, ["--stack", "dev", "--json"])
    assert done.exit_code == 1
    (report,) = json.loads(done.stdout)["stacks"]
    assert report["error"].startswith("cluster 'dev' cannot be reached: ")
    assert "cluster 'dev' cannot be reached: " in done.stderr
