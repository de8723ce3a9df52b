"""Up, down, crashes, ports taken, options: on a second sandbox beside the first, in an odd folder."""

import json
import os
import re
import socket
import stat
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
import yaml
from cryptography.x509.oid import NameOID

from sandbox.ports import Ports, is_free
from sandbox.processes import identity
from tests.conftest import Sandbox
from tests.sandbox.controlplane.test_cluster import apply, certificate, csr, until

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: policies.example.test}
spec:
  group: example.test
  scope: Cluster
  names: {kind: Policy, plural: policies, singular: policy}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
DRA_POOLS = """
pools:
- {name: dra, nodes: 1, devices: {count: 2, attributes: {productName: H100}}}
- {name: cpu, nodes: 2}
"""
UP = ("up", "--only", "control-plane")


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sandbox]:
    sandbox = Sandbox(tmp_path_factory.mktemp("it's") / "a second sandbox")
    try:
        sandbox.sandbox(*UP)
        yield sandbox
    finally:
        sandbox.sandbox("down")


@pytest.fixture
def running(second: Sandbox) -> Sandbox:
    """The second sandbox, brought up again after whatever the test before did to it."""
    second.sandbox(*UP, "--client-signer")
    return second


def states(sandbox: Sandbox) -> dict[str, str]:
    shown = sandbox.sandbox("status", "--json", check=False).stdout
    return {each["name"]: each["state"] for each in json.loads(shown)}


def pids(sandbox: Sandbox) -> dict[str, int]:
    return {record.name: record.pid for record in sandbox.processes.records()}


def ports(sandbox: Sandbox) -> dict[str, int]:
    return Ports(sandbox.layout.run / "ports.json").all()


def test_it_runs_beside_another_one(cluster: Sandbox, running: Sandbox) -> None:
    assert not set(ports(cluster).values()) & set(ports(running).values())
    running.kubectl("create", "namespace", "only-here")
    assert "only-here" not in cluster.kubectl("get", "namespaces", "-o", "name").stdout


def test_up_twice_changes_nothing(running: Sandbox) -> None:
    before = pids(running), ports(running), running.kubeconfig.read_bytes()
    shown = running.sandbox(*UP).stdout
    assert (pids(running), ports(running), running.kubeconfig.read_bytes()) == before
    exported = subprocess.run(
        ["sh", "-c", f'{shown.splitlines()[-1]}; printf %s "$KUBECONFIG"'],
        capture_output=True,
        text=True,
        check=True,
    )
    assert exported.stdout == str(running.kubeconfig)


def test_two_at_once_do_not_race(running: Sandbox) -> None:
    running.kill("kube-scheduler", "kwok")
    command = [sys.executable, "-m", "sandbox", *UP]
    both = [subprocess.Popen(command, env=running.env, stdout=subprocess.PIPE) for _ in range(2)]
    for each in both:
        each.communicate()
    assert [each.returncode for each in both] == [0, 0]
    assert set(states(running).values()) == {"running"}
    assert running.processes.strays() == []


def test_a_dead_process_is_noticed_and_started_again(running: Sandbox) -> None:
    before = pids(running)
    running.kill("kube-scheduler")
    assert running.sandbox("status", check=False).returncode == 1
    assert states(running)["kube-scheduler"] == "dead"
    running.sandbox(*UP)
    after = pids(running)
    assert {name for name in after if after[name] != before[name]} == {"kube-scheduler"}
    assert running.sandbox("status").returncode == 0


def test_an_up_that_was_cut_short_is_noticed_and_finished(running: Sandbox) -> None:
    """As if it had been killed between starting kwok and writing down that it did."""
    (running.layout.run / "kwok.process").unlink()
    assert running.sandbox("status", check=False).returncode == 1
    assert states(running)["kwok"] == "missing"
    assert len(running.processes.strays()) == 1
    running.sandbox(*UP)
    assert running.sandbox("status").returncode == 0
    assert running.processes.strays() == []


