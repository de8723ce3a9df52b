"""The floor in the words of the upstream Network Policy API (policy.networking.k8s.io).

Clusters have it as AdminNetworkPolicy with one BaselineAdminNetworkPolicy (v1alpha1), or as its successor
ClusterNetworkPolicy with tiers (v1alpha2). In both, `Pass` leaves a decision to the namespace's own policies.

Neither knows sources outside the cluster: load balancers are held to declared ports by NetworkPolicies only.
AdminNetworkPolicy has `networks` in its experimental channel.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from components.policy_engines.policy import Policy
from components.policy_engines.reach import DNS_PORTS, EVERYWHERE, HTTPS, Reach, dns_addresses
from model import Cluster, PolicyApi, PortRange, Tenant, names

Rule = dict[str, Any]
_PRIORITY = 100
_MOST = 25
"""Networks of one peer in both APIs, and peers of one rule in ClusterNetworkPolicy, by their validation."""


def isolation(api: PolicyApi, tenant: Tenant, bounds: Reach) -> Policy:
    """The policy that keeps one tenant within its bounds, whatever its own policies say."""
    spec: dict[str, Any] = {
        "priority": _PRIORITY,
        "subject": {"namespaces": _in(bounds.own)},
        "ingress": _ingress(bounds),
        "egress": _egress(api, bounds),
    }
    if api is PolicyApi.CLUSTER_NETWORK_POLICY:
        spec["tier"] = "Admin"
    return _policy(api, api.value, names.isolation(tenant.name), spec)


def floor(cluster: Cluster, api: PolicyApi) -> Policy:
    """The default of every namespace that nobody wrote a policy for: DNS and nothing else."""
    network = cluster.network
    dns = _peer_pods(_in((network.dns.namespace,)), network.dns.pod_labels)
    addresses = _peers(dns_addresses(cluster))
    allow = "Accept" if api is PolicyApi.CLUSTER_NETWORK_POLICY else "Allow"
    spec: dict[str, Any] = {
        "subject": {"namespaces": _not_in(network.system_namespaces)},
        "ingress": [_rule("deny", "Deny", "from", [{"namespaces": {}}])],
        "egress": [
            _ported(api, "dns", allow, [dns], DNS_PORTS),
            *(_ported(api, "dns-address", allow, peers, DNS_PORTS) for peers in addresses),
            _rule("deny", "Deny", "to", [{"namespaces": {}}, {"networks": list(EVERYWHERE)}]),
        ],
    }
    if api is PolicyApi.CLUSTER_NETWORK_POLICY:
        spec |= {"tier": "Baseline", "priority": _PRIORITY}
        return _policy(api, api.value, names.FLOOR, spec)
    # The API admits one baseline policy, and only under this name.
    return _policy(api, "BaselineAdminNetworkPolicy", "default", spec)


def _policy(api: PolicyApi, kind: str, name: str, spec: Mapping[str, Any]) -> Policy:
    version = "v1alpha2" if api is PolicyApi.CLUSTER_NETWORK_POLICY else "v1alpha1"
    return Policy(api_version=f"policy.networking.k8s.io/{version}", kind=kind, name=name, spec=spec)


def _ingress(bounds: Reach) -> list[Rule]:
    known = _peer_namespaces(_in((*bounds.own, *bounds.partners)))
    strangers = _peer_namespaces(_not_in((*bounds.own, *bounds.partners, *bounds.system)))
    return [_rule("known", "Pass", "from", [known]), _rule("strangers", "Deny", "from", [strangers])]


def _egress(api: PolicyApi, bounds: Reach) -> list[Rule]:
    known = _peer_namespaces(_in((*bounds.own, *bounds.partners, *bounds.system)))
    strangers = _peer_namespaces(_not_in((*bounds.own, *bounds.partners, *bounds.system)))
    internet = (
        [
            *_denied("private", bounds.private),
            _ported(api, "internet", "Pass", [{"networks": list(EVERYWHERE)}], HTTPS),
        ]
        if bounds.internet
        else []
    )
    return [
        *_denied("metadata", bounds.metadata),
        _rule("known", "Pass", "to", [known]),
        _rule("strangers", "Deny", "to", [strangers]),
        *_declared(api, bounds),
        *internet,
        *_denied("elsewhere", EVERYWHERE),
    ]


def _declared(api: PolicyApi, bounds: Reach) -> list[Rule]:
    """One rule for all destinations with the same ports, because the number of rules is bounded."""
    destinations: dict[tuple[PortRange, ...], list[str]] = {}
    for opening in bounds.openings:
        destinations.setdefault(opening.ports, []).extend(opening.cidrs)
    return [
        _ported(api, "declared", "Pass", peers, ports)
        for ports, cidrs in destinations.items()
        for peers in _peers(cidrs)
    ]


def _denied(name: str, cidrs: Iterable[str]) -> list[Rule]:
    return [_rule(name, "Deny", "to", peers) for peers in _peers(cidrs)]


def _rule(name: str, action: str, side: str, peers: list[Rule]) -> Rule:
    return {"name": name, "action": action, side: peers}


def _ported(api: PolicyApi, name: str, action: str, peers: list[Rule], ports: Iterable[PortRange]) -> Rule:
    rule = _rule(name, action, "to", peers)
    if api is PolicyApi.CLUSTER_NETWORK_POLICY:
        return {**rule, "protocols": [_protocol(port) for port in ports]}
    return {**rule, "ports": [_port(port) for port in ports]}


def _protocol(port: PortRange) -> Rule:
    if _single(port):
        return {port.protocol.lower(): {"destinationPort": {"number": port.port}}}
    return {port.protocol.lower(): {"destinationPort": {"range": {"start": port.port, "end": port.end_port}}}}


def _port(port: PortRange) -> Rule:
    if _single(port):
        return {"portNumber": {"protocol": port.protocol.value, "port": port.port}}
    return {"portRange": {"protocol": port.protocol.value, "start": port.port, "end": port.end_port}}


def _single(port: PortRange) -> bool:
    # A range must end above its start in both APIs.
    return port.end_port in (None, port.port)


def _peers(cidrs: Iterable[str]) -> list[list[Rule]]:
    """Peers of as many rules as it takes; `networks` is a set to the API, so nothing stands in it twice."""
    every = list(dict.fromkeys(cidrs))
    return _split([{"networks": networks} for networks in _split(every)])


def _split(values: list[Any]) -> list[list[Any]]:
    return [values[start : start + _MOST] for start in range(0, len(values), _MOST)]


def _peer_namespaces(selector: Mapping[str, Any]) -> Rule:
    return {"namespaces": dict(selector)}


def _peer_pods(namespaces: Mapping[str, Any], labels: Mapping[str, str]) -> Rule:
    return {"pods": {"namespaceSelector": dict(namespaces), "podSelector": {"matchLabels": dict(labels)}}}


def _in(namespaces: Iterable[str]) -> Rule:
    return _selector("In", namespaces)


def _not_in(namespaces: Iterable[str]) -> Rule:
    return _selector("NotIn", namespaces)


def _selector(operator: str, namespaces: Iterable[str]) -> Rule:
    expression = {"key": "kubernetes.io/metadata.name", "operator": operator, "values": list(namespaces)}
    return {"matchExpressions": [expression]}
