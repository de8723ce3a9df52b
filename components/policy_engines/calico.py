"""The floor in Calico's words.

Calico walks the policies of a tier by `order`; the first rule that matches decides, and a policy without a
matching rule hands over to the next. Kubernetes NetworkPolicies stand at order 1000. So the isolation of a
tenant, before them, only denies, and the floor, after them, allows what every namespace needs and denies
the rest. (`Pass` would skip the rest of the tier, the tenant's own policies among it.)
"""

from collections.abc import Iterable, Mapping
from typing import Any

from components.policy_engines.policy import Policy
from components.policy_engines.reach import DNS_PORTS, EVERYWHERE, HTTPS, Reach, dns_addresses, family, within
from model import Calico, Cluster, PortRange, Protocol, Tenant, names

ISOLATION_ORDER = 100
FLOOR_ORDER = 5000
Rule = dict[str, Any]
Zones = dict[str, tuple[PortRange, ...]]


def isolation(calico: Calico, tenant: Tenant, bounds: Reach) -> Policy:
    """The GlobalNetworkPolicy that keeps one tenant within its bounds, whatever its own policies say."""
    spec = {
        "order": ISOLATION_ORDER,
        "namespaceSelector": _in(bounds.own),
        "types": ["Ingress", "Egress"],
        "ingress": ingress_denials(bounds),
        "egress": egress_denials(bounds),
    }
    return _policy(calico, names.isolation(tenant.name), spec)


def floor(cluster: Cluster, calico: Calico) -> Policy:
    """The GlobalNetworkPolicy that denies what nobody opened, so that no namespace can be forgotten."""
    network = cluster.network
    spec = {
        "order": FLOOR_ORDER,
        "namespaceSelector": _not_in(network.system_namespaces),
        "types": ["Ingress", "Egress"],
        "ingress": [
            *(
                {"action": "Allow", "source": {"nets": nets}}
                for nets in _families(network.load_balancer_subnets)
            ),
            {"action": "Deny"},
        ],
        "egress": [*_dns(cluster), {"action": "Deny"}],
    }
    return _policy(calico, names.FLOOR, spec)


def _policy(calico: Calico, name: str, spec: Mapping[str, Any]) -> Policy:
    return Policy(
        api_version=calico.api_version,
        kind="GlobalNetworkPolicy",
        name=calico.stored_name(name),
        spec=spec,
    )


def ingress_denials(bounds: Reach) -> list[Rule]:
    """Denies strangers' namespaces, the outside, and load balancers at every port that was not declared."""
    strangers = {"action": "Deny", "source": {"namespaceSelector": _strangers(bounds)}}
    known = (*bounds.pods, *bounds.load_balancers.cidrs)
    outside = [
        {"action": "Deny", "source": _nets([cidr], [other for other in known if within(other, cidr)])}
        for cidr in EVERYWHERE
    ]
    balancers = [
        _deny(protocol, {"source": {"nets": nets}}, bounds.load_balancers.ports)
        for nets in _families(bounds.load_balancers.cidrs)
        for protocol in Protocol
    ]
    return [strangers, *outside, *balancers]


def egress_denials(bounds: Reach) -> list[Rule]:
    """Denies the metadata service, strangers' namespaces, and every address that was not declared."""
    metadata = [{"action": "Deny", "destination": {"nets": nets}} for nets in _families(bounds.metadata)]
    strangers = {"action": "Deny", "destination": {"namespaceSelector": _strangers(bounds)}}
    return [*metadata, strangers, *_outside(bounds)]


def _outside(bounds: Reach) -> list[Rule]:
    zones = _zones(bounds)
    rules: list[Rule] = []
    for cidr, ports in zones.items():
        finer = [other for other in (*zones, *bounds.pods) if other != cidr and within(other, cidr)]
        rules += [_deny(protocol, {"destination": _nets([cidr], finer)}, ports) for protocol in Protocol]
    for cidr, version, protocol in zip(EVERYWHERE, (4, 6), ("ICMP", "ICMPv6"), strict=True):
        pods = [other for other in bounds.pods if family(other) == version]
        rules.append(
            {
                "action": "Deny",
                "protocol": protocol,
                "ipVersion": version,
                "destination": _nets([cidr], pods),
            }
        )
    return rules


def _zones(bounds: Reach) -> Zones:
    """The ports open in each range of addresses; the finest range that holds an address speaks for it."""
    private = bounds.private if bounds.internet else ()
    declared = {cidr for opening in bounds.openings for cidr in opening.cidrs}
    cidrs = (*EVERYWHERE, *private, *bounds.api_server, *sorted(declared))
    return {cidr: _open_ports(bounds, cidr) for cidr in cidrs}


def _open_ports(bounds: Reach, cidr: str) -> tuple[PortRange, ...]:
    public = bounds.internet and not any(within(cidr, other) for other in bounds.private)
    declared = (
        port
        for opening in bounds.openings
        if any(within(cidr, other) for other in opening.cidrs)
        for port in opening.ports
    )
    return tuple(dict.fromkeys([*(HTTPS if public else ()), *declared]))


def _nets(cidrs: list[str], without: list[str]) -> dict[str, list[str]]:
    return {"nets": cidrs, **({"notNets": without} if without else {})}


def _deny(protocol: Protocol, match: Mapping[str, Any], ports: Iterable[PortRange]) -> Rule:
    """Denies a protocol but for some ports of the destination."""
    spared = [_port(port) for port in ports if port.protocol is protocol]
    destination = {**match.get("destination", {}), **({"notPorts": spared} if spared else {})}
    rule = {"action": "Deny", "protocol": protocol.value, **match, "destination": destination}
    return {key: value for key, value in rule.items() if value}


def _dns(cluster: Cluster) -> list[Rule]:
    dns = cluster.network.dns
    labels = " && ".join(f"{key} == '{value}'" for key, value in dns.pod_labels.items())
    pods = {"namespaceSelector": _in((dns.namespace,)), **({"selector": labels} if labels else {})}
    addresses = [{"nets": nets} for nets in _families(dns_addresses(cluster))]
    return [
        {
            "action": "Allow",
            "protocol": port.protocol.value,
            "destination": {**destination, "ports": [_port(port)]},
        }
        for destination in (pods, *addresses)
        for port in DNS_PORTS
    ]


def _families(cidrs: Iterable[str]) -> list[list[str]]:
    """CIDRs by address family, since one rule of Calico's cannot hold both."""
    every = list(cidrs)
    split = [[cidr for cidr in every if family(cidr) == version] for version in (4, 6)]
    return [nets for nets in split if nets]


def _port(port: PortRange) -> int | str:
    return port.port if port.end_port is None else f"{port.port}:{port.end_port}"


def _in(namespaces: Iterable[str]) -> str:
    return f"kubernetes.io/metadata.name in {{ {_quoted(namespaces)} }}"


def _not_in(namespaces: Iterable[str]) -> str:
    # Without has() the selector would also match what has no namespace at all.
    return (
        f"has(kubernetes.io/metadata.name) && kubernetes.io/metadata.name not in {{ {_quoted(namespaces)} }}"
    )


def _strangers(bounds: Reach) -> str:
    return _not_in((*bounds.own, *bounds.partners, *bounds.system))


def _quoted(namespaces: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in namespaces)
