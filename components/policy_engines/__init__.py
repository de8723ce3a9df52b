"""Cluster-wide policies that a tenant's own additive policies cannot override, for each policy engine.

`reach` says once what a tenant may reach at all; `calico` and `upstream` write it in their engine's words.
Nothing here makes a resource but `policy.ClusterPolicy`.
"""

from collections.abc import Iterable

from components.policy_engines import calico, upstream
from components.policy_engines.policy import Policy
from components.policy_engines.reach import reach
from model import Cluster, Tenant


def floor(cluster: Cluster) -> Policy | None:
    """What denies all that nobody opened; None where the cluster names no policy engine."""
    if cluster.network.calico is not None:
        return calico.floor(cluster, cluster.network.calico)
    if cluster.network.policy_api is not None:
        return upstream.floor(cluster, cluster.network.policy_api)
    return None


def isolation(cluster: Cluster, tenant: Tenant, neighbours: Iterable[Tenant]) -> Policy | None:
    """What keeps a tenant within its bounds; `neighbours` are the tenants that it and they both declared."""
    bounds = reach(cluster, tenant, neighbours)
    if cluster.network.calico is not None:
        return calico.isolation(cluster.network.calico, tenant, bounds)
    if cluster.network.policy_api is not None:
        return upstream.isolation(cluster.network.policy_api, tenant, bounds)
    return None
