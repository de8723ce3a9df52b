"""The client against a server of a few lines that answers as it is told."""

import json
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from kube import (
    ApiError,
    Client,
    ClusterAccess,
    ExecPlugin,
    JsonObject,
    KubeconfigError,
    UnknownKind,
    Unreachable,
)
from kube.client import JSON_PATCH
from kube.credentials import Credential, Credentials, run_exec_plugin, tls_context


@dataclass
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


@dataclass
class Answer:
    body: Any = field(default_factory=dict[str, Any])
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    drop: bool = False


DISCOVERY = {
    "/api": Answer(
        {
            "kind": "APIGroupDiscoveryList",
            "items": [
                {
                    "metadata": {},
                    "versions": [
                        {
                            "version": "v1",
                            "resources": [
                                {
                                    "resource": "configmaps",
                                    "responseKind": {"kind": "ConfigMap"},
                                    "scope": "Namespaced",
                                    "verbs": ["get"],
                                },
                                {
                                    "resource": "namespaces",
                                    "responseKind": {"kind": "Namespace"},
                                    "scope": "Cluster",
                                    "subresources": [{"subresource": "finalize"}],
                                },
                            ],
                        }
                    ],
                }
            ],
        }
    ),
    "/apis": Answer({"kind": "APIGroupDiscoveryList", "items": []}),
}


@dataclass
class Server:
    url: str
    requests: list[Request] = field(default_factory=list[Request])
    answers: list[Answer] = field(default_factory=list[Answer])
    fixed: dict[str, Answer] = field(default_factory=lambda: dict(DISCOVERY))

    def next(self, request: Request) -> Answer:
        if request.path in self.fixed:
            return self.fixed[request.path]
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else Answer()

    def client(self, **options: Any) -> Client:
        access = {key: options.pop(key) for key in ("token", "exec_plugin", "token_file") if key in options}
        return Client(ClusterAccess(self.url, **access), **options)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            answer = state.next(
                Request(self.command, parts.path, parse_qs(parts.query), dict(self.headers), body)
            )
            if answer.drop:
                self.close_connection = True
                return
            data = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for key, value in {"Content-Length": str(len(data)), **answer.headers}.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_CONNECT = answer  # noqa: N815

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(f"http://127.0.0.1:{http.server_port}")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    http.shutdown()
    http.server_close()
    thread.join()


def refusal(code: int, reason: str, message: str, **details: object) -> Answer:
    status = {"kind": "Status", "code": code, "reason": reason, "message": message, "details": details}
    return Answer(status, code)


def test_paths(server: Server) -> None:
    client = server.client()
    assert client.path("v1", "ConfigMap") == "/api/v1/configmaps"
    assert client.path("v1", "ConfigMap", "n") == "/api/v1/namespaces/n/configmaps"
    assert client.path("v1", "ConfigMap", "n", "a/b") == "/api/v1/namespaces/n/configmaps/a%2Fb"
    assert client.path("v1", "ConfigMap", None, "a") == "/api/v1/namespaces/default/configmaps/a"
    assert client.path("v1", "Namespace", "n", "a", "finalize") == "/api/v1/namespaces/a/finalize"
    assert client.resource("v1", "Namespace").subresources == {"finalize"}