def test_damaged_data_is_an_error_that_says_what_helps(running: Sandbox) -> None:
    database = running.layout.etcd / "member" / "snap" / "db"
    running.sandbox("down")
    kept = database.read_bytes()
    database.write_bytes(b"\0" * len(kept))
    failed = running.sandbox(*UP, check=False)
    database.write_bytes(kept)
    assert failed.returncode == 1
    assert f"remove {running.layout.etcd}" in failed.stderr


def test_a_crash_of_everything_loses_nothing(running: Sandbox) -> None:
    before = ports(running)
    running.kubectl("create", "namespace", "kept")
    running.kill(*pids(running))
    running.sandbox(*UP)
    assert ports(running) == before
    running.kubectl("get", "namespace", "kept")


def test_after_a_crash_it_is_ready_when_it_says_so(running: Sandbox) -> None:
    """The controllers work at once: they do not wait for their watches to come back."""
    before = pids(running)
    running.kill("kube-apiserver")
    running.sandbox(*UP)
    after = pids(running)
    assert after["etcd"] == before["etcd"]
    assert after["kube-controller-manager"] != before["kube-controller-manager"]
    namespaces = running.kubectl("get", "namespaces", "-o", "name").stdout.split()
    assert not [name for name in namespaces if "trial" in name]


def test_a_taken_port_is_left_to_whoever_took_it(running: Sandbox) -> None:
    old = ports(running)["kube-apiserver"]
    running.kill("kube-apiserver")
    with socket.create_server(("127.0.0.1", old)):
        running.sandbox(*UP)
        assert ports(running)["kube-apiserver"] != old
        running.kubectl("run", "after-the-move", "--image=x")
        running.kubectl("wait", "--for=jsonpath={.status.phase}=Running", "pod/after-the-move")


def test_down_leaves_no_process_and_no_port_and_up_finds_all_again(running: Sandbox) -> None:
    running.kubectl("create", "configmap", "remembered", "--from-literal=a=b")
    before = pids(running), ports(running)
    running.sandbox("down")
    assert not [pid for pid in before[0].values() if identity(pid)]
    assert all(is_free(port) for port in before[1].values())
    assert running.processes.strays() == []
    assert running.sandbox("status", check=False).returncode == 1
    running.sandbox("down")  # twice does no harm

    running.sandbox(*UP)
    assert ports(running) == before[1]
    running.kubectl("get", "configmap", "remembered")


def test_without_the_client_signer_certificates_stay_unsigned(running: Sandbox) -> None:
    running.sandbox(*UP, "--without-client-signer")
    running.sandbox(*UP)  # remembered
    csr(running, "unsigned", "kubernetes.io/kube-apiserver-client", [(NameOID.COMMON_NAME, "ada")])
    node = [(NameOID.ORGANIZATION_NAME, "system:nodes"), (NameOID.COMMON_NAME, "system:node:node")]
    csr(running, "serving", "kubernetes.io/kubelet-serving", node)
    until(
        lambda: bool(certificate(running, "serving")), "the kubelet's certificate, of the signer that is left"
    )
    assert certificate(running, "unsigned") == ""


def test_crds_are_served_when_up_ends(running: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "crds"
    folder.mkdir()
    (folder / "policy.yaml").write_text(CRD)
    running.sandbox(*UP, "--crd", str(folder))
    policy = {"apiVersion": "example.test/v1", "kind": "Policy", "metadata": {"name": "one"}}
    apply(running, "default", policy)
    (tmp_path / "empty.yaml").write_text("a: b")
    failed = running.sandbox(*UP, "--crd", str(tmp_path / "empty.yaml"), check=False)
    assert failed.returncode == 1
    assert "empty.yaml: no CustomResourceDefinition in it" in failed.stderr


def test_pools_of_a_file_take_the_place_of_the_others(running: Sandbox, tmp_path: Path) -> None:
    """Also dynamic resource allocation: a claim is given a device of the pool, and its pod runs."""
    file = tmp_path / "pools.yaml"
    file.write_text(DRA_POOLS)
    running.sandbox(*UP, "--pools", str(file))
    running.sandbox(*UP)  # remembered
    assert running.kubectl("get", "nodes", "-o", "name").stdout.split() == [
        "node/cpu-0",
        "node/cpu-1",
        "node/dra-0",
    ]
    request = {"name": "gpu", "exactly": {"deviceClassName": "gpu.nvidia.com"}}
    template = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": "gpu"},
        "spec": {"spec": {"devices": {"requests": [request]}}},
    }
    container = {"name": "main", "image": "x", "resources": {"claims": [{"name": "gpu"}]}}
    claiming = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "claiming"},
        "spec": {
            "containers": [container],
            "resourceClaims": [{"name": "gpu", "resourceClaimTemplateName": "gpu"}],
        },
    }
    apply(running, "default", template, claiming)
    running.kubectl("wait", "--for=jsonpath={.status.phase}=Running", "--timeout=60s", "pod/claiming")
    node = running.kubectl("get", "pod", "claiming", "-o", "jsonpath={.spec.nodeName}").stdout
    assert node == "dra-0"


