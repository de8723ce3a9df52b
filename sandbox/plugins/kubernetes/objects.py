"""Questions about Kubernetes objects: names, annotations, kinds, and the shape of inputs."""

import hashlib
import secrets
from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

from kube.types import JsonObject
from sandbox.plugins.kubernetes.values import UNKNOWN

AUTONAMED = "pulumi.com/autonamed"
DELETION_PROPAGATION = "pulumi.com/deletionPropagationPolicy"
PATCH_FIELD_MANAGER = "pulumi.com/patchFieldManager"
PATCH_FORCE = "pulumi.com/patchForce"
REPLACE_UNREADY = "pulumi.com/replaceUnready"
SKIP_AWAIT = "pulumi.com/skipAwait"
TIMEOUT_SECONDS = "pulumi.com/timeoutSeconds"
MANAGED_BY = "app.kubernetes.io/managed-by"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# Groups with types of their own in the SDK (kinds/kinds.go, KnownGroupVersions).
KNOWN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "auditregistration.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "settings.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
# Kinds of those groups that have no namespace (kinds/kinds.go, IsNamespaced), for when no server can tell.
CLUSTER_KINDS = frozenset(
    {
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ComponentStatus",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IPAddress",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersion",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
# metav1.ObjectMeta fields that only the server writes (provider/provider.go, normalizeInputs).
READ_ONLY_METADATA = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)


def type_of_urn(urn: str) -> str:
    """Take the type token from a URN: `urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::")[2].rpartition("$")[2]


def name_of_urn(urn: str) -> str:
    """Take the resource's Pulumi name from a URN."""
    return urn.split("::", 3)[3]


def gvk_of_urn(urn: str) -> tuple[str, str]:
    """Read apiVersion and kind from a URN's type, `kubernetes:GROUP/VERSION:KIND` (gvkFromURN).

    Raises:
        ValueError: the type is none of this package, or names no group and version.
    """
    token = type_of_urn(urn)
    package, _, rest = token.partition(":")
    if package != "kubernetes":
        raise ValueError(f'unrecognized resource type: "{token}" for this provider')
    module, _, kind = rest.rpartition(":")
    group, slash, version = module.partition("/")
    if not slash or "/" in version:
        raise ValueError(f'apiVersion does not have both a group and a version: "{module}"')
    return (version if group == "core" else f"{group}/{version}"), kind


def is_patch(urn: str, kind: str) -> bool:
    """Tell whether a resource patches an object that something else made, such as NamespacePatch."""
    name = type_of_urn(urn).rpartition(":")[2]
    return name.endswith("Patch") and not kind.endswith("Patch")


def group_of(api_version: str) -> str:
    """Take the group from an apiVersion; the core group is empty."""
    return api_version.rpartition("/")[0]


def is_known(obj: Mapping[str, Any]) -> bool:
    """Tell whether the SDK has types for this object's apiVersion."""
    return group_of(text(obj, "apiVersion")) in KNOWN_GROUPS


def is_crd(obj: Mapping[str, Any]) -> bool:
    """Tell whether an object is a CustomResourceDefinition."""
    return obj.get("kind") == "CustomResourceDefinition" and group_of(text(obj, "apiVersion")) == (
        "apiextensions.k8s.io"
    )


def text(obj: Mapping[str, Any], *path: str) -> str:
    """Read a string below `path`; empty when it is missing, unknown or no string."""
    value = dig(obj, *path)
    return value if isinstance(value, str) else ""


def dig(obj: Any, *path: str) -> Any:
    """Read what is below `path`, or None."""
    for key in path:
        if not isinstance(obj, dict):
            return None
        obj = cast("JsonObject", obj).get(key)
    return obj


def set_namespace(obj: JsonObject, namespace: str) -> None:
    """Set or, with an empty one, remove metadata.namespace; nothing where metadata is not known yet."""
    metadata = obj.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        return
    if namespace:
        metadata["namespace"] = namespace
    else:
        cast("JsonObject", metadata).pop("namespace", None)


def annotation(obj: Mapping[str, Any], key: str) -> str:
    """Read an annotation; empty when it is missing."""
    return text(obj, "metadata", "annotations", key)


def is_annotated(obj: Mapping[str, Any], key: str) -> bool:
    """Tell whether an annotation says "true"."""
    return annotation(obj, key) == "true"


def _annotate(obj: JsonObject, key: str) -> None:
    # Nothing can be put into an object that is not known yet (metadata/annotations.go, SetAnnotation).
    metadata = obj.setdefault("metadata", {})
    if metadata is UNKNOWN:
        return
    annotations = metadata.setdefault("annotations", {})
    if annotations is not UNKNOWN:
        annotations[key] = "true"


def set_managed_by(obj: JsonObject) -> None:
    """Set the label that the official provider sets in client-side mode (metadata/labels.go)."""
    metadata = obj.setdefault("metadata", {})
    if metadata is UNKNOWN:
        return
    labels = metadata.setdefault("labels", {})
    if labels is not UNKNOWN:
        labels[MANAGED_BY] = "pulumi"


def object_id(obj: Mapping[str, Any]) -> str:
    """Name an object as the official provider does, `namespace/name` or `name` (provider/util.go, fqName)."""
    namespace, name = text(obj, "metadata", "namespace"), text(obj, "metadata", "name")
    return f"{namespace}/{name}" if namespace else name


def parse_id(resource_id: str) -> tuple[str, str]:
    """Split an id into namespace and name; the namespace may be empty (provider/util.go, parseFqName)."""
    parts = resource_id.split("/")
    return ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])


