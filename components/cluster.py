"""What stands once per cluster, before any tenant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context, child_options
from components.dynamic import NameCheck
from components.metadata import meta
from components.per_cluster.admission import ManagedObjects, PodDefaults, SideDoors
from components.per_cluster.name_check import name_check_args
from components.per_cluster.network_floor import network_floor
from components.per_cluster.roles import CLUSTER_ROLES
from model import CredentialKind, Tenant, names


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What a cluster is made from."""

    context: Context
    tenants: Sequence[Tenant]
    """All that the stack has: none of their names may be somebody else's in the cluster."""


class Cluster(pulumi.ComponentResource):
    """ClusterRoles, PriorityClasses, admission of the program's own objects, and the network floor."""

    ready: list[pulumi.Resource]
    """What a tenant waits for."""
    context: Context
    tenants: Mapping[str, Tenant]
    """All tenants of the stack by name."""

    def __init__(
        self,
        name: str,
        args: ClusterArgs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tenancy:cluster:Cluster", name, None, opts)
        context, cluster = args.context, args.context.cluster
        free = NameCheck(name, name_check_args(context, args.tenants), child_options(self))
        options = child_options(self, depends_on=[free])
        roles = [self._cluster_role(context, role, rules, options) for role, rules in CLUSTER_ROLES.items()]
        priorities = [
            k8s.scheduling.v1.PriorityClass(
                key,
                metadata=meta(context, key),
                value=priority.value,
                preemption_policy="PreemptLowerPriority" if priority.preempts else "Never",
                description=priority.description,
                opts=options,
            )
            for key, priority in cluster.priority_classes.items()
        ]
        admission = [
            policies(name, context, options) for policies in (ManagedObjects, SideDoors, PodDefaults)
        ]
        floor = network_floor(self, context, options)
        accounts = self._credentials_namespace(context, options)
        self.context, self.tenants = context, {tenant.name: tenant for tenant in args.tenants}
        self.ready = [free, *roles, *priorities, *admission, *floor, *accounts]
        self.register_outputs({"kind": cluster.kind})

    def _cluster_role(
        self,
        context: Context,
        role: str,
        rules: Sequence[k8s.rbac.v1.PolicyRuleArgs],
        options: pulumi.ResourceOptions,
    ) -> pulumi.Resource:
        name = names.cluster_role(role)
        return k8s.rbac.v1.ClusterRole(name, metadata=meta(context, name), rules=list(rules), opts=options)

    def _credentials_namespace(
        self, context: Context, options: pulumi.ResourceOptions
    ) -> list[pulumi.Resource]:
        if CredentialKind.TOKEN not in context.cluster.credentials.kinds:
            return []
        name = names.CREDENTIALS_NAMESPACE
        restricted: Mapping[str, str] = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = k8s.core.v1.Namespace(
            name, metadata=meta(context, name, extra_labels=restricted), opts=options
        )
        quota = k8s.core.v1.ResourceQuota(
            name,
            metadata=meta(context, "no-pods", namespace=name),
            spec=k8s.core.v1.ResourceQuotaSpecArgs(hard={"pods": "0"}),
            opts=child_options(self, inside=namespace, depends_on=[namespace]),
        )
        return [namespace, quota]
