"""From a tenant's file to somebody running kubectl, and how access ends again."""

import json
import os
import signal
import subprocess
import time
from base64 import b64decode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from model import Tenant, credential, load
from sandbox.github.client import SandboxClient, read_tokens
from sandbox.layout import REPOSITORY
from tests.conftest import Sandbox
from tests.e2e.project import STACK, Project
from tests.integration.devcontainer.conftest import Codespace, codespace, programs

__all__ = ["codespace", "programs"]


JOB = REPOSITORY / "devcontainer/examples/gpu-job.yaml"
WITH_CODESPACES: dict[str, Any] = {
    "profile": "research",
    "repository": "acme/vision",
    "codespaces": None,
    "accelerators": {"a100": 2},
}


@pytest.fixture
def codespaces(project: Project) -> Project:
    """A project whose cluster hands kubeconfigs to repositories."""
    kinds = ["client-certificate", "token"]
    project.cluster(github={"owner": "acme"}, credentials={"kinds": kinds})
    return project


@pytest.fixture
def emulator(cluster: Sandbox) -> SandboxClient:
    return SandboxClient(cluster.env["GITHUB_BASE_URL"], read_tokens(cluster.layout.github).admin)


def received(emulator: SandboxClient) -> str:
    """The kubeconfig as GitHub received it."""
    return emulator.open_repository_secret("acme", "vision", "KUBECONFIG_E2E")


def tenant(project: Project) -> Tenant:
    return load(project.folder, STACK).tenants[0]


class Person:
    """Somebody with a kubeconfig and nothing else."""

    def __init__(self, sandbox: Sandbox, folder: Path, kubeconfig: str) -> None:
        self.kubectl = str(sandbox.layout.bin / "kubectl")
        self.file = folder / f"kubeconfig-{time.monotonic_ns()}"
        self.file.touch(mode=0o600)
        self.file.write_text(kubeconfig)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.kubectl, "--kubeconfig", str(self.file), *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    def may(self) -> bool:
        """Whether the credential still opens the namespace."""
        done = self.run("get", "pods")
        assert done.returncode == 0 or "Forbidden" in done.stderr or "Unauthorized" in done.stderr, (
            done.stderr
        )
        return done.returncode == 0

    def refused(self, *arguments: str) -> None:
        done = self.run(*arguments)
        assert done.returncode != 0, done.stdout
        assert "forbidden" in done.stderr.lower(), done.stderr