def test_plain_discovery_where_the_server_is_old(server: Server) -> None:
    server.fixed = {
        "/api": Answer({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis": Answer(
            {
                "kind": "APIGroupList",
                "groups": [
                    {"versions": [{"groupVersion": "apps/v1"}]},
                    {"versions": [{"groupVersion": "metrics.k8s.io/v1beta1"}]},
                ],
            }
        ),
        "/api/v1": Answer({"resources": [{"name": "pods", "kind": "Pod", "namespaced": True, "verbs": []}]}),
        "/apis/apps/v1": Answer(
            {
                "resources": [
                    {"name": "deployments", "kind": "Deployment", "namespaced": True},
                    {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
                ]
            }
        ),
        "/apis/metrics.k8s.io/v1beta1": Answer(b"service unavailable", 503),
    }
    client = server.client()
    assert client.path("apps/v1", "Deployment", "n") == "/apis/apps/v1/namespaces/n/deployments"
    assert client.resource("apps/v1", "Deployment").subresources == {"scale"}
    assert len(client.resources()) == 2


def test_discovery_is_asked_again_for_an_unknown_kind_only(server: Server) -> None:
    client = server.client()
    client.resource("v1", "ConfigMap")
    server.fixed = {}
    client.resource("v1", "ConfigMap")
    assert server.requests == []
    server.answers = [Answer(DISCOVERY["/api"].body), Answer(DISCOVERY["/apis"].body)]
    with pytest.raises(UnknownKind, match=r'no matches for kind "Gadget" in version "example.com/v1"'):
        client.resource("example.com/v1", "Gadget")
    assert [request.path for request in server.requests] == ["/api", "/apis"]


def test_requests(server: Server) -> None:
    client = server.client(token="secret-token")
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}
    client.create(obj, field_manager="m", dry_run=True, field_validation="Strict")
    client.apply(obj, field_manager="m", force=True)
    client.patch("v1", "ConfigMap", "a", [{"op": "test"}], namespace="n", content_type=JSON_PATCH)
    client.update(obj)
    client.delete("v1", "ConfigMap", "a", "n", propagation="Foreground", grace_seconds=0, uid="u")
    create, apply, patch, update, delete = server.requests
    assert (create.method, create.path) == ("POST", "/api/v1/namespaces/n/configmaps")
    assert create.query == {"fieldManager": ["m"], "dryRun": ["All"], "fieldValidation": ["Strict"]}
    assert create.headers["Authorization"] == "Bearer secret-token"
    assert (apply.method, apply.path) == ("PATCH", "/api/v1/namespaces/n/configmaps/a")
    assert apply.headers["Content-Type"] == "application/apply-patch+yaml"
    assert apply.query == {"fieldManager": ["m"], "force": ["true"]}
    assert apply.body == obj
    assert patch.headers["Content-Type"] == JSON_PATCH
    assert update.method == "PUT"
    assert delete.body == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Foreground",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
    }


def test_lists_come_page_by_page(server: Server) -> None:
    item = {"metadata": {"name": "a"}}
    server.answers = [Answer({"items": [item], "metadata": {"continue": "next"}}), Answer({"items": [item]})]
    listed = server.client().list("v1", "ConfigMap", label_selector="a=b")
    assert listed == [{"apiVersion": "v1", "kind": "ConfigMap", **item}] * 2
    first, second = server.requests
    assert first.query == {"labelSelector": ["a=b"], "limit": ["500"]}
    assert second.query["continue"] == ["next"]


def test_a_refusal_is_word_for_word(server: Server) -> None:
    server.answers = [refusal(409, "AlreadyExists", 'configmaps "a" already exists', causes=[{"field": "x"}])]
    with pytest.raises(ApiError, match=r'^configmaps "a" already exists$') as error:
        server.client().get("v1", "ConfigMap", "a")
    assert (error.value.code, error.value.reason) == (409, "AlreadyExists")
    assert error.value.causes == [{"field": "x"}]


def test_an_answer_that_is_no_status(server: Server) -> None:
    server.answers = [Answer(b"<html>bad gateway</html>", 502)]
    with pytest.raises(ApiError, match="HTTP status 502: <html>bad gateway"):
        server.client().get("v1", "ConfigMap", "a")


def test_a_server_that_is_busy_is_asked_again(server: Server) -> None:
    busy = Answer({}, 429, {"Retry-After": "0"})
    server.answers = [busy, busy, Answer({"ok": True})]
    assert server.client().get("v1", "ConfigMap", "a") == {"ok": True}


def test_a_server_that_stays_busy_is_an_error(server: Server) -> None:
    server.answers = [refusal(429, "TooManyRequests", "too many") for _ in range(20)]
    for answer in server.answers:
        answer.headers["Retry-After"] = "0"
    with pytest.raises(ApiError, match="too many"):
        server.client().get("v1", "ConfigMap", "a")
    assert len(server.requests) == 10


def test_a_broken_connection_is_tried_again_where_that_does_no_harm(server: Server) -> None:
    client = server.client()
    client.resources()
    server.answers = [Answer(drop=True), Answer({"ok": True})]
    assert client.get("v1", "ConfigMap", "a") == {"ok": True}
    obj = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}
    server.answers = [Answer(drop=True), Answer({"ok": True})]
    assert client.apply(obj, field_manager="m") == {"ok": True}
    server.answers = [Answer(drop=True)]
    with pytest.raises(Unreachable):
        client.create(obj)


