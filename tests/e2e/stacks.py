"""The repository's own stacks on a sandbox that poses as each of their clusters."""

import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

import model
from kube import Client, cluster_access
from sandbox.github.client import SandboxClient, SandboxError
from sandbox.layout import REPOSITORY
from tests.conftest import Sandbox
from tests.e2e.project import Project, Ran

STACKS = ("dev", "gpu", "web", "isolated")
POOLS = Path(__file__).parent / "pools"
_BOSS = "acme-admin"
"""The emulator's own owner of organisations."""


@dataclass(frozen=True)
class Posed:
    """One stack of the repository in a folder of its own, on a sandbox with the nodes it speaks of."""

    name: str
    project: Project

    @property
    def sandbox(self) -> Sandbox:
        return self.project.sandbox

    @property
    def described(self) -> model.Stack:
        """The stack as its files say."""
        return model.load(self.project.folder, self.name)

    def pulumi(self, *arguments: str) -> Ran:
        """Run the CLI on this stack."""
        return self.project.pulumi(*arguments, f"--stack={self.name}")

    def up(self) -> Ran:
        return self.pulumi("up", "--yes", "--skip-preview")

    @property
    def client(self) -> Client:
        """The API as the administrator."""
        return Client(cluster_access(self.sandbox.kubeconfig))


@contextmanager
def posed(name: str, folder: Path, sandbox: Sandbox) -> Generator[Posed]:
    """A stack that nothing was made of yet; whatever becomes of it, nothing of it is left."""
    signs = "client-certificate" in _kinds(name)
    signer = "--client-signer" if signs else "--without-client-signer"
    sandbox.sandbox("up", "--pools", str(POOLS / f"{name}.yaml"), signer)
    stack = Posed(name, _copied(name, folder, sandbox))
    make_repositories(sandbox, stack.described)
    try:
        yield stack
    finally:
        stack.pulumi("destroy", "--yes", "--skip-preview")


def _kinds(name: str) -> list[str]:
    return [str(kind) for kind in model.load(REPOSITORY, name).cluster.credentials.kinds]


def _copied(name: str, folder: Path, sandbox: Sandbox) -> Project:
    project = Project(folder / name, sandbox)
    project.folder.mkdir(parents=True)
    project.state_folder.mkdir(mode=0o700, exist_ok=True)
    for file in ("Pulumi.yaml", "__main__.py"):
        shutil.copy(REPOSITORY / file, project.folder / file)
    shutil.copytree(REPOSITORY / "tenants" / name, project.folder / "tenants" / name)
    (project.folder / ".venv").symlink_to(sys.prefix)
    described = yaml.safe_load((REPOSITORY / f"Pulumi.{name}.yaml").read_text())
    described["config"]["tenancy:cluster"]["protect"] = False
    config = {"tenancy:cluster": described["config"]["tenancy:cluster"]}
    (project.folder / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump({"config": config}, sort_keys=False))
    project.pulumi("stack", "init", name)
    return project


def make_repositories(sandbox: Sandbox, described: model.Stack) -> None:
    """Make what the stack's tenants name on GitHub and the emulator has not."""
    client = github(sandbox)
    owner = described.cluster.github.owner if described.cluster.github else "acme"
    if owner != "acme":
        _unless_there(lambda: client.add_organization(owner, _BOSS))
    for tenant in described.tenants:
        for repository in (tenant.repository, *tenant.repositories):
            if repository:
                name = repository.partition("/")[2]
                _unless_there(lambda name=name: client.add_repository(owner, name))


def github(sandbox: Sandbox) -> SandboxClient:
    """The emulator, as its owner."""
    return SandboxClient(sandbox.env["GITHUB_BASE_URL"], sandbox.env["GITHUB_TOKEN"])


def _unless_there(make: Callable[[], object]) -> None:
    try:
        make()
    except SandboxError as error:
        if "409" not in str(error):
            raise
