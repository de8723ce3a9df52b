"""A small model of Calico's GlobalNetworkPolicies: no judge of them is to be had without a data plane.

It knows what the program uses and refuses everything else. Its rules are those of Calico's documentation
(docs.tigera.io, "Global network policy"), tried with Felix and packets:
- the policies of the tier are walked by `order`; of a policy's rules the first that matches decides;
- a policy in which no rule matches hands over to the next; Kubernetes' NetworkPolicies stand at order 1000;
- after the last policy, a pod that any policy selected in that direction is closed, any other open;
- all parts of a rule must match; `namespaceSelector` matches pods only, never bare addresses.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any, cast

from kube.types import JsonObject
from tests.policy.traffic import NAMESPACE_LABEL, Attempt, Peer, Pod, Port

KUBERNETES_ORDER = 1000
DIRECTIONS = ("Ingress", "Egress")
_PORT_PROTOCOLS = ("TCP", "UDP", "SCTP")
_PARTS = {"nets", "notNets", "ports", "notPorts", "namespaceSelector", "selector"}
_IN = re.compile(r"(\S+) (in|not in) \{ (.*) \}")

NamespaceVerdict = Callable[[str, Attempt], bool | None]
"""Direction and attempt to what the NetworkPolicies say: None where none selects the pod."""


@dataclass(frozen=True)
class Calico:
    """The policies of a cluster."""

    policies: Sequence[JsonObject]
    namespaced: NamespaceVerdict

    def allows(self, attempt: Attempt) -> bool:
        """Whether a connection comes about: the egress of its source and the ingress of its destination."""
        return all(self._direction(direction, attempt) for direction in DIRECTIONS)

    def _direction(self, direction: str, attempt: Attempt) -> bool:
        pod = attempt.source if direction == "Egress" else attempt.destination
        if not isinstance(pod, Pod):
            return True
        selected = [
            spec for spec in self._specs if direction in spec["types"] and _selects(spec, pod.namespace)
        ]
        before = [spec for spec in selected if spec["order"] < KUBERNETES_ORDER]
        after = [spec for spec in selected if spec["order"] > KUBERNETES_ORDER]
        namespaced = self.namespaced(direction, attempt)
        for verdict in (
            _walk(before, direction, attempt),
            namespaced or None,
            _walk(after, direction, attempt),
        ):
            if verdict is not None:
                return verdict
        return not selected and namespaced is None

    @property
    def _specs(self) -> list[dict[str, Any]]:
        specs = [cast("dict[str, Any]", policy["spec"]) for policy in self.policies]
        return sorted(specs, key=lambda spec: spec["order"])


def _selects(spec: Mapping[str, Any], namespace: str) -> bool:
    return matches(spec["namespaceSelector"], namespace)


def _walk(specs: Sequence[Mapping[str, Any]], direction: str, attempt: Attempt) -> bool | None:
    for spec in specs:
        for rule in spec.get(direction.lower(), []):
            if _rule(rule, attempt):
                assert rule["action"] in ("Allow", "Deny"), rule  # the program uses no other
                return rule["action"] == "Allow"
    return None


def _rule(rule: Mapping[str, Any], attempt: Attempt) -> bool:
    known = {"action", "protocol", "ipVersion", "source", "destination"}
    assert rule.keys() <= known, rule.keys() - known
    version = 6 if ":" in attempt.destination.address else 4
    return (
        rule.get("protocol", attempt.port.protocol) == attempt.port.protocol
        and rule.get("ipVersion", version) == version
        and _entity(rule.get("source", {}), attempt.source, None)
        and _entity(rule.get("destination", {}), attempt.destination, attempt.port)
    )


def _entity(entity: Mapping[str, Any], peer: Peer, port: Port | None) -> bool:
    assert entity.keys() <= _PARTS, entity.keys() - _PARTS
    assert port is not None or not entity.keys() & {"ports", "notPorts"}, "source ports are not used"
    selector = entity.get("namespaceSelector")
    if selector and not (isinstance(peer, Pod) and matches(selector, peer.namespace)):
        return False
    if "selector" in entity and not (isinstance(peer, Pod) and _labelled(entity["selector"], peer)):
        return False
    if "nets" in entity and not _within(peer, entity["nets"]):
        return False
    if _within(peer, entity.get("notNets", [])):
        return False
    if port is not None and "ports" in entity and not _among(port, entity["ports"]):
        return False
    return port is None or not _among(port, entity.get("notPorts", []))


def _labelled(selector: str, pod: Pod) -> bool:
    terms = [re.fullmatch(r"(\S+) == '(\S+)'", term) for term in selector.split(" && ")]
    assert all(terms), selector
    return all(dict(pod.labels).get(term[1]) == term[2] for term in terms if term)


def _within(peer: Peer, cidrs: Sequence[str]) -> bool:
    return any(is_in(peer.address, cidr) for cidr in cidrs)


def _among(port: Port, ports: Sequence[int | str]) -> bool:
    ranges = [tuple(map(int, str(each).split(":"))) for each in ports]
    return any(bounds[0] <= port.number <= bounds[-1] for bounds in ranges)


@cache
def is_in(address: str, cidr: str) -> bool:
    """Whether an address lies in a network."""
    return ip_address(address) in ip_network(cidr)


@cache
def matches(selector: str, namespace: str) -> bool:
    """Whether a selector holds: terms of `has(key)`, `key in {…}` and `key not in {…}` joined by &&."""
    labels = {NAMESPACE_LABEL: namespace}
    return all(_term(term.strip(), labels) for term in selector.split("&&"))


def _term(term: str, labels: Mapping[str, str]) -> bool:
    if match := re.fullmatch(r"has\((\S+)\)", term):
        return match[1] in labels
    match = _IN.fullmatch(term)
    assert match, f"not a term of a selector that is known here: {term!r}"
    values = re.findall(r"'([^']*)'", match[3])
    assert ", ".join(f"'{value}'" for value in values) == match[3], match[3]
    return (labels.get(match[1]) in values) == (match[2] == "in")


def problems(policy: JsonObject) -> list[str]:
    """What Calico's own validator would refuse beyond the schema of the CRD.

    Source: libcalico-go/lib/validator/v3, validateRule and validateGlobalNetworkPolicy.
    """
    found: list[str] = []
    name = cast("dict[str, str]", policy["metadata"])["name"]
    if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", name):
        found.append(f"{name}: not a name")
    spec = cast("dict[str, Any]", policy["spec"])
    if len(set(spec["types"])) < len(spec["types"]):
        found.append(f"{name}: types repeat")
    for rule in (*spec["ingress"], *spec["egress"]):
        found += [f"{name}: {told}: {rule}" for told in _rule_problems(rule)]
    return found


def _rule_problems(rule: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    entities: list[Mapping[str, Any]] = [rule.get("source", {}), rule.get("destination", {})]
    ports = [port for each in entities for key in ("ports", "notPorts") for port in each.get(key, [])]
    nets = [net for each in entities for key in ("nets", "notNets") for net in each.get(key, [])]
    versions = {ip_network(net).version for net in nets}
    protocol = rule.get("protocol")
    if rule["action"] not in ("Allow", "Deny", "Log", "Pass"):
        found.append("no such action")
    if ports and protocol not in _PORT_PROTOCOLS:
        found.append("ports without a protocol that has ports")
    if any(not 0 <= int(part) <= 65535 for port in ports for part in str(port).split(":")):
        found.append("no such port")
    if len(versions) > 1:
        found.append("both IPv4 and IPv6")
    if "ipVersion" in rule and versions - {rule["ipVersion"]}:
        found.append("ipVersion of another family")
    if {"ICMP": 6, "ICMPv6": 4}.get(str(protocol)) == rule.get("ipVersion", 0):
        found.append("ICMP of another family")
    if any(value in ([], "") for each in entities for value in each.values()):
        found.append("an empty list or selector, which matches everything")
    return found
