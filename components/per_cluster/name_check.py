"""The names in the cluster that the program is about to use, and that must be nobody else's."""

from collections.abc import Sequence

from components.context import Context
from components.dynamic import NameCheckArgs, ObjectId
from components.metadata import STACK
from model import PolicyApi, Tenant, names


def name_check_args(context: Context, tenants: Sequence[Tenant]) -> NameCheckArgs:
    """What `NameCheck` looks up before a preview or an update takes over somebody else's object."""
    objects = [*_cluster(context), *(each for tenant in tenants for each in _tenant(context, tenant))]
    return NameCheckArgs(
        objects=tuple(objects),
        owner_label=(STACK, context.stack),
        taken_over=tuple(
            ("v1", "Namespace", tenant.main_namespace) for tenant in tenants if tenant.adopt.namespace
        ),
        protected=tuple(
            ("v1", "Namespace", namespace)
            for tenant in tenants
            if context.cluster.protects(tenant.state)
            for namespace in tenant.namespace_names
        ),
        kubeconfig=context.connection.kubeconfig,
        context=context.connection.context,
    )


def _cluster(context: Context) -> list[ObjectId]:
    roles = [
        ("rbac.authorization.k8s.io/v1", "ClusterRole", names.cluster_role(role)) for role in names.ROLES
    ]
    priorities = [
        ("scheduling.k8s.io/v1", "PriorityClass", name) for name in context.cluster.priority_classes
    ]
    name = context.cluster.name
    admission = [
        ("Validating", names.managed_objects(name)),
        ("Validating", names.side_doors(name)),
        ("Mutating", names.pod_defaults(name)),
    ]
    policies = [
        ("admissionregistration.k8s.io/v1", f"{effect}AdmissionPolicy{part}", policy)
        for effect, policy in admission
        for part in ("", "Binding")
    ]
    return [
        *roles,
        *priorities,
        *policies,
        ("v1", "Namespace", names.CREDENTIALS_NAMESPACE),
        *_floor(context, names.FLOOR),
    ]


def _tenant(context: Context, tenant: Tenant) -> list[ObjectId]:
    volumes = [
        ("v1", "PersistentVolume", names.shared_volume(space, folder))
        for space in tenant.namespace_names
        for folder in tenant.shared_folders
    ]
    return [
        *(("v1", "Namespace", space) for space in tenant.namespace_names),
        *volumes,
        *_floor(context, names.isolation(tenant.name)),
    ]


def _floor(context: Context, name: str) -> list[ObjectId]:
    network = context.cluster.network
    if network.calico is not None:
        return [(network.calico.api_version, "GlobalNetworkPolicy", network.calico.stored_name(name))]
    if network.policy_api is PolicyApi.CLUSTER_NETWORK_POLICY:
        return [("policy.networking.k8s.io/v1alpha2", network.policy_api, name)]
    if network.policy_api is PolicyApi.ADMIN_NETWORK_POLICY:
        baseline = ("BaselineAdminNetworkPolicy", "default")
        kind, stored = baseline if name == names.FLOOR else (network.policy_api, name)
        return [("policy.networking.k8s.io/v1alpha1", kind, stored)]
    return []
