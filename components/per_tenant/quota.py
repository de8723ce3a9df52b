"""The Quota room: ResourceQuotas and the LimitRange of one namespace."""

from decimal import Decimal

import pulumi
import pulumi_kubernetes as k8s

import model
from components.context import Context, child_options
from components.metadata import meta
from components.per_tenant.namespace import TenantNamespace
from model import Cluster, PriorityGrant, State, Tenant, quantity
from model.namespaces import SHARED_CLAIM_SIZE


class TenantQuota(pulumi.ComponentResource):
    """What one namespace of a tenant may use.

    Everything that Kubernetes leaves unlimited when unsaid is said: an accelerator, storage class or
    PriorityClass that the tenant was not granted gets an explicit 0.
    """

    def __init__(
        self,
        context: Context,
        tenant: Tenant,
        space: model.Namespace,
        namespace: TenantNamespace,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tenancy:tenant:Quota", space.name, None, opts)
        options = child_options(self, inside=namespace.namespace, depends_on=[namespace.namespace])
        quotas = hard_limits(context.cluster, tenant, space)
        made: list[pulumi.Resource] = []
        for key, hard in quotas.items():
            order = pulumi.ResourceOptions(
                # The first counts the others, so it has to admit a further one before that is made.
                depends_on=made[:1],
                # Where one takes another name, old and new together would be one too many.
                delete_before_replace=True,
            )
            quota = k8s.core.v1.ResourceQuota(
                f"{space.name}-{key}",
                metadata=meta(context, _object_name(tenant, space, key), tenant=tenant, namespace=space.name),
                spec=k8s.core.v1.ResourceQuotaSpecArgs(hard=hard, scope_selector=_scope(key)),
                opts=pulumi.ResourceOptions.merge(
                    options, pulumi.ResourceOptions.merge(order, _adoption(tenant, space, key))
                ),
            )
            made.append(quota)
        k8s.core.v1.LimitRange(
            f"{space.name}-limits",
            metadata=meta(context, "limits", tenant=tenant, namespace=space.name),
            spec=k8s.core.v1.LimitRangeSpecArgs(limits=_limits(tenant)),
            opts=options,
        )
        self.register_outputs({"quotas": sorted(quotas)})


_PRIORITY = "priority-"
_SYSTEM = "system-priorities"
_SYSTEM_CLASSES = ("system-cluster-critical", "system-node-critical")
"""In every cluster, open to every namespace, and above all others: a pod of theirs evicts anybody's."""


def hard_limits(cluster: Cluster, tenant: Tenant, space: model.Namespace) -> dict[str, dict[str, str]]:
    """The `hard` map of each ResourceQuota of a namespace by the quota's key, the one that counts first."""
    quotas = {
        "compute": _compute(space),
        "accelerators": accelerators(cluster, space.accelerators),
        "storage": _storage(cluster, tenant, space),
        **{
            f"{_PRIORITY}{name}": _priority(cluster, space.priorities.get(name))
            for name in cluster.priority_classes
        },
        _SYSTEM: {"pods": "0"},
    }
    if tenant.state is not State.ACTIVE:
        quotas["frozen"] = {"pods": "0", "count/jobs.batch": "0", "count/cronjobs.batch": "0"}
    quotas = {key: hard for key, hard in quotas.items() if hard}
    # The quotas that the program makes are counted too, beside this one.
    return {"objects": _objects(tenant, space, own_quotas=len(quotas) + 1), **quotas}


def accelerators(cluster: Cluster, granted: dict[str, int]) -> dict[str, str]:
    """Quota keys of the whole catalogue; catalogue entries with one resource name share one line.

    Extended resources are limited by `requests.` only: the API server ignores other prefixes without a
    word (kubernetes.io/docs/concepts/policy/resource-quotas). A DeviceClass is limited both as a claim and
    as the extended resource that the scheduler makes of it.
    """
    totals: dict[str, int] = {}
    for key, accelerator in cluster.accelerators.items():
        count = granted.get(key, 0)
        if accelerator.resource is not None:
            lines = [f"requests.{accelerator.resource}"]
        else:
            lines = [
                f"{accelerator.device_class}.deviceclass.resource.k8s.io/devices",
                f"requests.deviceclass.resource.kubernetes.io/{accelerator.device_class}",
            ]
        for line in lines:
            totals[line] = totals.get(line, 0) + count
    return {line: quantity.canonical(str(count)) for line, count in totals.items()}


def _compute(space: model.Namespace) -> dict[str, str]:
    amounts = {
        "cpu": space.quota.cpu,
        "memory": space.quota.memory,
        "ephemeral-storage": space.quota.ephemeral_storage,
    }
    return {f"{side}.{name}": amount for side in ("requests", "limits") for name, amount in amounts.items()}


def _storage(cluster: Cluster, tenant: Tenant, space: model.Namespace) -> dict[str, str]:
    granted = {name: space.quota.storage.get(name, "0") for name in cluster.storage_classes}
    by_class = {
        f"{name}.storageclass.storage.k8s.io/requests.storage": size for name, size in granted.items()
    }
    none = {
        f"{name}.storageclass.storage.k8s.io/persistentvolumeclaims": "0"
        for name, size in granted.items()
        if size == "0"
    }
    # The claims of shared folders count in the total: they come on top of what was granted.
    folders = [SHARED_CLAIM_SIZE for _ in tenant.shared_folders]
    total = sum((quantity.parse(size) for size in [*granted.values(), *folders]), Decimal(0))
    return {"requests.storage": quantity.render(total, binary=True), **by_class, **none}


def _objects(tenant: Tenant, space: model.Namespace, *, own_quotas: int) -> dict[str, str]:
    objects = space.quota.objects
    counts = {
        "pods": objects.pods,
        "services": objects.services,
        "services.nodeports": objects.node_ports,
        "services.loadbalancers": objects.load_balancers,
        "replicationcontrollers": objects.replication_controllers,
        "resourcequotas": objects.resource_quotas + own_quotas,
        "secrets": objects.secrets,
        # kube-root-ca.crt is in every namespace.
        "configmaps": objects.config_maps + 1,
        "persistentvolumeclaims": objects.persistent_volume_claims + len(tenant.shared_folders),
        "count/jobs.batch": objects.jobs,
        "count/cronjobs.batch": objects.cron_jobs,
        "count/deployments.apps": objects.deployments,
        "count/resourceclaims.resource.k8s.io": objects.resource_claims,
    }
    return {**{key: quantity.canonical(str(count)) for key, count in counts.items()}, **space.quota.other}


def _priority(cluster: Cluster, grant: PriorityGrant | None) -> dict[str, str]:
    if grant is None:
        return {"pods": "0"}
    limits = {"pods": quantity.canonical(str(grant.pods))}
    if grant.cpu is not None:
        limits["requests.cpu"] = grant.cpu
    if grant.memory is not None:
        limits["requests.memory"] = grant.memory
    return {**limits, **accelerators(cluster, grant.accelerators)}


def _scope(key: str) -> k8s.core.v1.ScopeSelectorArgs | None:
    if key != _SYSTEM and not key.startswith(_PRIORITY):
        return None
    classes = _SYSTEM_CLASSES if key == _SYSTEM else (key.removeprefix(_PRIORITY),)
    requirement = k8s.core.v1.ScopedResourceSelectorRequirementArgs(
        scope_name="PriorityClass", operator="In", values=list(classes)
    )
    return k8s.core.v1.ScopeSelectorArgs(match_expressions=[requirement])


def _limits(tenant: Tenant) -> list[k8s.core.v1.LimitRangeItemArgs]:
    limits = tenant.limits
    # A default without an equal defaultRequest would let a pod ask for less than it is limited to; neither
    # list names an accelerator, because a LimitRange maximum would put one into every pod.
    default = {
        "cpu": limits.default_cpu,
        "memory": limits.default_memory,
        "ephemeral-storage": limits.default_ephemeral_storage,
    }
    # Where a tenant may claim nothing, the claims of its shared folders still have to pass.
    folder = SHARED_CLAIM_SIZE if tenant.shared_folders else "0"
    max_claim = max(limits.max_claim, folder, key=quantity.parse)
    return [
        k8s.core.v1.LimitRangeItemArgs(
            type="Container",
            default=default,
            default_request=default,
            max={"cpu": limits.max_cpu, "memory": limits.max_memory},
        ),
        k8s.core.v1.LimitRangeItemArgs(type="PersistentVolumeClaim", max={"storage": max_claim}),
    ]


def _object_name(tenant: Tenant, space: model.Namespace, key: str) -> str:
    return tenant.adopt.quotas.get(key, key) if space.key is None else key


def _adoption(tenant: Tenant, space: model.Namespace, key: str) -> pulumi.ResourceOptions:
    if space.key is not None or key not in tenant.adopt.quotas:
        return pulumi.ResourceOptions()
    name = f"{space.name}/{tenant.adopt.quotas[key]}"
    return pulumi.ResourceOptions(import_=name, ignore_changes=["metadata", "spec"])
