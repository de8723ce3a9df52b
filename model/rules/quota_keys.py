"""Keys of a ResourceQuota: which ones Kubernetes enforces, and which of those the program writes itself.

Source: `IsStandardQuotaResourceName` and `ValidateResourceQuotaResourceName` in Kubernetes' validation, and
the quota evaluators: any other name with a slash is stored and never counted.
"""

import re

from model import quantity
from model.cluster import Cluster
from model.problems import suggestion

_WRITTEN = {
    "cpu": "quota.cpu",
    "requests.cpu": "quota.cpu",
    "limits.cpu": "quota.cpu",
    "memory": "quota.memory",
    "requests.memory": "quota.memory",
    "limits.memory": "quota.memory",
    "ephemeral-storage": "quota.ephemeral_storage",
    "requests.ephemeral-storage": "quota.ephemeral_storage",
    "limits.ephemeral-storage": "quota.ephemeral_storage",
    "requests.storage": "quota.storage",
    "pods": "quota.objects.pods",
    "services": "quota.objects.services",
    "services.nodeports": "quota.objects.node_ports",
    "services.loadbalancers": "quota.objects.load_balancers",
    "replicationcontrollers": "quota.objects.replication_controllers",
    "resourcequotas": "quota.objects.resource_quotas",
    "secrets": "quota.objects.secrets",
    "configmaps": "quota.objects.config_maps",
    "persistentvolumeclaims": "quota.objects.persistent_volume_claims",
    "count/jobs.batch": "quota.objects.jobs",
    "count/cronjobs.batch": "quota.objects.cron_jobs",
    "count/deployments.apps": "quota.objects.deployments",
    "count/resourceclaims.resource.k8s.io": "quota.objects.resource_claims",
}
_STORAGE = re.compile(r"(?P<name>[^/]+)\.storageclass\.storage\.k8s\.io/(?P<what>.+)")
_DEVICES = re.compile(
    r"(?P<counted>[^/]+)\.deviceclass\.resource\.k8s\.io/devices"
    r"|requests\.deviceclass\.resource\.kubernetes\.io/(?P<requested>.+)"
)
_COUNT = re.compile(r"(?P<resource>[a-z][a-z0-9]*)(\.(?P<group>[a-z0-9]([-a-z0-9.]*[a-z0-9])?))?")
_EXTENDED = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_LONGEST_NAME = 63
_LONGEST_DOMAIN = 253
"""Parts of a qualified name, before and behind its slash."""

_OWN = frozenset(
    {
        "limitranges",
        "serviceaccounts",
        "networkpolicies.networking.k8s.io",
        "rolebindings.rbac.authorization.k8s.io",
    }
)
"""Objects that the program makes in a tenant's namespaces, and that no field of a tenant counts."""
_COUNTED: dict[str, tuple[str, ...]] = {
    "": ("endpoints", "limitranges", "podtemplates", "serviceaccounts"),
    "apps": ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "coordination.k8s.io": ("leases",),
    "discovery.k8s.io": ("endpointslices",),
    "events.k8s.io": (),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io": ("rolebindings", "roles"),
    "resource.k8s.io": ("resourceclaims", "resourceclaimtemplates"),
    "storage.k8s.io": ("csistoragecapacities",),
}
"""Resources of Kubernetes' own groups that are in namespaces and counted; events are never."""
_COUNTABLE = (
    *(
        f"count/{resource}.{group}" if group else f"count/{resource}"
        for group, resources in _COUNTED.items()
        for resource in resources
    ),
    *(f"count/{key}" for key, field in _WRITTEN.items() if "objects." in field and key.isalpha()),
)


