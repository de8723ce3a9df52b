"""Access from a laptop, from the request to kubectl and back to nothing, on the running sandbox."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from automation import tenant_file
from automation.github import GitHub, api_root
from automation.laptop import identity, publication
from sandbox.github.client import SandboxClient, read_tokens
from tests.conftest import Sandbox
from tests.e2e.project import STACK, Project
from tests.unit.automation.laptop.conftest import Authority


@dataclass(frozen=True)
class Laptop:
    """Somebody's machine: a home, a checkout of the platform's repository, a token of GitHub."""

    home: Path
    project: Project

    @property
    def config(self) -> Path:
        return self.home / ".kube" / "config"

    @property
    def key(self) -> Path:
        return self.home / ".config/tenancy" / STACK / "labs" / "ada" / "key.pem"

    @property
    def environment(self) -> dict[str, str]:
        # Nothing that leads to the cluster or to the state of the stack.
        kept = ("PATH", "GITHUB_BASE_URL", "GITHUB_TOKEN")
        return {name: self.project.environment[name] for name in kept} | {"HOME": str(self.home)}

    def tenancy(self, *arguments: str, code: int = 0) -> str:
        command = (sys.executable, "-m", "automation.cli", "access", *arguments)
        done = self._run(command, self.project.folder)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def kubectl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # From anywhere: the plugin does not need the checkout.
        return self._run(("kubectl", *arguments), self.home)

    def refused(self, *arguments: str) -> None:
        done = self.kubectl(*arguments)
        assert done.returncode != 0, done.stdout
        assert "forbidden" in done.stderr.lower(), done.stderr

    def _run(self, command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@dataclass(frozen=True)
class Platform:
    """The platform's repository, as its maintainers and its CI use it."""

    api: GitHub
    repository: str
    project: Project

    def merge(self) -> None:
        """Merge the one pull request that is open, and check the main branch out."""
        (opened,) = self._call("GET", "/pulls")
        self._call("PUT", f"/pulls/{opened['number']}/merge", {})
        found = self.api.read(self.repository, "main", f"tenants/{STACK}/labs.yaml")
        assert found is not None
        self.project.tenant_file("labs").write_text(found.text)

    def apply(self) -> None:
        """What CI does after a merge."""
        self.project.tenancy("up", f"--stack={STACK}")
        self.project.tenancy("access", "publish", f"--stack={STACK}", f"--repository={self.repository}")

    def _call(self, method: str, path: str, body: object = None) -> Any:
        return self.api._json(method, f"/repos/{self.repository}{path}", body)  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def platform(project: Project, cluster: Sandbox) -> Platform:
    project.tenant("labs", members={"ada": {"role": "developer"}, "grace": {"role": "viewer"}})
    project.tenant("others")
    files = {
        path.relative_to(project.folder).as_posix(): path.read_text()
        for path in (project.folder / "tenants").rglob("*.yaml")
    }
    url, token = cluster.env["GITHUB_BASE_URL"], read_tokens(cluster.layout.github).admin
    name = f"platform-{project.folder.parent.name}"
    SandboxClient(url, token).add_repository("acme", name, files=files)
    return Platform(GitHub(api_root(url), token), f"acme/{name}", project)


@pytest.fixture
def laptop(project: Project, tmp_path: Path) -> Laptop:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    return Laptop(home, project)


def files_with(text: str, *folders: Path) -> Iterator[Path]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and text.encode() in path.read_bytes():
                yield path


