"""What stands once per cluster, before any tenant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context, child_options
from components.dynamic import NameCheck
from components.metadata import meta
from components.per_cluster import network_floor
from components.per_cluster.admission import AdmissionArgs, ManagedObjects, PodDefaults, SideDoors
from components.per_cluster.name_check import name_check_args
from components.per_cluster.roles import CLUSTER_ROLES
from components.policy_engines.policy import ClusterPolicy, ClusterPolicyArgs
from model import CredentialKind, Tenant, names


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """What a cluster is made from."""

    context: Context
    tenants: Sequence[Tenant]
    """All that the stack has: none of their names may be somebody else's in the cluster."""


class Cluster(pulumi.ComponentResource):
    """ClusterRoles, PriorityClasses, admission of the program's own objects, and the network floor.

    A stack has one. What is inside carries the names that it has in the cluster.
    """

    context: Context
    tenants: Mapping[str, Tenant]
    """All tenants of the stack by name."""
    ready: list[pulumi.Resource]
    """What a tenant waits for."""

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.CLUSTER, name, None, opts)
        self.context, self.tenants = args.context, {tenant.name: tenant for tenant in args.tenants}
        free = NameCheck(name, name_check_args(args.context, args.tenants), child_options(self))
        options = child_options(self, depends_on=[free])
        self.ready = [
            free,
            *self._cluster_roles(options),
            *self._priority_classes(options),
            *self._admission(name, options),
            *self._network_floor(options),
            *self._credentials_namespace(options),
        ]
        self.register_outputs({"kind": args.context.cluster.kind})

    def _cluster_roles(self, options: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        roles = {names.cluster_role(role): list(rules) for role, rules in CLUSTER_ROLES.items()}
        return [
            k8s.rbac.v1.ClusterRole(name, metadata=meta(self.context, name), rules=rules, opts=options)
            for name, rules in roles.items()
        ]

    def _priority_classes(self, options: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        return [
            k8s.scheduling.v1.PriorityClass(
                key,
                metadata=meta(self.context, key),
                value=priority.value,
                preemption_policy="PreemptLowerPriority" if priority.preempts else "Never",
                description=priority.description,
                opts=options,
            )
            for key, priority in self.context.cluster.priority_classes.items()
        ]

    def _admission(self, name: str, options: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        args = AdmissionArgs(context=self.context)
        return [policies(name, args, options) for policies in (ManagedObjects, SideDoors, PodDefaults)]

    def _network_floor(self, options: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        if warning := network_floor.warning(self.context.cluster):
            pulumi.log.warn(warning, self)
        policy = network_floor.policy(self.context.cluster)
        if policy is None:
            return []
        return [ClusterPolicy(names.FLOOR, ClusterPolicyArgs(context=self.context, policy=policy), options)]

    def _credentials_namespace(self, options: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        if CredentialKind.TOKEN not in self.context.cluster.credentials.kinds:
            return []
        name = names.CREDENTIALS_NAMESPACE
        restricted = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace = k8s.core.v1.Namespace(
            name, metadata=meta(self.context, name, extra_labels=restricted), opts=options
        )
        quota = k8s.core.v1.ResourceQuota(
            name,
            metadata=meta(self.context, names.NO_PODS, namespace=name),
            spec=k8s.core.v1.ResourceQuotaSpecArgs(hard={"pods": "0"}),
            opts=child_options(self, inside=namespace),
        )
        return [namespace, quota]
