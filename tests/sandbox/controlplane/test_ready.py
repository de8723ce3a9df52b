"""A control plane is ready when its controllers do their work, whatever is there from before."""

from collections import Counter
from typing import Any, cast

import pytest

from kube import ApiError, Client
from sandbox.controlplane import objects
from sandbox.controlplane.nodes import DEFAULT_POOLS, node_objects
from sandbox.controlplane.objects import ObjectsError, wait_for_cluster

LATE = 3  # how often each thing is asked for before it is so


class SlowCluster:
    """An API server with all that an earlier run left, whose controllers do each thing after a while only.

    With `never` that one thing does not come to pass at all, and the others do at once.
    """

    def __init__(self, never: str = "") -> None:
        self.never = never
        self.asked: Counter[str] = Counter()
        self.namespaces = {"default", "left-over"}
        self.ended: set[str] = set()

    def list(self, api_version: str, kind: str, *, label_selector: str) -> list[Any]:
        if kind == "Namespace":
            return [{"metadata": {"name": "left-over"}}]
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        return [{**node, "status": ready} for node in node_objects(DEFAULT_POOLS)]

    def create(self, thing: Any) -> Any:
        if thing["kind"] == "Namespace":
            name = f"{thing['metadata']['generateName']}x"
            self.namespaces.add(name)
            return {"metadata": {"name": name}}
        assert thing["metadata"]["namespace"] in self.namespaces - {"default", "left-over"}
        return thing

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> Any:
        if namespace == "default":
            return {}  # what was there before says nothing
        late = not self._is_so(kind)
        if kind == "Namespace":
            if late:
                return {}
            self.ended.add(name)
            raise ApiError(404, "NotFound", "")
        if kind == "ServiceAccount" and late:
            raise ApiError(404, "NotFound", "")
        return {} if late else {"status": {"used": {"pods": "0"}}}

    def delete(self, api_version: str, kind: str, name: str) -> None:
        self.namespaces.remove(name)

    def _is_so(self, kind: str) -> bool:
        self.asked[kind] += 1
        return kind != self.never if self.never else self.asked[kind] > LATE


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "POLL", 0)


def test_it_waits_for_each_controller_and_leaves_nothing() -> None:
    cluster = SlowCluster()
    wait_for_cluster(cast("Client", cluster), DEFAULT_POOLS, 60)
    assert cluster.asked == {"ServiceAccount": LATE + 1, "ResourceQuota": LATE + 1, "Namespace": LATE + 1}
    assert cluster.namespaces == {"default"}
    assert len(cluster.ended) == 1


@pytest.mark.parametrize(
    ("never", "problem"),
    [
        ("ServiceAccount", "makes no service accounts"),
        ("ResourceQuota", "counts no quotas"),
        ("Namespace", "ends no namespaces"),
    ],
)
def test_what_does_not_come_is_named(never: str, problem: str) -> None:
    with pytest.raises(ObjectsError, match=f"the controller manager {problem} after 0 s"):
        wait_for_cluster(cast("Client", SlowCluster(never)), DEFAULT_POOLS, 0)
