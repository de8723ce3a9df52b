"""ResourceQuotas and the LimitRange of one namespace."""

from collections.abc import Sequence
from decimal import Decimal

import pulumi
import pulumi_kubernetes as k8s

import model
from components.context import child_options
from components.metadata import meta
from components.per_tenant.namespace import ContentArgs
from model import Cluster, PriorityGrant, State, Tenant, names, quantity
from model.namespaces import SHARED_CLAIM_SIZE


class TenantQuota(pulumi.ComponentResource):
    """What one namespace of a tenant may use.

    Everything that Kubernetes leaves unlimited when unsaid is said: an accelerator, storage class or
    PriorityClass that the tenant was not granted gets an explicit 0.
    """

    def __init__(self, name: str, args: ContentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.QUOTA, name, None, opts)
        quotas = hard_limits(args.context.cluster, args.tenant, args.namespace.described)
        made: list[pulumi.Resource] = []
        for key, hard in quotas.items():
            # The first counts the others, so it has to admit a further one before that is made.
            made.append(self._quota(args, key, hard, after=made[:1]))
        self._limit_range(args)
        self.register_outputs({"quotas": sorted(quotas)})

    def _quota(
        self, args: ContentArgs, key: str, hard: dict[str, str], *, after: Sequence[pulumi.Resource]
    ) -> pulumi.Resource:
        tenant, described = args.tenant, args.namespace.described
        adopted = tenant.adopt.quotas.get(key) if described.key is None else None
        return k8s.core.v1.ResourceQuota(
            names.logical(described.name, key),
            metadata=meta(args.context, adopted or key, tenant=tenant, namespace=described.name),
            spec=k8s.core.v1.ResourceQuotaSpecArgs(hard=hard, scope_selector=_scope(key)),
            opts=child_options(
                self,
                inside=args.namespace.resource,
                depends_on=after,
                former_name=names.former_logical(described.name, key),
                options=pulumi.ResourceOptions(
                    # Where one takes another name, old and new together would be one too many.
                    delete_before_replace=True,
                    import_=f"{described.name}/{adopted}" if adopted else None,
                    ignore_changes=["metadata", "spec"] if adopted else None,
                ),
            ),
        )

    def _limit_range(self, args: ContentArgs) -> None:
        namespace = args.namespace.described.name
        k8s.core.v1.LimitRange(
            names.logical(namespace, names.LIMITS),
            metadata=meta(args.context, names.LIMITS, tenant=args.tenant, namespace=namespace),
            spec=k8s.core.v1.LimitRangeSpecArgs(limits=_limits(args.tenant)),
            opts=child_options(
                self,
                inside=args.namespace.resource,
                former_name=names.former_logical(namespace, names.LIMITS),
            ),
        )


_SYSTEM_CLASSES = ("system-cluster-critical", "system-node-critical")
"""In every cluster, open to every namespace, and above all others: a pod of theirs evicts anybody's."""


def hard_limits(cluster: Cluster, tenant: Tenant, namespace: model.Namespace) -> dict[str, dict[str, str]]:
    """The `hard` map of each ResourceQuota of a namespace by the quota's key, the one that counts first."""
    quotas = {
        "compute": _compute(namespace),
        "accelerators": accelerators(cluster, namespace.accelerators),
        "storage": _storage(cluster, tenant, namespace),
        **{
            names.priority_quota(name): _priority(cluster, namespace.priorities.get(name))
            for name in cluster.priority_classes
        },
        names.SYSTEM_PRIORITIES: {"pods": "0"},
    }
    if tenant.state is not State.ACTIVE:
        quotas[names.FROZEN] = {"pods": "0", "count/jobs.batch": "0", "count/cronjobs.batch": "0"}
    quotas = {key: hard for key, hard in quotas.items() if hard}
    # The quotas that the program makes are counted too, beside this one.
    return {"objects": _objects(tenant, namespace, own_quotas=len(quotas) + 1), **quotas}


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


def _compute(namespace: model.Namespace) -> dict[str, str]:
    amounts = {
        "cpu": namespace.quota.cpu,
        "memory": namespace.quota.memory,
        "ephemeral-storage": namespace.quota.ephemeral_storage,
    }
    return {f"{side}.{name}": amount for side in ("requests", "limits") for name, amount in amounts.items()}


def _storage(cluster: Cluster, tenant: Tenant, namespace: model.Namespace) -> dict[str, str]:
    granted = {name: namespace.quota.storage.get(name, "0") for name in cluster.storage_classes}
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


def _objects(tenant: Tenant, namespace: model.Namespace, *, own_quotas: int) -> dict[str, str]:
    objects = namespace.quota.objects
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
    return {**{key: quantity.canonical(str(count)) for key, count in counts.items()}, **namespace.quota.other}


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
    if key != names.SYSTEM_PRIORITIES and not key.startswith(names.PRIORITY):
        return None
    classes = _SYSTEM_CLASSES if key == names.SYSTEM_PRIORITIES else (key.removeprefix(names.PRIORITY),)
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
