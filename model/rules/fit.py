"""Rules between a tenant and its cluster."""

from collections.abc import Callable, Iterable, Iterator

from model import names
from model.cluster import Cluster, PolicyApi
from model.namespaces import namespaces
from model.problems import Finding, Key, suggestion
from model.rules import quota_keys
from model.rules.addresses import overlap
from model.rules.shared import (
    RESERVED_PREFIXES,
    egress_cidrs,
    namespace_keys,
    never_open,
    repository_keys,
    requests,
)
from model.scalars import ClusterKind, CredentialKind, State, duration
from model.tenant import Tenant

_RULES_OF_POLICY = {PolicyApi.CLUSTER_NETWORK_POLICY: 25, PolicyApi.ADMIN_NETWORK_POLICY: 100}
"""Rules of one policy, and ports of one rule, by the API's validation."""
_RULES_OF_FLOOR = 8
"""How many of those the program itself needs at most."""

Rule = Callable[[Tenant, Cluster], Iterator[Finding]]


def check(tenant: Tenant, cluster: Cluster | None) -> Iterator[Finding]:
    """What is wrong with a well-formed tenant on this cluster; without one, what no cluster would take."""
    yield from _quota_keys(tenant, cluster)
    if cluster is not None:
        for rule in _RULES:
            yield from rule(tenant, cluster)


def _quota_keys(tenant: Tenant, cluster: Cluster | None) -> Iterator[Finding]:
    for key in tenant.quota.other:
        told = quota_keys.wrong(key, cluster)
        if told:
            yield Finding(("quota", "other", key), told, key)
        elif told := quota_keys.wrong_amount(key, tenant.quota.other[key]):
            yield Finding(("quota", "other", key), told, tenant.quota.other[key])


def _names(tenant: Tenant, cluster: Cluster) -> Iterator[Finding]:
    for key, name in namespace_keys(tenant):
        if name in cluster.network.system_namespaces and not name.startswith(RESERVED_PREFIXES):
            yield Finding(key, f"{name!r} is one of the cluster's system namespaces; take another", name)


def _catalogue(tenant: Tenant, cluster: Cluster) -> Iterator[Finding]:
    yield from _known(("accelerators",), tenant.accelerators, cluster.accelerators, "in the catalogue")
    for accelerator in tenant.accelerators:
        entry = cluster.accelerators.get(accelerator)
        if entry and entry.time_sliced and tenant.confidential and tenant.accelerators[accelerator]:
            told = f"is time-sliced: its memory is not kept apart, so no {tenant.classification} data on it"
            yield Finding(("accelerators", accelerator), told, accelerator)
        claimed = entry and entry.device_class and tenant.accelerators[accelerator]
        if claimed and not tenant.quota.objects.resource_claims:
            told = f"is 0, but accelerators.{accelerator} is used through claims; allow some"
            yield Finding(("quota", "objects", "resource_claims"), told, 0)
        elif claimed:
            yield from _without_claims(tenant, accelerator)
    for accelerator in tenant.accelerators_per_pod:
        entry = cluster.accelerators.get(accelerator)
        if entry and entry.device_class:
            told = "is used through claims, which no limit of a pod counts; remove it"
            yield Finding(("accelerators_per_pod", accelerator), told, accelerator)
    pools = {entry.pool: key for key, entry in reversed(cluster.accelerators.items())}
    for index, pool in enumerate(tenant.node_pools):
        if pool not in cluster.pools:
            told = f"{pool!r} is not a node pool; {suggestion(pool, cluster.pools)}"
            yield Finding(("node_pools", index), told, pool)
        elif pool in pools:
            told = f"{pool!r} carries accelerators; it follows by itself from accelerators.{pools[pool]}"
            yield Finding(("node_pools", index), told, pool)
    if len(set(tenant.node_pools)) < len(tenant.node_pools):
        yield Finding(("node_pools",), "lists a pool twice")


def _without_claims(tenant: Tenant, accelerator: str) -> Iterator[Finding]:
    """Namespaces that hold devices, and whose part of the claims is too small for one."""
    for namespace in namespaces(tenant):
        if namespace.accelerators.get(accelerator) and not namespace.quota.objects.resource_claims:
            told = (
                f"leaves {namespace.name!r} none of {tenant.quota.objects.resource_claims} resource claims, "
                f"by which accelerators.{accelerator} is used; raise quota.objects.resource_claims"
            )
            key = ("namespaces",) if namespace.key is None else ("namespaces", namespace.key, "share")
            yield Finding(key, told)


def _storage(tenant: Tenant, cluster: Cluster) -> Iterator[Finding]:
    yield from _known(("quota", "storage"), tenant.quota.storage, cluster.storage_classes, "a storage class")
    yield from _known(("priorities",), tenant.priorities, cluster.priority_classes, "a priority class")
    yield from _known(("shared_folders",), tenant.shared_folders, cluster.shared_folders, "a shared folder")
    for name, mode in tenant.shared_folders.items():
        folder = cluster.shared_folders.get(name)
        if folder is not None and mode not in folder.modes:
            allowed = ", ".join(folder.modes)
            yield Finding(("shared_folders", name), f"may not be {mode}; allowed: {allowed}", mode)
    classes = [
        name.removeprefix(names.PRIORITY) for name in tenant.adopt.quotas if name.startswith(names.PRIORITY)
    ]
    for name in classes:
        if name not in cluster.priority_classes:
            told = f"{name!r} is not a priority class; {suggestion(name, cluster.priority_classes)}"
            yield Finding(("adopt", "quotas", f"{names.PRIORITY}{name}"), told, name)


def _known(key: Key, used: Iterable[str], known: Iterable[str], what: str) -> Iterator[Finding]:
    for name in used:
        if name not in known:
            yield Finding((*key, name), f"{name!r} is not {what}; {suggestion(name, known)}", name)


