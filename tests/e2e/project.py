"""A throw-away Pulumi project on the sandbox: the product's program, with a cluster and tenants of a test."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from sandbox.environment import backend_url
from sandbox.layout import REPOSITORY
from tests.conftest import Sandbox

STACK = "e2e"
"""One name for all: the ClusterRoles and the floor belong to the stack of that name on the control plane."""

CLUSTER: dict[str, Any] = {
    "name": "e2e",
    "kind": "gpu",
    "protect": False,
    "pools": {
        "a100": {
            "labels": {"node.tenancy.dev/pool": "a100"},
            "taints": [{"key": "nvidia.com/gpu", "value": "present"}],
        },
    },
    "accelerators": {"a100": {"resource": "nvidia.com/gpu", "total": 16, "pool": "a100"}},
    "network": {"pod_cidrs": ["10.244.0.0/16"], "service_cidrs": ["10.96.0.0/16"]},
    # Tokens would need a namespace of their own, and each takes its seconds to go.
    "credentials": {"kinds": ["client-certificate"]},
}
"""The smallest cluster that is one; without a network floor, for which the API server has to know Calico."""

TENANT: dict[str, Any] = {
    "profile": "sandbox",
    "description": "For a test",
    "owner": "test@example.com",
    "codespaces": {"enabled": False},
}

DESTROY = ("destroy", "--yes", "--skip-preview", f"--stack={STACK}")
UNCHANGED = ("same", "read", "refresh")
Step = Mapping[str, Any]


@dataclass(frozen=True)
class Ran:
    """What a command printed."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All of it."""
        return self.out + self.err

    @property
    def json(self) -> Any:
        """The JSON on standard output, without the engine's warnings before it."""
        return json.loads(self.out[self.out.index("{") :])


@dataclass(frozen=True)
class Changes:
    """What a preview showed."""

    steps: tuple[Step, ...]

    @property
    def by_urn(self) -> dict[str, str]:
        """Operation by `Type name`, such as `Namespace vision`; components and what stays are left out."""
        return {
            _short(step["urn"]): step["op"]
            for step in self.steps
            if step["op"] not in UNCHANGED and not _is_component(step["urn"])
        }

    def paths(self, resource: str) -> dict[str, str]:
        """The paths that differ of one resource, with the kind of difference."""
        steps = [step for step in self.steps if not _is_component(step["urn"])]
        step = next(step for step in steps if _short(step["urn"]) == resource)
        diff = cast("dict[str, dict[str, str]]", step.get("detailedDiff") or {})
        return {path: entry["kind"] for path, entry in diff.items()}


def _short(urn: str) -> str:
    kind, name = urn.split("::")[2:4]
    return f"{kind.rpartition(':')[2]} {name}"


def _is_component(urn: str) -> bool:
    return urn.split("::")[2].rpartition("$")[2].startswith("tenancy:")


