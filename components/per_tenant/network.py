"""A namespace's own NetworkPolicies."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import child_options
from components.metadata import REASON, meta
from components.per_tenant.namespace import ContentArgs
from components.policy_engines.reach import DNS_PORTS, EVERYWHERE, HTTPS, dns_addresses, private_addresses
from model import Cluster, PortRange, Protocol, Tenant, names

_NAMESPACE_NAME = "kubernetes.io/metadata.name"  # set by the API server, cannot be edited

Peer = k8s.networking.v1.NetworkPolicyPeerArgs
Port = k8s.networking.v1.NetworkPolicyPortArgs
Spec = k8s.networking.v1.NetworkPolicySpecArgs
Ingress = k8s.networking.v1.NetworkPolicyIngressRuleArgs
Egress = k8s.networking.v1.NetworkPolicyEgressRuleArgs


@dataclass(frozen=True, kw_only=True)
class NetworkArgs(ContentArgs):
    """What a namespace's NetworkPolicies are made from."""

    neighbours: Mapping[str, Tenant]
    """The tenants that this one and they both declared, by name."""


class TenantNetwork(pulumi.ComponentResource):
    """NetworkPolicies of one namespace: nothing in or out but what is listed."""

    def __init__(self, name: str, args: NetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.NETWORK, name, None, opts)
        policies = network_policies(args.context.cluster, args.tenant, args.neighbours)
        reasons = {names.egress_policy(key): each.reason for key, each in args.tenant.network.egress.items()}
        for policy, spec in policies.items():
            self._policy(args, policy, spec, reasons.get(policy))
        self.register_outputs({"policies": sorted(policies)})

    def _policy(self, args: NetworkArgs, policy: str, spec: Spec, reason: str | None) -> None:
        namespace = args.namespace.described.name
        k8s.networking.v1.NetworkPolicy(
            names.logical(namespace, policy),
            metadata=meta(
                args.context,
                policy,
                tenant=args.tenant,
                namespace=namespace,
                annotations={REASON: reason} if reason else None,
            ),
            spec=spec,
            opts=child_options(
                self,
                inside=args.namespace.resource,
                former_name=names.former_logical(namespace, policy),
            ),
        )


def network_policies(cluster: Cluster, tenant: Tenant, neighbours: Mapping[str, Tenant]) -> dict[str, Spec]:
    """The specs of a namespace's NetworkPolicies by name; each opens one thing and can be read alone."""
    network, stance = cluster.network, tenant.network
    policies = {
        names.DEFAULT_DENY: Spec(pod_selector=_EVERY_POD, policy_types=["Ingress", "Egress"]),
        names.OWN_NAMESPACES: _both(_in_namespaces(tenant.namespace_names)),
        names.DNS: _egress(_dns_peers(cluster), DNS_PORTS),
    }
    if network.load_balancer_subnets and stance.load_balancer_ports:
        policies[names.LOAD_BALANCERS] = _ingress(
            _blocks(network.load_balancer_subnets), stance.load_balancer_ports
        )
    for name, neighbour in sorted(neighbours.items()):
        policies[names.neighbour_policy(name)] = _neighbour(tenant, neighbour)
    for name, egress in stance.egress.items():
        policies[names.egress_policy(name)] = _egress(_blocks(egress.cidrs), egress.ports)
    if stance.api_server and network.api_server is not None:
        api = network.api_server
        policies[names.API_SERVER] = _egress(_blocks(api.cidrs), (PortRange(port=api.port),))
    if stance.internet:
        policies[names.INTERNET] = _egress(_internet(cluster), HTTPS)
    return policies


_EVERY_POD = k8s.meta.v1.LabelSelectorArgs()


def _both(peers: list[Peer]) -> Spec:
    # NCCL and MPI pick random ports: inside a tenant every port is open.
    return Spec(
        pod_selector=_EVERY_POD,
        policy_types=["Ingress", "Egress"],
        ingress=[Ingress(from_=peers)],
        egress=[Egress(to=peers)],
    )


def _ingress(peers: list[Peer], ports: Iterable[PortRange]) -> Spec:
    return Spec(
        pod_selector=_EVERY_POD, policy_types=["Ingress"], ingress=[Ingress(from_=peers, ports=_ports(ports))]
    )


def _egress(peers: list[Peer], ports: Iterable[PortRange]) -> Spec:
    return Spec(
        pod_selector=_EVERY_POD, policy_types=["Egress"], egress=[Egress(to=peers, ports=_ports(ports))]
    )


def _neighbour(tenant: Tenant, neighbour: Tenant) -> Spec:
    """In to the ports that the tenant offers, out to the ports that the neighbour offers."""
    peers = _in_namespaces(neighbour.namespace_names)
    offered = tenant.network.neighbours[neighbour.name].ports
    wanted = neighbour.network.neighbours[tenant.name].ports
    return Spec(
        pod_selector=_EVERY_POD,
        policy_types=["Ingress", "Egress"],
        ingress=[Ingress(from_=peers, ports=_ports(offered))] if offered else [],
        egress=[Egress(to=peers, ports=_ports(wanted))] if wanted else [],
    )


def _in_namespaces(namespaces: Iterable[str]) -> list[Peer]:
    requirement = k8s.meta.v1.LabelSelectorRequirementArgs(
        key=_NAMESPACE_NAME, operator="In", values=list(namespaces)
    )
    return [Peer(namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_expressions=[requirement]))]


def _dns_peers(cluster: Cluster) -> list[Peer]:
    dns = cluster.network.dns
    pods = Peer(
        namespace_selector=k8s.meta.v1.LabelSelectorArgs(match_labels={_NAMESPACE_NAME: dns.namespace}),
        pod_selector=k8s.meta.v1.LabelSelectorArgs(match_labels=dict(dns.pod_labels)),
    )
    return [pods, *_blocks(dns_addresses(cluster))]


def _blocks(cidrs: Iterable[str]) -> list[Peer]:
    return [Peer(ip_block=k8s.networking.v1.IPBlockArgs(cidr=cidr)) for cidr in cidrs]


def _internet(cluster: Cluster) -> list[Peer]:
    private = private_addresses(cluster)
    return [
        Peer(
            ip_block=k8s.networking.v1.IPBlockArgs(
                cidr=everywhere, except_=[cidr for cidr in private if (":" in cidr) == (":" in everywhere)]
            )
        )
        for everywhere in EVERYWHERE
    ]


def _ports(ports: Iterable[PortRange]) -> list[Port]:
    return [
        Port(port=ports_.port, end_port=ports_.end_port, protocol=Protocol(ports_.protocol))
        for ports_ in ports
    ]