def _network(tenant: Tenant, cluster: Cluster) -> Iterator[Finding]:
    network = cluster.network
    server = network.api_server.cidrs if network.api_server else ()
    closed = (
        ("the cluster's pods", network.pod_cidrs, "'network.neighbours' opens other tenants"),
        ("the cluster's services", network.service_cidrs, "'network.neighbours' opens other tenants"),
        ("the cloud's metadata", network.metadata_addresses, "they are never open"),
        ("the API server", server, "'network.api_server' is the switch"),
        ("the load balancers", network.load_balancer_subnets, "'network.neighbours' opens other tenants"),
        ("the nodes", network.node_cidrs, "they are never open"),
        ("the servers of shared folders", _folder_servers(cluster), "'shared_folders' mounts them"),
    )
    places = [(what, place, hint) for what, cidrs, hint in closed for place in cidrs]
    for key, cidr in egress_cidrs(tenant):
        covered = [entry for entry in places if overlap(cidr, entry[1])]
        if covered and not never_open(tenant, cidr):
            what, place, hint = covered[0]
            yield Finding(key, f"{cidr} covers addresses of {what} ({place}); {hint}", cidr)
    if tenant.network.api_server and network.api_server is None:
        told = "cannot be opened: the cluster does not say network.api_server"
        yield Finding(("network", "api_server"), told, True)
    if tenant.network.load_balancer_ports and not network.load_balancer_subnets:
        told = "open nothing: the cluster has no network.load_balancer_subnets; write []"
        yield Finding(("network", "load_balancer_ports"), told)


def _folder_servers(cluster: Cluster) -> Iterable[str]:
    """Addresses of the servers of shared folders, as far as the cluster's description says them."""
    yield from cluster.network.folder_servers
    for folder in cluster.shared_folders.values():
        server = folder.nfs.server if folder.nfs else ""
        if server.replace(".", "").isdigit():
            yield f"{server}/32"


def _policy_api(tenant: Tenant, cluster: Cluster) -> Iterator[Finding]:
    api = cluster.network.policy_api
    if api is None or cluster.network.calico is not None:
        return
    most = _RULES_OF_POLICY[api]
    for name, egress in tenant.network.egress.items():
        if len(egress.ports) > most:
            told = f"lists {len(egress.ports)} ports; one rule of {api} holds {most}: use ranges"
            yield Finding(("network", "egress", name, "ports"), told)
    lists = {egress.ports for egress in tenant.network.egress.values()}
    if len(lists) > most - _RULES_OF_FLOOR:
        told = (
            f"has {len(lists)} different lists of ports; {api} has room for {most - _RULES_OF_FLOOR}: "
            "give destinations the same ports where they can share them"
        )
        yield Finding(("network", "egress"), told)


def _credentials(tenant: Tenant, cluster: Cluster) -> Iterator[Finding]:
    supported = cluster.credentials.kinds
    kind, lifetime = tenant.credentials.kind, tenant.credentials.lifetime
    if kind not in supported:
        told = f"{str(kind)!r} is not a kind this cluster supports; supported: {', '.join(supported)}"
        yield Finding(("credentials", "kind"), told, kind)
    if duration(lifetime) > duration(cluster.credentials.max_lifetime):
        told = f"{lifetime} is longer than the cluster's longest, {cluster.credentials.max_lifetime}"
        yield Finding(("credentials", "lifetime"), told, lifetime)
    for place, *_ in requests(tenant):
        if CredentialKind.CLIENT_CERTIFICATE not in supported:
            told = f"this cluster signs no client certificates; supported: {', '.join(supported)}"
            yield Finding(place, told)
    for login, member in tenant.members.items():
        if member.oidc_groups and cluster.credentials.oidc is None:
            told = "have no meaning: the cluster has no credentials.oidc.issuer"
            yield Finding(("members", login, "oidc_groups"), told)
    for name, account in tenant.service_accounts.items():
        if account.aws_role is not None and cluster.kind is not ClusterKind.EKS:
            told = f"is for EKS clusters; this one is of kind {str(cluster.kind)!r}"
            yield Finding(("service_accounts", name, "aws_role"), told, account.aws_role)


def _github(tenant: Tenant, cluster: Cluster) -> Iterator[Finding]:
    for key, repository in repository_keys(tenant):
        owner = repository.partition("/")[0]
        if cluster.github is not None and owner.lower() != cluster.github.owner.lower():
            told = f"{owner!r} is not the cluster's GitHub owner, {cluster.github.owner!r}"
            yield Finding(key, told, repository)
    if tenant.codespaces.enabled and tenant.state is not State.RETIRED:
        enabled: Key = ("codespaces", "enabled")
        if cluster.github is None or not cluster.github.codespaces:
            yield Finding(
                enabled, "cannot be: the cluster has no 'github' with codespaces; write false", True
            )
        elif tenant.repository is None:
            yield Finding(enabled, "needs a 'repository'; name one, or write false", True)
        elif _no_kind_for_codespaces(tenant, cluster):
            told = (
                "cannot be with credentials.kind oidc: nobody logs in there, and the cluster signs no client "
                "certificates; use kind token, or write false"
            )
            yield Finding(enabled, told, True)


def _no_kind_for_codespaces(tenant: Tenant, cluster: Cluster) -> bool:
    """Whether the certificate that a codespace gets beside OIDC would never be signed."""
    return (
        tenant.credentials.kind is CredentialKind.OIDC
        and CredentialKind.CLIENT_CERTIFICATE not in cluster.credentials.kinds
    )


_RULES: tuple[Rule, ...] = (
    _names,
    _catalogue,
    _storage,
    _network,
    _policy_api,
    _credentials,
    _github,
)
