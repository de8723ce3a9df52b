"""What stands once per cluster, before any tenant."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as k8s

from components.admission import ManagedObjects, PodDefaults, SideDoors
from components.claims import claims
from components.context import Context, child
from components.floor import calico, upstream
from components.metadata import meta
from components.roles import CLUSTER_ROLES
from model import CredentialKind, Tenant, names


class Cluster(pulumi.ComponentResource):
    """ClusterRoles, PriorityClasses, admission of the program's own objects, and the network floor."""

    ready: list[pulumi.Resource]
    """What a tenant waits for."""

    def __init__(
        self,
        name: str,
        context: Context,
        tenants: Sequence[Tenant],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Takes `tenants`: those whose names must not be somebody else's in the cluster."""
        super().__init__("tenancy:cluster:Cluster", name, None, opts)
        cluster = context.cluster
        free = claims(name, context, tenants, child(self))
        options = child(self, depends_on=[free])
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
        floor = self._network_floor(context, options)
        accounts = self._credentials_namespace(context, options)
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

    def _network_floor(self, context: Context, options: pulumi.ResourceOptions) -> list[pulumi.Resource]:
        network = context.cluster.network
        if network.calico is not None:
            return [calico.floor(context, network.calico, options)]
        if network.policy_api is not None:
            if network.load_balancer_subnets:
                pulumi.log.warn(
                    f"Half a network floor: {network.policy_api} cannot judge what comes in from outside the "
                    "cluster, so only NetworkPolicies hold load balancers to the declared ports. A tenant's "
                    "admin can open the tenant's other ports to them, and a namespace made by hand is open.",
                    self,
                )
            return [upstream.floor(context, network.policy_api, options)]
        pulumi.log.warn(
            "No network floor: this cluster names neither network.calico nor network.policy_api, so only the "
            "tenants' own NetworkPolicies keep them apart. A namespace made by hand has none, and a tenant's "
            "admin can open the tenant's own namespaces to everyone.",
            self,
        )
        return []

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
            opts=child(self, inside=namespace, depends_on=[namespace]),
        )
        return [namespace, quota]