def test_bad_options_are_refused_before_anything_changes(running: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "pools.yaml"
    file.write_text("pools: [{name: a, nodes: one}]")
    before = pids(running)
    for options, message in (
        (("--pools", str(file)), r"pools\[0\]\.nodes"),
        (("--cluster-signing-duration", "a year"), "not a duration"),
    ):
        refused = running.sandbox(*UP, *options, check=False)
        assert refused.returncode == 2
        assert re.search(message, refused.stderr)
    assert pids(running) == before


def test_only_the_owner_can_read_any_of_it(running: Sandbox) -> None:
    readable = [
        str(path.relative_to(running.dir))
        for path in running.dir.rglob("*")
        if not path.is_symlink()
        and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        # etcd's own files; the folder above them is closed
        and running.layout.etcd not in path.parents
    ]
    assert readable == []
    assert running.dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(sys.platform != "linux", reason="open sockets are read from /proc")
def test_nothing_listens_beyond_loopback(running: Sandbox) -> None:
    sockets: set[str] = set()
    for pid in pids(running).values():
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = os.readlink(link)  # noqa: PTH115  (the target is no path)
            if target.startswith("socket:["):
                sockets.add(target[len("socket:[") : -1])
    listening: list[str] = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                listening.append(fields[1])
    assert len(listening) >= len(pids(running))
    loopback = ("0100007F:", "00000000000000000000000001000000:", "0000000000000000FFFF00000100007F:")
    assert [address for address in listening if not address.startswith(loopback)] == []


def test_env_is_a_shell_in_which_things_work(running: Sandbox) -> None:
    script = (
        f'eval "$({sys.executable} -m sandbox env)" && eval "$({sys.executable} -m sandbox env)" && '
        'kubectl get namespace default -o name && command -v kubectl && printf "%s\\n" "$PATH" && '
        'echo "${PULUMI_CONFIG_PASSPHRASE-unset}"'
    )
    plain = {**running.env, "PULUMI_CONFIG_PASSPHRASE": "mine", "PATH": os.environ["PATH"]}
    shown = subprocess.run(["sh", "-c", script], env=plain, capture_output=True, text=True, check=True).stdout
    name, kubectl, path, passphrase = shown.splitlines()
    assert name == "namespace/default"
    assert kubectl == str(running.layout.bin / "kubectl")
    assert path.split(os.pathsep).count(str(running.layout.bin)) == 1
    assert passphrase == "unset"  # it would win over the passphrase file
    values = json.loads(running.sandbox("env", "--json").stdout)
    assert values["KUBECONFIG"] == str(running.kubeconfig)
    assert values["PULUMI_BACKEND_URL"] == f"file://{running.dir}/state?metadata=skip"


def test_env_without_a_sandbox_says_what_to_do(tmp_path: Path) -> None:
    shown = Sandbox(tmp_path / "none").sandbox("env", check=False)
    assert shown.returncode == 1
    assert shown.stdout == ""
    assert "python -m sandbox up" in shown.stderr


def test_the_kubeconfig_holds_all_it_needs(running: Sandbox) -> None:
    config = yaml.safe_load(running.kubeconfig.read_text())
    assert config["current-context"] == "sandbox"
    assert config["clusters"][0]["cluster"].keys() == {"server", "certificate-authority-data"}
    assert config["users"][0]["user"].keys() == {"client-certificate-data", "client-key-data"}