def wrong(key: str, cluster: Cluster | None) -> str | None:
    """Why a key cannot stand in `quota.other`, with the right one; None where it can."""
    if key in _WRITTEN:
        return f"is written by the program itself; use {_WRITTEN[key]}"
    if told := _wrong_length(key):
        return told
    if key.startswith("count/"):
        return _wrong_count(key.removeprefix("count/"))
    if quantity.HUGE_PAGES.fullmatch(key):
        return None
    if match := _STORAGE.fullmatch(key):
        return _wrong_storage(match["name"], match["what"], cluster)
    if match := _DEVICES.fullmatch(key):
        return _wrong_accelerator(match["counted"] or match["requested"], cluster)
    if "/" in key:
        return _wrong_extended(key, cluster)
    if key in ("gpu", "gpus", "requests.gpu", "limits.gpu"):
        return "is not a resource; GPUs are granted with 'accelerators'"
    return f"is not a key of a ResourceQuota; {suggestion(key, _WRITTEN)}"


def wrong_amount(key: str, amount: str) -> str | None:
    """Why an amount cannot be meant for a key that may stand in `quota.other`; None where it can."""
    if not quantity.parse(amount) % quantity.step(key):
        return None
    pages = f" of pages of {key.rpartition('-')[2]}" if quantity.HUGE_PAGES.fullmatch(key) else ""
    return f"{amount!r} is not a whole number{pages}"


def _wrong_length(key: str) -> str | None:
    domain, _, name = key.rpartition("/")
    if len(name) > _LONGEST_NAME:
        return f"has a name of {len(name)} characters behind its '/'; {_LONGEST_NAME} are allowed"
    if len(domain) > _LONGEST_DOMAIN:
        return f"has a domain of {len(domain)} characters; {_LONGEST_DOMAIN} are allowed"
    return None


def _wrong_count(what: str) -> str | None:
    """Why `count/<what>` is of no use, or would be in the program's own way."""
    match = _COUNT.fullmatch(what)
    if match is None:
        return "counts nothing; write count/<resource>.<group>, such as count/leases.coordination.k8s.io"
    if what in _WRITTEN:
        return f"is counted by the program itself; use {_WRITTEN[what]}"
    if what in _OWN:
        return "would count what the program itself makes in every namespace, and refuse it; remove it"
    group = match["group"] or ""
    if group not in _COUNTED or match["resource"] in _COUNTED[group]:
        return None  # of a CustomResourceDefinition, or known
    if not group:
        grouped = [name for name in _COUNTABLE if name.startswith(f"count/{what}.")]
        if grouped:
            return f"counts nothing: {what} are of a group; {_instead(grouped[0])}"
    near = suggestion(f"count/{what}", _COUNTABLE)
    return f"counts nothing, for there is no such resource in a namespace; {near}"


def _instead(key: str) -> str:
    return f"use {_WRITTEN[key]}" if key in _WRITTEN else f"write {key}"


def _wrong_storage(name: str, what: str, cluster: Cluster | None) -> str | None:
    if what == "requests.storage":
        return f"is written by the program itself; use quota.storage.{name}"
    if what != "persistentvolumeclaims":
        return f"is ignored by Kubernetes; write {name}.storageclass.storage.k8s.io/persistentvolumeclaims"
    if cluster is not None and name not in cluster.storage_classes:
        return f"{name!r} is not a storage class; {suggestion(name, cluster.storage_classes)}"
    return None


def _wrong_accelerator(name: str, cluster: Cluster | None) -> str | None:
    """`name` is an extended resource without prefix, or a DeviceClass."""
    for key, entry in cluster.accelerators.items() if cluster else ():
        if name in (entry.resource, entry.device_class):
            return f"is written by the program itself; use accelerators.{key}"
    return None


def _wrong_extended(key: str, cluster: Cluster | None) -> str | None:
    prefix, name = "", key
    for candidate in ("requests.", "limits."):
        if key.startswith(candidate):
            prefix, name = candidate, key.removeprefix(candidate)
    if _EXTENDED.fullmatch(name) is None:
        return "is not a key of a ResourceQuota; write requests.<vendor>/<resource>"
    if name.rpartition("/")[0].endswith("kubernetes.io"):
        return "is ignored by Kubernetes: names of kubernetes.io are no extended resources; remove it"
    told = _wrong_accelerator(name, cluster)
    if prefix == "requests.":
        return told
    better = told.rpartition("; ")[2] if told else f"write requests.{name}"
    return f"is ignored by Kubernetes, which counts extended resources by requests only; {better}"
