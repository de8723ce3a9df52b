"""What a stack's files say may be reached: the expectation that all judges are held to.

Written from the files' meaning alone, and on purpose without a line of `components`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from model import PortRange, Stack, State, Tenant
from tests.policy.traffic import Attempt, Outside, Peer, Pod, Port

FORGOTTEN = "made-by-hand"
"""A namespace that no tenant has and nobody wrote a policy for."""
METADATA = Outside("metadata", "169.254.169.254")
PUBLIC = Outside("public", "8.8.8.8")
PUBLIC_V6 = Outside("public v6", "2001:4860:4860::8888")
PRIVATE = Outside("office", "192.168.77.5")
DNS = (Port(53, "UDP"), Port(53))
_COMMON = (*DNS, Port(22), Port(80), Port(443), Port(443, "UDP"), Port(10250))


@dataclass(frozen=True)
class Scene:
    """Everything that is worth trying on a stack."""

    pods: tuple[Pod, ...]
    """One of each namespace of each tenant, of the forgotten namespace, and two of the system."""
    outside: tuple[Outside, ...]
    ports: tuple[Port, ...]

    @property
    def attempts(self) -> list[Attempt]:
        """Every pod to everything at every port, and everything outside to every pod."""
        pairs: list[tuple[Peer, Peer]] = [(source, to) for source in self.pods for to in self.pods]
        pairs += [(pod, to) for pod in self.pods for to in self.outside]
        pairs += [(source, pod) for source in self.outside for pod in self.pods]
        return [Attempt(source, to, port) for source, to in pairs for port in self.ports]


def scene(stack: Stack) -> Scene:
    """The pods, addresses and ports of a stack."""
    network = stack.cluster.network
    namespaces = [name for tenant in stack.tenants for name in tenant.namespace_names]
    subnet = ip_network(network.pod_cidrs[0])
    dns = network.dns
    system = [
        (dns.namespace, tuple(dns.pod_labels.items())),
        (dns.namespace, (("app", "metrics"),)),
    ]
    labelled = [(name, (("app", "any"),)) for name in (*namespaces, FORGOTTEN)] + system
    pods = [
        Pod(name, str(subnet.network_address + 10 + index), labels)
        for index, (name, labels) in enumerate(labelled)
    ]
    return Scene(tuple(pods), tuple(_outside(stack)), tuple(_ports(stack)))


def _outside(stack: Stack) -> Iterable[Outside]:
    network = stack.cluster.network
    yield from (METADATA, PUBLIC, PUBLIC_V6, PRIVATE)
    for index, subnet in enumerate(network.load_balancer_subnets):
        yield Outside(f"balancer {index}", _first(subnet))
    if network.dns.service_ip:
        yield Outside("dns service", _first(network.dns.service_ip))
    if network.dns.node_local:
        yield Outside("dns on node", _first(network.dns.node_local))
    if network.api_server:
        yield Outside("api server", _first(network.api_server.cidrs[0]))
    for tenant in stack.tenants:
        for name, egress in tenant.network.egress.items():
            for index, cidr in enumerate(egress.cidrs):
                yield Outside(f"{name} {index}", _first(cidr))


def _ports(stack: Stack) -> list[Port]:
    """All declared ports with their neighbours, and those that everybody tries."""
    declared: list[PortRange] = []
    for tenant in stack.tenants:
        stance = tenant.network
        declared += stance.load_balancer_ports
        declared += [port for egress in stance.egress.values() for port in egress.ports]
        declared += [port for neighbour in stance.neighbours.values() for port in neighbour.ports]
    edges = [
        Port(number, port.protocol.value)
        for port in declared
        for number in {port.port - 1, port.port, port.end_port or port.port, (port.end_port or port.port) + 1}
        if 1 <= number <= 65535
    ]
    if stack.cluster.network.api_server:
        edges.append(Port(stack.cluster.network.api_server.port))
    return sorted({*_COMMON, *edges}, key=lambda port: (port.number, port.protocol))


def _first(cidr: str) -> str:
    subnet = ip_network(cidr)
    return str(subnet.network_address + (subnet.num_addresses > 2))


def owner(stack: Stack, peer: Peer) -> Tenant | None:
    """The tenant that a pod belongs to."""
    if not isinstance(peer, Pod):
        return None
    return next((tenant for tenant in stack.tenants if peer.namespace in tenant.namespace_names), None)


def is_system(stack: Stack, peer: Peer) -> bool:
    """Whether a pod belongs to the cluster itself."""
    return isinstance(peer, Pod) and peer.namespace in stack.cluster.network.system_namespaces


def is_resolver(stack: Stack, pod: Pod) -> bool:
    """Whether a pod is one of the cluster's DNS."""
    dns = stack.cluster.network.dns
    return pod.namespace == dns.namespace and dns.pod_labels.items() <= dict(pod.labels).items()


