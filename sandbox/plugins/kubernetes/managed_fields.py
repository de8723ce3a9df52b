"""Who owns which field of an object (metadata.managedFields), as far as server-side apply needs to know."""

from collections.abc import Iterable
from typing import Any, cast

from kube.types import JsonObject

# Managers whose fields an update takes over (await/await.go, fixCSAFieldManagers): kubectl's, and those that
# the provider itself uses where it does not apply server-side, such as on create.
CLIENT_SIDE_MANAGER = "pulumi-kubernetes"
_TAKEN_OVER = (
    ("kubectl", "Apply"),
    ("kubectl", "Update"),
    ("before-first-apply", "Update"),
    ("pulumi-kubernetes", "Update"),
    ("pulumi-resource-kubernetes", "Update"),
)


def entries(obj: JsonObject) -> list[JsonObject]:
    """List the entries of managedFields."""
    metadata: JsonObject = obj.get("metadata") or {}
    return metadata.get("managedFields") or []


def created_client_side(obj: JsonObject) -> bool:
    """Tell whether this provider owns fields by a create or an update that was no server-side apply."""
    ours = (CLIENT_SIDE_MANAGER, "pulumi-resource-kubernetes")
    return any(
        entry.get("operation") == "Update" and str(entry.get("manager")).startswith(ours)
        for entry in entries(obj)
    )


def takeover(obj: JsonObject, manager: str) -> list[JsonObject] | None:
    """Make the JSON patch by which `manager` takes over what was written client-side; None when nothing was.

    An apply then neither conflicts with those fields nor leaves behind one that was dropped from the inputs.
    """
    kept: list[JsonObject] = []
    taken: list[JsonObject] = []
    for entry in entries(obj):
        (taken if _is_ours(entry, manager) else kept).append(entry)
    if all(entry["operation"] == "Apply" and entry["manager"] == manager for entry in taken):
        return None
    fields: JsonObject = {}
    for entry in taken:
        _union(fields, entry.get("fieldsV1") or {})
    merged = {**taken[0], "manager": manager, "operation": "Apply", "fieldsV1": fields}
    version = obj["metadata"]["resourceVersion"]
    return [
        {"op": "replace", "path": "/metadata/managedFields", "value": [*kept, merged]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ]


def _is_ours(entry: JsonObject, manager: str) -> bool:
    name, operation = str(entry.get("manager")), entry.get("operation")
    if entry.get("subresource"):
        return False
    if (name, operation) == (manager, "Apply"):
        return True
    return any(name.startswith(prefix) and operation == wanted for prefix, wanted in _TAKEN_OVER)


def _union(target: JsonObject, source: JsonObject) -> None:
    for key, value in source.items():
        if isinstance(value, dict):
            nested = target.setdefault(key, {})
            _union(nested, cast("JsonObject", value))


def owned(obj: JsonObject, path: Iterable[Any], manager: str) -> tuple[bool, bool]:
    """Tell whether `manager`, and whether somebody else, owns the field at `path` or something below it."""
    ours = theirs = False
    steps = [f"f:{step}" for step in path]
    for entry in entries(obj):
        fields: Any = entry.get("fieldsV1")
        for step in steps:
            fields = cast("JsonObject", fields).get(step) if isinstance(fields, dict) else None
        if fields is not None:
            if entry.get("manager") == manager:
                ours = True
            else:
                theirs = True
    return ours, theirs