def test_nobody_there() -> None:
    with pytest.raises(Unreachable, match=r"^https://127\.0\.0\.1:9 is unreachable: Connection refused$"):
        Client(ClusterAccess("https://127.0.0.1:9", token="hunter2")).resources()


def test_no_answer_in_time(server: Server) -> None:
    release = threading.Event()

    def wait(request: Request) -> Answer:
        release.wait(30)
        return Answer()

    server.next = wait
    with pytest.raises(Unreachable, match="no answer in time"):
        server.client(read_timeout=0.2).request("GET", "/version")
    release.set()


def test_warnings_are_handed_on(server: Server) -> None:
    heard: list[str] = []
    server.answers = [Answer({}, headers={"Warning": '299 - "unknown field \\"spec.x\\"", 299 - "second"'})]
    server.client(on_warning=heard.append).get("v1", "ConfigMap", "a")
    assert heard == ['unknown field "spec.x"', "second"]


def event(kind: str, obj: JsonObject) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode() + b"\n"


def test_watch(server: Server) -> None:
    server.answers = [Answer(event("ADDED", {"a": 1}) + event("DELETED", {"a": 2}))]
    events = list(server.client().watch("v1", "ConfigMap", "n", name="a", resource_version="5", timeout=3))
    assert [(e.type, e.object) for e in events] == [("ADDED", {"a": 1}), ("DELETED", {"a": 2})]
    assert server.requests[0].query == {
        "watch": ["true"],
        "resourceVersion": ["5"],
        "fieldSelector": ["metadata.name=a"],
        "timeoutSeconds": ["3"],
    }


def test_a_watch_from_too_long_ago(server: Server) -> None:
    gone = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
    server.answers = [Answer(event("ERROR", gone))]
    with pytest.raises(ApiError, match="too old") as error:
        list(server.client().watch("v1", "ConfigMap"))
    assert error.value.code == 410


def plugin(folder: Path, body: str, **options: Any) -> ExecPlugin:
    script = folder / "login.py"
    script.write_text(f"import json, os, sys\nVERSION = 'client.authentication.k8s.io/v1'\n{body}")
    return ExecPlugin(
        sys.executable,
        "client.authentication.k8s.io/v1",
        args=(str(script), *options.pop("args", ())),
        **options,
    )


PRINT = "print(json.dumps({'apiVersion': VERSION, 'kind': 'ExecCredential', 'status': STATUS}))"


def test_an_exec_plugin_is_asked_once_and_again_when_refused(server: Server, tmp_path: Path) -> None:
    body = f"""
count = len(os.listdir('{tmp_path}'))
open(os.path.join('{tmp_path}', 'run%d' % count), 'w').close()
STATUS = {{'token': 'token-%d' % count}}
{PRINT}
"""
    client = server.client(exec_plugin=plugin(tmp_path, body))
    client.resources()
    client.get("v1", "ConfigMap", "a")
    server.answers = [refusal(401, "Unauthorized", "Unauthorized"), Answer()]
    client.get("v1", "ConfigMap", "a")
    tokens = [request.headers["Authorization"] for request in server.requests]
    assert tokens == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_an_expired_credential_is_renewed(tmp_path: Path) -> None:
    body = f"""
open(os.path.join('{tmp_path}', 'run%d' % len(os.listdir('{tmp_path}'))), 'w').close()
STATUS = {{'token': 't', 'expirationTimestamp': '2000-01-01T00:00:00Z'}}
{PRINT}
"""
    credentials = Credentials(ClusterAccess("https://a", exec_plugin=plugin(tmp_path, body)))
    credentials.current()
    credentials.current()
    assert len(list(tmp_path.glob("run*"))) == 2


