"""Which kinds an API server serves, and under which paths: asked once, and again when a kind is not known."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from kube.errors import ApiError, UnknownKind
from kube.transport import Transport
from kube.types import JsonObject

_AGGREGATED_DISCOVERY = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)


@dataclass(frozen=True)
class ApiResource:
    """A kind as the API server serves it. `plural` is its name in paths."""

    api_version: str
    kind: str
    plural: str
    namespaced: bool
    verbs: frozenset[str] = field(default=frozenset(), repr=False)
    subresources: frozenset[str] = field(default=frozenset(), repr=False)

    @property
    def group(self) -> str:
        """The API group; empty for the core group."""
        return self.api_version.rpartition("/")[0]


class Discovery:
    """The kinds of one API server. Thread-safe."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, str], ApiResource] | None = None

    def resource(self, api_version: str, kind: str) -> ApiResource:
        """Find a kind; ask the server again, once, when it is not known yet."""
        key = (api_version, kind)
        known = self._kinds
        if known is not None and key in known:
            return known[key]
        with self._lock:
            if self._kinds is None or self._kinds is known:
                self._kinds = self._discover()
            found = self._kinds.get(key)
        if found is None:
            raise UnknownKind(api_version, kind)
        return found

    def resources(self) -> list[ApiResource]:
        """List every kind that the server serves."""
        with self._lock:
            if self._kinds is None:
                self._kinds = self._discover()
            return list(self._kinds.values())

    def forget(self) -> None:
        """Ask the server for its kinds anew when next needed (a CRD came or went)."""
        with self._lock:
            self._kinds = None

    def _discover(self) -> dict[tuple[str, str], ApiResource]:
        kinds: dict[tuple[str, str], ApiResource] = {}
        for root in ("/api", "/apis"):
            answer = self._transport.request("GET", root, accept=_AGGREGATED_DISCOVERY)
            if answer.get("kind") == "APIGroupDiscoveryList":
                found = _read_aggregated(answer)
            else:
                found = self._read_plain(answer)
            for resource in found:
                kinds.setdefault((resource.api_version, resource.kind), resource)
        return kinds

    def _read_plain(self, answer: JsonObject) -> Iterator[ApiResource]:
        if answer.get("kind") == "APIVersions":
            paths = {str(version): f"/api/{version}" for version in answer["versions"]}
        else:
            versions = [v["groupVersion"] for group in answer["groups"] for v in group["versions"]]
            paths = {str(version): f"/apis/{version}" for version in versions}
        for api_version, path in paths.items():
            try:
                listed = self._transport.request("GET", path)
            except ApiError as error:
                if error.code in (404, 503):  # an aggregated API whose server is away: the others still count
                    continue
                raise
            yield from _read_resource_list(api_version, listed)


def _read_aggregated(answer: JsonObject) -> Iterator[ApiResource]:
    for group in _objects(answer, "items"):
        metadata: JsonObject = group.get("metadata") or {}
        name: str = metadata.get("name") or ""
        for version in _objects(group, "versions"):
            api_version: str = f"{name}/{version['version']}" if name else version["version"]
            for resource in _objects(version, "resources"):
                response_kind: JsonObject = resource.get("responseKind") or {}
                if not response_kind.get("kind"):
                    continue
                yield ApiResource(
                    api_version,
                    response_kind["kind"],
                    resource["resource"],
                    resource.get("scope") == "Namespaced",
                    frozenset(cast("list[str]", resource.get("verbs") or [])),
                    frozenset(str(sub["subresource"]) for sub in _objects(resource, "subresources")),
                )


def _read_resource_list(api_version: str, listed: JsonObject) -> Iterator[ApiResource]:
    resources = _objects(listed, "resources")
    for resource in resources:
        name: str = resource["name"]
        if "/" in name:
            continue
        yield ApiResource(
            api_version,
            resource["kind"],
            name,
            bool(resource["namespaced"]),
            frozenset(cast("list[str]", resource.get("verbs") or [])),
            frozenset(str(r["name"]).split("/", 1)[1] for r in resources if r["name"].startswith(f"{name}/")),
        )


def _objects(holder: JsonObject, key: str) -> list[JsonObject]:
    return holder.get(key) or []