@dataclass(frozen=True)
class Project:
    """A project in a folder of its own, with a backend of its own."""

    folder: Path
    sandbox: Sandbox

    @property
    def environment(self) -> dict[str, str]:
        """The sandbox's, but for the state."""
        return self.sandbox.env | {"PULUMI_BACKEND_URL": backend_url(self.state_folder), "NO_COLOR": "1"}

    @property
    def state_folder(self) -> Path:
        """Where the backend keeps its files."""
        return self.folder.parent / "state"

    def cluster(self, **changes: Any) -> None:
        """Write the stack's configuration; `changes` replace whole keys of the cluster."""
        described = self._stack_file()
        described.setdefault("config", {})["tenancy:cluster"] = CLUSTER | changes
        self._config.write_text(yaml.safe_dump(described, sort_keys=False))

    def tenant(self, name: str, **fields: Any) -> Path:
        """Write a tenant's file; a field that is None is left out."""
        path = self.tenant_file(name)
        said = {key: value for key, value in {"name": name, **TENANT, **fields}.items() if value is not None}
        path.write_text(yaml.safe_dump(said, sort_keys=False))
        return path

    def tenant_file(self, name: str) -> Path:
        """Where a tenant's file is."""
        return self.folder / "tenants" / STACK / f"{name}.yaml"

    def pulumi(self, *arguments: str, code: int | None = 0, stdin: str = "") -> Ran:
        """Run the CLI; another exit code than `code` fails the test, unless that is None."""
        return self.run(("pulumi", *arguments, "--non-interactive", "--color=never"), code, stdin)

    def tenancy(self, *arguments: str, code: int = 0) -> Ran:
        """Run the product's command; another exit code fails the test."""
        return self.run((sys.executable, "-m", "automation.cli", *arguments), code)

    def up(self, *flags: str, code: int = 0) -> Ran:
        """`pulumi up` without a preview before it."""
        return self.pulumi("up", "--yes", "--skip-preview", f"--stack={STACK}", *flags, code=code)

    def preview(self, *flags: str) -> Changes:
        """`pulumi preview`."""
        shown = self.pulumi("preview", "--json", f"--stack={STACK}", *flags).json
        return Changes(tuple(shown["steps"]))

    def unchanged(self, *flags: str) -> None:
        """Hold the project against its state: there must be nothing to do."""
        self.pulumi("preview", "--expect-no-changes", "--diff", f"--stack={STACK}", *flags)

    def refresh(self, *flags: str, code: int = 0) -> Ran:
        """`pulumi refresh`."""
        return self.pulumi("refresh", "--yes", "--skip-preview", f"--stack={STACK}", *flags, code=code)

    def destroy(self) -> Ran:
        """`pulumi destroy`."""
        return self.pulumi(*DESTROY)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs."""
        return self.pulumi("stack", "output", "--json", f"--stack={STACK}").json

    def resources(self) -> dict[str, tuple[str, str]]:
        """ID and time of the last change of each resource in the state, by `Type name`; no components."""
        deployment = self.pulumi("stack", "export", f"--stack={STACK}").json["deployment"]
        found = [each for each in deployment.get("resources", []) if not _is_component(each["urn"])]
        return {_short(each["urn"]): (each.get("id", ""), each.get("modified", "")) for each in found}

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        """Start the CLI and leave it running, as the leader of a process group."""
        return subprocess.Popen(
            ("pulumi", *arguments, f"--stack={STACK}", "--non-interactive", "--color=never"),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    @property
    def _config(self) -> Path:
        return self.folder / f"Pulumi.{STACK}.yaml"

    def _stack_file(self) -> dict[str, Any]:
        # The engine keeps the salt of its passphrase here too.
        return yaml.safe_load(self._config.read_text()) if self._config.exists() else {}

    def run(
        self,
        command: tuple[str, ...],
        code: int | None,
        stdin: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a program in the folder; another exit code than `code` fails the test, unless that is None."""
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=environment or self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
        if code is not None and done.returncode != code:
            pytest.fail(
                f"{' '.join(command)} exited {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
            )
        return Ran(done.returncode, done.stdout, done.stderr)


def make(folder: Path, sandbox: Sandbox) -> Project:
    """A new project below `folder`, with the smallest cluster and no tenant."""
    project = Project(folder / "project", sandbox)
    project.folder.mkdir(parents=True)
    project.state_folder.mkdir(mode=0o700)
    for name in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(REPOSITORY / name, project.folder / name)
    (project.folder / ".venv").symlink_to(sys.prefix)
    project.tenant_file("none").parent.mkdir(parents=True)
    project.cluster()
    project.pulumi("stack", "init", STACK)
    return project


def leave(project: Project) -> None:
    """Take away all that the project made, whatever became of the test."""
    if project.pulumi(*DESTROY, code=None).code != 0:
        project.pulumi("cancel", "--yes", f"--stack={STACK}")
        project.pulumi("state", "unprotect", "--all", "--yes", f"--stack={STACK}")
        project.destroy()


def namespaced(sandbox: Sandbox, namespace: str) -> Iterator[tuple[str, str]]:
    """Kind and name of what a namespace holds of the kinds that the program makes."""
    kinds = "resourcequota,limitrange,networkpolicy,rolebinding,serviceaccount,persistentvolumeclaim"
    found = sandbox.kubectl("get", kinds, "--namespace", namespace, "-o", "json").stdout
    for item in json.loads(found)["items"]:
        yield item["kind"], item["metadata"]["name"]


def owned(sandbox: Sandbox) -> list[str]:
    """All that carries the label of the stack, on the whole cluster."""
    kinds = (
        "namespaces,resourcequotas,limitranges,networkpolicies,rolebindings,serviceaccounts,"
        "persistentvolumeclaims,persistentvolumes,clusterroles,priorityclasses,"
        "validatingadmissionpolicies,validatingadmissionpolicybindings"
    )
    query = ("get", kinds, "--all-namespaces", "-l", f"tenancy.dev/stack={STACK}", "-o", "name")
    return sandbox.kubectl(*query).stdout.split()
