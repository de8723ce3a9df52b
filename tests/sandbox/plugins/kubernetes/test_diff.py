"""Detailed diffs. Each expectation names its place in pulumi-kubernetes, below provider/pkg."""

import pytest
from google.protobuf.struct_pb2 import Struct
from hypothesis import given
from hypothesis import strategies as st
from pulumi.runtime.proto.provider_pb2 import PropertyDiff

from kube import JsonObject
from sandbox.plugins.kubernetes import diff
from sandbox.plugins.kubernetes.diff import MISSING, contains, detailed_diff, merge_patch, parse, render
from sandbox.plugins.kubernetes.values import UNKNOWN, Secret, encode

K = PropertyDiff


def obj(api_version: str = "v1", kind: str = "ResourceQuota", **fields: object) -> JsonObject:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "a", "namespace": "b"}, **fields}


def changes(old: JsonObject, new: JsonObject, **options: object) -> dict[str, int]:
    settings = {"patch_resource": False, "mutable_kinds": frozenset[str](), **options}
    found = detailed_diff(old, new, **settings)  # pyright: ignore[reportArgumentType]
    return {render(path): change.kind for path, change in found.items()}


def test_no_change() -> None:
    assert changes(obj(spec={"hard": {"pods": "1"}}), obj(spec={"hard": {"pods": "1"}})) == {}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"a": "1"}, {"a": "2"}, {"spec.a": K.UPDATE}),
        ({}, {"a": "2"}, {"spec.a": K.ADD}),
        ({"a": "1"}, {}, {"spec.a": K.DELETE}),
        ({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, {"spec.a.b": K.UPDATE, "spec.a.c": K.ADD}),
        ({"a": "1"}, {"a": {"b": 1}}, {"spec.a": K.UPDATE}),
        ({"a": [1, 2]}, {"a": [1, 3]}, {"spec.a[1]": K.UPDATE}),
        ({"a": [1]}, {"a": [1, 2]}, {"spec.a[1]": K.ADD}),
        ({"a": [1, 2]}, {"a": [1]}, {"spec.a[1]": K.DELETE}),
        ({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]}, {"spec.a[0].c": K.DELETE}),
        ({"a.b/c": "1"}, {"a.b/c": "2"}, {'spec["a.b/c"]': K.UPDATE}),
        ({"a": 1}, {"a": 1.0}, {}),
        ({"a": 1}, {"a": True}, {"spec.a": K.UPDATE}),
        ({"a": "1"}, {"a": UNKNOWN}, {"spec.a": K.UPDATE}),
        ({}, {"a": UNKNOWN}, {"spec.a": K.ADD}),
    ],
)
def test_paths(old: JsonObject, new: JsonObject, expected: dict[str, int]) -> None:
    # provider/provider.go, addPatchValueToDiff
    assert changes(obj(spec=old), obj(spec=new)) == expected


def test_a_deletion_is_one_of_the_inputs() -> None:
    found = detailed_diff(obj(spec={"a": 1}), obj(spec={}), patch_resource=False, mutable_kinds=frozenset())
    assert [change.inputDiff for change in found.values()] == [True]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        # provider/diff.go, forceNew
        (
            obj("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "a"}),
            obj("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "b"}),
            {"roleRef.name": K.UPDATE_REPLACE},
        ),
        (
            obj("v1", "PersistentVolume", spec={"nfs": {"server": "a"}}),
            obj("v1", "PersistentVolume", spec={"csi": {"driver": "b"}}),
            {"spec.nfs": K.DELETE_REPLACE, "spec.csi": K.ADD_REPLACE},
        ),
        (
            obj("v1", "PersistentVolume", spec={"capacity": {"storage": "1Gi"}}),
            obj("v1", "PersistentVolume", spec={"capacity": {"storage": "2Gi"}}),
            {"spec.capacity.storage": K.UPDATE},
        ),
        (
            obj("v1", "Pod", spec={"containers": [{"image": "a", "name": "x"}]}),
            obj("v1", "Pod", spec={"containers": [{"image": "b", "name": "x"}]}),
            {"spec.containers[0].image": K.UPDATE_REPLACE},
        ),
        (
            obj("apps/v1", "Deployment", spec={"selector": {"matchLabels": {"a": "b"}}}),
            obj("apps/v1", "Deployment", spec={"selector": {"matchLabels": {"a": "c"}}}),
            {"spec.selector.matchLabels.a": K.UPDATE_REPLACE},
        ),
        (
            obj(kind="ConfigMap", data={"a": "1"}),
            obj(kind="ConfigMap", data={"a": "2"}),
            {"data.a": K.UPDATE_REPLACE},
        ),
        (
            obj(kind="Secret", data={"a": "1"}, type="Opaque"),
            obj(kind="Secret", data={"a": "2"}, type="x"),
            {"data.a": K.UPDATE_REPLACE, "type": K.UPDATE_REPLACE},
        ),
        # A whole object that holds the field counts too (openapi/match.go).
        (obj("v1", "Service"), obj("v1", "Service", spec={"clusterIP": "None"}), {"spec": K.ADD_REPLACE}),
        (obj("v1", "Service"), obj("v1", "Service", spec={"type": "NodePort"}), {"spec": K.ADD}),
    ],
)
def test_fields_that_force_a_new_object(old: JsonObject, new: JsonObject, expected: dict[str, int]) -> None:
    assert changes(old, new) == expected


