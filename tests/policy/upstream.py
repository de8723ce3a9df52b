"""A small model of the upstream cluster-wide policies (AdminNetworkPolicy and ClusterNetworkPolicy).

Like `calico`, it stands in for a judge that is not to be had, knows what the program uses, and refuses the
rest. Its rules are those of network-policy-api.sigs.k8s.io: the admin tier by priority, then the namespace's
NetworkPolicies if any selects the pod (their verdict is final), then the baseline tier, else open. `Pass`
leaves a tier. A peer of `namespaces` is pods only; one of `networks` is any address, pods' among them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kube.types import JsonObject
from tests.policy.calico import DIRECTIONS, NamespaceVerdict, is_in
from tests.policy.traffic import NAMESPACE_LABEL, Attempt, Peer, Pod, Port


@dataclass(frozen=True)
class Upstream:
    """The policies of a cluster."""

    policies: Sequence[JsonObject]
    namespaced: NamespaceVerdict

    def allows(self, attempt: Attempt) -> bool:
        """Whether a connection comes about."""
        return all(self._direction(direction, attempt) for direction in DIRECTIONS)

    def _direction(self, direction: str, attempt: Attempt) -> bool:
        pod = attempt.source if direction == "Egress" else attempt.destination
        if not isinstance(pod, Pod):
            return True
        for tier in ("Admin", "NetworkPolicy", "Baseline"):
            if tier == "NetworkPolicy":
                verdict = self.namespaced(direction, attempt)
            else:
                verdict = self._tier(tier, direction, attempt, pod)
            if verdict is not None:
                return verdict
        return True

    def _tier(self, tier: str, direction: str, attempt: Attempt, pod: Pod) -> bool | None:
        policies = [policy for policy in self.policies if _tier_of(policy) == tier]
        specs = sorted((cast("dict[str, Any]", policy["spec"]) for policy in policies), key=_priority)
        peer = attempt.destination if direction == "Egress" else attempt.source
        for spec in specs:
            if not _selected(spec["subject"], pod):
                continue
            for rule in spec.get(direction.lower(), []):
                peers = rule["to" if direction == "Egress" else "from"]
                if any(_selected(each, peer) for each in peers) and _on_port(rule, attempt.port):
                    return {"Allow": True, "Accept": True, "Deny": False, "Pass": None}[rule["action"]]
        return None


def _tier_of(policy: JsonObject) -> str:
    kinds = {"AdminNetworkPolicy": "Admin", "BaselineAdminNetworkPolicy": "Baseline"}
    return kinds.get(str(policy["kind"])) or cast("dict[str, Any]", policy["spec"])["tier"]


def _priority(spec: Mapping[str, Any]) -> int:
    return spec.get("priority", 0)


def _selected(entity: Mapping[str, Any], peer: Peer) -> bool:
    ((kind, value),) = entity.items()
    if kind == "networks":
        return any(is_in(peer.address, cidr) for cidr in value)
    if not isinstance(peer, Pod):
        return False
    namespace = {NAMESPACE_LABEL: peer.namespace}
    if kind == "pods":
        labels = value["podSelector"]["matchLabels"]
        return (
            _labelled(value["namespaceSelector"], namespace) and labels.items() <= dict(peer.labels).items()
        )
    assert kind == "namespaces", kind
    return _labelled(value, namespace)


def _labelled(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    assert selector.keys() <= {"matchExpressions"}, selector
    for expression in selector.get("matchExpressions", []):
        listed = labels.get(expression["key"]) in expression["values"]
        if listed != {"In": True, "NotIn": False}[expression["operator"]]:
            return False
    return True


def _on_port(rule: Mapping[str, Any], port: Port) -> bool:
    if "ports" in rule:
        return any(_admin_port(each, port) for each in rule["ports"])
    if "protocols" in rule:
        return any(_cluster_port(each, port) for each in rule["protocols"])
    return True


def _admin_port(entry: Mapping[str, Any], port: Port) -> bool:
    ((kind, value),) = entry.items()
    low, high = (value["port"], value["port"]) if kind == "portNumber" else (value["start"], value["end"])
    return value["protocol"] == port.protocol and low <= port.number <= high


def _cluster_port(entry: Mapping[str, Any], port: Port) -> bool:
    ((protocol, value),) = entry.items()
    ((kind, bounds),) = value["destinationPort"].items()
    low, high = (bounds, bounds) if kind == "number" else (bounds["start"], bounds["end"])
    return protocol.upper() == port.protocol and low <= port.number <= high
