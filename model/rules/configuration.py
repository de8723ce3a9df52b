"""Rules of a stack's configuration beside the cluster: a mistyped key would silently do nothing."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import cast

from model.problems import Finding, suggestion

PROJECT = "tenancy"
CLUSTER = "cluster"
SECRETS = ("kubeconfig", "githubToken")
KEYS = (CLUSTER, *SECRETS)
_LIKE = 0.75
"""How much a project's name has to look like ours to be a slip of the pen."""


def check(config: Mapping[str, object]) -> Iterator[Finding]:
    """What is wrong with the map `config` of a stack's file. Never repeats a value: it may be a secret."""
    yield from unknown(config)
    for name in SECRETS:
        key = f"{PROJECT}:{name}"
        if key in config and not _encrypted(config[key]):
            told = (
                "stands here in plain text: remove it, end what it opens, and store a new one with "
                f"pulumi config set --secret {key}"
            )
            yield Finding(("config", key), told)


def unknown(keys: Iterable[str]) -> Iterator[Finding]:
    """Keys that the program does not read. Those of other projects and of plugins are not its business."""
    for key in keys:
        project, _, name = key.rpartition(":")
        known = [f"{PROJECT}:{each}" for each in KEYS]
        like = bool(get_close_matches(project, [PROJECT], cutoff=_LIKE))
        if (project == PROJECT and name not in KEYS) or (like and project != PROJECT) or not project:
            told = f"{key!r} is no key that the program reads; {suggestion(key, known)}"
            yield Finding(("config", key), told)


def _encrypted(value: object) -> bool:
    return isinstance(value, dict) and set(cast("dict[str, object]", value)) == {"secure"}
