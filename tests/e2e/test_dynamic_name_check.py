"""NameCheckProvider against a real API server, without the engine."""

from collections.abc import Generator
from typing import Any

import pytest

from components.dynamic.name_check import NameCheckProvider
from kube import Client
from tests.conftest import Sandbox
from tests.e2e.dynamic_support import Line, admin, identity

LABEL = ("tenancy.dev/stack", "dynamic-names")
ROLE = "rbac.authorization.k8s.io/v1"
MANY = [f"dynamic-names-many-{number}" for number in range(12)]


@pytest.fixture
def api(cluster: Sandbox) -> Generator[Client]:
    """A cluster with a role of ours, one of another stack, and one of nobody."""
    client = admin(cluster)
    roles: dict[str, dict[str, str]] = {
        "dynamic-names-ours": dict([LABEL]),
        "dynamic-names-theirs": {LABEL[0]: "other"},
        "dynamic-names-nobodys": {},
    }
    for name, labels in roles.items():
        metadata = {"name": name, "labels": labels}
        client.apply(
            {"apiVersion": ROLE, "kind": "ClusterRole", "metadata": metadata, "rules": []},
            field_manager="tests",
            force=True,
        )
    yield client
    for name in roles:
        client.delete(ROLE, "ClusterRole", name)


@pytest.fixture
def paths(api: Client, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The requests that are sent for objects."""
    sent: list[str] = []
    request = Client.request

    def note(client: Client, method: str, path: str, **options: Any) -> Any:
        if path not in ("/api", "/apis"):
            sent.append(f"{method} {path}")
        return request(client, method, path, **options)

    monkeypatch.setattr(Client, "request", note)
    return sent


def roles(*names: str) -> list[list[str]]:
    return [[ROLE, "ClusterRole", name] for name in names]


def complaints(
    cluster: Sandbox, objects: list[list[str]], *, old: list[list[str]] | None = None, **changes: Any
) -> list[str]:
    kubeconfig = cluster.kubeconfig.read_text()
    news = {"objects": objects, "owner_label": list(LABEL), "kubeconfig": kubeconfig, **changes}
    result = NameCheckProvider().check({} if old is None else {**news, "objects": old}, news)
    assert result.inputs == news
    return [failure.reason for failure in result.failures]


def test_free_and_own_names_are_fine(cluster: Sandbox, paths: list[str]) -> None:
    assert complaints(cluster, roles("dynamic-names-ours", "dynamic-names-free")) == []
    assert len(paths) == 2


@pytest.mark.usefixtures("api")
def test_every_foreign_object_is_named(cluster: Sandbox) -> None:
    wanted = roles("dynamic-names-ours", "dynamic-names-theirs", "dynamic-names-nobodys")
    assert complaints(cluster, [*wanted, ["v1", "Namespace", "kube-system"]]) == [
        "objects: ClusterRole dynamic-names-nobodys, ClusterRole dynamic-names-theirs, "
        "Namespace kube-system exist and are not this stack's "
        "(no label tenancy.dev/stack=dynamic-names): choose other names, or set adopt.namespace "
        "in the tenant's file to take its namespace over"
    ]


def test_many_of_a_kind_are_listed_once(cluster: Sandbox, paths: list[str]) -> None:
    told = complaints(cluster, roles(*MANY, "dynamic-names-ours", "dynamic-names-theirs"))
    assert [text.split(" exists ")[0] for text in told] == ["objects: ClusterRole dynamic-names-theirs"]
    assert paths == ["GET /apis/rbac.authorization.k8s.io/v1/clusterroles"]


def test_only_new_ones_are_looked_up(cluster: Sandbox, paths: list[str]) -> None:
    old = roles("dynamic-names-theirs", *MANY)
    assert complaints(cluster, [*old, *roles("dynamic-names-free")], old=old) == []
    assert paths == ["GET /apis/rbac.authorization.k8s.io/v1/clusterroles/dynamic-names-free"]


def test_kind_that_is_not_served_has_no_objects(cluster: Sandbox, paths: list[str]) -> None:
    assert complaints(cluster, [["example.com/v1", "Unheard", name] for name in MANY]) == []
    assert paths == []


def test_namespaced_kind_is_refused(cluster: Sandbox) -> None:
    (told,) = complaints(cluster, [["v1", "ConfigMap", "x"]])
    assert "v1 ConfigMap is namespaced" in told


def test_missing_right_is_told(cluster: Sandbox) -> None:
    with identity(cluster, "dynamic-names-blind") as kubeconfig:
        (told,) = complaints(cluster, roles("dynamic-names-free"), kubeconfig=kubeconfig)
    assert 'cannot get resource "clusterroles"' in told


def test_unreachable_cluster_is_told(cluster: Sandbox) -> None:
    with Line(cluster) as line:
        pass
    (told,) = complaints(cluster, roles("dynamic-names-free"), kubeconfig=line.kubeconfig)
    assert "cannot tell whose the objects are" in told
    assert "unreachable" in told
