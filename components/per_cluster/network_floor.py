"""The policy that denies what nobody opened, so that no namespace can be forgotten."""

from components.policy_engines import floor as policy
from model import Cluster

__all__ = ["policy", "warning"]


def warning(cluster: Cluster) -> str | None:
    """What the floor of a cluster leaves open, where it does."""
    network = cluster.network
    if network.calico is not None:
        return None
    if network.policy_api is None:
        return (
            "No network floor: this cluster names neither network.calico nor network.policy_api, so only the "
            "tenants' own NetworkPolicies keep them apart. A namespace made by hand has none, and a tenant's "
            "admin can open the tenant's own namespaces to everyone."
        )
    if network.load_balancer_subnets:
        return (
            f"Half a network floor: {network.policy_api} cannot judge what comes in from outside the "
            "cluster, so only NetworkPolicies hold load balancers to the declared ports. A tenant's "
            "admin can open the tenant's other ports to them, and a namespace made by hand is open."
        )
    return None
