"""The bridged plugin pulumi-resource-github: what it has in common with the official one, and its work."""

import inspect
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_github
import pytest
from pulumi import automation

from sandbox.github.client import SandboxClient
from sandbox.github.limits import Fault
from sandbox.toolchain import ensure
from tests.sandbox.github.api import Api
from tests.sandbox.github.conftest import Emulator

Program = Callable[[], None]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the engine and the plugin, found or built."""
    folder = tmp_path_factory.mktemp("programs")
    for name, path in ensure(["pulumi", "pulumi-resource-github"]).items():
        (folder / name).symlink_to(path)
    return folder


@pytest.fixture
def environment(programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What the engine runs with: an own backend, and no plugins but those of `programs`."""
    for name in list(os.environ):
        if name.startswith(("PULUMI_", "GITHUB_")):
            monkeypatch.delenv(name)
    (tmp_path / "state").mkdir()
    chosen = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "passphrase of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    return chosen


@pytest.fixture
def schema(programs: Path, environment: dict[str, str]) -> dict[str, Any]:
    command = ["pulumi", "package", "get-schema", str(programs / "pulumi-resource-github")]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def camel_case(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def inputs(constructor: Callable[..., object]) -> tuple[set[str], set[str]]:
    """Return the properties that an Args class of the SDK takes, and those that it requires."""
    parameters = list(inspect.signature(constructor).parameters.values())
    own = [parameter for parameter in parameters if parameter.name != "__self__"]
    required = {camel_case(item.name) for item in own if item.default is inspect.Parameter.empty}
    return {camel_case(item.name) for item in own}, required


def outputs(resource: type) -> set[str]:
    return {camel_case(name) for name, value in vars(resource).items() if isinstance(value, property)}


def sdk_resources() -> dict[str, type]:
    """Return the resources of the Python SDK by type token."""
    classes = [item for item in vars(pulumi_github).values() if inspect.isclass(item)]
    resources = [item for item in classes if issubclass(item, pulumi.CustomResource)]
    tokens = {str(vars(item)["pulumi_type"]): item for item in resources}
    return {token: item for token, item in tokens.items() if token.startswith("github:")}


def test_is_the_version_that_the_sdk_asks_for(programs: Path) -> None:
    command = [str(programs / "pulumi-resource-github"), "-version"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    manifest = Path(str(pulumi_github.__file__)).with_name("pulumi-plugin.json")
    assert version == json.loads(manifest.read_text())["version"]


def test_has_the_resources_of_the_sdk(schema: dict[str, Any]) -> None:
    resources = sdk_resources()
    assert "github:index/codespacesSecret:CodespacesSecret" in resources
    assert set(schema["resources"]) == set(resources)
    for token, resource in resources.items():
        described = schema["resources"][token]
        module = inspect.getmodule(resource)
        # "InitArgs" where "Args" is the name of a nested type
        names = [resource.__name__ + "InitArgs", resource.__name__ + "Args"]
        arguments = next(vars(module)[name] for name in names if name in vars(module))
        taken, required = inputs(arguments.__init__)
        assert set(described.get("inputProperties", {})) == taken, token
        assert set(described.get("requiredInputs", ())) == required, token
        assert set(described.get("properties", {})) == outputs(resource), token


def test_has_the_functions_of_the_sdk(schema: dict[str, Any]) -> None:
    folder = Path(str(pulumi_github.__file__)).parent
    invoked = {
        token
        for file in folder.glob("get_*.py")
        for token in re.findall(r"invoke\('(github:[^']+)'", file.read_text())
    }
    assert invoked == {token for token in schema["functions"] if token.startswith("github:")}


def test_marks_the_secrets_of_the_sdk(schema: dict[str, Any]) -> None:
    for token, resource in sdk_resources().items():
        found = re.search(r"additional_secret_outputs=\[(.*?)\]", inspect.getsource(resource))
        secrets: set[str] = set(re.findall(r'"(\w+)"', found[1] if found else ""))
        described = schema["resources"][token].get("properties", {})
        assert {name for name, value in described.items() if value.get("secret")} == secrets, token


@pytest.fixture
def stack(environment: dict[str, str], tmp_path: Path) -> Callable[[Program], automation.Stack]:
    def make(program: Program) -> automation.Stack:
        work = tmp_path / "work"
        work.mkdir()
        options = automation.LocalWorkspaceOptions(work_dir=str(work), env_vars=environment)
        return automation.create_stack("dev", "plugin", program, opts=options)

    return make


def changes(result: automation.UpResult | automation.PreviewResult) -> dict[str, int]:
    """Return how many resources changed in which way."""
    counted = (
        result.change_summary
        if isinstance(result, automation.PreviewResult)
        else result.summary.resource_changes or {}
    )
    names = {str(getattr(kind, "value", kind)): count for kind, count in counted.items()}
    return {name: count for name, count in names.items() if name != "same"}


class Secret:
    """A program with one Codespaces secret whose value can be changed between runs."""

    def __init__(self, emulator: Emulator, repository: str) -> None:
        self.value = "kubeconfig-1-in-clear"
        self._emulator, self._repository = emulator, repository

    def __call__(self) -> None:
        provider = pulumi_github.Provider(
            "github",
            base_url=f"{self._emulator.url}/",
            owner="acme",
            token=pulumi.Output.secret(self._emulator.tokens.admin),
            write_delay_ms=1,
        )
        pulumi_github.CodespacesSecret(
            "kubeconfig",
            repository=self._repository,
            secret_name="KUBECONFIG_B64",
            plaintext_value=pulumi.Output.secret(self.value),
            opts=pulumi.ResourceOptions(provider=provider, delete_before_replace=True),
        )


def test_codespaces_secret(
    stack: Callable[[Program], automation.Stack],
    emulator: Emulator,
    sandbox: SandboxClient,
    admin: Api,
    repository: str,
    tmp_path: Path,
) -> None:
    name = repository.rpartition("/")[2]
    program = Secret(emulator, name)
    dev = stack(program)

    def held() -> str:
        return sandbox.open_repository_secret("acme", name, "KUBECONFIG_B64")

    assert changes(dev.up())["create"] == 3
    assert held() == "kubeconfig-1-in-clear"
    assert changes(dev.preview()) == {}
    assert changes(dev.preview(refresh=True)) == {}

    program.value = "kubeconfig-2-in-clear"
    since = sandbox.requests()[-1].number
    assert changes(dev.up()) == {"replace": 1}
    path = f"/api/v3{repository}/codespaces/secrets/KUBECONFIG_B64"
    made = [seen.method for seen in sandbox.requests(since) if seen.path == path]
    assert made == ["DELETE", "PUT", "GET"]
    assert held() == "kubeconfig-2-in-clear"
    assert changes(dev.preview(refresh=True)) == {}

    sandbox.advance_clock(10)
    admin.put_secret(repository, "KUBECONFIG_B64", "somebody else's")
    assert changes(dev.preview()) == {}
    assert changes(dev.up(refresh=True)) == {"create": 1}
    assert held() == "kubeconfig-2-in-clear"

    kept = "".join(file.read_text() for file in (tmp_path / "state").rglob("*.json*"))
    assert "KUBECONFIG_B64" in kept
    assert "in-clear" not in kept
    assert emulator.tokens.admin not in kept

    dev.destroy()
    assert admin.get(f"{repository}/codespaces/secrets").json["total_count"] == 0


def test_refused_then_repaired(
    stack: Callable[[Program], automation.Stack], emulator: Emulator, sandbox: SandboxClient, repository: str
) -> None:
    name = repository.rpartition("/")[2]
    dev = stack(Secret(emulator, name))
    sandbox.add_fault(Fault(method="PUT", path="/repos/*/codespaces/secrets/*", status=403, count=None))
    with pytest.raises(automation.CommandError, match="403 Forbidden"):
        dev.up()
    sandbox.clear_faults()
    assert changes(dev.up()) == {"create": 1}
    assert sandbox.open_repository_secret("acme", name, "KUBECONFIG_B64") == "kubeconfig-1-in-clear"


def test_lost_answer_is_asked_for_again(
    stack: Callable[[Program], automation.Stack], emulator: Emulator, sandbox: SandboxClient, repository: str
) -> None:
    """The provider repeats a request whose connection broke; the secret is stored already by then."""
    name = repository.rpartition("/")[2]
    sandbox.add_fault(Fault(method="PUT", path="/repos/*/codespaces/secrets/*", drop="after"))
    since = sandbox.requests()[-1].number
    dev = stack(Secret(emulator, name))
    dev.up()
    assert [seen.status for seen in sandbox.requests(since) if seen.method == "PUT"] == [0, 204]
    assert changes(dev.preview(refresh=True)) == {}
    assert sandbox.open_repository_secret("acme", name, "KUBECONFIG_B64") == "kubeconfig-1-in-clear"


def test_other_resources(
    stack: Callable[[Program], automation.Stack], emulator: Emulator, admin: Api, repository: str
) -> None:
    """Those that a platform team has around tenants: all created, and unchanged in the next preview."""
    name = f"made-{repository.rpartition('-')[2]}"

    def program() -> None:
        provider = pulumi_github.Provider(
            "github",
            base_url=f"{emulator.url}/",
            owner="acme",
            token=pulumi.Output.secret(emulator.tokens.admin),
            write_delay_ms=1,
        )
        options = pulumi.ResourceOptions(provider=provider)
        made = pulumi_github.Repository(
            "repository", name=name, visibility="private", auto_init=True, has_issues=True, opts=options
        )
        team = pulumi_github.Team("team", name=name, privacy="closed", opts=options)
        pulumi_github.TeamMembership("membership", team_id=team.id, username="grace", opts=options)
        pulumi_github.TeamRepository(
            "grant", team_id=team.id, repository=made.name, permission="push", opts=options
        )
        pulumi_github.RepositoryCollaborator(
            "collaborator", repository=made.name, username="mallory", permission="pull", opts=options
        )
        pulumi_github.RepositoryFile(
            "file", repository=made.name, branch="main", file="a/b.txt", content="hello\n", opts=options
        )
        pulumi_github.Branch("branch", repository=made.name, branch="published", opts=options)
        pulumi_github.CodespacesOrganizationSecret(
            "secret",
            secret_name=name.replace("-", "_"),
            plaintext_value=pulumi.Output.secret("x"),
            visibility="selected",
            selected_repository_ids=[made.repo_id],
            opts=options,
        )

    dev = stack(program)
    dev.up()
    assert changes(dev.preview()) == {}
    assert changes(dev.preview(refresh=True)) == {}
    assert admin.get(f"/repos/acme/{name}/contents/a/b.txt").status == 200
    dev.destroy()
    assert admin.get(f"/repos/acme/{name}").status == 404
