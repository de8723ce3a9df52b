"""The policy that denies what nobody opened, so that no namespace can be forgotten."""

import pulumi

from components.context import Context
from components.policy_engines import calico, upstream


def network_floor(
    parent: pulumi.Resource, context: Context, options: pulumi.ResourceOptions
) -> list[pulumi.Resource]:
    """The floor in the words of the cluster's policy engine; none, and a warning, where it names none."""
    network = context.cluster.network
    if network.calico is not None:
        return [calico.floor(context, network.calico, options)]
    if network.policy_api is not None:
        if network.load_balancer_subnets:
            pulumi.log.warn(
                f"Half a network floor: {network.policy_api} cannot judge what comes in from outside the "
                "cluster, so only NetworkPolicies hold load balancers to the declared ports. A tenant's "
                "admin can open the tenant's other ports to them, and a namespace made by hand is open.",
                parent,
            )
        return [upstream.floor(context, network.policy_api, options)]
    pulumi.log.warn(
        "No network floor: this cluster names neither network.calico nor network.policy_api, so only the "
        "tenants' own NetworkPolicies keep them apart. A namespace made by hand has none, and a tenant's "
        "admin can open the tenant's own namespaces to everyone.",
        parent,
    )
    return []