def declared(stack: Stack, attempt: Attempt) -> bool:
    """Whether the files open a connection from or to a tenant. What has no tenant on either end is open."""
    leaves, arrives = owner(stack, attempt.source), owner(stack, attempt.destination)
    if leaves is not None and leaves is arrives:
        return True
    return (leaves is None or _may_leave(stack, leaves, attempt)) and (
        arrives is None or _may_arrive(stack, arrives, attempt)
    )


def _may_leave(stack: Stack, tenant: Tenant, attempt: Attempt) -> bool:
    to = attempt.destination
    if isinstance(to, Outside):
        return opened(stack, tenant, to, attempt.port)
    other = owner(stack, to)
    if other is not None:
        return _offered(other, tenant, attempt.port)
    return is_resolver(stack, to) and attempt.port in DNS


def _may_arrive(stack: Stack, tenant: Tenant, attempt: Attempt) -> bool:
    if isinstance(attempt.source, Outside):
        balancer = _in(attempt.source, stack.cluster.network.load_balancer_subnets)
        return balancer and _among(attempt.port, tenant.network.load_balancer_ports)
    other = owner(stack, attempt.source)
    return other is not None and _offered(tenant, other, attempt.port)


def neighbours(one: Tenant, other: Tenant) -> bool:
    """Whether two tenants declare each other."""
    return other.name in one.network.neighbours and one.name in other.network.neighbours


def _offered(to: Tenant, by: Tenant, port: Port) -> bool:
    return neighbours(to, by) and _among(port, to.network.neighbours[by.name].ports)


def opened(stack: Stack, tenant: Tenant, to: Outside, port: Port) -> bool:
    """Whether a tenant may reach an address outside its namespaces."""
    network, stance = stack.cluster.network, tenant.network
    if _in(to, network.metadata_addresses):
        return False
    if _in(to, [cidr for cidr in (network.dns.service_ip, network.dns.node_local) if cidr]) and port in DNS:
        return True
    server = network.api_server
    if stance.api_server and server and _in(to, server.cidrs) and port == Port(server.port):
        return True
    if any(_in(to, egress.cidrs) and _among(port, egress.ports) for egress in stance.egress.values()):
        return True
    cluster = (*network.pod_cidrs, *network.service_cidrs, *network.load_balancer_subnets)
    cluster = (*cluster, *(server.cidrs if server else ()))
    public = ip_address(to.address).is_global and not _in(to, cluster)
    return stance.internet and public and port == Port(443)


def _in(peer: Outside, cidrs: Iterable[str]) -> bool:
    return any(ip_address(peer.address) in ip_network(cidr) for cidr in cidrs)


def _among(port: Port, ranges: Iterable[PortRange]) -> bool:
    return any(
        each.protocol.value == port.protocol and each.port <= port.number <= (each.end_port or each.port)
        for each in ranges
    )


def lively(stack: Stack) -> list[Tenant]:
    """Tenants that are not on their way out."""
    return [tenant for tenant in stack.tenants if tenant.state is not State.RETIRED]
