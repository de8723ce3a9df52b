"""Turn a ClusterAccess into what a connection needs: a TLS context and an Authorization header."""

import base64
import json
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from kube.config.read import ClusterAccess, ExecPlugin
from kube.errors import KubeconfigError
from kube.types import JsonObject

TOKEN_FILE_LIFE = 60.0  # seconds; the kubelet rotates such files, client-go reads them again each minute
EXEC_TIMEOUT = 60.0  # seconds
EXPIRY_MARGIN = 10.0  # seconds


@dataclass(frozen=True)
class Credential:
    """What authenticates a request: a bearer token, or a client certificate with its key, or nothing."""

    token: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    key: str | None = field(default=None, repr=False)
    expires: float = float("inf")  # seconds since the epoch


class Credentials:
    """The present credential of a ClusterAccess, read again or renewed when it is due. Thread-safe."""

    def __init__(self, access: ClusterAccess) -> None:
        self._access = access
        self._lock = threading.Lock()
        self._current: Credential | None = None

    def current(self) -> Credential:
        """Give a credential that has not expired.

        Raises:
            KubeconfigError: the token file cannot be read, or the exec plugin failed.
        """
        with self._lock:
            if self._current is None or self._current.expires <= time.time():
                self._current = self._obtain()
            return self._current

    def renew(self, refused: Credential) -> bool:
        """Drop a credential that the server refused; say whether a new attempt can do better."""
        with self._lock:
            if self._access.exec_plugin is None and self._access.token_file is None:
                return False
            if self._current is refused:
                self._current = None
            return True

    def _obtain(self) -> Credential:
        access = self._access
        if access.exec_plugin is not None and access.token is None and access.client_key is None:
            return run_exec_plugin(access.exec_plugin, access)
        token, expires = access.token, float("inf")
        if access.token_file is not None:
            try:
                token = access.token_file.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError) as error:
                problem = error.strerror if isinstance(error, OSError) else "not a token"
                raise KubeconfigError(f"{access.token_file}: token cannot be read: {problem}") from None
            expires = time.time() + TOKEN_FILE_LIFE
        return Credential(token, access.client_certificate, access.client_key, expires)


def run_exec_plugin(plugin: ExecPlugin, access: ClusterAccess) -> Credential:
    """Run a client.authentication.k8s.io plugin; its standard error is ours, as with kubectl.

    Raises:
        KubeconfigError: it cannot be started, failed, or did not print a usable ExecCredential.
    """
    spec: JsonObject = {"interactive": False}
    if plugin.provide_cluster_info:
        spec["cluster"] = _cluster_info(access)
    info = json.dumps({"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec})
    env = {**os.environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": info}
    try:
        done = subprocess.run(
            [plugin.command, *plugin.args],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=EXEC_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise KubeconfigError(
            f"exec plugin {plugin.command}: no answer within {EXEC_TIMEOUT:.0f} s"
        ) from None
    except OSError as error:
        hint = f"\n{plugin.install_hint}" if plugin.install_hint else ""
        raise KubeconfigError(f"exec plugin {plugin.command}: {error.strerror}{hint}") from None
    if done.returncode != 0:
        raise KubeconfigError(f"exec plugin {plugin.command}: exit code {done.returncode}")
    return _read_exec_credential(plugin, done.stdout)


def _cluster_info(access: ClusterAccess) -> JsonObject:
    info: JsonObject = {"server": access.server, "insecure-skip-tls-verify": access.insecure}
    if access.tls_server_name:
        info["tls-server-name"] = access.tls_server_name
    if access.ca:
        info["certificate-authority-data"] = base64.b64encode(access.ca.encode()).decode()
    return info


def _read_exec_credential(plugin: ExecPlugin, output: bytes) -> Credential:
    try:
        answer = json.loads(output)
        status: JsonObject = answer["status"]
        version = answer["apiVersion"]
        stamp = status.get("expirationTimestamp")
        expires = _epoch(stamp) - EXPIRY_MARGIN if stamp else float("inf")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise KubeconfigError(
            f"exec plugin {plugin.command}: an ExecCredential with a status is wanted on standard output"
        ) from None
    if version != plugin.api_version:
        raise KubeconfigError(
            f"exec plugin {plugin.command}: answered with apiVersion {version!r}, not {plugin.api_version!r}"
        )
    credential = Credential(
        status.get("token") or None,
        status.get("clientCertificateData") or None,
        status.get("clientKeyData") or None,
        expires,
    )
    if credential.token is None and (credential.certificate is None or credential.key is None):
        raise KubeconfigError(
            f"exec plugin {plugin.command}: status holds neither a token nor a certificate with its key"
        )
    return credential


def _epoch(stamp: str) -> float:
    parsed = datetime.fromisoformat(stamp)
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def tls_context(access: ClusterAccess, credential: Credential) -> ssl.SSLContext:
    """Make the TLS context for a cluster.

    Raises:
        KubeconfigError: CA, client certificate or key cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif access.ca:
        try:
            context.load_verify_locations(cadata=access.ca)
        except (ssl.SSLError, ValueError):
            raise KubeconfigError("certificate-authority: PEM certificates are wanted") from None
    else:
        context.load_default_certs()
    if credential.certificate and credential.key:
        with _short_lived_file(f"{credential.certificate}\n{credential.key}\n") as path:
            try:
                context.load_cert_chain(path, password=_no_password)
            except (ssl.SSLError, ValueError):
                raise KubeconfigError(
                    "client-certificate and client-key: a PEM certificate and its unencrypted key are wanted"
                ) from None
    return context


def _no_password() -> str:
    # Without this OpenSSL would ask on the terminal for the passphrase of an encrypted key.
    raise ValueError("the key is encrypted")


@contextmanager
def _short_lived_file(content: str) -> Generator[str]:
    """Show text as a file to OpenSSL, which reads keys from paths only: in memory where the system can."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir():
        descriptor = os.memfd_create("tls", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content.encode("ascii"))
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory() as folder:  # 0700
        path = Path(folder) / "tls.pem"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(content)
        yield str(path)
