"""Wait until an object is ready, or gone (await/await.go, await/awaiters.go).

Only kinds for which the official provider waits are here; everything else is ready once it exists.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from kube import ApiError, Client, JsonObject, WatchEvent
from sandbox.plugins.kubernetes.objects import (
    SKIP_AWAIT,
    TIMEOUT_SECONDS,
    annotation,
    dig,
    is_annotated,
    text,
)

DEFAULT_TIMEOUT = 600.0  # seconds, await/await.go
SLICE = 10.0  # seconds; a cancelled operation ends within so long

# Kinds whose deletion is not waited for with skipAwait (metadata/overrides.go, allowsSkipAwaitWithDelete).
SKIPS_AWAIT_OF_DELETION: Final = frozenset(
    {
        "Namespace",
        "Pod",
        "ReplicationController",
        "DaemonSet",
        "Deployment",
        "StatefulSet",
        "Job",
    }
)


class WaitError(Exception):
    """An object that exists but did not become ready, or did not go; `live` is what it last looked like."""

    def __init__(self, message: str, live: JsonObject, reasons: list[str] | None = None) -> None:
        super().__init__(message)
        self.live = live
        self.reasons = reasons or []


class FailedError(Exception):
    """An object that will not become ready any more."""


Missing: TypeAlias = Callable[[Client, JsonObject], list[str]]
"""Says what an object still lacks; an empty list means ready. Raises FailedError."""


@dataclass(frozen=True)
class Readiness:
    """What one kind waits for. `on_read` says whether a refresh reports what is missing, too."""

    missing: Missing
    timeout: float = DEFAULT_TIMEOUT
    on_read: bool = False


def _volume(_: Client, obj: JsonObject) -> list[str]:
    phase = text(obj, "status", "phase")
    return [] if phase in ("Available", "Bound") else [f"PersistentVolume is {phase or 'not seen yet'}"]


def _claim(client: Client, obj: JsonObject) -> list[str]:
    phase = text(obj, "status", "phase")
    late = phase == "Pending" and _binding_mode(client, obj) == "WaitForFirstConsumer"
    return [] if phase == "Bound" or late else [f"PersistentVolumeClaim is {phase or 'not seen yet'}"]


def _binding_mode(client: Client, claim: JsonObject) -> str:
    name = text(claim, "spec", "storageClassName")
    if not name:
        return ""
    try:
        return text(client.get("storage.k8s.io/v1", "StorageClass", name), "volumeBindingMode")
    except ApiError:
        return ""


def _quota(_: Client, obj: JsonObject) -> list[str]:
    hard, counted = dig(obj, "spec", "hard"), dig(obj, "status", "hard")
    return [] if hard == counted else ["ResourceQuota is not counted yet: status.hard differs from spec.hard"]


def _secret(_: Client, obj: JsonObject) -> list[str]:
    if obj.get("type") != "kubernetes.io/service-account-token" or obj.get("data"):
        return []
    return ["Secret has no token yet"]


def _pod(_: Client, obj: JsonObject) -> list[str]:
    phase = text(obj, "status", "phase")
    if phase == "Succeeded":
        return []
    conditions = _conditions(obj)
    if phase == "Running" and conditions.get("Ready", {}).get("status") == "True":
        return []
    return [
        _say(conditions, name)
        for name in ("PodScheduled", "Initialized", "Ready")
        if _lacks(conditions, name)
    ]


def _job(_: Client, obj: JsonObject) -> list[str]:
    conditions = _conditions(obj)
    if not _lacks(conditions, "Complete"):
        return []
    if not _lacks(conditions, "Failed"):
        raise FailedError(f"Job failed: {conditions['Failed'].get('message', '')}")
    return ["Job has not completed"]


def _deployment(_: Client, obj: JsonObject) -> list[str]:
    wanted = _replicas(obj)
    if _behind(obj):
        return ["Deployment is not seen by its controller yet"]
    conditions = _conditions(obj)
    if conditions.get("Progressing", {}).get("reason") == "ProgressDeadlineExceeded":
        return [_say(conditions, "Progressing")]
    updated, available = _count(obj, "updatedReplicas"), _count(obj, "availableReplicas")
    if updated == wanted and available == wanted and _count(obj, "replicas") == wanted:
        return []
    return [f"Deployment has {updated} updated and {available} available replicas of {wanted}"]


def _stateful_set(_: Client, obj: JsonObject) -> list[str]:
    wanted = _replicas(obj)
    if _behind(obj):
        return ["StatefulSet is not seen by its controller yet"]
    rolled = text(obj, "status", "currentRevision") == text(obj, "status", "updateRevision")
    ready = _count(obj, "readyReplicas")
    return [] if rolled and ready == wanted else [f"StatefulSet has {ready} ready replicas of {wanted}"]


def _daemon_set(_: Client, obj: JsonObject) -> list[str]:
    if _behind(obj):
        return ["DaemonSet is not seen by its controller yet"]
    wanted, updated = _count(obj, "desiredNumberScheduled"), _count(obj, "updatedNumberScheduled")
    available = _count(obj, "numberAvailable")
    if updated == wanted and available == wanted:
        return []
    return [f"DaemonSet has {updated} updated and {available} available pods of {wanted}"]


def _service(client: Client, obj: JsonObject) -> list[str]:
    missing: list[str] = []
    kind = text(obj, "spec", "type")
    if kind == "LoadBalancer" and not dig(obj, "status", "loadBalancer", "ingress"):
        missing.append("Service was not allocated an IP address; does your cloud provider support this?")
    if kind == "ExternalName" or text(obj, "spec", "clusterIP") == "None" or not dig(obj, "spec", "selector"):
        return missing
    slices = client.list(
        "discovery.k8s.io/v1",
        "EndpointSlice",
        text(obj, "metadata", "namespace"),
        label_selector=f"kubernetes.io/service-name={text(obj, 'metadata', 'name')}",
    )
    if not any(each.get("endpoints") for each in slices):
        missing.append(
            "Service does not target any Pods. Selected Pods may not be ready, or "
            "field '.spec.selector' may not match labels on any Pods"
        )
    return missing


def _conditions(obj: JsonObject) -> dict[str, JsonObject]:
    listed: list[JsonObject] = dig(obj, "status", "conditions") or []
    return {str(condition.get("type")): condition for condition in listed}


def _lacks(conditions: Mapping[str, JsonObject], name: str) -> bool:
    return conditions.get(name, {}).get("status") != "True"


def _say(conditions: Mapping[str, JsonObject], name: str) -> str:
    condition = conditions.get(name, {})
    details = ": ".join(str(condition[key]) for key in ("reason", "message") if condition.get(key))
    return f"{name} is not True" + (f": {details}" if details else "")


def _behind(obj: JsonObject) -> bool:
    generation = dig(obj, "metadata", "generation") or 0
    return bool((dig(obj, "status", "observedGeneration") or 0) < generation)


def _replicas(obj: JsonObject) -> int:
    wanted = dig(obj, "spec", "replicas")
    return 1 if wanted is None else int(wanted)


def _count(obj: JsonObject, field: str) -> int:
    return int(dig(obj, "status", field) or 0)


READINESS: Final[Mapping[tuple[str, str], Readiness]] = {
    ("v1", "PersistentVolume"): Readiness(_volume, 300),
    ("v1", "PersistentVolumeClaim"): Readiness(_claim, 300),
    ("v1", "ResourceQuota"): Readiness(_quota, 60),
    ("v1", "Secret"): Readiness(_secret, 5),
    ("v1", "Pod"): Readiness(_pod, on_read=True),
    ("v1", "Service"): Readiness(_service, on_read=True),
    ("batch/v1", "Job"): Readiness(_job, on_read=True),
    ("apps/v1", "DaemonSet"): Readiness(_daemon_set, on_read=True),
    ("apps/v1", "Deployment"): Readiness(_deployment, on_read=True),
    ("apps/v1", "StatefulSet"): Readiness(_stateful_set, on_read=True),
}


def timeout_of(custom: float, obj: JsonObject, default: float) -> float:
    """Choose seconds: the resource's custom timeout, its annotation, else the default (TimeoutDuration)."""
    if custom:
        return custom
    annotated = annotation(obj, TIMEOUT_SECONDS)
    return float(annotated) if annotated.isdigit() else default


