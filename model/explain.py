"""pydantic's errors in words that say which key is wrong and what would be right."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, cast, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from model.merge import merge
from model.problems import Finding, Key, dotted, suggestion
from model.scalars import without_user

_KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a map of keys and values",
    "model_type": "a map of keys and values",
    "model_attributes_type": "a map of keys and values",
    "tuple_type": "a list",
}


def findings(error: ValidationError, model: type[BaseModel]) -> Iterator[Finding]:
    """One finding for each of pydantic's errors about a value of `model`."""
    errors = error.errors(include_url=False)
    parents = {details["loc"][:-1] for details in errors}
    for details in errors:
        if details["type"] == "too_short" and details["loc"] in parents:
            continue  # Entries that are wrong do not count: the list is not short but wrong.
        key = tuple(part for part in details["loc"] if part != "[key]")
        value = details["input"]
        value = without_user(value) if isinstance(value, str) else value
        yield Finding(key, _message(details, key, model), value)


def repaired(data: Mapping[str, object], error: ValidationError) -> dict[str, object]:
    """The data without what pydantic refused, so that the rest can be looked at."""
    result = merge(data, {})
    for details in error.errors(include_url=False):
        key = tuple(part for part in details["loc"] if part != "[key]")
        _drop(result, key[:-1] if details["type"] == "missing" else key)
    return result


def _drop(data: Any, key: Key) -> None:
    """Takes away what `key` leads to; where it stands in a list, the whole list."""
    above: tuple[Any, str] | None = None
    for part in key:
        if not isinstance(data, dict) or part not in data:
            break
        above = (cast("dict[str, Any]", data), str(part))
        data = above[0][above[1]]
    if above is not None:
        above[0].pop(above[1])


def _message(details: ErrorDetails, key: Key, model: type[BaseModel]) -> str:
    kind, value, context = details["type"], details["input"], details.get("ctx", {})
    if kind == "extra_forbidden":
        return _unknown(key, model)
    if kind == "missing":
        return "is missing"
    if kind == "value_error":
        return str(context["error"])
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, not {shown(value)}{_quoting(kind, value)}"
    if kind in ("enum", "literal_error"):
        words = [word.strip("'") for word in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return f"{shown(value)} is not one of {', '.join(words)}"
    if kind in ("string_too_short", "too_short") and context.get("min_length") == 1:
        return "must not be empty"
    return f"{shown(value)}: {_bound(kind, context)}" if _bound(kind, context) else details["msg"]


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    bounds = {
        "greater_than_equal": "must be at least {ge}",
        "less_than_equal": "must be at most {le}",
        "string_too_long": "must have at most {max_length} characters",
    }
    return bounds[kind].format(**context) if kind in bounds else ""


def _quoting(kind: str, value: object) -> str:
    if kind == "string_type" and isinstance(value, (int, float, bool)):
        return "; quote it"
    if kind == "string_type" and value is None:
        return "; write some, or leave the key away"
    if kind in ("int_type", "float_type", "bool_type") and isinstance(value, str):
        return "; remove the quotes, or write one"
    return ""


def shown(value: object) -> str:
    """A value in an error: short, and maps and lists only by kind."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "a map"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _unknown(key: Key, model: type[BaseModel]) -> str:
    name = str(key[-1])
    siblings = _fields(key[:-1], model)
    elsewhere = [path for path in _paths(model) if path[-1] == name]
    if elsewhere and not get_close_matches(name, siblings, n=1, cutoff=0.8):
        return f"is not a key here; it belongs in {dotted(elsewhere[0])}"
    return f"is not a key here; {suggestion(name, siblings)}"


def _fields(key: Key, model: type[BaseModel]) -> tuple[str, ...]:
    """Names of the fields of the model that `key` leads to, nothing where it leads elsewhere."""
    found: Any = model
    for part in key:
        inner = _models(found)
        if inner is not None and isinstance(part, str) and part in inner.model_fields:
            found = inner.model_fields[part].annotation
        else:
            found = _element(found)
    inner = _models(found)
    return () if inner is None else tuple(inner.model_fields)


def _models(annotation: Any) -> type[BaseModel] | None:
    """The model an annotation speaks of, through Optional but not through containers."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (dict, tuple):
        return None
    return next((found for part in get_args(annotation) if (found := _models(part))), None)


def _element(annotation: Any) -> Any:
    """What the values of a dict or the entries of a tuple are, through Optional."""
    arguments = get_args(annotation)
    if get_origin(annotation) is dict:
        return arguments[1]
    if get_origin(annotation) is tuple:
        return arguments[0]
    return next((found for part in arguments if (found := _element(part)) is not None), None)


def _paths(model: type[BaseModel], below: Key = ()) -> Iterator[Key]:
    """Ways to all fields that stand in nested models, not in maps or lists."""
    for name, field in model.model_fields.items():
        yield (*below, name)
        inner = _models(field.annotation)
        if inner is not None:
            yield from _paths(inner, (*below, name))