def test_from_the_request_to_revocation(
    cluster: Sandbox, project: Project, platform: Platform, laptop: Laptop
) -> None:
    where = (f"--stack={STACK}", f"--repository={platform.repository}")
    platform.apply()
    laptop.tenancy("request", "labs", "--login=ada", *where)
    assert "not merged and applied yet" in laptop.tenancy("pull", "labs", *where, code=1)
    platform.merge()
    platform.apply()
    project.unchanged()

    laptop.tenancy("pull", "labs", *where)
    name = laptop.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    assert name.stdout.startswith("tenancy:labs:laptop-ada:"), name.stderr
    assert laptop.kubectl("get", "pods").returncode == 0
    assert laptop.kubectl("create", "configmap", "mine").returncode == 0
    laptop.refused("get", "pods", "--namespace=others")
    laptop.refused("get", "secrets", "--namespace=kube-system")
    laptop.refused("get", "namespaces")
    laptop.refused("delete", "resourcequotas", "--all")
    laptop.refused("create", "rolebinding", "more", "--clusterrole=admin", "--user=x")

    # The key is where it was made and nowhere else.
    body = laptop.key.read_text().splitlines()[1]
    assert list(files_with(body, cluster.dir, project.folder, project.state_folder, laptop.home)) == [
        laptop.key
    ]

    report = json.loads(project.tenancy("access", "status", *where, "--json").out)
    (ada,) = [row for row in report["access"] if row["who"] == "ada"]
    assert (ada["certificate"], ada["role"], ada["subject"]) == ("issued", "developer", name.stdout)

    project.tenancy("access", "revoke", "labs", f"--stack={STACK}", "--member=ada")
    assert laptop.kubectl("get", "pods").returncode == 0, "not before it is applied"
    platform.apply()
    laptop.refused("get", "pods")
    assert laptop.kubectl("auth", "whoami").returncode == 0, "the certificate still holds, and opens nothing"
    assert "was revoked" in laptop.tenancy("pull", "labs", *where, code=1)


def test_straight_from_the_stack(platform: Platform, project: Project, laptop: Laptop) -> None:
    """For an engineer who can read the state: no publication is needed. Files instead of the plugin."""
    engineer = {"HOME": str(laptop.home), "KUBECONFIG": str(laptop.config)}

    def tenancy(*arguments: str) -> None:
        command = (sys.executable, "-m", "automation.cli", "access", *arguments, f"--stack={STACK}")
        environment = project.environment | engineer
        subprocess.run(command, cwd=project.folder, env=environment, check=True, capture_output=True)

    project.up()
    tenancy("request", "labs", "--login=grace", "--no-pull-request")
    project.up()
    tenancy("pull", "labs", "--from-stack", "--embed")
    assert laptop.kubectl("get", "pods").returncode == 0
    laptop.refused("create", "configmap", "mine")
    assert set(yaml.safe_load(laptop.config.read_text())["users"][0]["user"]) == {
        "client-certificate",
        "client-key",
    }


def test_a_request_for_more_is_refused_everywhere(project: Project, platform: Platform) -> None:
    path = project.tenant_file("labs")
    asked = identity.make_request(identity.make_key(), "labs", "grace")
    path.write_text(tenant_file.with_request(path.read_text(), "ada", asked, None))
    told = "members.ada.csr: has the subject"
    assert told in project.tenancy("validate", f"--stack={STACK}", code=2).text
    assert told in project.tenancy("up", f"--stack={STACK}", code=2).text
    assert told in project.up(code=1).text
    assert not [name for name in project.resources() if name.startswith("SignedCertificate")]


def test_a_certificate_by_somebody_else_opens_nothing(
    cluster: Sandbox, project: Project, platform: Platform, laptop: Laptop
) -> None:
    """What stands on the branch is not trusted for more than it is: the cluster knows its own signer."""
    where = (f"--stack={STACK}", f"--repository={platform.repository}")
    laptop.tenancy("request", "labs", "--login=ada", *where)
    platform.merge()
    platform.apply()
    published = json.loads(_published(platform).text)
    csr = tenant_file.members(project.tenant_file("labs").read_text())["ada"]["csr"]
    published["tenants"]["labs"]["certificates"]["ada"]["certificate"] = Authority().sign(csr)
    platform.api.write(
        platform.repository,
        publication.BRANCH,
        publication.path_of(STACK),
        publication.render(published),
        message="forged",
        replaces=_published(platform).sha,
    )
    laptop.tenancy("pull", "labs", *where)
    done = laptop.kubectl("get", "pods")
    assert done.returncode != 0
    assert "logged in" in done.stderr or "Unauthorized" in done.stderr, done.stderr


def _published(platform: Platform) -> Any:
    found = platform.api.read(platform.repository, publication.BRANCH, publication.path_of(STACK))
    assert found is not None
    return found