def until_ready(
    client: Client, inputs: JsonObject, live: JsonObject, custom_timeout: float, cancelled: threading.Event
) -> JsonObject:
    """Wait for an object that was just written; give its latest state.

    Raises:
        WaitError: it did not become ready in time, will not any more, or the engine cancelled.
        KubeError: the server failed meanwhile.
    """
    rule = READINESS.get((text(live, "apiVersion"), text(live, "kind")))
    if rule is None or is_annotated(inputs, SKIP_AWAIT):
        return live
    deadline = time.monotonic() + timeout_of(custom_timeout, inputs, rule.timeout)
    name = text(live, "metadata", "name")
    current = live
    while True:
        missing = _what_is_missing(rule, client, current)
        if not missing:
            return current
        left = deadline - time.monotonic()
        if cancelled.is_set():
            raise WaitError(f'Resource operation was cancelled for "{name}"', current, missing)
        if left <= 0:
            raise WaitError(f"'{name}' timed out waiting to be Ready", current, missing)
        event = _next_change(client, current, min(left, SLICE))
        if event is not None and event.type == "DELETED":
            raise WaitError(f"'{name}' was deleted while waiting to be Ready", event.object)
        current = event.object if event is not None else _reread(client, current)


def _what_is_missing(rule: Readiness, client: Client, obj: JsonObject) -> list[str]:
    try:
        return rule.missing(client, obj)
    except FailedError as error:
        raise WaitError(
            f"Resource '{text(obj, 'metadata', 'name')}' was created but failed to initialize",
            obj,
            [str(error)],
        ) from None


