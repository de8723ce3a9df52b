"""Keys of a ResourceQuota: which ones Kubernetes enforces, and which of those the program writes itself.

Source: `IsStandardQuotaResourceName` and `ValidateResourceQuotaResourceName` in Kubernetes' validation, and
the quota evaluators: any other name with a slash is stored and never counted.
"""

import re

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
_COUNT = re.compile(r"count/[a-z][a-z0-9]*(\.[a-z0-9]([-a-z0-9.]*[a-z0-9])?)?")
_HUGE_PAGES = re.compile(r"(?:requests\.)?hugepages-[1-9][0-9]*(?:Ki|Mi|Gi)")
_EXTENDED = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")


def wrong(key: str, cluster: Cluster | None) -> str | None:
    """Why a key cannot stand in `quota.other`, with the right one; None where it can."""
    if key in _WRITTEN:
        return f"is written by the program itself; use {_WRITTEN[key]}"
    if _HUGE_PAGES.fullmatch(key) or _COUNT.fullmatch(key):
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
    told = _wrong_accelerator(name, cluster)
    if prefix == "requests.":
        return told
    better = told.rpartition("; ")[2] if told else f"write requests.{name}"
    return f"is ignored by Kubernetes, which counts extended resources by requests only; {better}"
