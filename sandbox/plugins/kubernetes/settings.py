"""The provider's configuration, as its resource or the stack's `kubernetes:` configuration gives it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from kube.types import JsonObject
from sandbox.plugins.kubernetes.values import UNKNOWN

_PREFIX = "kubernetes:config:"
REFUSED = {
    "renderYamlToDirectory": "rendering YAML",
    "helmReleaseSettings": "Helm",
}


@dataclass(frozen=True)
class Settings:
    """What the provider was told, but for how to reach the cluster."""

    kubeconfig: str | None = None
    context: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    server_side_apply: bool = True
    upsert: bool = False
    patch_force: bool = False
    mutable_kinds: frozenset[str] = frozenset()
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    timeout: float | None = None


def read_settings(variables: Mapping[str, str], environment: Mapping[str, str] | None = None) -> Settings:
    """Read the variables of a Configure request; environment variables fill what they leave out.

    Raises:
        ValueError: something is asked for that only the official plugin can do.
    """
    env = os.environ if environment is None else environment
    values = {key.removeprefix(_PREFIX): value for key, value in variables.items() if value != ""}
    for key, what in REFUSED.items():
        if values.get(key):
            raise ValueError(f"{key}: {what} needs the official kubernetes plugin")

    def flag(key: str, variable: str, default: bool = False) -> bool:
        value = values.get(key, env.get(variable))
        return default if value is None else value == "true"

    secrets = flag("enableSecretMutable", "PULUMI_K8S_ENABLE_SECRET_MUTABLE")
    config_maps = flag("enableConfigMapMutable", "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE")
    client: JsonObject = json.loads(values.get("kubeClientSettings", "{}"))
    timeout = client.get("timeout") or env.get("PULUMI_K8S_CLIENT_TIMEOUT")
    return Settings(
        kubeconfig=values.get("kubeconfig"),
        context=values.get("context"),
        cluster=values.get("cluster"),
        namespace=values.get("namespace"),
        server_side_apply=flag("enableServerSideApply", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", default=True),
        upsert=flag("upsertExistingObjects", "PULUMI_K8S_UPSERT_EXISTING_OBJECTS"),
        patch_force=flag("enablePatchForce", "PULUMI_K8S_ENABLE_PATCH_FORCE"),
        mutable_kinds=frozenset(["Secret"] * secrets + ["ConfigMap"] * config_maps),
        delete_unreachable=flag("deleteUnreachable", "PULUMI_K8S_DELETE_UNREACHABLE"),
        skip_update_unreachable=flag("skipUpdateUnreachable", "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE"),
        timeout=float(timeout) if timeout else None,
    )


def config_changes(olds: JsonObject, news: JsonObject) -> tuple[list[str], list[str]]:
    """Tell which keys of the provider's inputs changed, and which of those replace it (DiffConfig).

    A provider that is replaced has all its objects replaced, hence `clusterIdentifier`: while it stays the
    same, nothing replaces. Without it a change of the active cluster's entry in the kubeconfig does.
    """
    changed = [key for key in sorted({*olds, *news}) if olds.get(key) != news.get(key)]
    if not changed:
        return [], []
    old_identifier, identifier = olds.get("clusterIdentifier"), news.get("clusterIdentifier")
    if identifier and identifier == old_identifier:
        return changed, []
    replaces = ["clusterIdentifier"] if identifier and old_identifier and identifier != old_identifier else []
    where = ("kubeconfig", "context", "cluster")
    unknown = next((key for key in where if news.get(key) is UNKNOWN), None)
    if unknown:
        return [unknown], [*replaces, unknown]
    before, after = _active_cluster(olds), _active_cluster(news)
    if before is not None and after is not None and before != after:
        replaces += [key for key in where if key in changed]
    return changed, replaces


def _active_cluster(inputs: JsonObject) -> JsonObject | None:
    """Find the entry of the active cluster; None when it cannot be told."""
    config = _parsed(inputs.get("kubeconfig"))
    context = _named(config, "contexts", "context", inputs.get("context") or config.get("current-context"))
    if context is None:
        return None
    return _named(config, "clusters", "cluster", inputs.get("cluster") or context.get("cluster"))


def _parsed(kubeconfig: Any) -> JsonObject:
    if isinstance(kubeconfig, dict):
        return cast("JsonObject", kubeconfig)
    if not isinstance(kubeconfig, str):
        return {}
    content = kubeconfig
    if "\n" not in content and "{" not in content:
        try:
            content = Path(content).expanduser().read_text(encoding="utf-8")
        except OSError:
            return {}
    try:
        parsed = yaml.safe_load(content)
    except yaml.YAMLError:
        return {}
    return cast("JsonObject", parsed) if isinstance(parsed, dict) else {}


def _named(config: JsonObject, plural: str, singular: str, name: Any) -> JsonObject | None:
    entries: list[JsonObject] = config.get(plural) or []
    for entry in entries:
        if entry.get("name") == name:
            return cast("JsonObject", entry.get(singular) or {})
    return None
