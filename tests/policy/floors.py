"""The floors that the program can write, each with the model of its policy engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kube.types import JsonObject
from model import Calico as CalicoFacts
from model import PolicyApi, Stack
from tests.policy import cyclonus, facts
from tests.policy.calico import Calico
from tests.policy.facts import FORGOTTEN
from tests.policy.render import of_kind
from tests.policy.traffic import Attempt, Outside, Pod
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


def expected(stack: Stack, floor: str, attempt: Attempt) -> bool:
    """What is open where no admin added a policy."""
    return facts.declared(stack, attempt) and _forgotten(stack, floor, attempt)


def _forgotten(stack: Stack, floor: str, attempt: Attempt) -> bool:
    """What is open of a namespace that nobody wrote a policy for: DNS, and load balancers to it."""
    source, to = attempt.source, attempt.destination
    if isinstance(source, Pod) and source.namespace == FORGOTTEN:
        if isinstance(to, Pod):
            return facts.is_resolver(stack, to) and attempt.port in facts.DNS
        return to.name.startswith("dns ") and attempt.port in facts.DNS
    if isinstance(to, Pod) and to.namespace == FORGOTTEN:
        # The upstream API knows no sources outside the cluster.
        return isinstance(source, Outside) and (floor != CALICO or source.name.startswith("balancer"))
    return True


def bounded(stack: Stack, floor: str, attempt: Attempt) -> bool:
    """The most that the admins together can open."""
    leaves, arrives = facts.owner(stack, attempt.source), facts.owner(stack, attempt.destination)
    if leaves and arrives:
        return leaves is arrives or facts.neighbours(leaves, arrives)
    source, to = attempt.source, attempt.destination
    if leaves:
        return facts.is_system(stack, to) or (
            isinstance(to, Outside) and facts.opened(stack, leaves, to, attempt.port)
        )
    if isinstance(source, Outside):
        return floor != CALICO or facts.declared(stack, attempt)
    return facts.is_system(stack, source)
