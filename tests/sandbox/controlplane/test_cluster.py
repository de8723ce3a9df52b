"""What the control plane does for its users: schedules, admits, signs."""

import base64
import json
import subprocess
import time
from collections.abc import Callable

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import Sandbox


def pod(name: str, resources: dict[str, int], **spec: object) -> dict[str, object]:
    limits = {key: str(value) for key, value in resources.items()}
    container = {"name": "main", "image": "registry.example/train:1", "resources": {"limits": limits}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"containers": [container], **spec},
    }


def apply(sandbox: Sandbox, namespace: str, *objects: object) -> None:
    sandbox.kubectl("apply", "--namespace", namespace, "-f", "-", stdin=yaml.safe_dump_all(objects))


def until(check: Callable[[], bool], what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.2)


def csr(sandbox: Sandbox, name: str, signer: str, subject: list[tuple[x509.ObjectIdentifier, str]]) -> None:
    """Send a certificate request and approve it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name_of = x509.Name([x509.NameAttribute(*pair) for pair in subject])
    builder = x509.CertificateSigningRequestBuilder().subject_name(name_of)
    usage = "client auth"
    if signer.endswith("kubelet-serving"):
        usage = "server auth"
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName("node.example")]), critical=False
        )
    request = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    body = {
        "apiVersion": "certificates.k8s.io/v1",
        "kind": "CertificateSigningRequest",
        "metadata": {"name": name},
        "spec": {
            "request": base64.b64encode(request).decode(),
            "signerName": signer,
            "usages": ["digital signature", usage],
        },
    }
    # As the API server wants the requester of a kubelet's certificate to be that node.
    identity = ["--as=system:node:node", "--as-group=system:nodes", "--as-group=system:masters"]
    sandbox.kubectl("create", *identity, "-f", "-", stdin=yaml.safe_dump(body))
    sandbox.kubectl("certificate", "approve", name)


def certificate(sandbox: Sandbox, name: str) -> str:
    return sandbox.kubectl("get", "csr", name, "-o", "jsonpath={.status.certificate}").stdout


@pytest.fixture
def namespace(cluster: Sandbox, request: pytest.FixtureRequest):
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    cluster.kubectl("create", "namespace", name)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


def test_gpu_pods_run_on_gpu_nodes(cluster: Sandbox, namespace: str) -> None:
    apply(cluster, namespace, pod("one", {"nvidia.com/gpu": 1}), pod("slice", {"nvidia.com/mig-1g.10gb": 1}))
    cluster.kubectl("wait", "-n", namespace, "--for=jsonpath={.status.phase}=Running", "pod/one", "pod/slice")
    answer = cluster.kubectl("get", "pods", "-n", namespace, "-o", "json").stdout
    nodes = {item["metadata"]["name"]: item["spec"]["nodeName"] for item in json.loads(answer)["items"]}
    assert nodes["one"].startswith("a100-")
    assert nodes["slice"] == "a100-mig-0"


def test_a_plain_pod_stays_off_the_gpu_nodes(cluster: Sandbox, namespace: str) -> None:
    cluster.kubectl("run", "-n", namespace, "plain", "--image=registry.example/web:1")
    cluster.kubectl("wait", "-n", namespace, "--for=jsonpath={.status.phase}=Running", "pod/plain")
    where = cluster.kubectl("get", "pod", "-n", namespace, "plain", "-o", "jsonpath={.spec.nodeName}").stdout
    assert where == "cpu-0"


def test_more_gpus_than_a_node_has_stay_pending_for_that_reason(cluster: Sandbox, namespace: str) -> None:
    apply(cluster, namespace, pod("nine", {"nvidia.com/gpu": 9}))
    message = '{.status.conditions[?(@.type=="PodScheduled")].message}'
    asked = ("get", "pod", "-n", namespace, "nine", "-o", f"jsonpath={message}")
    until(lambda: "Insufficient nvidia.com/gpu" in cluster.kubectl(*asked).stdout, "the scheduler's reason")


def test_jobs_complete(cluster: Sandbox, namespace: str) -> None:
    cluster.kubectl("create", "job", "-n", namespace, "train", "--image=registry.example/train:1")
    cluster.kubectl("wait", "-n", namespace, "--for=condition=complete", "--timeout=60s", "job/train")


def test_quota_refuses_what_is_beyond_it(cluster: Sandbox, namespace: str) -> None:
    cluster.kubectl("create", "quota", "-n", namespace, "gpus", "--hard=requests.nvidia.com/gpu=1")
    # The quota counts once its controller has seen it.
    asked = ("get", "quota", "-n", namespace, "gpus", "-o", "jsonpath={.status.hard}")
    until(lambda: "nvidia" in cluster.kubectl(*asked).stdout, "the quota's status")
    refused = cluster.kubectl(
        "create",
        "-n",
        namespace,
        "-f",
        "-",
        check=False,
        stdin=yaml.safe_dump(pod("two", {"nvidia.com/gpu": 2})),
    )
    assert refused.returncode != 0
    assert "exceeded quota: gpus, requested: requests.nvidia.com/gpu=2" in refused.stderr


def test_pod_security_is_enforced(cluster: Sandbox, namespace: str) -> None:
    cluster.kubectl("label", "ns", namespace, "pod-security.kubernetes.io/enforce=restricted")
    refused = cluster.kubectl("run", "-n", namespace, "plain", "--image=x", check=False)
    assert 'violates PodSecurity "restricted:latest"' in refused.stderr


def test_roles_are_enforced(cluster: Sandbox, namespace: str) -> None:
    asked = ("auth", "can-i", "create", "pods", "-n", namespace, "--as=ada")
    assert cluster.kubectl(*asked, check=False).stdout.strip() == "no"
    cluster.kubectl("create", "rolebinding", "-n", namespace, "ada", "--clusterrole=edit", "--user=ada")
    until(lambda: cluster.kubectl(*asked, check=False).stdout.strip() == "yes", "the binding's effect")


def test_a_client_certificate_is_signed_by_the_cluster(cluster: Sandbox) -> None:
    csr(cluster, "signed", "kubernetes.io/kube-apiserver-client", [(NameOID.COMMON_NAME, "ada")])
    until(lambda: bool(certificate(cluster, "signed")), "the certificate")
    cluster.kubectl("delete", "csr", "signed")


def test_service_account_tokens_are_issued(cluster: Sandbox, namespace: str) -> None:
    account = ("get", "serviceaccount", "-n", namespace, "default")
    until(
        lambda: cluster.kubectl(*account, check=False).returncode == 0, "the account that each namespace has"
    )
    token = cluster.kubectl("create", "token", "-n", namespace, "default").stdout.strip()
    who = cluster.run(
        str(cluster.layout.bin / "kubectl"),
        "--kubeconfig=/dev/null",
        f"--server={_server(cluster)}",
        f"--certificate-authority={cluster.layout.pki / 'ca.crt'}",
        f"--token={token}",
        "auth",
        "whoami",
        "-o",
        "json",
    )
    assert (
        json.loads(who.stdout)["status"]["userInfo"]["username"]
        == f"system:serviceaccount:{namespace}:default"
    )


def test_nobody_is_let_in_without_a_credential(cluster: Sandbox) -> None:
    refused = subprocess.run(
        [
            "curl",
            "-sS",
            "--cacert",
            str(cluster.layout.pki / "ca.crt"),
            f"{_server(cluster)}/api/v1/namespaces",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(refused.stdout)["code"] == 401


def test_status_shows_every_process(cluster: Sandbox) -> None:
    found = {each["name"]: each for each in json.loads(cluster.sandbox("status", "--json").stdout)}
    assert found.keys() >= {"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"}
    assert {each["state"] for each in found.values()} == {"running"}
    assert sum(each["memory"] for each in found.values()) < 1.5 * 2**30
    assert "kube-apiserver" in cluster.sandbox("status").stdout


def _server(cluster: Sandbox) -> str:
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    return str(config["clusters"][0]["cluster"]["server"])
