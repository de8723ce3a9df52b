"""What a tenant may reach at all, and who may reach it, before any policy engine's spelling."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

from model import Cluster, PortRange, Protocol, Tenant

DNS_PORTS = (PortRange(port=53, protocol=Protocol.UDP), PortRange(port=53, protocol=Protocol.TCP))
HTTPS = (PortRange(port=443),)
EVERYWHERE = ("0.0.0.0/0", "::/0")
PRIVATE = (
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
)


@dataclass(frozen=True)
class Opening:
    """Addresses that are open at some ports."""

    cidrs: tuple[str, ...]
    ports: tuple[PortRange, ...]


@dataclass(frozen=True)
class Reach:
    """The bounds of one tenant. Inside them the namespaces' own NetworkPolicies decide."""

    own: tuple[str, ...]
    """Namespaces of the tenant."""
    partners: tuple[str, ...]
    """Namespaces of the tenants that it and they both declared."""
    system: tuple[str, ...]
    """Namespaces of the cluster itself."""
    metadata: tuple[str, ...]
    """Addresses that nothing may reach."""
    pods: tuple[str, ...]
    """Addresses of the cluster's pods, where namespaces decide and not addresses.

    Those of services are not among them: an engine sees the pod behind a service, or nothing of it.
    """
    api_server: tuple[str, ...]
    """Addresses of the API server, wherever they lie."""
    openings: tuple[Opening, ...]
    """Declared destinations outside the cluster."""
    internet: bool
    """Whether public addresses are open over HTTPS."""
    private: tuple[str, ...]
    """Addresses that `internet` does not include."""
    load_balancers: Opening
    """Load-balancer subnets, and the ports of the tenant that they may reach."""


def reach(cluster: Cluster, tenant: Tenant, neighbours: Iterable[Tenant]) -> Reach:
    """The bounds of a tenant; `neighbours` are the tenants that it and they both declared."""
    network, stance = cluster.network, tenant.network
    declared = [Opening(egress.cidrs, egress.ports) for egress in stance.egress.values()]
    if stance.api_server and network.api_server is not None:
        declared.append(Opening(network.api_server.cidrs, (PortRange(port=network.api_server.port),)))
    if dns_addresses(cluster):
        declared.append(Opening(dns_addresses(cluster), DNS_PORTS))
    return Reach(
        own=tenant.namespace_names,
        partners=tuple(name for neighbour in neighbours for name in neighbour.namespace_names),
        system=network.system_namespaces,
        metadata=network.metadata_addresses,
        pods=network.pod_cidrs,
        api_server=network.api_server.cidrs if network.api_server else (),
        openings=tuple(declared),
        internet=stance.internet,
        private=private_addresses(cluster),
        load_balancers=Opening(network.load_balancer_subnets, stance.load_balancer_ports),
    )


def dns_addresses(cluster: Cluster) -> tuple[str, ...]:
    """Addresses of the cluster's DNS beside its pods."""
    dns = cluster.network.dns
    return tuple(address for address in (dns.service_ip, dns.node_local) if address is not None)


def private_addresses(cluster: Cluster) -> tuple[str, ...]:
    """What `internet` never includes: private ranges, and what is the cluster's own."""
    network = cluster.network
    own = (
        *network.pod_cidrs,
        *network.service_cidrs,
        *network.load_balancer_subnets,
        *network.metadata_addresses,
        *network.node_cidrs,
        *network.folder_servers,
        *(network.api_server.cidrs if network.api_server else ()),
    )
    return tuple(sorted({*PRIVATE, *(cidr for cidr in own if not any(within(cidr, p) for p in PRIVATE))}))


def within(inner: str, outer: str) -> bool:
    """Whether one CIDR lies in another, or is the same."""
    a, b = ip_network(inner), ip_network(outer)
    return a.version == b.version and a.prefixlen >= b.prefixlen and a.network_address in b


def family(cidr: str) -> int:
    """4 or 6."""
    return 6 if ":" in cidr else 4