def test_a_name_or_namespace_always_forces_a_new_object() -> None:
    moved = obj() | {"metadata": {"name": "c", "namespace": "d"}}
    assert changes(obj(), moved) == {
        "metadata.name": K.UPDATE_REPLACE,
        "metadata.namespace": K.UPDATE_REPLACE,
    }


@pytest.mark.parametrize("kind", ["Secret", "ConfigMap"])
def test_content_changes_in_place_where_the_provider_may(kind: str) -> None:
    # provider/diff.go, forceNewProperties
    old, new = obj(kind=kind, data={"a": "1"}), obj(kind=kind, data={"a": "2"})
    mutable = frozenset({kind})
    assert changes(old, new, mutable_kinds=mutable) == {"data.a": K.UPDATE}
    old["immutable"] = new["immutable"] = True
    assert changes(old, new, mutable_kinds=mutable) == {"data.a": K.UPDATE_REPLACE}


def test_a_patch_resource_changes_in_place() -> None:
    old = obj("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "a"})
    new = obj("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={"name": "b"})
    assert changes(old, new, patch_resource=True) == {"roleRef.name": K.UPDATE}


def test_ignored_changes() -> None:
    old = obj(spec={"a": 1, "b": [{"c": 1, "d": 1}], "e": {"f": 1}})
    new = obj(spec={"a": 2, "b": [{"c": 2, "d": 2}], "e": {"f": 2}})
    assert changes(old, new, ignore=["spec.a", "spec.b[*].c", "spec.e"]) == {"spec.b[0].d": K.UPDATE}


@pytest.mark.parametrize(
    "path",
    ["spec", "spec.a", "spec.a[0].b", 'metadata.labels["a.b/c"]', 'metadata.labels["a\\"b"]', "a[12]"],
)
def test_paths_are_read_as_they_are_written(path: str) -> None:
    assert render(parse(path)) == path


@pytest.mark.parametrize("path", ["a[x]", "a[1", 'a["b'])
def test_nonsense_is_no_path(path: str) -> None:
    with pytest.raises(ValueError, match="not a property path"):
        parse(path)


def test_contains() -> None:
    assert contains(parse("a"), parse("a.b"))
    assert contains(parse("a[*].b"), parse("a[3].b.c"))
    assert not contains(parse("a.b"), parse("a"))
    assert not contains(parse("a.b"), parse("a.c"))


JSON = st.recursive(
    st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


def apply(patch: JsonObject, target: JsonObject) -> JsonObject:
    """RFC 7386, section 2."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            below = result.get(key)
            result[key] = apply(value, below if isinstance(below, dict) else {})  # pyright: ignore[reportUnknownArgumentType]
        else:
            result[key] = value
    return result


@given(OBJECTS, OBJECTS)
def test_a_merge_patch_makes_the_new_from_the_old(old: JsonObject, new: JsonObject) -> None:
    patched = apply(merge_patch(old, new), old)
    assert merge_patch(patched, new) == {}
    assert (merge_patch(old, new) == {}) == (merge_patch(new, old) == {})


@given(OBJECTS, OBJECTS)
def test_a_diff_is_empty_exactly_when_nothing_changed(old: JsonObject, new: JsonObject) -> None:
    assert (changes(old, new) == {}) == (merge_patch(old, new) == {})


@given(OBJECTS, OBJECTS, OBJECTS)
def test_the_quick_way_never_hides_a_change(inputs: JsonObject, live: JsonObject, news: JsonObject) -> None:
    from sandbox.plugins.kubernetes.objects import prune

    olds = encode({**live, "__inputs": inputs})
    if diff.same(encode(news), olds):
        assert changes(prune(live, inputs), news) == {}


def test_the_quick_way_sees_that_nothing_changed() -> None:
    inputs = obj(spec={"hard": {"pods": "1"}, "list": [{"a": 1}]})
    live = obj(spec={"hard": {"pods": "1"}, "list": [{"a": 1, "b": 2}, {"c": 3}]}, status={"phase": "x"})
    assert diff.same(encode(inputs), encode({**live, "__inputs": inputs}))
    drifted = obj(spec={"hard": {"pods": "2"}, "list": [{"a": 1}]})
    assert not diff.same(encode(inputs), encode({**drifted, "__inputs": inputs}))
    assert not diff.same(encode(inputs), encode({**live, "__inputs": drifted}))


def test_the_quick_way_leaves_secrets_to_the_long_way() -> None:
    inputs = obj(kind="Secret", data=Secret({"a": "b"}))
    assert not diff.same(encode(inputs), encode({**inputs, "__inputs": inputs}))
    assert not diff.same(Struct(), Struct())


def test_missing_is_not_null() -> None:
    assert MISSING is not None
