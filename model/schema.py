"""JSON Schemas of the files people write, generated from the models for editors and CI.

`python -m model.schema` writes model/schemas/*.json; with `--check` it only says whether they are current.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from model.cluster import Cluster
from model.profile import EXTENDS, PERSONAL
from model.stack import CONFIG_KEY
from model.tenant import Tenant

FOLDER = Path(__file__).parent / "schemas"

_REQUIRED = ["name", "profile", "description", "owner"]
_FILLED = ("Quota", "Objects", "ContainerLimits", "NetworkStance", "CredentialLifetimes", "Codespaces")
"""Parts of a tenant that its profile fills: a file may give any of their keys, or none."""
_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]


def schemas() -> dict[str, Schema]:
    """The schemas by name of file, without its ending."""
    return {"tenant": _tenant(), "profile": _profile(), "cluster": _cluster(), "stack": _stack()}


def _tenant() -> Schema:
    schema = _untitled(Tenant.model_json_schema())
    for name in _FILLED:
        schema["$defs"][name].pop("required", None)
    schema["required"] = _REQUIRED
    _maps(schema, _removable)
    return _named(schema, "A tenant's file: only what differs from its profile.")


def _profile() -> Schema:
    schema = _tenant()
    schema.pop("required")
    for key in PERSONAL:
        schema["properties"].pop(key)
    schema["properties"][EXTENDS] = {
        "type": "string",
        "description": "The profile that a new one builds on.",
    }
    schema["$defs"] = _used(schema)
    return _named(schema, "A profile: whatever tenants that name it do not set themselves.")


def _cluster() -> Schema:
    schema = _untitled(Cluster.model_json_schema())
    _maps(schema, lambda entry: entry)
    (pattern,) = schema["properties"]["profiles"]["patternProperties"]
    schema["properties"]["profiles"]["patternProperties"] = {pattern: {"$ref": "profile.json"}}
    return _named(schema, schema["description"])


def _stack() -> Schema:
    config: Schema = {
        "type": "object",
        "properties": {CONFIG_KEY: {"$ref": "cluster.json", "description": "The cluster of the stack."}},
        "required": [CONFIG_KEY],
    }
    config["description"] = "Pulumi's configuration of the stack."
    schema: Schema = {"type": "object", "properties": {"config": config}, "required": ["config"]}
    return _named(schema, "Configuration of a stack: Pulumi.<stack>.yaml.")


def _named(schema: Schema, description: str) -> Schema:
    rest = {key: value for key, value in schema.items() if key not in ("$schema", "description")}
    return {"$schema": _DIALECT, "description": description, **rest}


def _untitled(schema: Schema) -> Schema:
    """Without pydantic's titles, which only repeat the keys."""

    def clean(value: Any, *, names: bool = False) -> Any:
        if isinstance(value, dict):
            entries = cast("Schema", value)
            return {
                key: clean(entry, names=key in ("properties", "$defs"))
                for key, entry in entries.items()
                if names or key != "title"
            }
        if isinstance(value, list):
            return [clean(entry) for entry in cast("list[Any]", value)]
        return value

    return clean(schema)


def _maps(value: Any, change: Callable[[Schema], Schema]) -> None:
    """Changes what the entries of every map may be, in place."""
    if isinstance(value, list):
        for entry in cast("list[Any]", value):
            _maps(entry, change)
    elif isinstance(value, dict):
        schema = cast("Schema", value)
        for entry in schema.values():
            _maps(entry, change)
        if isinstance(schema.get("additionalProperties"), dict):
            schema["additionalProperties"] = change(schema["additionalProperties"])
        if isinstance(schema.get("patternProperties"), dict):
            patterns: Schema = schema["patternProperties"]
            schema["patternProperties"] = {key: change(entry) for key, entry in patterns.items()}
            # pydantic says the shape of keys by a pattern, but lets keys of other shapes pass.
            schema["additionalProperties"] = False


def _removable(entry: Schema) -> Schema:
    """An entry may be null, which takes away what the profile has there."""
    return {"anyOf": [entry, {"type": "null"}]}


def _used(schema: Schema) -> Schema:
    """The definitions that the schema still refers to."""
    text = json.dumps({key: value for key, value in schema.items() if key != "$defs"})
    found: Schema = {}
    for _ in schema["$defs"]:
        for name, definition in schema["$defs"].items():
            if f'"#/$defs/{name}"' in text and name not in found:
                found[name] = definition
                text += json.dumps(definition)
    return dict(sorted(found.items()))


def rendered() -> dict[Path, str]:
    """The content of every schema file."""
    return {
        FOLDER / f"{name}.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas().items()
    }


def main(arguments: list[str]) -> int:
    """Writes the files, or with `--check` compares them: 1 where one is not current."""
    files = rendered()
    stale = [path for path, text in files.items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path} is not current; run python -m model.schema\n")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for path in stale:
        path.write_text(files[path], "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
