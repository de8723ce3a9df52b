"""Property values on the wire: plain data with two marks, for secrets and for values not known yet."""

from collections.abc import Mapping
from typing import TypeAlias, cast

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

Value: TypeAlias = "bool | float | str | list[Value] | dict[str, Value] | None"
Properties: TypeAlias = dict[str, Value]

UNKNOWN = rpc.UNKNOWN
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 (the signature of secrets in Pulumi's wire format)


def from_struct(struct: struct_pb2.Struct) -> Properties:
    """The properties of a request, marks included; whole numbers become int."""
    return {key: _whole_numbers(value) for key, value in json_format.MessageToDict(struct).items()}


def to_struct(properties: Mapping[str, Value]) -> struct_pb2.Struct:
    """The properties as a message."""
    return json_format.ParseDict(dict(properties), struct_pb2.Struct())


def secret(value: Value) -> Value:
    """The value, marked secret (once)."""
    return value if is_secret(value) else {_SIGNATURE: _SECRET, "value": value}


def is_secret(value: Value) -> bool:
    """Whether the value itself carries the secret mark."""
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def plain(value: Value) -> Value:
    """The value with all secret marks taken off."""
    if isinstance(value, dict):
        if is_secret(value):
            return plain(value.get("value"))
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value


def has_unknown(value: Value) -> bool:
    """Whether any part of the value is not known yet."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value == UNKNOWN


def _whole_numbers(value: object) -> Value:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_whole_numbers(item) for item in cast("list[object]", value)]
    if isinstance(value, dict):
        return {key: _whole_numbers(item) for key, item in cast("dict[str, object]", value).items()}
    return cast("Value", value)