def unique_name(prefix: str, seed: bytes = b"") -> str:
    """Add eight hexadecimal digits, the same for the same seed (resource.NewUniqueName)."""
    if not seed:
        return prefix + secrets.token_hex(4)
    return prefix + hashlib.sha512(seed + prefix.encode()).hexdigest()[:8]


def assign_name(obj: JsonObject, urn: str, seed: bytes, proposed: str | None) -> None:
    """Name an object that the program left unnamed (metadata/naming.go, AssignNameIfAutonamable).

    `proposed` is the name that the stack's autonaming configuration asks for.
    """
    metadata = obj.get("metadata")
    if metadata is UNKNOWN or (
        isinstance(metadata, dict)
        and (cast("JsonObject", metadata).get("name") or cast("JsonObject", metadata).get("generateName"))
    ):
        return
    obj.setdefault("metadata", {})["name"] = proposed or unique_name(f"{name_of_urn(urn)}-", seed)
    _annotate(obj, AUTONAMED)


def adopt_name(obj: JsonObject, old: JsonObject) -> None:
    """Keep the generated name of an object that is still unnamed (AdoptOldAutonameIfUnnamed)."""
    metadata = obj.get("metadata")
    if metadata is UNKNOWN or dig(obj, "metadata", "name") is UNKNOWN:
        return
    if not text(obj, "metadata", "name") and is_annotated(old, AUTONAMED):
        obj.setdefault("metadata", {})["name"] = text(old, "metadata", "name")
        _annotate(obj, AUTONAMED)


def prune(live: Mapping[str, Any], shape: Mapping[str, Any]) -> JsonObject:
    """Keep of a live object only what the inputs have too (provider/util.go, pruneMap).

    Lists are cut to the inputs' length. This is why the official provider does not see additions.
    """
    result: JsonObject = {}
    for key, value in live.items():
        if key in shape:
            result[key] = _prune(value, shape[key])
    return result


def _prune(value: Any, shape: Any) -> Any:
    if isinstance(value, dict) and isinstance(shape, dict):
        return prune(cast("JsonObject", value), cast("JsonObject", shape))
    if isinstance(value, list) and isinstance(shape, list):
        return _prune_list(cast("list[Any]", value), cast("list[Any]", shape))
    return cast("Any", value)


def _prune_list(values: list[Any], shapes: list[Any]) -> list[Any]:
    if not values or not shapes:
        return []
    if type(values[0]) is not type(shapes[0]):
        return deepcopy(values)
    return [_prune(value, shape) for value, shape in zip(values, shapes, strict=False)]
