"""The cluster-wide policy that keeps a tenant apart from the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components.context import Context, child_options
from components.policy_engines import isolation
from components.policy_engines.policy import ClusterPolicy, ClusterPolicyArgs
from model import Tenant, names


@dataclass(frozen=True, kw_only=True)
class IsolationArgs:
    """What a tenant's isolation is made from."""

    context: Context
    tenant: Tenant
    neighbours: Mapping[str, Tenant]
    """The tenants that this one and they both declared, by name."""
    after: Sequence[pulumi.Resource]
    """What stands in the cluster before any tenant."""


class TenantIsolation(pulumi.ComponentResource):
    """The policy that no tenant can override, in the words of the cluster's policy engine if it has one."""

    def __init__(self, name: str, args: IsolationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.ISOLATION, name, None, opts)
        policy = isolation(args.context.cluster, args.tenant, args.neighbours.values())
        resource = policy and ClusterPolicy(
            names.isolation(args.tenant.name),
            ClusterPolicyArgs(context=args.context, policy=policy, tenant=args.tenant),
            child_options(self, depends_on=args.after),
        )
        self.register_outputs({"policy": resource.urn if resource else None})