def check_on_read(client: Client, inputs: JsonObject, live: JsonObject) -> None:
    """Complain of an object that is not ready, where a refresh is to show that.

    Raises:
        WaitError: it is not ready.
    """
    rule = READINESS.get((text(live, "apiVersion"), text(live, "kind")))
    if rule is None or not rule.on_read or is_annotated(inputs, SKIP_AWAIT):
        return
    if missing := _what_is_missing(rule, client, live):
        name = text(live, "metadata", "name")
        raise WaitError(f"Resource '{name}' was created but failed to initialize", live, missing)


def _identity(obj: JsonObject) -> tuple[str, str, str, str | None]:
    namespace = text(obj, "metadata", "namespace")
    return text(obj, "apiVersion"), text(obj, "kind"), text(obj, "metadata", "name"), namespace or None


def _reread(client: Client, obj: JsonObject) -> JsonObject:
    try:
        return client.get(*_identity(obj))
    except ApiError as error:
        if error.code == 404:
            name = text(obj, "metadata", "name")
            raise WaitError(f"'{name}' was deleted while waiting to be Ready", obj) from None
        raise


def _next_change(client: Client, obj: JsonObject, seconds: float) -> WatchEvent | None:
    """Wait for a change after `obj`; None when there was none or its version is too old to watch from."""
    api_version, kind, name, namespace = _identity(obj)
    events = client.watch(
        api_version,
        kind,
        namespace,
        name=name,
        resource_version=text(obj, "metadata", "resourceVersion"),
        timeout=seconds,
    )
    try:
        return next((event for event in events if event.type != "BOOKMARK"), None)
    except ApiError as error:
        if error.code == 410:
            return None
        raise
    finally:
        close: Any = getattr(events, "close", None)
        if close is not None:
            close()


def until_gone(
    client: Client, inputs: JsonObject, outputs: JsonObject, custom_timeout: float, cancelled: threading.Event
) -> None:
    """Wait until an object whose deletion was asked for does not exist any more.

    Raises:
        WaitError: it is still there when time is up, or the engine cancelled.
        KubeError: the server failed meanwhile.
    """
    if is_annotated(inputs, SKIP_AWAIT) and text(inputs, "kind") in SKIPS_AWAIT_OF_DELETION:
        return
    deadline = time.monotonic() + timeout_of(custom_timeout, inputs, DEFAULT_TIMEOUT)
    while True:
        try:
            current = client.get(*_identity(outputs))
        except ApiError as error:
            if error.code == 404:
                return
            raise
        if text(outputs, "metadata", "uid") not in ("", text(current, "metadata", "uid")):
            return  # somebody made a new object of the same name
        left = deadline - time.monotonic()
        if cancelled.is_set():
            raise WaitError(f'Resource operation was cancelled for "{_identity(outputs)[2]}"', current)
        if left <= 0:
            raise WaitError("timed out waiting for the condition", current, _blockers(current))
        event = _next_change(client, current, min(left, SLICE))
        if event is not None and event.type == "DELETED":
            return


def _blockers(obj: JsonObject) -> list[str]:
    """Say what may keep an object that was deleted (await/condition/deleted.go)."""
    finalizers: list[str] = dig(obj, "metadata", "finalizers") or dig(obj, "spec", "finalizers") or []
    reasons = [f"finalizers might be preventing deletion ({', '.join(finalizers)})"] if finalizers else []
    stuck = [c for c in _conditions(obj).values() if c.get("status") == "True" and c.get("message")]
    return reasons + [str(condition["message"]) for condition in stuck]
