"""Rules within a cluster's description."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import combinations

from model.cluster import Cluster, SharedFolder
from model.problems import Finding, Key, suggestion
from model.rules import addresses
from model.rules.addresses import overlap
from model.scalars import Cidr, ClusterKind, CredentialKind, FolderMode, duration

MIN_LIFETIME = timedelta(minutes=10)
"""The shortest lifetime that the API server grants, for certificates and for tokens."""

_HOST_FOLDERS = (
    *("/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/opt/bin", "/opt/cni", "/proc", "/root"),
    *("/run", "/sbin", "/sys", "/usr", "/var/log", "/var/run", "/var/spool/cron"),
    *("/var/lib/calico", "/var/lib/cni", "/var/lib/containerd", "/var/lib/containers", "/var/lib/crio"),
    *("/var/lib/docker", "/var/lib/etcd", "/var/lib/k0s", "/var/lib/kubelet", "/var/lib/rancher"),
    *("/var/lib/systemd", "/var/snap"),
)
"""Folders of a node that hold its programs, credentials, sockets, devices, or other tenants' files."""
_WIDEST_SUBNET = {4: 16, 6: 48}
"""Shortest prefix of addresses that hold load balancers or API servers, by version of IP."""


def check(cluster: Cluster) -> Iterator[Finding]:
    """Everything wrong with a cluster whose fields are well-formed. Keys start at the cluster."""
    for rule in _RULES:
        yield from rule(cluster)


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
        key: Key = ("shared_folders", name)
        for part, path in (("host_path", folder.host_path), ("nfs", folder.nfs and folder.nfs.path)):
            if path and (told := _not_plain(path)):
                yield Finding((*key, part), f"{path!r} {told}", path)
        if folder.host_path and (place := _of_the_node(folder.host_path)):
            told = f"{folder.host_path!r} holds the node's own secrets or devices"
            around = "" if _inside(_plain(folder.host_path), place) else f" ({place})"
            message = f"{told}{around}; share another folder"
            yield Finding((*key, "host_path"), message, folder.host_path)
        if folder.host_path and FolderMode.READ_ONLY in folder.modes:
            told = (
                "lists read-only, which no kubelet enforces for a folder of the node; "
                "use nfs or csi, or modes: [read-write]"
            )
            yield Finding((*key, "modes"), told)
        if len(set(folder.modes)) < len(folder.modes) or not folder.modes:
            yield Finding((*key, "modes"), "must list each allowed mode once, at least one")
    for (first, one), (second, other) in combinations(cluster.shared_folders.items(), 2):
        if told := _same(one, other):
            yield Finding(("shared_folders", second), told.format(repr(first)))


def _not_plain(path: str) -> str | None:
    """Why a path can be written in another way, too."""
    if any(part in ("..", ".") for part in path.split("/")):
        return "has a '.' or '..'; write it out"
    if "//" in path:
        return f"has an empty part; write {_plain(path)}"
    return None


def _plain(path: str) -> str:
    """The path without empty parts."""
    return "/".join(["", *filter(None, path.split("/"))])


def _of_the_node(path: str) -> str | None:
    """The folder of the node itself that a path is, lies in, or lies around."""
    plain = _plain(path)
    return next((host for host in _HOST_FOLDERS if _inside(plain, host) or _inside(host, plain)), None)


def _same(one: SharedFolder, other: SharedFolder) -> str | None:
    """Why two folders are not apart; `{}` stands for the name of the first."""
    nested = "lies in shared folder {}, or around it: whoever is granted one sees the other"
    export, other_export = _export(one), _export(other)
    if export and other_export:
        (server, path), (other_server, other_path) = export, other_export
        if not (_inside(path, other_path) or _inside(other_path, path)):
            return None
        if server == other_server:
            return nested
        if server.replace(".", "").isdigit() != other_server.replace(".", "").isdigit():
            return (
                "has the path of shared folder {}, and one server is told by its address: "
                "name both servers in one way, so that they can be told apart"
            )
    if one.host_path and other.host_path:
        paths = one.host_path, other.host_path
        return nested if _inside(*paths) or _inside(*reversed(paths)) else None
    if one.csi and other.csi and one.csi.driver == other.csi.driver:
        same = one.csi.volume_handle == other.csi.volume_handle
        return nested if same or one.csi.attributes == other.csi.attributes != {} else None
    return None


def _export(folder: SharedFolder) -> tuple[str, str] | None:
    """Server and path of a folder of the network, as NFS or by the attributes of an NFS driver."""
    if folder.nfs:
        return folder.nfs.server, folder.nfs.path
    attributes = folder.csi.attributes if folder.csi else {}
    if "server" in attributes and "share" in attributes:
        below = attributes.get("subDir", attributes.get("subdir", ""))
        return attributes["server"].lower(), f"{attributes['share'].rstrip('/')}/{below.strip('/')}"
    return None


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
    if network.calico is not None and network.policy_api is not None:
        told = "stands beside 'calico', and one engine only can hold the floor; remove one of the two"
        yield Finding(("network", "policy_api"), told, network.policy_api)


def _widths(cluster: Cluster) -> Iterator[Finding]:
    network = cluster.network
    lists: list[tuple[Key, tuple[Cidr, ...], dict[int, int]]] = [
        (("pod_cidrs",), network.pod_cidrs, addresses.WIDEST),
        (("service_cidrs",), network.service_cidrs, addresses.WIDEST),
        (("node_cidrs",), network.node_cidrs, addresses.WIDEST),
        (("load_balancer_subnets",), network.load_balancer_subnets, _WIDEST_SUBNET),
        (("folder_servers",), network.folder_servers, _WIDEST_SUBNET),
        (("api_server", "cidrs"), network.api_server.cidrs if network.api_server else (), _WIDEST_SUBNET),
    ]
    for key, cidrs, widest in lists:
        for index, cidr in enumerate(cidrs):
            prefix = addresses.too_wide([cidr], widest)
            if prefix is not None:
                told = f"{cidr} is wider than /{prefix}; name what is really there"
                yield Finding(("network", *key, index), told, cidr)


def _dns(cluster: Cluster) -> Iterator[Finding]:
    dns = cluster.network.dns
    for key, address in (("service_ip", dns.service_ip), ("node_local", dns.node_local)):
        if address and addresses.network(address).num_addresses != 1:
            yield Finding(
                ("network", "dns", key), f"{address} is not one address; end it in /32 or /128", address
            )
    if dns.node_local and addresses.network(dns.node_local).is_global:
        told = (
            f"{dns.node_local} is an address of the internet; NodeLocal DNSCache usually has 169.254.20.10/32"
        )
        yield Finding(("network", "dns", "node_local"), told, dns.node_local)
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
    _widths,
    _dns,
)
