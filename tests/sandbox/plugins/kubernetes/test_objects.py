"""Names, tokens, pruning. Each expectation names its place in pulumi-kubernetes, below provider/pkg."""

import re

import pytest

from kube import JsonObject
from sandbox.plugins.kubernetes.objects import (
    AUTONAMED,
    adopt_name,
    assign_name,
    dig,
    gvk_of_urn,
    is_patch,
    name_of_urn,
    object_id,
    parse_id,
    prune,
    set_managed_by,
    type_of_urn,
    unique_name,
)
from sandbox.plugins.kubernetes.values import UNKNOWN


def urn(token: str, name: str = "web") -> str:
    return f"urn:pulumi:dev::tenancy::tenancy:tenant:Tenant${token}::{name}"


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("kubernetes:core/v1:Namespace", ("v1", "Namespace")),
        (
            "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
            ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ),
        ("kubernetes:apps/v1:Deployment", ("apps/v1", "Deployment")),
        (
            "kubernetes:templates.gatekeeper.sh/v1:ConstraintTemplate",
            ("templates.gatekeeper.sh/v1", "ConstraintTemplate"),
        ),
    ],
)
def test_a_token_names_api_version_and_kind(token: str, expected: tuple[str, str]) -> None:
    # provider/provider.go, gvkFromURN
    assert gvk_of_urn(urn(token)) == expected


@pytest.mark.parametrize("token", ["kubernetes:v1:Namespace", "tls:index/privateKey:PrivateKey"])
def test_other_tokens_are_refused(token: str) -> None:
    with pytest.raises(ValueError, match=r"unrecognized|group and a version"):
        gvk_of_urn(urn(token))


def test_a_urn_is_taken_apart() -> None:
    full = "urn:pulumi:dev::tenancy::a:b:C$kubernetes:core/v1:Secret::with::colons"
    assert type_of_urn(full) == "kubernetes:core/v1:Secret"
    assert name_of_urn(full) == "with::colons"


@pytest.mark.parametrize(
    ("token", "kind", "expected"),
    [
        ("kubernetes:core/v1:NamespacePatch", "Namespace", True),
        ("kubernetes:core/v1:Namespace", "Namespace", False),
        ("kubernetes:example.com/v1:Patch", "Patch", False),  # a custom resource of that name
    ],
)
def test_patch_resources(token: str, kind: str, expected: bool) -> None:
    # kinds/util.go, IsPatchResource
    assert is_patch(urn(token), kind) is expected


def test_ids() -> None:
    # provider/util.go, fqName and parseFqName
    assert object_id({"metadata": {"name": "a", "namespace": "b"}}) == "b/a"
    assert object_id({"metadata": {"name": "a"}}) == "a"
    assert parse_id("b/a") == ("b", "a")
    assert parse_id("a") == ("", "a")


def test_an_unnamed_object_gets_the_urn_name_and_eight_hexadecimal_digits() -> None:
    # metadata/naming.go, AssignNameIfAutonamable
    obj: JsonObject = {"metadata": {"labels": {"a": "b"}}}
    assign_name(obj, urn("kubernetes:core/v1:ConfigMap"), b"seed", None)
    assert re.fullmatch(r"web-[0-9a-f]{8}", obj["metadata"]["name"])
    assert obj["metadata"]["annotations"] == {AUTONAMED: "true"}
    again: JsonObject = {}
    assign_name(again, urn("kubernetes:core/v1:ConfigMap"), b"seed", None)
    assert again["metadata"]["name"] == obj["metadata"]["name"]


def test_names_differ_without_a_seed() -> None:
    assert unique_name("a-") != unique_name("a-")


def test_the_stack_may_propose_the_name() -> None:
    obj: JsonObject = {}
    assign_name(obj, urn("kubernetes:core/v1:ConfigMap"), b"seed", "web-dev")
    assert obj["metadata"]["name"] == "web-dev"


@pytest.mark.parametrize(
    "metadata",
    [{"name": "given"}, {"generateName": "given-"}, {"name": UNKNOWN}, {"generateName": UNKNOWN}, UNKNOWN],
)
def test_a_named_object_keeps_its_name(metadata: object) -> None:
    obj: JsonObject = {"metadata": metadata}
    assign_name(obj, urn("kubernetes:core/v1:ConfigMap"), b"seed", None)
    assert obj == {"metadata": metadata}


def test_annotations_that_are_not_known_yet_are_left_alone() -> None:
    # metadata/annotations.go, SetAnnotation
    obj: JsonObject = {"metadata": {"annotations": UNKNOWN}}
    assign_name(obj, urn("kubernetes:core/v1:ConfigMap"), b"seed", None)
    assert obj["metadata"]["annotations"] is UNKNOWN
    assert obj["metadata"]["name"].startswith("web-")


def test_a_generated_name_is_kept() -> None:
    # metadata/naming.go, AdoptOldAutonameIfUnnamed
    old: JsonObject = {"metadata": {"name": "web-1", "annotations": {AUTONAMED: "true"}}}
    obj: JsonObject = {"metadata": {}}
    adopt_name(obj, old)
    assert obj == {"metadata": {"name": "web-1", "annotations": {AUTONAMED: "true"}}}
    named: JsonObject = {"metadata": {"name": "other"}}
    adopt_name(named, old)
    assert named == {"metadata": {"name": "other"}}
    unnamed: JsonObject = {"metadata": {}}
    adopt_name(unnamed, {"metadata": {"name": "given"}})
    assert unnamed == {"metadata": {}}


def test_managed_by() -> None:
    # metadata/labels.go, TrySetManagedByLabel
    obj: JsonObject = {}
    set_managed_by(obj)
    assert obj == {"metadata": {"labels": {"app.kubernetes.io/managed-by": "pulumi"}}}


def test_pruning_keeps_the_shape_of_the_inputs() -> None:
    # provider/util.go, pruneMap and pruneSlice
    live = {
        "a": 1,
        "b": {"c": 2, "d": 3},
        "added": True,
        "list": [{"e": 4, "f": 5}, {"e": 6}],
        "names": ["x", "y"],
    }
    shape = {"a": 0, "b": {"c": 0}, "list": [{"e": 0}], "names": ["x"], "gone": 1}
    assert prune(live, shape) == {"a": 1, "b": {"c": 2}, "list": [{"e": 4}], "names": ["x"]}


def test_pruning_does_not_see_additions_but_sees_losses() -> None:
    # The reason why a subject that was appended to a RoleBinding by hand is not seen by refresh.
    assert prune({"subjects": ["a", "b"]}, {"subjects": ["a"]}) == {"subjects": ["a"]}
    assert prune({"subjects": ["a"]}, {"subjects": ["a", "b"]}) == {"subjects": ["a"]}
    assert prune({"subjects": []}, {"subjects": ["a"]}) == {"subjects": []}


def test_pruning_takes_values_of_another_type_whole() -> None:
    assert prune({"a": {"b": 1, "c": 2}}, {"a": "text"}) == {"a": {"b": 1, "c": 2}}
    assert prune({"a": ["b", "c"]}, {"a": [{"d": 1}]}) == {"a": ["b", "c"]}
    assert prune({"a": ["b", "c"]}, {"a": []}) == {"a": []}


def test_dig_stops_at_anything_that_is_no_object() -> None:
    assert dig({"a": {"b": 1}}, "a", "b") == 1
    assert dig({"a": [1]}, "a", "b") is None
    assert dig({"a": UNKNOWN}, "a", "b") is None
