"""The check itself: it must find what is wrong, and nothing unverified may be used."""

import hashlib
import io
import json
import os
import tarfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.github.description import (
    MEMBER,
    NPM_VARIABLE,
    Description,
    Mismatch,
    download,
    extract,
    registry,
)

KEY = {"key_id": "1", "key": "aGVsbG8="}
PUBLIC_KEY = "/repos/acme/vision/codespaces/secrets/public-key"
JSON = "application/json; charset=utf-8"


def check(
    description: Description, path: str, status: int, body: object, *, method: str = "GET", kind: str = JSON
) -> None:
    data = b"" if body is None else json.dumps(body).encode()
    description.check(method, path, status, data, kind)


def test_a_right_response_passes(description: Description) -> None:
    check(description, PUBLIC_KEY, 200, KEY)
    check(description, PUBLIC_KEY, 404, {"message": "Not Found", "documentation_url": "x", "status": "404"})
    check(description, "/repos/a/b/codespaces/secrets/X", 204, None, method="DELETE")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ({"key_id": "1"}, "'key' is a required property"),
        ({"key_id": 1, "key": "x"}, "is not of type 'string'"),
        (KEY | {"secret": "x"}, "not in GitHub's description: secret"),
        (None, "no body"),
        ([], "is not of type 'object'"),
    ],
)
def test_wrong_bodies(description: Description, body: object, what: str) -> None:
    with pytest.raises(Mismatch, match=what):
        check(description, PUBLIC_KEY, 200, body)


def test_wrong_place_status_and_type(description: Description) -> None:
    with pytest.raises(Mismatch, match="has no GET /repos/acme/vision/nonsense"):
        check(description, "/repos/acme/vision/nonsense", 200, {})
    with pytest.raises(Mismatch, match="no such status"):
        check(description, PUBLIC_KEY, 202, KEY)
    with pytest.raises(Mismatch, match="content type text/plain"):
        check(description, PUBLIC_KEY, 200, KEY, kind="text/plain")
    with pytest.raises(Mismatch, match="a body where the description has none"):
        check(description, "/repos/a/b/codespaces/secrets/X", 204, {}, method="DELETE")


def test_null_only_where_the_description_allows_it(description: Description) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "nullable": True}, "b": {"type": "string"}},
    }
    assert not list(description.errors(schema, {"a": None}))
    assert [error.json_path for error in description.errors(schema, {"b": None})] == ["$.b"]


def test_parts_and_alternatives(description: Description) -> None:
    one = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}
    two: dict[str, Any] = {"type": "object", "properties": {"b": {"type": "object", "properties": {}}}}
    assert not list(description.errors({"allOf": [one, two]}, {"a": "x", "b": {}}))
    assert list(description.errors({"allOf": [one, two]}, {"a": 1, "b": {}}))
    assert list(description.errors({"allOf": [one, two]}, {"a": "x", "b": {"c": 1}}))
    assert not list(description.errors({"oneOf": [one, two]}, {"b": {}}))
    assert list(description.errors({"oneOf": [one, two]}, {"c": {}}))


@pytest.mark.parametrize(
    ("kind", "value"), [("date-time", "2026-01-01"), ("date-time", "today"), ("uri", "/repos/acme")]
)
def test_formats(description: Description, kind: str, value: str) -> None:
    assert list(description.errors({"type": "string", "format": kind}, value))


def test_registry_is_the_configured_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.lower() == NPM_VARIABLE]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", str(tmp_path))  # Node.js of the type checker then
    assert registry().startswith("https://")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://npm.example.org/mirror")
    assert registry() == "https://npm.example.org/mirror/"
    with pytest.raises(ValueError, match="an http or https address is needed"):
        download("file:///etc/passwd")


def test_only_the_pinned_package_is_used() -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as package:
        member = tarfile.TarInfo(MEMBER)
        member.size = 2
        package.addfile(member, io.BytesIO(b"{}"))
    archive = buffer.getvalue()
    integrity = "sha512-" + b64encode(hashlib.sha512(archive).digest()).decode()
    assert extract(archive, integrity) == b"{}"
    with pytest.raises(ValueError, match="integrity is sha512-"):
        extract(archive + b"\0", integrity)
