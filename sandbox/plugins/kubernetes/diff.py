"""What changed between the live object, cut to the old inputs, and the new inputs.

Follows provider/provider.go, convertPatchToDiff and what it calls: a JSON merge patch, then the paths in it.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from google.protobuf.struct_pb2 import Struct, Value
from pulumi.runtime.proto import provider_pb2

from kube.types import JsonObject
from sandbox.plugins.kubernetes.force_new import force_new_paths
from sandbox.plugins.kubernetes.values import SIGNATURE, UNKNOWN

Path: TypeAlias = tuple[str | int, ...]
Kind: TypeAlias = provider_pb2.PropertyDiff.Kind.ValueType

ADD: Final = provider_pb2.PropertyDiff.ADD
DELETE: Final = provider_pb2.PropertyDiff.DELETE
UPDATE: Final = provider_pb2.PropertyDiff.UPDATE
REPLACING: Final[Mapping[Kind, Kind]] = {
    ADD: provider_pb2.PropertyDiff.ADD_REPLACE,
    DELETE: provider_pb2.PropertyDiff.DELETE_REPLACE,
    UPDATE: provider_pb2.PropertyDiff.UPDATE_REPLACE,
}


class _Missing:
    """Tells a field that is not there from one that is null."""


MISSING: Final = _Missing()


def same(news: Struct, olds: Struct) -> bool:
    """Tell quickly, without reading whole messages, that there is nothing to do.

    True when the inputs are the recorded ones and the recorded live object has every value of them.
    False says nothing.
    """
    fields = olds.fields
    if "__inputs" not in fields or fields["__inputs"].struct_value != news:
        return False
    return _covers(fields, news.fields)


def _covers(live: Mapping[str, Value], wanted: Mapping[str, Value]) -> bool:
    if SIGNATURE in wanted or SIGNATURE in live:
        return False
    return all(key in live and _same_value(live[key], value) for key, value in wanted.items())


def _same_value(live: Value, wanted: Value) -> bool:
    kind = wanted.WhichOneof("kind")
    if kind == "struct_value":
        return live.HasField("struct_value") and _covers(live.struct_value.fields, wanted.struct_value.fields)
    if kind == "list_value":
        ours, theirs = wanted.list_value.values, live.list_value.values
        return len(theirs) >= len(ours) and all(map(_same_value, theirs, ours))
    return live == wanted


def merge_patch(old: Mapping[str, Any], new: Mapping[str, Any]) -> JsonObject:
    """Make the JSON merge patch (RFC 7386) from one object to another; unknown values show as null."""
    patch: JsonObject = {}
    for key, value in new.items():
        if key not in old:
            patch[key] = _known(value)
            continue
        before: Any = old[key]
        if isinstance(value, dict) and isinstance(before, dict):
            if nested := merge_patch(cast("JsonObject", before), cast("JsonObject", value)):
                patch[key] = nested
        elif not _equal(before, value):
            patch[key] = _known(value)
    patch.update({key: None for key in old if key not in new})
    return patch


def _equal(left: Any, right: Any) -> bool:
    # Python takes True for 1; JSON does not.
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        items, others = cast("list[Any]", left), cast("list[Any]", right)
        return len(items) == len(others) and all(map(_equal, items, others))
    if isinstance(left, dict) and isinstance(right, dict):
        fields, wanted = cast("JsonObject", left), cast("JsonObject", right)
        return fields.keys() == wanted.keys() and all(_equal(fields[key], wanted[key]) for key in fields)
    return bool(left == right)


def _known(value: Any) -> Any:
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return {key: _known(item) for key, item in cast("JsonObject", value).items()}
    if isinstance(value, list):
        return [_known(item) for item in cast("list[Any]", value)]
    return value


class DetailedDiff:
    """Collects changed paths; those that force a new resource are marked so."""

    def __init__(self, force_new: Sequence[Path]) -> None:
        self.changes: dict[Path, provider_pb2.PropertyDiff] = {}
        self._force_new = force_new

    def compare(self, patch: JsonObject, old: JsonObject, new: JsonObject) -> None:
        """Record every difference that a merge patch from `old` to the inputs `new` holds."""
        self._map((), patch, old, new, old, in_array=False)

    def _value(
        self, path: Path, value: Any, old: Any, new_input: Any, old_input: Any, in_array: bool
    ) -> None:
        if new_input is MISSING and (value is not None or old_input is MISSING):
            return
        input_diff = False
        if value is None:
            if new_input is UNKNOWN:
                kind = ADD if old is MISSING else UPDATE
            else:
                kind, input_diff = DELETE, True
        elif old is MISSING:
            kind = ADD
        elif isinstance(value, dict) and isinstance(old, dict):
            self._map(
                path, cast("JsonObject", value), cast("JsonObject", old), new_input, old_input, in_array
            )
            return
        elif isinstance(value, list) and isinstance(old, list):
            self._array(path, cast("list[Any]", value), cast("list[Any]", old), new_input, old_input)
            return
        elif not isinstance(value, dict | list) and _equal(value, old):
            return
        else:
            kind = UPDATE
        if any(_touches(forced, path, value) for forced in self._force_new):
            kind = REPLACING[kind]
        self.changes[path] = provider_pb2.PropertyDiff(kind=kind, inputDiff=input_diff)

    def _map(
        self, path: Path, patch: JsonObject, old: JsonObject, new_input: Any, old_input: Any, in_array: bool
    ) -> None:
        for key, value in patch.items():
            self._value(
                (*path, key), value, old.get(key, MISSING), _at(new_input, key), _at(old_input, key), in_array
            )
        if in_array:  # a merge patch replaces arrays whole, so it names no deleted keys there
            for key, value in old.items():
                if key not in patch:
                    self._value((*path, key), None, value, _at(new_input, key), _at(old_input, key), in_array)

    def _array(self, path: Path, values: list[Any], old: list[Any], new_input: Any, old_input: Any) -> None:
        for index in range(max(len(values), len(old))):
            self._value(
                (*path, index),
                values[index] if index < len(values) else None,
                (old[index] if index < len(old) else MISSING) if index < len(values) else old[index],
                _element(new_input, index),
                _element(old_input, index),
                in_array=True,
            )


def _at(holder: Any, key: str) -> Any:
    return cast("JsonObject", holder).get(key, MISSING) if isinstance(holder, dict) else MISSING


def _element(holder: Any, index: int) -> Any:
    if isinstance(holder, list):
        items = cast("list[Any]", holder)
        return items[index] if index < len(items) else None
    return None


def _touches(forced: Path, path: Path, value: Any) -> bool:
    """Tell whether a change of `path` to `value` changes the field that `forced` names ("*": each element).

    As JSONPath in openapi/match.go: with elements in the value, each of them must have the field.
    """
    for step, at in zip(forced, path, strict=False):
        if step != at and not (step == "*" and isinstance(at, int)):
            return False
    return _has(forced[len(path) :], value)


def _has(rest: Path, value: Any) -> bool:
    if not rest:
        return True
    if rest[0] == "*":
        if not isinstance(value, list):
            return False
        return all(_has(rest[1:], item) for item in cast("list[Any]", value))
    below = _at(value, str(rest[0]))
    return below is not MISSING and _has(rest[1:], below)


def render(path: Path) -> str:
    """Write a path as the engine does: `spec.rules[0]["a.b"]`."""
    rendered = ""
    for step in path:
        if isinstance(step, int):
            rendered += f"[{step}]"
        elif any(mark in step for mark in '."[]'):
            quoted = step.replace('"', '\\"')
            rendered += f'["{quoted}"]'
        else:
            rendered += f".{step}" if rendered else step
    return rendered


def parse(path: str) -> Path:
    """Read a property path such as `spec.rules[0]["a.b"]`, `[*]` for any element.

    Raises:
        ValueError: it is no property path.
    """
    steps: list[str | int] = []
    rest = path
    while rest:
        if rest[0] == ".":
            rest = rest[1:]
        elif rest.startswith('["'):
            end = 2
            while end < len(rest) and rest[end] != '"':
                end += 2 if rest[end] == "\\" else 1
            if rest[end : end + 2] != '"]':
                raise ValueError(f"not a property path: {path}")
            steps.append(rest[2:end].replace('\\"', '"'))
            rest = rest[end + 2 :]
        elif rest[0] == "[":
            index, bracket, rest = rest[1:].partition("]")
            if not bracket or not (index == "*" or index.isdigit()):
                raise ValueError(f"not a property path: {path}")
            steps.append(index if index == "*" else int(index))
        else:
            end = min((rest.find(mark) for mark in ".[" if mark in rest), default=len(rest))
            steps.append(rest[:end])
            rest = rest[end:]
    return tuple(steps)


def contains(ignored: Path, path: Path) -> bool:
    """Tell whether `path` is `ignored` or below it (resource.PropertyPath.Contains)."""
    return len(ignored) <= len(path) and all(
        step in ("*", at) for step, at in zip(ignored, path, strict=False)
    )


def detailed_diff(
    old: JsonObject,
    new: JsonObject,
    *,
    patch_resource: bool,
    mutable_kinds: frozenset[str],
    ignore: Sequence[str] = (),
) -> dict[Path, provider_pb2.PropertyDiff]:
    """Compare a pruned live object with new inputs, path by path.

    A patch resource is only replaced when it moves to another object.
    """
    patch = merge_patch(old, new)
    if not patch:
        return {}
    forced = force_new_paths({} if patch_resource else new, mutable_kinds)
    diff = DetailedDiff(forced)
    diff.compare(patch, old, new)
    ignored = [parse(path) for path in ignore]
    return {
        path: change
        for path, change in diff.changes.items()
        if not any(contains(skipped, path) for skipped in ignored)
    }


def replacing(changes: Mapping[Path, provider_pb2.PropertyDiff]) -> list[Path]:
    """List the changes that cannot be made in place."""
    return [
        path
        for path, change in changes.items()
        if change.kind in REPLACING.values() or (change.kind == DELETE and path == ("metadata",))
    ]