class Watch:
    """Looks at the command lines of all processes again and again while something runs."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._done = Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(0.05):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(process.read_text(errors="replace"))
                except OSError:
                    continue


def secrets_of(kubeconfig: str) -> list[str]:
    """What nobody else may see of a kubeconfig: its key, in every form it has on the way.

    Of the PEM only the first line: the rest of an EC key is the public key, as the state holds it in clear.
    """
    encoded = json.loads(kubeconfig)["users"][0]["user"]["client-key-data"]
    first = b64decode(encoded).decode().splitlines()[1]
    return [encoded, encoded[40:100], first, first[10:50]]


def files_with(secrets: list[str], folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink():
                text = path.read_bytes().decode(errors="replace")
                if any(secret in text for secret in secrets):
                    yield path


def requests(cluster: Sandbox) -> list[str]:
    return cluster.kubectl("get", "csr", "-o", "name").stdout.split()


def bound(cluster: Sandbox, namespace: str) -> set[str]:
    """The users that are bound in a namespace."""
    found = json.loads(cluster.kubectl("get", "rolebindings", "-n", namespace, "-o", "json").stdout)
    return {subject["name"] for binding in found["items"] for subject in binding["subjects"]}


def test_day_one(
    cluster: Sandbox, codespaces: Project, emulator: SandboxClient, codespace: Codespace
) -> None:
    """A tenant's file, an update, a codespace: a GPU job runs, and nothing beyond the namespace opens."""
    codespaces.tenant("day-one", **WITH_CODESPACES)
    codespaces.tenant("day-other")
    with Watch() as watch:
        ran = codespaces.up()
    kubeconfig = received(emulator)

    codespace.secrets["KUBECONFIG_E2E"] = kubeconfig
    codespace.sensitive += secrets_of(kubeconfig)
    started = codespace.start()
    assert started.returncode == 0, started.stderr
    assert codespace.view()["current-context"] == "e2e-day-one"

    person = Person(cluster, codespaces.folder.parent, kubeconfig)
    job = person.run("create", "-f", str(JOB), "-o", "name")
    assert job.returncode == 0, job.stderr
    done = person.run("wait", job.stdout.strip(), "--for=condition=complete", "--timeout=120s")
    assert done.returncode == 0, done.stderr
    assert person.run("get", "pods", "-l", "job=first-gpu-job", "-o", "name").stdout.count("pod/") == 1
    person.refused("get", "pods", "-n", "day-other")
    person.refused("get", "secrets", "-n", "day-other")
    person.refused("patch", "resourcequota", "accelerators", "-p", '{"spec":{"hard":{"pods":"9"}}}')
    person.refused("get", "nodes")
    person.refused("get", "namespaces")
    person.refused("delete", "networkpolicy", "default-deny")

    secrets = secrets_of(kubeconfig)
    assert not [command for command in watch.seen if any(secret in command for secret in secrets)]
    assert not [secret for secret in secrets if secret in ran.text]
    logs = [cluster.layout.logs, cluster.layout.github, codespaces.folder.parent]
    person.file.unlink()
    assert list(files_with(secrets, logs)) == []
    events = cluster.kubectl("get", "events", "--all-namespaces", "-o", "json").stdout
    shown = codespaces.pulumi("stack", "export", f"--stack={STACK}").text
    shown += codespaces.pulumi("preview", "--diff", f"--stack={STACK}").text
    assert not [secret for secret in secrets if secret in events + shown]


def test_nothing_changes_ten_times(cluster: Sandbox, codespaces: Project) -> None:
    """Also after the requests are gone, which the cluster deletes an hour after they are approved."""
    codespaces.tenant("quiet", **WITH_CODESPACES)
    codespaces.up()
    assert requests(cluster) == []
    for _ in range(10):
        codespaces.unchanged()
    codespaces.unchanged("--refresh")


def short_lived(moment: datetime, name: str, grace: int) -> dict[str, str]:
    """Credentials whose epoch ends within 30 to 40 seconds, and the next one not for minutes."""
    for period in range(240, 590):
        fields = {"lifetime": "600s", "renew_before": f"{600 - period}s", "grace": f"{grace}s"}
        base = load_tenant(name, fields)
        schedule = credential.codespaces(base, moment)
        assert schedule is not None
        if 30 <= (schedule.renews_at - moment).total_seconds() <= 40 and schedule.previous is None:
            return fields
    raise AssertionError("no period ends at the right moment")


_loaded: dict[str, Tenant] = {}


def load_tenant(name: str, fields: dict[str, str]) -> Tenant:
    base = _loaded[name]
    lifetimes = base.credentials.model_copy(update=fields)
    return base.model_copy(update={"credentials": lifetimes})


def wait_until(moment: datetime) -> None:
    while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
        time.sleep(min(left, 1.0))


