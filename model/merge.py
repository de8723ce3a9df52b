"""How a tenant's file lies over its profile: maps merge, lists and scalars replace, null removes."""

from collections.abc import Mapping
from typing import cast


def merge(base: Mapping[str, object], over: Mapping[str, object]) -> dict[str, object]:
    """`over` laid over `base`. Neither is changed, and the result shares no map with them.

    Maps merge key by key, everything else replaces what was there, and null takes a key away.
    """
    result = {key: _copy(value) for key, value in base.items() if key not in over}
    for key, value in over.items():
        if isinstance(value, Mapping):
            result[key] = merge(_map(base.get(key)), _map(over[key]))
        elif value is not None:
            result[key] = _copy(value)
    return result


def _map(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


def _copy(value: object) -> object:
    if isinstance(value, Mapping):
        return {key: _copy(entry) for key, entry in cast("Mapping[str, object]", value).items()}
    if isinstance(value, list):
        return [_copy(entry) for entry in cast("list[object]", value)]
    return value
