"""A small, typed, thread-safe client of the Kubernetes API: the verbs, for objects of any kind.

Our own, as none of the Python clients reads all of a kubeconfig as kubectl does (proxy-url, tls-server-name,
tokenFile, exec plugins that are asked again), keeps keys off the disk, obeys Retry-After, and offers
server-side apply with strict field validation and the server's warnings. kube.transport sends, kube.discovery
finds paths, kube.credentials authenticates; nothing here knows a kind by name.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from kube.config.read import ClusterAccess
from kube.discovery import ApiResource, Discovery
from kube.errors import ApiError
from kube.transport import READ_TIMEOUT, Transport, present
from kube.types import JsonBody, JsonObject

APPLY = "application/apply-patch+yaml"  # JSON is YAML
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

PAGE_SIZE = 500


@dataclass(frozen=True)
class WatchEvent:
    """One change: `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: JsonObject


class Client(Transport):
    """Talks to one API server. One instance may be shared by all threads.

    `connections` is how many threads will use it at once. `on_warning` gets the text of each Warning header.
    Timeouts are in seconds. Every method raises ApiError, Unreachable, UnknownKind (all KubeError) or
    KubeconfigError (a credential that cannot be had).
    """

    def __init__(
        self,
        access: ClusterAccess,
        *,
        connections: int = 32,
        read_timeout: float = READ_TIMEOUT,
        user_agent: str = "gpu-tenancy",
        on_warning: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__(
            access,
            connections=connections,
            read_timeout=read_timeout,
            user_agent=user_agent,
            on_warning=on_warning,
        )
        self._discovery = Discovery(self)

    def resource(self, api_version: str, kind: str) -> ApiResource:
        """Find a kind; ask the server again, once, when it is not known yet."""
        return self._discovery.resource(api_version, kind)

    def resources(self) -> list[ApiResource]:
        """List every kind that the server serves."""
        return self._discovery.resources()

    def forget_discovery(self) -> None:
        """Ask the server for its kinds anew when next needed (a CRD came or went)."""
        self._discovery.forget()

    def get(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        subresource: str | None = None,
    ) -> JsonObject:
        """Read one object."""
        return self.request("GET", self.path(api_version, kind, namespace, name, subresource))

    def list(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[JsonObject]:
        """Read all objects of a kind, page by page; of all namespaces when none is named.

        Each has its apiVersion and kind, which the API server leaves out of lists.
        """
        items: list[JsonObject] = []
        path = self.path(api_version, kind, namespace)
        query: dict[str, Any] = {
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "limit": PAGE_SIZE,
        }
        while True:
            page = self.request("GET", path, query=query)
            listed: list[JsonObject] = page.get("items") or []
            items += [{"apiVersion": api_version, "kind": kind, **item} for item in listed]
            metadata: JsonObject = page.get("metadata") or {}
            query["continue"] = metadata.get("continue")
            if not query["continue"]:
                return items

    def create(
        self,
        obj: JsonObject,
        *,
        namespace: str | None = None,
        field_manager: str | None = None,
        dry_run: bool = False,
        field_validation: str | None = None,
        subresource: str | None = None,
        name: str | None = None,
    ) -> JsonObject:
        """Create an object. `subresource` with `name` creates below an object (a token, an eviction)."""
        query = _write_query(field_manager, dry_run, field_validation)
        return self.request("POST", self._path_of(obj, namespace, name, subresource), query=query, body=obj)

    def update(
        self,
        obj: JsonObject,
        *,
        namespace: str | None = None,
        field_manager: str | None = None,
        dry_run: bool = False,
        subresource: str | None = None,
    ) -> JsonObject:
        """Replace an object, or one subresource of it."""
        path = self._path_of(obj, namespace, obj["metadata"]["name"], subresource)
        return self.request("PUT", path, query=_write_query(field_manager, dry_run, None), body=obj)

    def apply(
        self,
        obj: JsonObject,
        *,
        field_manager: str,
        namespace: str | None = None,
        force: bool = False,
        dry_run: bool = False,
        field_validation: str | None = None,
        subresource: str | None = None,
    ) -> JsonObject:
        """Server-side apply. `field_validation` is Ignore, Warn (the server's default) or Strict."""
        query = {**_write_query(field_manager, dry_run, field_validation), "force": str(force).lower()}
        path = self._path_of(obj, namespace, obj["metadata"]["name"], subresource)
        return self.request("PATCH", path, query=query, body=obj, content_type=APPLY, repeat=True)

    def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        body: JsonBody,
        *,
        namespace: str | None = None,
        content_type: str = MERGE_PATCH,
        field_manager: str | None = None,
        dry_run: bool = False,
        field_validation: str | None = None,
        subresource: str | None = None,
    ) -> JsonObject:
        """Patch an object."""
        path = self.path(api_version, kind, namespace, name, subresource)
        query = _write_query(field_manager, dry_run, field_validation)
        return self.request("PATCH", path, query=query, body=body, content_type=content_type)

    def delete(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str | None = None,
        *,
        propagation: str | None = None,
        grace_seconds: int | None = None,
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
    ) -> JsonObject:
        """Ask for an object's deletion, which may take longer than this call.

        `propagation` is Background, Foreground or Orphan; `uid` and `resource_version` are preconditions.
        """
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        options = {
            "propagationPolicy": propagation,
            "gracePeriodSeconds": grace_seconds,
            "preconditions": present(preconditions) or None,
            "dryRun": ["All"] if dry_run else None,
        }
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **present(options)}
        return self.request("DELETE", self.path(api_version, kind, namespace, name), body=body)

    def watch(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        *,
        name: str | None = None,
        resource_version: str | None = None,
        label_selector: str | None = None,
        field_selector: str | None = None,
        timeout: float = 60.0,
    ) -> Iterator[WatchEvent]:
        """Yield changes as they happen, for at most `timeout` seconds.

        Without `resource_version` it starts with an ADDED event for each object there is. Close the
        generator to stop sooner. Raises ApiError with code 410 when `resource_version` is too old.
        """
        if name is not None:
            field_selector = f"metadata.name={name}"
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "labelSelector": label_selector,
            "fieldSelector": field_selector,
            "timeoutSeconds": max(1, int(timeout)),
        }
        path = self.path(api_version, kind, namespace)
        with closing(self.lines(path, query=query, read_timeout=timeout + 5.0)) as lines:
            for line in lines:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiError.from_status(int(event["object"].get("code") or 500), event["object"])
                yield WatchEvent(event["type"], event["object"])

    def path(
        self,
        api_version: str,
        kind: str,
        namespace: str | None = None,
        name: str | None = None,
        subresource: str | None = None,
    ) -> str:
        """Build the path of an object, or of a kind's collection."""
        resource = self.resource(api_version, kind)
        parts = ["/apis" if resource.group else "/api", api_version]
        if resource.namespaced and namespace is None and name is not None:
            namespace = self.access.namespace
        if resource.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(resource.plural)
        if name is not None:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def _path_of(
        self, obj: JsonObject, namespace: str | None, name: str | None, subresource: str | None
    ) -> str:
        resource = self.resource(obj["apiVersion"], obj["kind"])
        if resource.namespaced:
            metadata: JsonObject = obj.get("metadata") or {}
            namespace = namespace or metadata.get("namespace") or self.access.namespace
        return self.path(resource.api_version, resource.kind, namespace, name, subresource)


def _write_query(
    field_manager: str | None, dry_run: bool, field_validation: str | None
) -> dict[str, str | None]:
    return {
        "fieldManager": field_manager,
        "dryRun": "All" if dry_run else None,
        "fieldValidation": field_validation,
    }