def test_renewal_overlaps_and_ends(cluster: Sandbox, codespaces: Project, emulator: SandboxClient) -> None:
    """Old and new both work for the grace period; after it only the new one does, though both are valid."""
    codespaces.tenant("renewed", **WITH_CODESPACES)
    _loaded["renewed"] = tenant(codespaces)
    grace = 45
    fields = short_lived(datetime.now(UTC), "renewed", grace)
    codespaces.tenant("renewed", **WITH_CODESPACES, credentials=fields)
    before = credential.codespaces(tenant(codespaces), datetime.now(UTC))
    assert before is not None
    codespaces.up()
    old = Person(cluster, codespaces.folder.parent, received(emulator))
    assert old.may()

    wait_until(before.renews_at)
    due = codespaces.tenancy("renew", "--stack", STACK, "--dry-run", "--json", code=3).json["stacks"][0][
        "due"
    ]
    assert {step["urn"].rpartition("::")[2].partition("/")[0] for step in due} == {"renewed"}
    codespaces.tenancy("renew", "--stack", STACK)
    new = Person(cluster, codespaces.folder.parent, received(emulator))
    assert new.file.read_text() != old.file.read_text()
    assert new.may()
    assert old.may()
    assert len(bound(cluster, "renewed")) == 2

    wait_until(before.renews_at + timedelta(seconds=grace))
    codespaces.up()
    assert new.may()
    assert not old.may()
    assert len(bound(cluster, "renewed")) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"state": "frozen"},
        {"members": {"grace": {"role": "developer"}}},
        {"credentials": {"generation": 1}},
    ],
    ids=["frozen", "member gone", "generation"],
)
def test_revocation_within_one_update(
    cluster: Sandbox, codespaces: Project, emulator: SandboxClient, change: dict[str, Any]
) -> None:
    """The certificate is still valid, and opens nothing any more."""
    members = {"ada": {"role": "admin"}, "grace": {"role": "developer"}}
    codespaces.tenant("revoked", **WITH_CODESPACES, members=members)
    codespaces.up()
    copied = Person(cluster, codespaces.folder.parent, received(emulator))
    assert copied.may()
    codespaces.tenant("revoked", **{**WITH_CODESPACES, "members": members, **change})
    codespaces.up()
    assert not copied.may()


def test_restart_of_the_api_server_changes_nothing(
    cluster: Sandbox, codespaces: Project, emulator: SandboxClient
) -> None:
    codespaces.tenant("steady", **WITH_CODESPACES)
    codespaces.up()
    person = Person(cluster, codespaces.folder.parent, received(emulator))
    first = person.run("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}").stdout
    codespaces.tenant("steady", **WITH_CODESPACES, credentials={"generation": 1})
    codespaces.up()
    cluster.restart("kube-apiserver")
    assert not person.may()
    assert Person(cluster, codespaces.folder.parent, received(emulator)).may()
    assert first not in bound(cluster, "steady")
    codespaces.unchanged()


def test_killed_while_issuing(cluster: Sandbox, codespaces: Project, emulator: SandboxClient) -> None:
    """kill -9 of the whole run at six moments: each time the next update finishes the work."""
    codespaces.tenant("killed", **WITH_CODESPACES)
    codespaces.up()
    started = time.monotonic()
    codespaces.tenant("killed", **WITH_CODESPACES, credentials={"generation": 1})
    codespaces.up()
    whole = time.monotonic() - started
    for number in range(6):
        codespaces.tenant("killed", **WITH_CODESPACES, credentials={"generation": number + 2})
        run = codespaces.start("up", "--yes", "--skip-preview")
        # Most of a run is start-up; the issuing is in its second half.
        time.sleep(whole * (0.4 + number / 10))
        os.killpg(run.pid, signal.SIGKILL)
        run.wait()
        codespaces.tenancy("up", "--stack", STACK)
        schedule = credential.codespaces(tenant(codespaces), datetime.now(UTC))
        assert schedule is not None
        wanted = {subject.name for subject in (schedule.current, schedule.previous) if subject}
        assert bound(cluster, "killed") == wanted
        assert requests(cluster) == []
        assert Person(cluster, codespaces.folder.parent, received(emulator)).may()


def test_tokens_where_the_cluster_signs_no_certificates(
    cluster: Sandbox, codespaces: Project, emulator: SandboxClient
) -> None:
    """A token of a ServiceAccount that no tenant can run a pod as; deleting that revokes the token."""
    fields = {**WITH_CODESPACES, "credentials": {"kind": "token"}}
    codespaces.tenant("tokens", **fields)
    codespaces.up()
    person = Person(cluster, codespaces.folder.parent, received(emulator))
    assert person.may()
    person.refused("get", "serviceaccounts", "-n", "tenancy-credentials")
    token = json.loads(person.file.read_text())["users"][0]["user"]["token"]
    exported = codespaces.pulumi("stack", "export", f"--stack={STACK}").text
    assert token not in exported
    codespaces.tenant("tokens", **{**fields, "credentials": {"kind": "token", "generation": 1}})
    codespaces.up()
    assert not person.may()
