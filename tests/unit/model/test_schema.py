"""The JSON Schemas are current, valid, and agree with the models about every sample."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from model import schema, strict_yaml
from tests.unit.model import corpus

ROOT = Path(__file__).parents[3]
TENANTS = sorted(ROOT.glob("tenants/*/*.yaml"))
STACKS = sorted(ROOT.glob("Pulumi.*.yaml"))
PROFILES = sorted(ROOT.glob("model/profiles/*.yaml"))


def validator(name: str) -> Any:
    schemas = schema.schemas()
    resources = [(f"{key}.json", Resource.from_contents(value)) for key, value in schemas.items()]
    registry: Any = Registry[Any]().with_resources(resources)
    return Draft202012Validator(schemas[name], registry=registry)


def data(path: Path) -> dict[str, object]:
    document = strict_yaml.read(path, path.parent)
    assert document.problems == ()
    return document.data


def test_files_are_current():
    assert schema.main(["--check"]) == 0


def test_a_stale_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(schema, "FOLDER", tmp_path)
    assert schema.main([]) == 0
    assert schema.main(["--check"]) == 0
    (tmp_path / "tenant.json").write_text("{}")
    assert schema.main(["--check"]) == 1
    assert "tenant.json is not current" in capsys.readouterr().err


def undescribed(value: Any, path: str = "") -> list[str]:
    """Properties without a description, anywhere in a schema."""
    if isinstance(value, list):
        return [found for entry in cast("list[Any]", value) for found in undescribed(entry, path)]
    if not isinstance(value, dict):
        return []
    part = cast("dict[str, Any]", value)
    properties = cast("dict[str, Any]", part.get("properties", {}))
    bare = [f"{path}/{key}" for key, entry in properties.items() if not entry.get("description")]
    return [*bare, *(found for key, entry in part.items() for found in undescribed(entry, f"{path}/{key}"))]


@pytest.mark.parametrize("name", ["tenant", "profile", "cluster", "stack"])
def test_every_property_is_described(name: str):
    assert undescribed(schema.schemas()[name]) == []


@pytest.mark.parametrize("name", ["tenant", "profile", "cluster", "stack"])
def test_is_a_schema(name: str):
    Draft202012Validator.check_schema(schema.schemas()[name])


@pytest.mark.parametrize("path", TENANTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_sample_tenant(path: Path):
    validator("tenant").validate(data(path))


@pytest.mark.parametrize("path", PROFILES, ids=lambda path: path.name)
def test_profile(path: Path):
    validator("profile").validate(data(path))


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_sample_stack(path: Path):
    validator("stack").validate(data(path))


@pytest.mark.parametrize("path", [*TENANTS, *STACKS, *PROFILES], ids=lambda path: path.name)
def test_sample_names_its_schema(path: Path):
    first = path.read_text("utf-8").partition("\n")[0]
    reference = first.removeprefix("# yaml-language-server: $schema=")
    assert reference != first
    assert (path.parent / reference).resolve().parent == schema.FOLDER


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"profil": "web"}, "unexpected"),
        ({"owner": "nobody"}, "does not match"),
        ({"state": "paused"}, "is not one of"),
        ({"accelerators": {"A100": 1}}, "does not match any"),
        ({"quota": {"objects": {"pods": -1}}}, "less than the minimum"),
        ({"quota": {"memory": "64GB"}}, "not valid under any"),
        ({"members": {"ada": {}}}, "not valid under any"),
    ],
)
def test_editors_see_what_is_wrong(wrong: dict[str, object], words: str):
    good = {"name": "a", "profile": "web", "description": "A", "owner": "a@example.com"}
    validator("tenant").validate(good)
    errors = [error.message for error in validator("tenant").iter_errors({**good, **wrong})]
    assert any(words in error for error in errors), errors


def test_what_a_file_may_take_away_is_allowed():
    good = {"name": "a", "profile": "web", "description": "A", "owner": "a@example.com"}
    validator("tenant").validate({**good, "network": {"egress": {"s3": None}}, "members": {"ada": None}})


def test_every_key_of_a_tenant_is_described():
    properties = json.loads((schema.FOLDER / "tenant.json").read_text("utf-8"))["properties"]
    assert [key for key, value in properties.items() if "description" not in value] == []


def test_the_cluster_of_the_corpus_is_one():
    validator("stack").validate(data(corpus.FOLDER / "Pulumi.test.yaml"))
