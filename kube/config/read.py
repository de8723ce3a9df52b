"""Read a kubeconfig, as kubectl reads it, into everything a client needs to reach one cluster."""

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from kube.errors import KubeconfigError
from kube.types import JsonObject

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass(frozen=True)
class ExecPlugin:
    """A program that prints an ExecCredential (https://kubernetes.io/docs/reference/config-api/client-authentication.v1/)."""

    command: str
    api_version: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    install_hint: str = ""
    provide_cluster_info: bool = False


@dataclass(frozen=True)
class ClusterAccess:
    """How to reach one cluster as one user. Certificates and keys are PEM; secrets stay out of `repr`."""

    server: str
    ca: str | None = None
    tls_server_name: str | None = None
    insecure: bool = False
    proxy_url: str | None = field(default=None, repr=False)
    namespace: str = "default"
    client_certificate: str | None = field(default=None, repr=False)
    client_key: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_file: Path | None = None
    exec_plugin: ExecPlugin | None = None


def cluster_access(
    kubeconfig: str | Path | Sequence[Path] | None = None,
    *,
    context: str | None = None,
    cluster: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> ClusterAccess:
    """Tell how to reach a cluster.

    `kubeconfig` is the content of a kubeconfig (any text with a line break or a brace), a path, paths to
    merge, or None for what kubectl would take: `KUBECONFIG`, `~/.kube/config`, the pod's service account.
    `context` replaces the current context, `cluster` the context's cluster.

    Raises:
        KubeconfigError: it cannot be read, or the context, cluster or user is missing or cannot be used.
    """
    env = os.environ if environment is None else environment
    if isinstance(kubeconfig, str) and _is_content(kubeconfig):
        config = _parse(kubeconfig, "kubeconfig", Path.cwd())
    elif kubeconfig is not None:
        paths = _split(kubeconfig) if isinstance(kubeconfig, str) else _as_paths(kubeconfig)
        config = load(paths)
    else:
        ambient = _ambient_paths(env)
        if not ambient and (inside := _in_cluster(env)):
            return inside
        if not ambient:
            raise KubeconfigError("no kubeconfig: set KUBECONFIG, or write ~/.kube/config")
        config = load(ambient, ignore_missing=True)
    return _select(config, context, cluster)


def load(paths: Sequence[Path], *, ignore_missing: bool = False) -> JsonObject:
    """Read kubeconfig files and merge them as kubectl does: the first to name an entry wins.

    Relative paths inside a file become absolute, seen from that file's folder.

    Raises:
        KubeconfigError: a file cannot be read, or is no kubeconfig.
    """
    merged: JsonObject = {}
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if ignore_missing or len(paths) > 1:
                continue
            raise KubeconfigError(f"{path}: no such kubeconfig") from None
        except (OSError, UnicodeDecodeError) as error:
            raise KubeconfigError(f"{path}: cannot be read: {error}") from None
        merged = _merge(merged, _parse(text, str(path), path.absolute().parent))
    if not merged:
        raise KubeconfigError(f"none of these kubeconfigs exists: {', '.join(map(str, paths))}")
    return merged


def _is_content(text: str) -> bool:
    return "\n" in text or "{" in text


def _split(text: str) -> list[Path]:
    return [Path(part).expanduser() for part in text.split(os.pathsep) if part]


def _as_paths(given: Path | Sequence[Path]) -> list[Path]:
    return [given] if isinstance(given, Path) else list(given)


def _ambient_paths(env: Mapping[str, str]) -> list[Path]:
    if named := env.get("KUBECONFIG"):
        return _split(named)
    default = Path(env.get("HOME") or Path.home()) / ".kube" / "config"
    return [default] if default.exists() else []


def _in_cluster(env: Mapping[str, str]) -> ClusterAccess | None:
    host, port = env.get("KUBERNETES_SERVICE_HOST"), env.get("KUBERNETES_SERVICE_PORT")
    token = SERVICE_ACCOUNT / "token"
    if not host or not port or not token.exists():
        return None
    namespace = SERVICE_ACCOUNT / "namespace"
    return ClusterAccess(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        ca=(SERVICE_ACCOUNT / "ca.crt").read_text(encoding="ascii"),
        token_file=token,
        namespace=namespace.read_text(encoding="utf-8").strip() if namespace.exists() else "default",
    )


def _parse(text: str, source: str, folder: Path) -> JsonObject:
    try:
        parsed: object = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.MarkedYAMLError as error:
        # The message itself would quote the line, which may hold a key.
        mark = error.problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise KubeconfigError(f"{source}: not YAML{where}") from None
    except yaml.YAMLError:
        raise KubeconfigError(f"{source}: not YAML") from None
    if not isinstance(parsed, dict):
        raise KubeconfigError(
            f"{source}: not a kubeconfig: a mapping with clusters, users and contexts is wanted"
        )
    raw = cast("JsonObject", parsed)
    return {
        "current-context": str(raw.get("current-context") or ""),
        "sources": [source],
        "clusters": _entries(raw, "clusters", "cluster", source, folder),
        "users": _entries(raw, "users", "user", source, folder),
        "contexts": _entries(raw, "contexts", "context", source, folder),
    }


PATH_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _entries(raw: JsonObject, plural: str, singular: str, source: str, folder: Path) -> JsonObject:
    """Index a kubeconfig's list by name, with its paths made absolute."""
    listed: object = raw.get(plural) or []
    if not isinstance(listed, list):
        raise KubeconfigError(f"{source}: {plural}: a list is wanted")
    found: JsonObject = {}
    for number, item in enumerate(cast("list[object]", listed)):
        name = _get(item, "name")
        body = _get(item, singular)
        if not isinstance(name, str) or not isinstance(body, dict | None):
            raise KubeconfigError(f"{source}: {plural}[{number}]: name and {singular} are wanted")
        entry = dict(cast("JsonObject", body or {}))
        for key in PATH_KEYS:
            if entry.get(key):
                entry[key] = str(folder / Path(str(entry[key])).expanduser())
        plugin: object = entry.get("exec")
        command = _get(plugin, "command")
        if isinstance(plugin, dict) and isinstance(command, str) and os.sep in command:
            entry["exec"] = {**cast("JsonObject", plugin), "command": str(folder / command)}
        found.setdefault(name, entry)
    return found


def _get(item: object, key: str) -> object:
    return cast("JsonObject", item).get(key) if isinstance(item, dict) else None


def _merge(first: JsonObject, second: JsonObject) -> JsonObject:
    if not first:
        return second
    return {
        "current-context": first["current-context"] or second["current-context"],
        "sources": first["sources"] + second["sources"],
        **{key: {**second[key], **first[key]} for key in ("clusters", "users", "contexts")},
    }


def _select(config: JsonObject, context_name: str | None, cluster_name: str | None) -> ClusterAccess:
    source = os.pathsep.join(config["sources"])
    name = context_name or str(config["current-context"])
    if not name:
        raise KubeconfigError(f"{source}: no current-context; name a context: {_choices(config['contexts'])}")
    context = _lookup(config, "contexts", name, source)
    cluster = _lookup(config, "clusters", cluster_name or str(context.get("cluster") or ""), source)
    user = _lookup(config, "users", str(context["user"]), source) if context.get("user") else {}
    server = str(cluster.get("server") or "")
    if not server.startswith(("https://", "http://")):
        raise KubeconfigError(
            f"{source}: cluster of context {name!r}: server: an http(s) URL is wanted, not {server!r}"
        )
    for unsupported in ("auth-provider", "username", "password"):
        if user.get(unsupported):
            raise KubeconfigError(
                f"{source}: user of context {name!r}: {unsupported} is not supported; "
                "use a client certificate, a token or an exec plugin"
            )
    certificate = _pem(user, "client-certificate", source)
    key = _pem(user, "client-key", source)
    if (certificate is None) != (key is None):
        raise KubeconfigError(
            f"{source}: user of context {name!r}: client-certificate and client-key go together"
        )
    return ClusterAccess(
        server=server.rstrip("/"),
        ca=_pem(cluster, "certificate-authority", source),
        tls_server_name=cluster.get("tls-server-name") or None,
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        proxy_url=cluster.get("proxy-url") or None,
        namespace=str(context.get("namespace") or "default"),
        client_certificate=certificate,
        client_key=key,
        token=user.get("token") or None,
        token_file=Path(user["tokenFile"]) if user.get("tokenFile") else None,
        exec_plugin=_exec_plugin(user["exec"], source, name) if user.get("exec") else None,
    )


def _lookup(config: JsonObject, kind: str, name: str, source: str) -> JsonObject:
    try:
        return config[kind][name]
    except KeyError:
        raise KubeconfigError(
            f"{source}: no entry {name!r} in {kind}; there is: {_choices(config[kind])}"
        ) from None


def _choices(entries: JsonObject) -> str:
    return ", ".join(sorted(entries)) or "none"


def _pem(entry: JsonObject, key: str, source: str) -> str | None:
    """Take PEM from `<key>-data` (base64) or the file that `<key>` names; the data wins, as for kubectl."""
    data: Any = entry.get(f"{key}-data")
    if data:
        try:
            return base64.b64decode(str(data), validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            raise KubeconfigError(f"{source}: {key}-data: base64 of PEM is wanted") from None
    if path := entry.get(key):
        try:
            return Path(path).read_text(encoding="ascii")
        except (OSError, UnicodeDecodeError) as error:
            problem = error.strerror if isinstance(error, OSError) else "not PEM"
            raise KubeconfigError(f"{source}: {key}: {path}: {problem}") from None
    return None


def _exec_plugin(raw: JsonObject, source: str, context: str) -> ExecPlugin:
    version, command = raw.get("apiVersion"), raw.get("command")
    if version not in EXEC_VERSIONS:
        raise KubeconfigError(
            f"{source}: user of context {context!r}: exec.apiVersion: "
            f"one of {', '.join(EXEC_VERSIONS)} is wanted, not {version!r}"
        )
    if not isinstance(command, str) or not command:
        raise KubeconfigError(f"{source}: user of context {context!r}: exec.command is missing")
    return ExecPlugin(
        command=command,
        api_version=str(version),
        args=tuple(str(arg) for arg in cast("list[object]", raw.get("args") or [])),
        env=tuple(
            (str(_get(i, "name")), str(_get(i, "value"))) for i in cast("list[object]", raw.get("env") or [])
        ),
        install_hint=str(raw.get("installHint") or ""),
        provide_cluster_info=bool(raw.get("provideClusterInfo")),
    )