def test_an_exec_plugin_is_told_what_it_needs(tmp_path: Path) -> None:
    body = f"""
info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])
assert info['spec']['cluster']['server'] == 'https://a'
STATUS = {{'token': sys.argv[1] + os.environ['SUFFIX']}}
{PRINT}
"""
    asked = plugin(tmp_path, body, args=("x",), env=(("SUFFIX", "y"),), provide_cluster_info=True)
    assert run_exec_plugin(asked, ClusterAccess("https://a")) == Credential(token="xy")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("sys.exit(3)", "exit code 3"),
        ("print('hunter2')", "an ExecCredential with a status is wanted"),
        (f"STATUS = {{}}\n{PRINT}", "neither a token nor a certificate"),
        (f"VERSION = 'v1'\nSTATUS = {{'token': 'hunter2'}}\n{PRINT}", "answered with apiVersion 'v1'"),
    ],
)
def test_a_failing_exec_plugin_is_named(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message) as error:
        run_exec_plugin(plugin(tmp_path, body), ClusterAccess("https://a"))
    assert "hunter2" not in str(error.value)


def test_a_missing_exec_plugin_comes_with_its_hint() -> None:
    missing = ExecPlugin("/not/there", "client.authentication.k8s.io/v1", install_hint="Install it from X.")
    with pytest.raises(KubeconfigError, match=r"No such file or directory\nInstall it from X\."):
        run_exec_plugin(missing, ClusterAccess("https://a"))


def test_a_token_file_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.write_text("one\n")
    credentials = Credentials(ClusterAccess("https://a", token_file=path))
    assert credentials.current().token == "one"
    path.write_text("two\n")
    assert credentials.current().token == "one"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    assert credentials.current().token == "two"


def test_a_credential_shows_nothing() -> None:
    assert "hunter2" not in repr(Credential("hunter2", "hunter2", "hunter2"))


def key_pair() -> tuple[str, str]:
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "ann")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(hours=1))
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return builder.sign(key, hashes.SHA256()).public_bytes(pem).decode(), private.decode()


def without_memory_files(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.delattr("os.memfd_create")
    monkeypatch.setattr("tempfile.tempdir", str(folder))


@pytest.mark.parametrize("memory", [True, False])
def test_keys_stay_nowhere_on_disk(memory: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not memory:
        without_memory_files(monkeypatch, tmp_path)
    certificate, key = key_pair()
    seen: list[tuple[int, int]] = []
    load: Callable[..., None] = ssl.SSLContext.load_cert_chain

    def watched(self: ssl.SSLContext, path: str, *args: Any, **options: Any) -> None:
        file = Path(path)
        seen.append((file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777))
        load(self, path, *args, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", watched)
    tls_context(ClusterAccess("https://a"), Credential(certificate=certificate, key=key))
    if not memory:
        assert seen == [(0o600, 0o700)]
    assert list(tmp_path.iterdir()) == []


def test_a_bad_key_is_said_without_it() -> None:
    certificate, _ = key_pair()
    with pytest.raises(KubeconfigError, match="unencrypted key") as error:
        tls_context(ClusterAccess("https://a"), Credential(certificate=certificate, key="hunter2"))
    assert "hunter2" not in str(error.value)
    with pytest.raises(KubeconfigError, match="certificate-authority"):
        tls_context(ClusterAccess("https://a", ca="nonsense"), Credential())


def test_verification_is_off_only_on_request() -> None:
    certificate, _ = key_pair()
    for ca in (None, certificate):
        context = tls_context(ClusterAccess("https://a", ca=ca), Credential())
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname
    insecure = tls_context(ClusterAccess("https://a", insecure=True), Credential())
    assert insecure.verify_mode == ssl.CERT_NONE


def test_an_odd_proxy_is_refused_without_its_password() -> None:
    access = ClusterAccess("https://a", proxy_url="socks5://me:hunter2@proxy:1080")
    with pytest.raises(KubeconfigError, match="proxy-url") as error:
        Client(access).resources()
    assert "hunter2" not in str(error.value)


def test_a_proxy_is_used_with_its_password(server: Server) -> None:
    access = ClusterAccess("https://cluster.example", proxy_url=server.url.replace("//", "//me:hunter2@"))
    server.answers = [Answer({}, 407)]
    with pytest.raises(Unreachable, match="the proxy refused") as error:
        Client(access).resources()
    assert "hunter2" not in str(error.value)
    (connect,) = server.requests
    assert connect.method == "CONNECT"
    assert connect.headers["proxy-authorization"] == "Basic bWU6aHVudGVyMg=="


def test_no_proxy_to_this_machine(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", server.url)
    with pytest.raises(Unreachable, match="Connection refused"):
        Client(ClusterAccess("https://127.0.0.1:9")).resources()
    assert server.requests == []
