"""The cluster-wide policy that keeps a tenant apart from the others."""

from collections.abc import Mapping, Sequence

import pulumi

from components.context import Context, child_options
from components.policy_engines import calico, upstream
from components.policy_engines.reach import reach
from model import Tenant


class TenantIsolation(pulumi.ComponentResource):
    """The cluster-wide policy that keeps a tenant apart, in the words of the cluster's policy engine."""

    def __init__(
        self,
        context: Context,
        tenant: Tenant,
        neighbours: Mapping[str, Tenant],
        floor: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tenancy:tenant:Isolation", tenant.name, None, opts)
        options = child_options(self, depends_on=floor)
        bounds = reach(context.cluster, tenant, neighbours.values())
        network = context.cluster.network
        policy = None
        if network.calico is not None:
            policy = calico.isolation(context, network.calico, tenant, bounds, options)
        elif network.policy_api is not None:
            policy = upstream.isolation(context, network.policy_api, tenant, bounds, options)
        self.register_outputs({"policy": policy.urn if policy else None})
