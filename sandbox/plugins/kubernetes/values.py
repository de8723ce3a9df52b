"""The engine's property values as Python values, and back.

Objects, lists, strings, numbers and booleans are Python's own; a secret is a `Secret` around its value and a
value that the engine does not know yet is `UNKNOWN`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from google.protobuf.struct_pb2 import Struct, Value

from kube.types import JsonObject

# sdk/go/common/resource/sig and sdk/go/common/resource/plugin/rpc.go of github.com/pulumi/pulumi
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker, no secret
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_BOOLEAN = "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"
UNKNOWN_NUMBER = "3eeb2bf0-c639-47a8-9e75-3b44932eb421"
UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
UNKNOWN_ARRAY = "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2"
UNKNOWN_ASSET = "030794c1-ac77-496b-92df-f27374a8bd58"
UNKNOWN_ARCHIVE = "e48ece36-62e2-4504-bad9-02848725956a"
UNKNOWN_OBJECT = "dd056dcd-154b-4c76-9bd3-c8f88648b5ff"
_UNKNOWNS = frozenset(
    {
        UNKNOWN_BOOLEAN,
        UNKNOWN_NUMBER,
        UNKNOWN_STRING,
        UNKNOWN_ARRAY,
        UNKNOWN_ASSET,
        UNKNOWN_ARCHIVE,
        UNKNOWN_OBJECT,
    }
)

# The SDKs cannot have dashes in names (provider/provider.go, underscoreToDashMap).
_DASHED: Final = {
    f"x_kubernetes_{name}": f"x-kubernetes-{name.replace('_', '-')}"
    for name in (
        "embedded_resource",
        "int_or_string",
        "list_map_keys",
        "list_type",
        "map_type",
        "preserve_unknown_fields",
        "validations",
    )
}
_UNDERSCORED: Final = {dashed: underscored for underscored, dashed in _DASHED.items()}


class Unknown:
    """A value that the engine does not know before the update has run."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> "Unknown":
        return self

    def __deepcopy__(self, _: object) -> "Unknown":
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that must be shown to nobody."""

    value: Any = field(repr=False)


def decode(struct: Struct) -> JsonObject:
    """Read an object that the engine sent; its nulls are left out, as in plugin.MarshalOptions.SkipNulls."""
    return _decode_fields(struct.fields)


def _decode_fields(fields: Mapping[str, Value]) -> JsonObject:
    result: JsonObject = {}
    for key, value in fields.items():
        decoded = _decode(value)
        if decoded is not None:
            result[_DASHED.get(key, key)] = decoded
    return result


def _decode(value: Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            text = value.string_value
            return UNKNOWN if len(text) == 36 and text in _UNKNOWNS else text
        case "struct_value":
            fields = value.struct_value.fields
            if SIGNATURE in fields:
                return _decode_special(fields)
            return _decode_fields(fields)
        case "list_value":
            return [_decode(item) for item in value.list_value.values]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "bool_value":
            return value.bool_value
        case _:
            return None


def _decode_special(fields: Mapping[str, Value]) -> Any:
    match fields[SIGNATURE].string_value:
        case s if s == SECRET_SIGNATURE:
            return Secret(_decode(fields["value"]))
        case s if s == OUTPUT_SIGNATURE:
            inner = _decode(fields["value"]) if "value" in fields else UNKNOWN
            return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
        case _:
            raise ValueError("assets, archives and resource references have no place in a Kubernetes object")


def encode(properties: Mapping[str, Any], *, underscored: bool = False) -> Struct:
    """Write an object for the engine; nulls are left out. `underscored` names keys as the SDKs do."""
    struct = Struct()
    _encode_fields(struct.fields, properties, _UNDERSCORED if underscored else {})
    return struct


def _encode_fields(target: Any, properties: Mapping[str, Any], names: Mapping[str, str]) -> None:
    for key, item in properties.items():
        if item is not None:
            _encode(target[names.get(key, key)], item, names)


def _encode(target: Value, item: Any, names: Mapping[str, str]) -> None:
    if isinstance(item, str):
        target.string_value = item
    elif isinstance(item, bool):
        target.bool_value = item
    elif isinstance(item, int | float):
        target.number_value = item
    elif isinstance(item, dict):
        target.struct_value.SetInParent()
        _encode_fields(target.struct_value.fields, cast("JsonObject", item), names)
    elif isinstance(item, list):
        target.list_value.SetInParent()
        values = target.list_value.values
        for element in cast("list[Any]", item):
            _encode(values.add(), element, names)
    elif isinstance(item, Secret):
        fields = target.struct_value.fields
        fields[SIGNATURE].string_value = SECRET_SIGNATURE
        _encode(fields["value"], item.value, names)
    elif item is UNKNOWN:
        target.string_value = UNKNOWN_STRING
    else:
        target.null_value = cast("Any", 0)


def plain(item: Any) -> Any:
    """Copy a value with its secrets laid open."""
    if isinstance(item, dict):
        return {key: plain(value) for key, value in cast("JsonObject", item).items()}
    if isinstance(item, list):
        return [plain(value) for value in cast("list[Any]", item)]
    return plain(item.value) if isinstance(item, Secret) else item


def plain_object(item: Mapping[str, Any]) -> JsonObject:
    """Copy an object with its secrets laid open."""
    return {key: plain(value) for key, value in item.items()}


def _any(item: Any, test: Callable[[Any], bool]) -> bool:
    if test(item):
        return True
    children: Iterable[Any]
    if isinstance(item, dict):
        children = cast("JsonObject", item).values()
    elif isinstance(item, list):
        children = cast("list[Any]", item)
    elif isinstance(item, Secret):
        children = (item.value,)
    else:
        return False
    return any(_any(child, test) for child in children)


def has_unknown(item: Any) -> bool:
    """Tell whether any part is not known yet."""
    return _any(item, lambda value: value is UNKNOWN)


def has_secret(item: Any) -> bool:
    """Tell whether any part is a secret."""
    return _any(item, lambda value: isinstance(value, Secret))


def mark_secrets(outs: JsonObject, ins: Mapping[str, Any]) -> None:
    """Make secret in `outs` what is secret in `ins`, and all data of a Secret (provider.go, annotateSecrets).

    A list with any secret in it becomes secret as a whole.
    """
    if outs.get("kind") == "Secret":
        for key in ("data", "stringData"):
            if key in outs and not isinstance(outs[key], Secret):
                outs[key] = Secret(outs[key])
        return
    for key, source in ins.items():
        if key not in outs:
            continue
        target = outs[key]
        if isinstance(target, dict) and isinstance(source, dict):
            mark_secrets(cast("JsonObject", target), cast("JsonObject", source))
        elif not isinstance(target, Secret) and has_secret(source):
            outs[key] = Secret(target)


def secret_texts(item: Any, *, inside: bool = False) -> Iterator[str]:
    """Yield every text that is secret, to keep it out of messages."""
    if isinstance(item, Secret):
        yield from secret_texts(item.value, inside=True)
    elif isinstance(item, dict):
        for value in cast("JsonObject", item).values():
            yield from secret_texts(value, inside=inside)
    elif isinstance(item, list):
        for value in cast("list[Any]", item):
            yield from secret_texts(value, inside=inside)
    elif inside and isinstance(item, str) and item:
        yield item


def redact(message: str, *holders: Any) -> str:
    """Replace every secret text of the holders in a message."""
    texts = {text for holder in holders for text in secret_texts(holder)}
    for text in sorted(texts, key=len, reverse=True):
        # A short secret is only looked for in quotes, where the server shows a rejected value.
        message = message.replace(text if len(text) > 3 else f'"{text}"', "[secret]")
    return message
