"""Stacks that an older version of the program made are taken over without a change.

`states/<stack>/` holds what the last version without `/` in its logical names left of each of the
repository's stacks: the state, encrypted as Pulumi keeps it, and the files it was made from.
"""

import gzip
import json
import shutil
import sys
from base64 import b64decode, b64encode
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import urllib3

import model
from kube import cluster_access
from sandbox.layout import REPOSITORY
from tests.conftest import Sandbox
from tests.e2e import stacks
from tests.e2e.project import Project

STATES = Path(__file__).parent / "states"
_MARK = "4dabf18193072939515e22adb298388d"
"""What marks a secret in a state: https://github.com/pulumi/pulumi/blob/master/sdk/go/common/resource/sig/sig.go."""
_CLOCK = """
import datetime
import os

_real, _fixed = datetime.datetime, datetime.datetime.fromisoformat(os.environ["TEST_NOW"])


class _Meta(type):
    def __instancecheck__(cls, instance):
        return isinstance(instance, _real)


class _Frozen(_real, metaclass=_Meta):
    @classmethod
    def now(cls, tz=None):
        return _fixed.astimezone(tz)


datetime.datetime = _Frozen
"""
"""The state's credentials were due when it was made, and would be renewed today."""


@dataclass(frozen=True)
class Old:
    """A stack as its state has it, in a folder of its own, at the hour in which it was made."""

    stack: str
    project: Project
    environment: Mapping[str, str]

    def pulumi(self, *arguments: str, stdin: str = "", code: int | None = 0) -> str:
        environment = {**self.project.environment, **self.environment}
        done = self.project.run(
            ("pulumi", *arguments, f"--stack={self.stack}", "--non-interactive", "--color=never"),
            code,
            stdin,
            environment,
        )
        return done.out


@pytest.fixture(params=sorted(path.name for path in STATES.iterdir()))
def old(cluster: Sandbox, tmp_path: Path, request: pytest.FixtureRequest) -> Generator[Old]:
    kept = STATES / str(request.param)
    facts = json.loads((kept / "facts.json").read_text())
    project = Project(tmp_path / "project", cluster)
    shutil.copytree(kept / "tenants", project.folder / "tenants" / kept.name)
    for file in (kept / f"Pulumi.{kept.name}.yaml", REPOSITORY / "Pulumi.yaml", REPOSITORY / "__main__.py"):
        shutil.copy(file, project.folder / file.name)
    (project.folder / ".venv").symlink_to(sys.prefix)
    project.state_folder.mkdir(mode=0o700)
    clock, passphrase = tmp_path / "clock" / "sitecustomize.py", tmp_path / "passphrase"
    clock.parent.mkdir()
    clock.write_text(_CLOCK)
    passphrase.write_text(facts["passphrase"])
    made = Old(
        kept.name,
        project,
        {
            "PYTHONPATH": str(clock.parent),
            "TEST_NOW": facts["made_at"],
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
        },
    )
    made.pulumi("stack", "init")
    made.pulumi("stack", "import", stdin=gzip.decompress((kept / "state.json.gz").read_bytes()).decode())
    state = json.loads(made.pulumi("stack", "export", "--show-secrets"))
    described = model.load(project.folder, kept.name)
    stacks.make_repositories(cluster, described)
    _select_repositories(state, described, cluster)
    made.pulumi("stack", "import", stdin=json.dumps(_moved(state, facts, cluster)))
    yield made


def _moved(state: Any, facts: Mapping[str, str], cluster: Sandbox) -> Any:
    """The state as it would be, had it been made on this sandbox."""
    access = cluster_access(cluster.kubeconfig)
    authority = access.ca or ""
    old_authority = facts["certificate_authority_data"]
    changes = {
        facts["kubeconfig"]: str(cluster.kubeconfig),
        facts["server"]: access.server,
        facts["github_base_url"]: cluster.env["GITHUB_BASE_URL"],
        old_authority: b64encode(authority.encode()).decode(),
        b64decode(old_authority).decode(): authority,
        **dict.fromkeys(_github_tokens(state), cluster.env["GITHUB_TOKEN"]),
    }
    return _replaced(state, changes)


def _select_repositories(state: Any, described: model.Stack, cluster: Sandbox) -> None:
    """GitHub numbers repositories, and this sandbox's GitHub not as the one that the state speaks of."""
    for resource in state["deployment"]["resources"]:
        if resource["type"] == "github:index/codespacesOrganizationSecret:CodespacesOrganizationSecret":
            name = resource["urn"].rpartition("::")[2]
            (tenant,) = (each for each in described.tenants if name.startswith(f"{each.name}-KUBECONFIG"))
            ids = [
                _repository_id(cluster, each) for each in (tenant.repository, *tenant.repositories) if each
            ]
            for side in ("inputs", "outputs"):
                resource[side]["selectedRepositoryIds"] = ids


def _repository_id(cluster: Sandbox, name: str) -> int:
    headers = {"Authorization": f"Bearer {cluster.env['GITHUB_TOKEN']}"}
    answer = urllib3.request("GET", f"{cluster.env['GITHUB_BASE_URL']}api/v3/repos/{name}", headers=headers)
    return answer.json()["id"]


def _github_tokens(state: Any) -> list[str]:
    resources = cast("list[dict[str, Any]]", state["deployment"]["resources"])
    providers = [each for each in resources if each["type"] == "pulumi:providers:github"]
    return [json.loads(provider["inputs"]["token"]["plaintext"]) for provider in providers]


def _replaced(value: Any, changes: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        if _MARK in entries and "plaintext" in entries:
            return {**entries, "plaintext": json.dumps(_replaced(json.loads(entries["plaintext"]), changes))}
        return {key: _replaced(each, changes) for key, each in entries.items()}
    if isinstance(value, list):
        return [_replaced(each, changes) for each in cast("list[Any]", value)]
    if isinstance(value, str):
        for old, new in changes.items():
            value = value.replace(old, new)
    return value


def test_the_first_preview_shows_no_change(old: Old) -> None:
    """Names that hold another separator now are the same resources, by their aliases."""
    shown = json.loads(old.pulumi("preview", "--json", "--expect-no-changes"))
    resources = json.loads(old.pulumi("stack", "export"))["deployment"]["resources"]
    # The default provider of the dynamic resources is the engine's own and no step.
    counted = [each for each in resources if each["type"] != "pulumi:providers:pulumi-python"]
    assert shown["changeSummary"] == {"same": len(counted)}


@pytest.mark.parametrize("old", ["dev"], indirect=True)
def test_the_clock_of_the_test_is_that_of_the_state(old: Old) -> None:
    """Else the test above would be green where nothing is ever due; a year on, all credentials are."""
    later = str(int(old.environment["TEST_NOW"][:4]) + 1) + old.environment["TEST_NOW"][4:]
    moved = Old(old.stack, old.project, {**old.environment, "TEST_NOW": later})
    shown = json.loads(moved.pulumi("preview", "--json"))
    assert {step["op"] for step in shown["steps"]} - {"same", "read"}
