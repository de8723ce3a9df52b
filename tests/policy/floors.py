"""The floors that the program can write, each with the model of its policy engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kube.types import JsonObject
from model import Calico as CalicoFacts
from model import PolicyApi, Stack
from tests.policy import cyclonus
from tests.policy.calico import Calico
from tests.policy.render import of_kind
from tests.policy.traffic import Attempt
from tests.policy.upstream import Upstream

CALICO = "calico"
FLOORS = (CALICO, *PolicyApi)
_KINDS = {
    CALICO: ("GlobalNetworkPolicy",),
    PolicyApi.CLUSTER_NETWORK_POLICY: ("ClusterNetworkPolicy",),
    PolicyApi.ADMIN_NETWORK_POLICY: ("AdminNetworkPolicy", "BaselineAdminNetworkPolicy"),
}


def on(stack: Stack, floor: str) -> Stack:
    """The same stack on a cluster with another policy engine."""
    change: dict[str, Any] = {"calico": CalicoFacts(), "policy_api": None}
    if floor != CALICO:
        change = {"calico": None, "policy_api": PolicyApi(floor)}
    network = stack.cluster.network.model_copy(update=change)
    return Stack(stack.name, stack.cluster.model_copy(update={"network": network}), stack.tenants)


def policies(objects: list[JsonObject], floor: str) -> list[JsonObject]:
    """The cluster-wide policies among the objects of a stack."""
    return [each for kind in _KINDS[floor] for each in of_kind(objects, kind)]


@dataclass(frozen=True)
class Verdicts:
    """What comes of each attempt, by all policies together."""

    objects: list[JsonObject]
    floor: str
    folder: Path

    def of(self, attempts: Sequence[Attempt], opened: Sequence[str] = ()) -> list[tuple[Attempt, bool]]:
        """Judge; the admins of the namespaces `opened` have opened them to everybody."""
        own = [*of_kind(self.objects, "NetworkPolicy"), *(cyclonus.allow_all(name) for name in opened)]
        namespaced = cyclonus.by_direction(own, attempts, self.folder)
        engine = Calico if self.floor == CALICO else Upstream
        judge = engine(policies(self.objects, self.floor), namespaced)
        return [(attempt, judge.allows(attempt)) for attempt in attempts]
