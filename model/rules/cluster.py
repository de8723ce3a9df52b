"""Rules within a cluster's description."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from itertools import combinations

from model.cluster import Cluster, SharedFolder
from model.problems import Finding, suggestion
from model.scalars import Cidr, ClusterKind, CredentialKind, FolderMode, duration

MIN_LIFETIME = timedelta(minutes=10)
"""The shortest lifetime that the API server grants, for certificates and for tokens."""

_HOST_FOLDERS = ("/etc", "/proc", "/sys", "/dev", "/run", "/var/run", "/var/lib/kubelet", "/root", "/boot")
"""Folders of a node that hold its credentials, sockets or devices."""


def check(cluster: Cluster) -> Iterator[Finding]:
    """Everything wrong with a cluster whose fields are well-formed. Keys start at the cluster."""
    for rule in _RULES:
        yield from rule(cluster)


def overlap(one: Cidr, other: Cidr) -> bool:
    """Whether two CIDRs of one address family share an address."""
    first, second = ip_network(one), ip_network(other)
    return first.version == second.version and first.overlaps(second)


def _kind(cluster: Cluster) -> Iterator[Finding]:
    kinds = cluster.credentials.kinds
    if cluster.kind is ClusterKind.EKS and CredentialKind.CLIENT_CERTIFICATE in kinds:
        told = "lists client-certificate, but EKS signs no client certificates; use token or oidc"
        yield Finding(("credentials", "kinds"), told)
    if len(set(kinds)) < len(kinds):
        yield Finding(("credentials", "kinds"), "lists a kind twice")
    if duration(cluster.credentials.max_lifetime) < MIN_LIFETIME:
        told = "is shorter than 10m, the shortest that the API server grants"
        yield Finding(("credentials", "max_lifetime"), told, cluster.credentials.max_lifetime)


def _catalogue(cluster: Cluster) -> Iterator[Finding]:
    seen: dict[tuple[str, str], str] = {}
    for key, entry in cluster.accelerators.items():
        if entry.pool not in cluster.pools:
            told = f"{entry.pool!r} is not a node pool; {suggestion(entry.pool, cluster.pools)}"
            yield Finding(("accelerators", key, "pool"), told, entry.pool)
        # Two models of GPU may share nvidia.com/gpu: pools tell them apart. A DeviceClass is one thing.
        same = (entry.device_class, "") if entry.device_class else (entry.resource or "", entry.pool)
        if same in seen:
            told = f"is the same resource in the same pool as {seen[same]!r}"
            yield Finding(("accelerators", key), told)
        seen.setdefault(same, key)


def _pools(cluster: Cluster) -> Iterator[Finding]:
    for (first, one), (second, other) in combinations(cluster.pools.items(), 2):
        if one.labels.items() <= other.labels.items() or other.labels.items() <= one.labels.items():
            told = f"does not tell its nodes from those of pool {first!r}; give each a label of its own"
            yield Finding(("pools", second, "labels"), told)
    for name, pool in cluster.pools.items():
        if len({(taint.key, taint.effect) for taint in pool.taints}) < len(pool.taints):
            yield Finding(("pools", name, "taints"), "lists a key and effect twice")


def _folders(cluster: Cluster) -> Iterator[Finding]:
    for name, folder in cluster.shared_folders.items():
        for key, path in (("host_path", folder.host_path), ("nfs", folder.nfs and folder.nfs.path)):
            if path and any(part in ("..", ".") for part in path.split("/")):
                yield Finding(
                    ("shared_folders", name, key), f"{path!r} has a '.' or '..'; write it out", path
                )
        path = folder.host_path
        if path and (path == "/" or any(_inside(path, host) for host in _HOST_FOLDERS)):
            told = f"{path!r} holds the node's own secrets or devices; share another folder"
            yield Finding(("shared_folders", name, "host_path"), told, path)
        if path and FolderMode.READ_ONLY in folder.modes:
            told = (
                "lists read-only, which no kubelet enforces for a folder of the node; "
                "use nfs or csi, or modes: [read-write]"
            )
            yield Finding(("shared_folders", name, "modes"), told)
        if len(set(folder.modes)) < len(folder.modes) or not folder.modes:
            yield Finding(("shared_folders", name, "modes"), "must list each allowed mode once, at least one")
    for (first, one), (second, other) in combinations(cluster.shared_folders.items(), 2):
        if _nested(one, other):
            told = f"lies in shared folder {first!r}, or around it: whoever is granted one sees the other"
            yield Finding(("shared_folders", second), told)


def _nested(one: SharedFolder, other: SharedFolder) -> bool:
    if one.nfs and other.nfs and one.nfs.server == other.nfs.server:
        return _inside(one.nfs.path, other.nfs.path) or _inside(other.nfs.path, one.nfs.path)
    if one.host_path and other.host_path:
        return _inside(one.host_path, other.host_path) or _inside(other.host_path, one.host_path)
    if one.csi and other.csi:
        return (one.csi.driver, one.csi.volume_handle) == (other.csi.driver, other.csi.volume_handle)
    return False


def _inside(path: str, folder: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{folder.rstrip('/')}/")


def _classes(cluster: Cluster) -> Iterator[Finding]:
    if len(set(cluster.storage_classes)) < len(cluster.storage_classes):
        yield Finding(("storage_classes",), "lists a class twice")
    for name in cluster.priority_classes:
        if name.startswith("system-"):
            told = "begins with 'system-', which Kubernetes keeps for itself"
            yield Finding(("priority_classes", name), told, name)


def _network(cluster: Cluster) -> Iterator[Finding]:
    network = cluster.network
    own = [("pod_cidrs", cidr) for cidr in network.pod_cidrs]
    own += [("service_cidrs", cidr) for cidr in network.service_cidrs]
    own += [("load_balancer_subnets", cidr) for cidr in network.load_balancer_subnets]
    for (first, one), (second, other) in combinations(own, 2):
        if overlap(one, other):
            yield Finding(("network", second), f"{other} overlaps with {one} of {first}", other)
    if network.dns.namespace not in network.system_namespaces:
        told = f"lacks {network.dns.namespace!r}, where DNS runs: the network floor would cut it off"
        yield Finding(("network", "system_namespaces"), told)


def _dns(cluster: Cluster) -> Iterator[Finding]:
    dns = cluster.network.dns
    for key, address in (("service_ip", dns.service_ip), ("node_local", dns.node_local)):
        if address and ip_network(address).num_addresses != 1:
            yield Finding(
                ("network", "dns", key), f"{address} is not one address; end it in /32 or /128", address
            )
    inside = (overlap(dns.service_ip, cidr) for cidr in cluster.network.service_cidrs if dns.service_ip)
    if dns.service_ip and not any(inside):
        told = f"{dns.service_ip} is not in network.service_cidrs"
        yield Finding(("network", "dns", "service_ip"), told, dns.service_ip)


_RULES: tuple[Callable[[Cluster], Iterator[Finding]], ...] = (
    _kind,
    _catalogue,
    _pools,
    _folders,
    _classes,
    _network,
    _dns,
)
