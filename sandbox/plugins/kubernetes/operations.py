"""Create, read, update and delete one object on the API server (await/await.go)."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from kube import ApiError, Client, JsonObject, KubeError, UnknownKind
from kube.client import JSON_PATCH, MERGE_PATCH
from sandbox.plugins.kubernetes import waiting
from sandbox.plugins.kubernetes.diff import merge_patch, parse
from sandbox.plugins.kubernetes.managed_fields import created_client_side, owned, takeover
from sandbox.plugins.kubernetes.objects import (
    DELETION_PROPAGATION,
    PATCH_FORCE,
    annotation,
    is_annotated,
    is_crd,
    text,
    unique_name,
)
from sandbox.plugins.kubernetes.settings import Settings

RETRIES = 5  # of a create whose namespace or kind is not there yet; the pauses double from one second
IMMUTABLE = "field is immutable"  # apimachinery/pkg/api/validation, FieldImmutableErrorMsg
SERVER_SIDE_APPLY_GUIDE = (
    "https://www.pulumi.com/registry/packages/kubernetes/how-to-guides/"
    "managing-resources-with-server-side-apply/#handle-field-conflicts-on-existing-resources"
)


class PreviewError(Exception):
    """A preview for which the server lacks something that the update will make first."""


@dataclass(frozen=True)
class Context:
    """What every operation on one resource needs."""

    client: Client
    settings: Settings
    manager: str
    patch_resource: bool
    preview: bool
    timeout: float
    cancelled: threading.Event
    status: Callable[[str], None]


def create(context: Context, inputs: JsonObject) -> JsonObject:
    """Create an object and wait until it is ready; in a preview, ask the server what it would become.

    Raises:
        WaitError: it exists but is not ready.
        PreviewError, KubeError: it was not created.
    """
    written = _create_with_retries(context, inputs)
    if context.preview:
        return written
    return _settled(context, inputs, written)


def _create_with_retries(context: Context, inputs: JsonObject) -> JsonObject:
    attempt = 0
    while True:
        try:
            return _create_once(context, inputs)
        except (ApiError, UnknownKind) as error:
            missing = isinstance(error, UnknownKind) or error.reason == "NotFound"
            if isinstance(error, ApiError) and context.preview and _lacks_namespace(error):
                name = text(inputs, "metadata", "name")
                raise PreviewError(f'namespace does not exist for "{name}"') from None
            if not missing or attempt == RETRIES:
                raise
            context.status(f"Retry #{attempt}; creation failed: {error}")
            if context.cancelled.wait(2.0**attempt):
                raise
            attempt += 1


def _create_once(context: Context, inputs: JsonObject) -> JsonObject:
    client, dry_run = context.client, context.preview
    apply = context.settings.server_side_apply and (context.settings.upsert or context.patch_resource)
    if not apply:
        # Since 4.29 (pulumi-kubernetes#4278): what exists already is an error, not taken over.
        return client.create(inputs, field_manager=context.manager, dry_run=dry_run)
    try:
        return _apply(context, inputs, force=_force(context, inputs, None))
    except ApiError as error:
        if not (dry_run and error.reason == "Invalid" and IMMUTABLE in error.message):
            raise
    # A preview of a replacement: try it under another name.
    name = text(inputs, "metadata", "name")
    renamed = {**inputs, "metadata": {**inputs["metadata"], "name": unique_name(f"{name}-")}}
    return _apply(context, renamed, force=True)


def _lacks_namespace(error: ApiError) -> bool:
    return error.reason == "NotFound" and error.details.get("kind") == "namespaces"


def _apply(context: Context, obj: JsonObject, *, force: bool) -> JsonObject:
    try:
        return context.client.apply(
            obj,
            field_manager=context.manager,
            force=force,
            dry_run=context.preview,
            field_validation="Warn",
        )
    except ApiError as error:
        if error.reason != "Conflict":
            raise
        message = (
            f"Server-Side Apply field conflict detected. "
            f"See {SERVER_SIDE_APPLY_GUIDE} for troubleshooting help.\n"
            f'The resource managed by field manager "{context.manager}" '
            f"had an apply conflict: {error.message}"
        )
        raise ApiError(error.code, error.reason, message, error.details) from None


def _force(context: Context, inputs: JsonObject, live: JsonObject | None) -> bool:
    """Decide whether to take fields from other managers (await/await.go, patchForce)."""
    if is_annotated(inputs, PATCH_FORCE) or context.settings.patch_force:
        return True
    # A real update takes over client-side fields first; a preview cannot.
    return context.preview and (live is None or created_client_side(live))


def read(context: Context, api_version: str, kind: str, name: str, namespace: str) -> JsonObject:
    """Read an object.

    Raises:
        KubeError: it does not exist, or cannot be read.
    """
    return context.client.get(api_version, kind, name, namespace or None)


def update(
    context: Context, old_inputs: JsonObject, old_live: JsonObject, inputs: JsonObject, ignore: Sequence[str]
) -> JsonObject:
    """Change an object and wait until it is ready; in a preview, ask the server what it would become.

    Raises:
        WaitError: it was changed but is not ready.
        KubeError: it was not changed.
    """
    name, namespace = text(old_live, "metadata", "name"), text(inputs, "metadata", "namespace")
    live = context.client.get(text(inputs, "apiVersion"), text(inputs, "kind"), name, namespace or None)
    if is_crd(inputs):
        # As `kubectl replace`.
        version = live["metadata"]["resourceVersion"]
        replacement = {**inputs, "metadata": {**inputs["metadata"], "resourceVersion": version}}
        written = context.client.update(replacement, field_manager=context.manager, dry_run=context.preview)
    elif context.settings.server_side_apply:
        written = _update_by_apply(context, live, inputs, ignore)
    else:
        written = _update_by_patch(context, live, old_inputs, inputs, ignore)
    if context.preview:
        return written
    return _settled(context, inputs, written)


def _update_by_apply(
    context: Context, live: JsonObject, inputs: JsonObject, ignore: Sequence[str]
) -> JsonObject:
    if not context.preview and not context.patch_resource:
        patch = takeover(live, context.manager)
        if patch is not None:
            live = _patch(context, live, patch, JSON_PATCH)
    return _apply(
        context, without_ignored(inputs, live, ignore, context.manager), force=_force(context, inputs, live)
    )


def _patch(context: Context, live: JsonObject, patch: Any, content_type: str) -> JsonObject:
    return context.client.patch(
        text(live, "apiVersion"),
        text(live, "kind"),
        text(live, "metadata", "name"),
        patch,
        namespace=text(live, "metadata", "namespace") or None,
        content_type=content_type,
        field_manager=context.manager if content_type == MERGE_PATCH else None,
        dry_run=context.preview,
    )


def _update_by_patch(
    context: Context, live: JsonObject, old_inputs: JsonObject, inputs: JsonObject, ignore: Sequence[str]
) -> JsonObject:
    """Change as `kubectl apply` on the client does: what differs from live, and what the inputs dropped."""
    wanted = without_ignored(inputs, live, ignore, manager=None)
    changes = _without_deletions(merge_patch(live, wanted))
    return _patch(context, live, _merged(changes, _deletions(old_inputs, wanted)), MERGE_PATCH)


def _without_deletions(patch: JsonObject) -> JsonObject:
    return {
        key: _without_deletions(cast("JsonObject", value)) if isinstance(value, dict) else value
        for key, value in patch.items()
        if value is not None
    }


def _deletions(old: JsonObject, new: JsonObject) -> JsonObject:
    result: JsonObject = {}
    for key, value in old.items():
        if key not in new:
            result[key] = None
            continue
        below = new[key]
        if isinstance(value, dict) and isinstance(below, dict):
            result[key] = _deletions(cast("JsonObject", value), cast("JsonObject", below))
    return result


def _merged(left: JsonObject, right: JsonObject) -> JsonObject:
    result = dict(left)
    for key, value in right.items():
        below = result.get(key)
        if isinstance(value, dict) and isinstance(below, dict):
            result[key] = _merged(cast("JsonObject", below), cast("JsonObject", value))
        else:
            result[key] = value
    return result


def without_ignored(
    inputs: JsonObject, live: JsonObject, ignore: Sequence[str], manager: str | None
) -> JsonObject:
    """Follow `ignore_changes`: leave a field to another manager, or repeat its live value.

    As await/await.go, handleSSAIgnoreFields; without a manager as handleCSAIgnoreFields.
    """
    result = inputs
    for path in ignore:
        steps = parse(path)
        if not all(isinstance(step, str) for step in steps):
            continue  # the official provider does not follow paths through lists either
        keys = cast("tuple[str, ...]", steps)
        ours, theirs = owned(live, keys, manager) if manager else (True, False)
        if theirs and not ours:
            result = _with(result, keys, None)
        elif (value := _value_at(live, keys)) is not None:
            result = _with(result, keys, value)
    return result


def _value_at(obj: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        obj = cast("JsonObject", obj).get(key) if isinstance(obj, dict) else None
    return obj


def _with(obj: JsonObject, keys: tuple[str, ...], value: Any) -> JsonObject:
    """Copy an object with another value below `keys`; None removes it."""
    head, *rest = keys
    result = dict(obj)
    if rest:
        below = result.get(head)
        if isinstance(below, dict):
            result[head] = _with(cast("JsonObject", below), tuple(rest), value)
        elif value is not None:
            result[head] = _with({}, tuple(rest), value)
    elif value is None:
        result.pop(head, None)
    else:
        result[head] = value
    return result


def relinquish(context: Context, obj: JsonObject, manager: str) -> None:
    """Give up all fields that `manager` applied (ssa/actions.go, Relinquish)."""
    bare: JsonObject = {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": {}}
    for key in ("name", "namespace"):
        if text(obj, "metadata", key):
            bare["metadata"][key] = text(obj, "metadata", key)
    context.client.apply(bare, field_manager=manager)


def delete(context: Context, inputs: JsonObject, outputs: JsonObject, name: str) -> None:
    """Delete an object and wait until it is gone; one that is gone already is no error.

    Raises:
        WaitError: the deletion was accepted but did not finish.
        KubeError: it was not accepted.
    """
    if context.settings.server_side_apply and context.patch_resource:
        relinquish(context, outputs, context.manager)
        return
    propagation = {"orphan": "Orphan", "background": "Background"}.get(
        annotation(inputs, DELETION_PROPAGATION).lower(), "Foreground"
    )
    namespace = text(outputs, "metadata", "namespace")
    try:
        context.client.delete(
            text(outputs, "apiVersion"),
            text(outputs, "kind"),
            name,
            namespace or None,
            propagation=propagation,
        )
    except ApiError as error:
        if error.reason == "NotFound":
            return
        raise
    waiting.until_gone(context.client, inputs, outputs, context.timeout, context.cancelled)


def immutable_fields(context: Context, inputs: JsonObject) -> list[str]:
    """Ask the server, without changing anything, which of the changed fields it calls immutable.

    Gives their paths in the server's words; empty when it does not refuse the change for that.
    """
    try:
        live = context.client.get(
            text(inputs, "apiVersion"),
            text(inputs, "kind"),
            text(inputs, "metadata", "name"),
            text(inputs, "metadata", "namespace") or None,
        )
        context.client.apply(
            inputs, field_manager=context.manager, force=_force(context, inputs, live), dry_run=True
        )
    except ApiError as error:
        if error.reason != "Invalid":
            return []
        return [str(cause.get("field")) for cause in error.causes if IMMUTABLE in str(cause.get("message"))]
    except KubeError:
        return []
    return []


def _settled(context: Context, inputs: JsonObject, written: JsonObject) -> JsonObject:
    """Wait for an object that was written; it exists, so any failure now is a partial one."""
    try:
        return waiting.until_ready(context.client, inputs, written, context.timeout, context.cancelled)
    except KubeError as error:
        raise waiting.WaitError(str(error), written) from None
