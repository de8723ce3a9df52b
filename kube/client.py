"""A small, typed, thread-safe client of the Kubernetes API."""

import json
import ssl
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import (
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    URLSchemeUnknown,
)
from urllib3.exceptions import (
    TimeoutError as HTTPTimeoutError,
)

from kube.credentials import Credential, Credentials, tls_context
from kube.kubeconfig import ClusterAccess, KubeconfigError
from kube.types import JsonBody, JsonObject

APPLY = "application/apply-patch+yaml"  # JSON is YAML
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds; the API server ends ordinary requests after 60
PAGE_SIZE = 500
ATTEMPTS = 10  # of a request that the server asks to send again later, as in client-go
CONNECTION_ATTEMPTS = 3  # of a request that is safe to send twice and whose connection broke

_AGGREGATED_DISCOVERY = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)
_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class KubeError(Exception):
    """Anything that went wrong with the API server. Holds no credential."""


class Unreachable(KubeError):  # noqa: N818 - what it says of the server
    """The API server could not be reached, or did not answer in time."""

    def __init__(self, server: str, problem: str) -> None:
        super().__init__(f"{server} is unreachable: {problem}")
        self.server = server
        self.problem = problem


class UnknownKind(KubeError):  # noqa: N818 - as kubectl's NoMatch
    """The API server does not serve this apiVersion and kind."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(f'no matches for kind "{kind}" in version "{api_version}"')
        self.api_version = api_version
        self.kind = kind


class ApiError(KubeError):
    """A refusal by the API server: its Status, word for word (metav1.Status)."""

    def __init__(self, code: int, reason: str, message: str, details: JsonObject | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details: JsonObject = details or {}

    @property
    def causes(self) -> list[JsonObject]:
        """The fields it complains about: a list of {reason, message, field}."""
        return self.details.get("causes") or []


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


@dataclass(frozen=True)
class WatchEvent:
    """One change: `type` is ADDED, MODIFIED, DELETED or BOOKMARK."""

    type: str
    object: JsonObject


class Client:
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
        self.access = access
        self._connections = connections
        self._read_timeout = read_timeout
        self._user_agent = user_agent
        self._on_warning = on_warning
        self._credentials = Credentials(access)
        self._lock = threading.Lock()
        self._discovery_lock = threading.Lock()
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._pool_identity: tuple[str | None, str | None] | None = None
        self._kinds: dict[tuple[str, str], ApiResource] | None = None
        self._base = urlsplit(access.server).path.rstrip("/")

    # --- discovery ---

    def resource(self, api_version: str, kind: str) -> ApiResource:
        """Find a kind; ask the server again, once, when it is not known yet."""
        key = (api_version, kind)
        known = self._kinds
        if known is not None and key in known:
            return known[key]
        with self._discovery_lock:
            if self._kinds is None or self._kinds is known:
                self._kinds = self._discover()
            found = self._kinds.get(key)
        if found is None:
            raise UnknownKind(api_version, kind)
        return found

    def resources(self) -> list[ApiResource]:
        """List every kind that the server serves."""
        with self._discovery_lock:
            if self._kinds is None:
                self._kinds = self._discover()
            return list(self._kinds.values())

    def forget_discovery(self) -> None:
        """Ask the server for its kinds anew when next needed (a CRD came or went)."""
        with self._discovery_lock:
            self._kinds = None

    def _discover(self) -> dict[tuple[str, str], ApiResource]:
        kinds: dict[tuple[str, str], ApiResource] = {}
        for root in ("/api", "/apis"):
            answer = self.request("GET", root, accept=_AGGREGATED_DISCOVERY)
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
                listed = self.request("GET", path)
            except ApiError as error:
                if error.code in (404, 503):  # an aggregated API whose server is away: the others still count
                    continue
                raise
            yield from _read_resource_list(api_version, listed)

    # --- objects ---

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
            items += [{"apiVersion": api_version, "kind": kind, **item} for item in _objects(page, "items")]
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
            "preconditions": _present(preconditions) or None,
            "dryRun": ["All"] if dry_run else None,
        }
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **_present(options)}
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
        response = self._send("GET", path, query=query, stream=True, read_timeout=timeout + 5.0)
        try:
            for line in _lines(response):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise _api_error(int(event["object"].get("code") or 500), event["object"])
                yield WatchEvent(event["type"], event["object"])
        except (HTTPError, OSError, ssl.SSLError) as error:
            raise Unreachable(self.access.server, _problem(error)) from None
        finally:
            response.close()

    # --- requests ---

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

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: JsonBody | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        read_timeout: float | None = None,
        repeat: bool = False,
    ) -> JsonObject:
        """Send any request and read its JSON. None in `query` leaves a parameter out.

        `repeat` says that sending it twice does no harm, for a method where that is not the rule.
        """
        response = self._send(
            method,
            path,
            query=query,
            body=body,
            content_type=content_type,
            accept=accept,
            read_timeout=read_timeout,
            repeat=repeat,
        )
        return _json(response.data) or {}

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: JsonBody | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        read_timeout: float | None = None,
        stream: bool = False,
        repeat: bool = False,
    ) -> urllib3.BaseHTTPResponse:
        target = self._base + path
        if query and (present := _present(query)):
            target = f"{target}?{urlencode(present)}"
        headers = {"Accept": accept, "User-Agent": self._user_agent}
        payload = None
        if body is not None:
            headers["Content-Type"] = content_type
            payload = json.dumps(body, separators=(",", ":")).encode()
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=read_timeout or self._read_timeout)
        safe = repeat or method in _SAFE_TO_REPEAT
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            pool, credential = self._connection()
            if credential.token:
                headers["Authorization"] = f"Bearer {credential.token}"
            try:
                response = pool.urlopen(
                    method,
                    target,
                    body=payload,
                    headers=headers,
                    timeout=timeout,
                    retries=False,
                    redirect=False,
                    preload_content=not stream,
                )
            except (ProtocolError, ConnectionError) as error:
                if safe and attempt < CONNECTION_ATTEMPTS and not isinstance(error, ProxyError):
                    continue
                raise Unreachable(self.access.server, _problem(error)) from None
            except (HTTPError, OSError) as error:
                raise Unreachable(self.access.server, _problem(error)) from None
            self._report_warnings(response)
            if response.status < 300:
                return response
            data = response.data
            if response.status == 401 and not renewed and self._credentials.renew(credential):
                renewed = True
                continue
            pause = response.headers.get("Retry-After", "")
            if (response.status == 429 or response.status >= 500) and pause.isdigit() and attempt < ATTEMPTS:
                time.sleep(int(pause))
                continue
            raise _api_error(response.status, _json(data), data)

    def _connection(self) -> tuple[urllib3.HTTPConnectionPool, Credential]:
        credential = self._credentials.current()
        identity = (credential.certificate, credential.key)
        with self._lock:
            if self._pool is None or identity != self._pool_identity:
                self._pool = _make_pool(self.access, credential, self._connections)
                self._pool_identity = identity
            return self._pool, credential

    def _report_warnings(self, response: urllib3.BaseHTTPResponse) -> None:
        if self._on_warning is None or "Warning" not in response.headers:
            return
        for value in response.headers.getlist("Warning"):
            for text in _warning_texts(value):
                self._on_warning(text)

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None


def _make_pool(access: ClusterAccess, credential: Credential, connections: int) -> urllib3.HTTPConnectionPool:
    parts = urlsplit(access.server)
    if not parts.hostname:
        raise KubeconfigError(f"server: a URL with a host is wanted, not {access.server!r}")
    # A thread may hold a watch and send a request meanwhile, hence twice.
    options: dict[str, Any] = {"maxsize": connections * 2, "block": False}
    tls: dict[str, Any] = {}
    if parts.scheme == "https":
        tls = {"ssl_context": tls_context(access, credential)}
        if access.tls_server_name:
            tls |= {"server_hostname": access.tls_server_name}
        if access.insecure:
            tls |= {"cert_reqs": "CERT_NONE", "assert_hostname": False}
            # Whoever wrote insecure-skip-tls-verify has been told; not with each request again.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    proxy = _proxy(access)
    if proxy:
        proxy_parts = urlsplit(proxy)
        proxy_headers: dict[str, str] = {}
        if proxy_parts.username:
            login = f"{proxy_parts.username}:{proxy_parts.password or ''}"
            proxy_headers["proxy-authorization"] = "Basic " + b64encode(login.encode()).decode()
        bare = proxy_parts._replace(netloc=proxy_parts.netloc.rpartition("@")[2]).geturl()
        try:
            manager = urllib3.ProxyManager(bare, proxy_headers=proxy_headers, **options, **tls)
        except (URLSchemeUnknown, urllib3.exceptions.ProxySchemeUnknown):
            raise KubeconfigError("proxy-url: an http:// or https:// URL is wanted") from None
        return manager.connection_from_url(access.server)
    if parts.scheme == "https":
        return urllib3.HTTPSConnectionPool(parts.hostname, parts.port or 443, **options, **tls)
    return urllib3.HTTPConnectionPool(parts.hostname, parts.port or 80, **options)


def _proxy(access: ClusterAccess) -> str | None:
    """Tell the proxy to use: the kubeconfig's, else the environment's, none to this machine (as Go).

    A server without TLS is reached directly.
    """
    parts = urlsplit(access.server)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return None
    if access.proxy_url:
        return access.proxy_url
    if host == "localhost" or _is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


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


def _write_query(
    field_manager: str | None, dry_run: bool, field_validation: str | None
) -> dict[str, str | None]:
    return {
        "fieldManager": field_manager,
        "dryRun": "All" if dry_run else None,
        "fieldValidation": field_validation,
    }


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _json(data: bytes) -> JsonObject | None:
    try:
        parsed: object = json.loads(data)
    except ValueError:
        return None
    return cast("JsonObject", parsed) if isinstance(parsed, dict) else None


def _api_error(code: int, status: JsonObject | None, raw: bytes = b"") -> ApiError:
    if status is not None and status.get("kind") == "Status":
        message = str(status.get("message") or status.get("reason") or f"HTTP status {code}")
        return ApiError(
            int(status.get("code") or code), str(status.get("reason") or ""), message, status.get("details")
        )
    text = raw.decode("utf-8", "replace").strip()
    return ApiError(code, "", f"HTTP status {code}: {text[:500]}" if text else f"HTTP status {code}")


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def _problem(error: Exception) -> str:
    """Say what went wrong, without urllib3's object addresses and without any header."""
    if isinstance(error, HTTPTimeoutError) and not isinstance(error, NewConnectionError):
        return "no answer in time"
    if isinstance(error, ProxyError):
        return "the proxy refused or could not be reached"
    deepest: BaseException = error
    while below := deepest.__cause__ or deepest.__context__:
        deepest = below
    if isinstance(deepest, ssl.SSLCertVerificationError):
        return f"its certificate was refused: {deepest.verify_message}"
    if isinstance(deepest, OSError):
        return deepest.strerror or str(deepest)
    return str(deepest).rpartition(": ")[2]


def _warning_texts(header: str) -> Iterator[str]:
    """Take the texts out of a Warning header: `299 - "text"` (RFC 7234, 5.5), commas between several."""
    rest = header
    while (start := rest.find('"')) >= 0:
        end = start + 1
        while end < len(rest) and rest[end] != '"':
            end += 2 if rest[end] == "\\" else 1
        yield rest[start + 1 : end].replace('\\"', '"').replace("\\\\", "\\")
        rest = rest[end + 1 :]
