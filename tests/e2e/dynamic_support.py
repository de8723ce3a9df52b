"""For tests of the dynamic resources: a line that can be cut, small identities, a signer of our own."""

import json
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import yaml

from components.dynamic.request import API_VERSION, KIND, SUBJECT_LABEL
from kube import ApiError, Client, JsonObject, cluster_access
from tests.conftest import Sandbox
from tests.unit.components.dynamic.support import encoded

NOBODY = "example.com/nobody"
"""A signer that nobody runs, unless a test does."""


def admin(cluster: Sandbox) -> Client:
    return Client(cluster_access(cluster.kubeconfig))


def requests_of_ours(api: Client) -> list[str]:
    """Names of all CertificateSigningRequests that this program made and did not delete."""
    return [found["metadata"]["name"] for found in api.list(API_VERSION, KIND, label_selector=SUBJECT_LABEL)]


def wait_for_request(api: Client, name: str, wanted: Callable[[JsonObject], bool]) -> JsonObject:
    for event in api.watch(API_VERSION, KIND, name=name, timeout=60):
        if event.type != "DELETED" and wanted(event.object):
            return event.object
    raise AssertionError(f"{name} never got there")


def delete_request(api: Client, name: str) -> None:
    with suppress(ApiError):
        api.delete(API_VERSION, KIND, name)


def sign_by_hand(api: Client, request: JsonObject, pem: str) -> None:
    """What the controller of a signer does."""
    request["status"]["certificate"] = encoded(pem)
    api.update({**request, "apiVersion": API_VERSION, "kind": KIND}, subresource="status")


def rule(verbs: str, resource: str, **more: Any) -> JsonObject:
    return {"apiGroups": ["certificates.k8s.io"], "resources": [resource], "verbs": verbs.split(), **more}


REQUESTS = rule("create get list watch delete", "certificatesigningrequests")
APPROVAL = rule("update", "certificatesigningrequests/approval")


def may_approve(signer: str) -> JsonObject:
    return rule("approve", "signers", resourceNames=[signer])


@contextmanager
def identity(cluster: Sandbox, name: str, *rules: JsonObject) -> Generator[str]:
    """The kubeconfig of a ServiceAccount that may do only so much."""
    api = admin(cluster)
    rbac = "rbac.authorization.k8s.io"
    role = {"apiGroup": rbac, "kind": "ClusterRole", "name": name}
    made: list[JsonObject] = [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "default"}},
        {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": list(rules)},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": name},
            "roleRef": role,
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": "default"}],
        },
    ]
    for each in made:
        api.apply(each, field_manager="tests", force=True)
    path = api.path("v1", "ServiceAccount", "default", name, "token")
    answer = api.request(
        "POST", path, body={"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest"}
    )
    config = yaml.safe_load(cluster.kubeconfig.read_text())
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": answer["status"]["token"]}}]
    try:
        yield json.dumps(config, indent=1)
    finally:
        for each in made:
            api.delete(each["apiVersion"], each["kind"], name, each["metadata"].get("namespace"))


class Line:
    """A TCP line to the API server that can be cut."""

    def __init__(self, cluster: Sandbox) -> None:
        config = yaml.safe_load(cluster.kubeconfig.read_text())
        server: str = config["clusters"][0]["cluster"]["server"]
        target = urlsplit(server)
        self._target = (str(target.hostname), int(target.port or 443))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{self._listener.getsockname()[1]}"
        self.kubeconfig = json.dumps(config, indent=1)
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> "Line":
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()

    def interrupt(self) -> None:
        """Break every connection; new ones work."""
        with self._lock:
            for each in self._open:
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()
            self._open.clear()

    def cut(self) -> None:
        """Break it for good."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.interrupt()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
                with self._lock:
                    self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(source, sink), daemon=True).start()

    def _copy(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
