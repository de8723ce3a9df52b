"""The client of the Kubernetes API on a real API server."""

import threading
from pathlib import Path

import pytest
import yaml

from kube import ApiError, Client, JsonObject, UnknownKind, Unreachable, cluster_access
from tests.sandbox.plugins.kubernetes.conftest import config_map


def test_discovery_knows_what_kubectl_knows(client: Client) -> None:
    pods = client.resource("v1", "Pod")
    assert (pods.plural, pods.namespaced, pods.group) == ("pods", True, "")
    assert "log" in pods.subresources
    assert client.resource("rbac.authorization.k8s.io/v1", "ClusterRole").namespaced is False
    with pytest.raises(UnknownKind):
        client.resource("v1", "Pods")


def test_lists_are_complete_beyond_a_page(
    client: Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {f"page-{number}" for number in range(7)}
    for name in names:
        obj = config_map(namespace, name)
        obj["metadata"]["labels"] = {"page": "x"}
        client.create(obj)
    monkeypatch.setattr("kube.client.PAGE_SIZE", 3)
    listed = client.list("v1", "ConfigMap", namespace, label_selector="page=x")
    assert {obj["metadata"]["name"] for obj in listed} == names
    assert {(obj["apiVersion"], obj["kind"]) for obj in listed} == {("v1", "ConfigMap")}


def test_a_watch_sees_what_happens(client: Client, namespace: str, name: str) -> None:
    events = client.watch("v1", "ConfigMap", namespace, name=name, resource_version="0", timeout=30)
    late = threading.Timer(0.2, lambda: client.create(config_map(namespace, name)))
    late.start()
    assert next(events).type == "ADDED"
    client.delete("v1", "ConfigMap", name, namespace)
    assert next(events).type == "DELETED"
    late.join()


def test_a_watch_ends_in_time(client: Client, namespace: str, name: str) -> None:
    assert list(client.watch("v1", "ConfigMap", namespace, name=name, timeout=1)) == []


def test_preconditions(client: Client, namespace: str, name: str) -> None:
    client.create(config_map(namespace, name))
    with pytest.raises(ApiError, match="UID in the precondition") as error:
        client.delete("v1", "ConfigMap", name, namespace, uid="another")
    assert error.value.reason == "Conflict"


def test_subresources(client: Client, namespace: str, name: str) -> None:
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }
    client.create(account)
    path = client.path("v1", "ServiceAccount", namespace, name, "token")
    request: JsonObject = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    token = client.request("POST", path, body=request)["status"]["token"]
    assert token.count(".") == 2


def test_many_threads_share_one_client(
    kubeconfig: str, namespace: str, capfd: pytest.CaptureFixture[str]
) -> None:
    shared = Client(cluster_access(kubeconfig), connections=8)
    failures: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(5):
                name = f"many-{number}-{turn}"
                shared.create(config_map(namespace, name))
                assert shared.get("v1", "ConfigMap", name, namespace)["metadata"]["name"] == name
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert capfd.readouterr().err == ""


def test_a_server_with_another_ca_is_refused(kubeconfig: str, tmp_path: Path) -> None:
    config = yaml.safe_load(kubeconfig)
    for entry in config["clusters"]:
        for key in ("certificate-authority-data", "certificate-authority"):
            entry["cluster"].pop(key, None)
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(config))
    with pytest.raises(Unreachable, match="its certificate was refused"):
        Client(cluster_access(path)).resources()


def test_the_name_in_the_certificate_can_be_told(kubeconfig: str) -> None:
    config = yaml.safe_load(kubeconfig)
    for entry in config["clusters"]:
        entry["cluster"]["tls-server-name"] = "kubernetes.default"
    assert Client(cluster_access(yaml.safe_dump(config))).resources()
    for entry in config["clusters"]:
        entry["cluster"]["tls-server-name"] = "somebody.else"
    with pytest.raises(Unreachable, match="its certificate was refused"):
        Client(cluster_access(yaml.safe_dump(config))).resources()
