"""What the control plane holds from the start: kwok's role, the fake nodes, CRDs that were asked for."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import yaml

from kube import ApiError, Client, JsonObject, KubeError
from sandbox.controlplane.nodes import (
    FAKE_NODE,
    POOL_LABEL,
    Pools,
    device_classes,
    node_names,
    node_objects,
    resource_slices,
)

FIELD_MANAGER = "sandbox"
POLL = 0.1  # seconds

_TRIAL = ("sandbox.tenancy.dev/trial", "true")  # the label of a namespace made to see what becomes of it


class ObjectsError(Exception):
    """Objects that could not be made or did not become ready."""


_KWOK_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("", ("nodes",), ("get", "list", "watch", "patch")),
    ("", ("nodes/status", "pods/status"), ("patch", "update")),
    ("", ("pods",), ("get", "list", "watch", "patch", "delete")),
    ("", ("events",), ("create", "patch", "update")),
    ("events.k8s.io", ("events",), ("create", "patch", "update")),
)


def apply_kwok_role(client: Client) -> None:
    """Let kwok play nodes and pods, and nothing else."""
    name = "sandbox:kwok"
    rbac = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": [
            {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
            for group, resources, verbs in _KWOK_RULES
        ],
    }
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": "kwok"}],
    }
    for each in (role, binding):
        client.apply(each, field_manager=FIELD_MANAGER, force=True)


def apply_nodes(client: Client, pools: Pools) -> None:
    """Make the fake nodes be those of the pools, with their devices."""
    wanted = node_names(pools)
    there = {node["metadata"]["name"]: node for node in _fake_nodes(client)}
    for name in there.keys() - wanted:
        client.delete("v1", "Node", name)
    uids: dict[str, str] = {}
    for node in node_objects(pools):
        applied = client.apply(node, field_manager=FIELD_MANAGER, force=True)
        # An apply to the node leaves the status of one that is there already as it is.
        client.apply(node, field_manager=FIELD_MANAGER, force=True, subresource="status")
        uids[applied["metadata"]["name"]] = applied["metadata"]["uid"]
    for each in (*device_classes(pools), *resource_slices(pools, uids)):
        client.apply(each, field_manager=FIELD_MANAGER, force=True)


def wait_for_cluster(client: Client, pools: Pools, timeout: float) -> None:
    """Wait until all fake nodes are Ready, and a new namespace gets what the controller manager makes for it.

    Objects of before tell nothing of the controllers, so a namespace is made for it, and taken away again.
    """
    names = node_names(pools)

    def nodes_ready() -> bool:
        ready = {node["metadata"]["name"] for node in _fake_nodes(client) if _is_true(node, "Ready")}
        return names <= ready

    _wait(nodes_ready, timeout, "the fake nodes are not Ready")
    for left in client.list("v1", "Namespace", label_selector="=".join(_TRIAL)):  # by an `up` that was killed
        client.delete("v1", "Namespace", left["metadata"]["name"])
    _try_controllers(client, timeout)


def _try_controllers(client: Client, timeout: float) -> None:
    key, value = _TRIAL
    metadata = {"generateName": "sandbox-trial-", "labels": {key: value}}
    made = client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    namespace = str(made["metadata"]["name"])
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "trial", "namespace": namespace},
    }
    client.create(quota | {"spec": {"hard": {"pods": "1", "count/configmaps": "10"}}})
    _wait(
        lambda: _exists(client, "v1", "ServiceAccount", "default", namespace),
        timeout,
        "the controller manager makes no service accounts",
    )
    _wait(
        lambda: (
            "pods" in client.get("v1", "ResourceQuota", "trial", namespace).get("status", {}).get("used", {})
        ),
        timeout,
        "the controller manager counts no quotas",
    )
    client.delete("v1", "Namespace", namespace)
    _wait(
        lambda: not _exists(client, "v1", "Namespace", namespace),
        timeout,
        "the controller manager ends no namespaces",
    )


def apply_crds(client: Client, crds: Iterable[tuple[Path, JsonObject]], timeout: float) -> None:
    """Apply CustomResourceDefinitions, each with the file it is from, and wait until they are served.

    Raises ObjectsError that names the file.
    """
    names: list[str] = []
    for path, crd in crds:
        try:
            client.apply(crd, field_manager=FIELD_MANAGER, force=True)
        except KubeError as error:
            raise ObjectsError(f"{path}: {error}") from None
        names.append(crd["metadata"]["name"])
    for name in names:
        _wait(
            lambda name=name: _is_true(
                client.get("apiextensions.k8s.io/v1", "CustomResourceDefinition", name), "Established"
            ),
            timeout,
            f"the CRD {name} is not served",
        )


def read_crds(paths: Iterable[Path]) -> Iterator[tuple[Path, JsonObject]]:
    """Read the CustomResourceDefinitions in files and folders. Raises ObjectsError that names the file."""
    for given in paths:
        files = sorted(each for each in given.rglob("*.y*ml")) if given.is_dir() else [given]
        found = False
        for path in files:
            try:
                documents = list(yaml.safe_load_all(path.read_text()))
            except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
                raise ObjectsError(f"{path}: not a file of CustomResourceDefinitions: {error}") from None
            for document in documents:
                if isinstance(document, dict) and document.get("kind") == "CustomResourceDefinition":
                    found = True
                    yield path, document
        if not found:
            raise ObjectsError(f"{given}: no CustomResourceDefinition in it")


def _fake_nodes(client: Client) -> list[JsonObject]:
    nodes = client.list("v1", "Node", label_selector=POOL_LABEL)
    key, value = FAKE_NODE
    return [node for node in nodes if node["metadata"].get("annotations", {}).get(key) == value]


def _is_true(thing: JsonObject, condition: str) -> bool:
    conditions: list[JsonObject] = thing.get("status", {}).get("conditions") or []
    return any(each["type"] == condition and each["status"] == "True" for each in conditions)


def _exists(client: Client, api_version: str, kind: str, name: str, namespace: str | None = None) -> bool:
    try:
        client.get(api_version, kind, name, namespace)
    except ApiError as error:
        if error.code == 404:
            return False
        raise
    return True


def _wait(check: Callable[[], bool], timeout: float, problem: str) -> None:
    deadline = time.monotonic() + timeout
    while not check():
        if time.monotonic() > deadline:
            raise ObjectsError(f"{problem} after {timeout:.0f} s")
        time.sleep(POLL)
