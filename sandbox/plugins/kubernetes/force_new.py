"""Fields that cannot be changed in place (provider/diff.go)."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from sandbox.plugins.kubernetes.objects import group_of, text

Path: TypeAlias = tuple[str | int, ...]

_VOLUME_SOURCES = (
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
)
_POD_FIELDS = (
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
)
_CONTAINER_FIELDS = (
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
)
# The official table also lists fields below `.spec.selector`; a change of one touches the selector itself.


def _spec(*fields: str) -> tuple[Path, ...]:
    return tuple(("spec", field) for field in fields)


_POD: Final = _spec(*_POD_FIELDS) + tuple(
    ("spec", containers, "*", field)
    for containers in ("containers", "initContainers")
    for field in _CONTAINER_FIELDS
)
_STATEFUL_SET: Final = _spec(
    "podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates"
)
_FIELDS: Final[Mapping[tuple[str, str], tuple[Path, ...]]] = {
    ("apps/v1beta1", "StatefulSet"): _STATEFUL_SET,
    **{
        (f"apps/{version}", kind): fields
        for version in ("v1beta2", "v1")
        for kind, fields in (
            ("DaemonSet", _spec("selector")),
            ("Deployment", _spec("selector")),
            ("StatefulSet", _STATEFUL_SET),
        )
    },
    ("v1", "PersistentVolume"): _spec(*_VOLUME_SOURCES),
    ("v1", "PersistentVolumeClaim"): _spec("accessModes", "selector", "storageClassName", "volumeName"),
    ("v1", "Pod"): _POD,
    ("v1", "ResourceQuota"): _spec("scopes"),
    ("v1", "Secret"): (("type",),),
    ("v1", "Service"): _spec("clusterIP"),
    ("policy/v1beta1", "PodDisruptionBudget"): (("spec",),),
    **{
        (f"rbac.authorization.k8s.io/{version}", kind): (("roleRef",),)
        for version in ("v1alpha1", "v1beta1", "v1")
        for kind in ("ClusterRoleBinding", "RoleBinding")
    },
    ("storage.k8s.io/v1", "StorageClass"): (("parameters",), ("provisioner",)),
    **{
        (f"batch/{version}", "Job"): _spec("completions", "parallelism", "selector", "template")
        for version in ("v1beta1", "v1", "v2alpha1")
    },
}
_CONTENT: Final[Mapping[str, tuple[Path, ...]]] = {
    "Secret": (("type",), ("stringData",), ("data",)),
    "ConfigMap": (("binaryData",), ("data",)),
}


def force_new_paths(obj: Mapping[str, Any], mutable_kinds: Iterable[str]) -> tuple[Path, ...]:
    """List the paths that force a new object of this kind, "*" for each element of a list.

    `mutable_kinds` are those of Secret and ConfigMap whose content may change in place; never when the object
    says `immutable: true`.
    """
    identity: tuple[Path, ...] = (("metadata", "name"), ("metadata", "namespace"))
    api_version, kind = text(obj, "apiVersion"), text(obj, "kind")
    content = _CONTENT.get(kind) if group_of(api_version) == "" else None
    if content and (kind not in mutable_kinds or obj.get("immutable") is True):
        return identity + content
    return identity + _FIELDS.get((api_version, kind), ())
