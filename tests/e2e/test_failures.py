"""What goes wrong, is said in one clear sentence, and leaves nothing behind that the next run cannot mend."""

import os
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager

from kube import Client, cluster_access
from tests.conftest import Sandbox
from tests.e2e.project import STACK, Project, owned


def versions(cluster: Sandbox) -> str:
    """What any change of an object of ours would change."""
    columns = "custom-columns=:kind,:metadata.namespace,:metadata.name,:metadata.resourceVersion"
    kinds = "namespaces,limitranges,networkpolicies,rolebindings,clusterroles"
    query = ("get", kinds, "--all-namespaces", "-l", f"tenancy.dev/stack={STACK}", "-o", columns)
    return cluster.kubectl(*query).stdout


def test_bad_input_is_one_clear_error_and_changes_nothing(project: Project, cluster: Sandbox) -> None:
    project.tenant("good")
    project.up()
    before, state = versions(cluster), project.resources()

    project.tenant("bad", accelerators={"a10": 1})
    expected = "tenants/e2e/bad.yaml:8: accelerators.a10: 'a10' is not in the catalogue; did you mean 'a100'?"
    refused = project.up(code=1)
    assert expected in refused.text
    assert "Traceback" not in refused.text
    for command in ("up", "preview"):
        refused = project.tenancy(command, "--stack", STACK, code=2)
        assert refused.text.strip() == expected

    project.tenant_file("bad").write_text("name: bad\nprofile: [unclosed\n")
    for refused in (project.up(code=1), project.tenancy("up", "--stack", STACK, code=2)):
        assert "tenants/e2e/bad.yaml:3: is not YAML:" in refused.text
        assert "Traceback" not in refused.text
    assert versions(cluster) == before
    assert project.resources() == state


def test_somebody_elses_namespace_is_refused_by_the_preview(project: Project, cluster: Sandbox) -> None:
    cluster.kubectl("create", "namespace", "stranger")
    try:
        project.tenant("stranger")
        expected = (
            "Namespace stranger exists and is not this stack's (no label tenancy.dev/stack=e2e): choose "
            "another name, or set adopt.namespace in the tenant's file to take its namespace over"
        )
        refused = project.pulumi("preview", f"--stack={STACK}", code=1)
        assert expected in refused.text
        refused = project.tenancy("preview", "--stack", STACK, code=1)
        assert expected in refused.err
        project.up(code=1)
        assert owned(cluster) == []
        labels = cluster.kubectl("get", "namespace", "stranger", "-o", "jsonpath={.metadata.labels}").stdout
        assert "tenancy.dev" not in labels
    finally:
        cluster.kubectl("delete", "namespace", "stranger")


NAMES = ("half-one", "half-two", "half-three")


@contextmanager
def half_done(project: Project, cluster: Sandbox) -> Generator["subprocess.Popen[bytes]"]:
    """An update of three tenants at the moment when the first has its namespace, and the last is far away."""
    for name in NAMES:
        project.tenant(name, accelerators={"a100": 1})
    api = Client(cluster_access(cluster.kubeconfig))
    engine = project.start("up", "--yes", "--skip-preview", "--parallel=1")
    try:
        label = f"tenancy.dev/stack={STACK}"
        for event in api.watch("v1", "Namespace", label_selector=label, timeout=300):
            if event.object["metadata"]["name"] in NAMES:
                break
        assert engine.poll() is None
        yield engine
    finally:
        if engine.poll() is None:
            os.killpg(engine.pid, signal.SIGKILL)
        engine.wait(timeout=60)


def assert_it_converges(project: Project, cluster: Sandbox) -> None:
    project.up()
    project.unchanged("--refresh")
    assert {f"namespace/{name}" for name in NAMES} <= set(owned(cluster))


def test_an_api_server_that_dies_in_the_middle(project: Project, cluster: Sandbox) -> None:
    with half_done(project, cluster) as engine:
        cluster.kill("kube-apiserver")
        try:
            assert engine.wait(timeout=300) != 0
            state = project.resources()
            refused = project.refresh(code=1)
            assert "unreachable" in refused.text
            assert "Traceback" not in refused.text
            assert project.resources().keys() == state.keys(), "a cluster that is not there deletes nothing"
            assert "Traceback" not in project.tenancy("up", "--stack", STACK, code=1).text
        finally:
            cluster.sandbox("up")
    assert_it_converges(project, cluster)


def test_an_engine_that_is_killed_in_the_middle(project: Project, cluster: Sandbox) -> None:
    """As long as it lives its lock holds; then the next run takes the lock away and goes on."""
    with half_done(project, cluster) as engine:
        engine.send_signal(signal.SIGSTOP)
        locked = project.tenancy("up", "--stack", STACK, code=1)
        told = f"is being updated by another run; wait for it, or if it died: pulumi cancel --stack {STACK}"
        assert told in locked.err
        # They are not written in one step: a kill in between would leave a state that nobody can read.
        assert not list(project.state_folder.rglob("*.attrs"))
        engine.kill()
        engine.wait(timeout=60)
        project.tenancy("up", "--stack", STACK)
    assert_it_converges(project, cluster)
