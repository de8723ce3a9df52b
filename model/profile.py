"""Profiles: archetypes that carry every field a tenant's file does not set.

The product brings `research`, `web`, `confidential` and `sandbox`. A cluster lays its own over them under
the same name, or makes new ones that say which profile they `extends`.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import cast

from model import strict_yaml
from model.merge import merge
from model.problems import Finding, suggestion

FOLDER = Path(__file__).parent / "profiles"

EXTENDS = "extends"
PERSONAL = frozenset(
    {
        "name",
        "profile",
        "description",
        "owner",
        "repository",
        "repositories",
        "namespace",
        "former_name",
        "split_from",
        "state",
        "adopt",
    }
)
"""Keys of a tenant that no profile may set."""

Raw = Mapping[str, object]


@cache
def built_in() -> Mapping[str, Raw]:
    """The product's own profiles by name. Raises ValueError for a broken installation."""
    profiles: dict[str, Raw] = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        document = strict_yaml.read(path, FOLDER.parent.parent)
        if document.problems:
            raise ValueError(str(document.problems[0]))
        profiles[path.stem] = document.data
    return profiles


def resolve(own: Mapping[str, object]) -> tuple[dict[str, Raw], list[Finding]]:
    """All profiles of a cluster by name, each complete, and what is wrong with `own`, the cluster's part.

    Keys of the findings start below `profiles`. A profile with a finding is left out.
    """
    profiles = dict(built_in())
    findings: list[Finding] = []
    for name, raw in own.items():
        wrong = list(_wrong(name, raw, own))
        findings += wrong
        if not wrong:
            profiles[name] = _resolved(name, cast("Mapping[str, Raw]", own))
    return profiles, findings


def _wrong(name: str, raw: object, own: Mapping[str, object]) -> Iterator[Finding]:
    if not isinstance(raw, Mapping):
        yield Finding((name,), "must be a map of a tenant's keys", raw)
        return
    profile = cast("Raw", raw)
    for key in profile:
        if key in PERSONAL:
            yield Finding((name, key), "belongs to one tenant; a profile cannot set it", profile[key])
    yield from _wrong_chain(name, profile, own)


def _wrong_chain(name: str, profile: Raw, own: Mapping[str, object]) -> Iterator[Finding]:
    known = {*built_in(), *own} - {name}
    base = profile.get(EXTENDS)
    if base is None:
        if name not in built_in():
            yield Finding((name,), "is a new profile; say with 'extends' which profile it builds on")
    elif name in built_in():
        yield Finding((name, EXTENDS), f"{name!r} already lies over the product's own; remove it", base)
    elif not isinstance(base, str) or base not in known:
        yield Finding((name, EXTENDS), f"{base!r} is not a profile; {suggestion(str(base), known)}", base)
    else:
        yield from _wrong_base(name, base, own)


def _wrong_base(name: str, base: str, own: Mapping[str, object]) -> Iterator[Finding]:
    seen = [name]
    while base not in built_in():
        if base in seen:
            yield Finding((name, EXTENDS), f"goes in a circle: {' → '.join([*seen, base])}", base)
            return
        seen.append(base)
        profile = own.get(base)
        following = cast("Raw", profile).get(EXTENDS) if isinstance(profile, Mapping) else None
        if not isinstance(following, str) or (following not in own and following not in built_in()):
            yield Finding((name, EXTENDS), f"builds on {base!r}, which is itself wrong", base)
            return
        base = following


def _resolved(name: str, own: Mapping[str, Raw]) -> Raw:
    if name not in own:
        return built_in()[name]
    profile = own[name]
    below = built_in()[name] if name in built_in() else _resolved(str(profile[EXTENDS]), own)
    merged = merge(below, profile)
    merged.pop(EXTENDS, None)
    return merged
