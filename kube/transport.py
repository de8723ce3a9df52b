"""Requests to one API server over HTTP: credentials, TLS, proxies, repeats, warnings."""

import json
import ssl
import threading
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, cast
from urllib.parse import urlencode, urlsplit

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

from kube.config.read import ClusterAccess
from kube.credentials import Credential, Credentials, tls_context
from kube.errors import ApiError, KubeconfigError, Unreachable
from kube.types import JsonBody, JsonObject

CONNECT_TIMEOUT = 10.0  # seconds
READ_TIMEOUT = 60.0  # seconds; the API server ends ordinary requests after 60
ATTEMPTS = 10  # of a request that the server asks to send again later, as in client-go
CONNECTION_ATTEMPTS = 3  # of a request that is safe to send twice and whose connection broke

_SAFE_TO_REPEAT = frozenset({"GET", "HEAD", "PUT", "DELETE"})


class Transport:
    """Sends requests to one API server. One instance may be shared by all threads.

    Every method raises ApiError, Unreachable or KubeconfigError (a credential that cannot be had).
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
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._pool_identity: tuple[str | None, str | None] | None = None
        self._base = urlsplit(access.server).path.rstrip("/")

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
        response = self.send(
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

    def send(
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
        """Send a request and give its answer, which with `stream` is still to be read and closed."""
        target = self._base + path
        if query and (given := present(query)):
            target = f"{target}?{urlencode(given)}"
        headers = {"Accept": accept, "User-Agent": self._user_agent}
        payload = None
        if body is not None:
            headers["Content-Type"] = content_type
            payload = json.dumps(body, separators=(",", ":")).encode()
        timeout = urllib3.Timeout(connect=CONNECT_TIMEOUT, read=read_timeout or self._read_timeout)
        safe = repeat or method in _SAFE_TO_REPEAT
        return self._deliver(_Call(method, target, payload, headers, timeout, stream, safe))

    def lines(
        self, path: str, *, query: Mapping[str, Any] | None = None, read_timeout: float | None = None
    ) -> Generator[bytes]:
        """Yield the lines of an answer as they come. Close the generator to stop sooner."""
        response = self.send("GET", path, query=query, stream=True, read_timeout=read_timeout)
        try:
            yield from _lines(response)
        except (HTTPError, OSError, ssl.SSLError) as error:
            raise Unreachable(self.access.server, _problem(error)) from None
        finally:
            response.close()

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            if self._pool is not None:
                self._pool.close()
                self._pool = None

    def _deliver(self, call: "_Call") -> urllib3.BaseHTTPResponse:
        renewed = False
        attempt = 0
        while True:
            attempt += 1
            pool, credential = self._connection()
            response = self._exchange(pool, credential, call, last=attempt >= CONNECTION_ATTEMPTS)
            if response is None:
                continue
            self._report_warnings(response)
            if response.status < 300:
                return response
            data = response.data
            if response.status == 401 and not renewed and self._credentials.renew(credential):
                renewed = True
                continue
            pause = _pause(response)
            if pause is None or attempt >= ATTEMPTS:
                raise ApiError.from_status(response.status, _json(data), data)
            time.sleep(pause)

    def _exchange(
        self, pool: urllib3.HTTPConnectionPool, credential: Credential, call: "_Call", *, last: bool
    ) -> urllib3.BaseHTTPResponse | None:
        """Send once; None where the connection broke and the request may be sent again."""
        bearer = {"Authorization": f"Bearer {credential.token}"} if credential.token else {}
        try:
            return pool.urlopen(
                call.method,
                call.target,
                body=call.payload,
                headers={**call.headers, **bearer},
                timeout=call.timeout,
                retries=False,
                redirect=False,
                preload_content=not call.stream,
            )
        except (HTTPError, OSError) as error:
            broke = isinstance(error, (ProtocolError, ConnectionError)) and not isinstance(error, ProxyError)
            if broke and call.safe_to_repeat and not last:
                return None
            raise Unreachable(self.access.server, _problem(error)) from None

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


@dataclass(frozen=True)
class _Call:
    method: str
    target: str
    payload: bytes | None
    headers: Mapping[str, str]
    timeout: urllib3.Timeout
    stream: bool
    safe_to_repeat: bool


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


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is None."""
    return {key: value for key, value in values.items() if value is not None}


def _lines(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    rest = b""
    for chunk in response.stream(None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
    if rest.strip():
        yield rest


def _pause(response: urllib3.BaseHTTPResponse) -> int | None:
    """The seconds after which the server asks to send the request again; None where it does not."""
    wanted = response.headers.get("Retry-After", "")
    again = response.status == 429 or response.status >= 500
    return int(wanted) if again and wanted.isdigit() else None


def _json(data: bytes) -> JsonObject | None:
    try:
        parsed: object = json.loads(data)
    except ValueError:
        return None
    return cast("JsonObject", parsed) if isinstance(parsed, dict) else None


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
