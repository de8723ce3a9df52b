"""Normal forms. That the API server agrees is tested in test_provider.py, on a real one."""

import base64

import pytest

from kube import JsonObject
from sandbox.plugins.kubernetes.normalize import canonical, normalize
from sandbox.plugins.kubernetes.values import UNKNOWN

QUANTITIES = {
    "1000m": "1",
    "1500m": "1500m",
    "0.5": "500m",
    "2000": "2k",
    "2048": "2048",
    "1024Mi": "1Gi",
    "1.5Gi": "1536Mi",
    "0.5Mi": "512Ki",
    "512": "512",
    "1e3": "1e3",
    "3000Mi": "3000Mi",
    "1.0": "1",
    "1000M": "1G",
    "0": "0",
    "128974848": "128974848",
}


@pytest.mark.parametrize(("given", "expected"), QUANTITIES.items())
def test_quantities(given: str, expected: str) -> None:
    # The pairs were taken from kube-apiserver 1.36 by dry run.
    assert canonical(given) == expected


def test_numbers_become_quantities_and_nonsense_stays() -> None:
    assert canonical(4) == "4"
    assert canonical(0.5) == "500m"
    assert canonical("lots") == "lots"
    assert canonical(None) is None


def quota(**hard: object) -> JsonObject:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}}


def test_a_quota_becomes_canonical_and_the_original_stays() -> None:
    given = quota(pods=10, memory="1024Mi")
    assert normalize(given)["spec"]["hard"] == {"pods": "10", "memory": "1Gi"}
    assert given["spec"]["hard"] == {"pods": 10, "memory": "1024Mi"}


def test_custom_resources_stay_as_they_are() -> None:
    # provider/provider.go, shouldNormalize
    given: JsonObject = {
        "apiVersion": "example.com/v1",
        "kind": "Quota",
        "spec": {"hard": {"pods": 10}, "list": []},
    }
    assert normalize(given) == given


def test_objects_that_are_not_wholly_known_stay_as_they_are() -> None:
    given = quota(pods=10, memory=UNKNOWN)
    assert normalize(given) == given


def test_empty_lists_vanish_and_empty_selectors_stay() -> None:
    given: JsonObject = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "n", "labels": {}},
        "spec": {"podSelector": {}, "ingress": [], "egress": [{"to": [{"namespaceSelector": {}}]}]},
    }
    assert normalize(given) == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "n"},
        "spec": {"podSelector": {}, "egress": [{"to": [{"namespaceSelector": {}}]}]},
    }


def test_no_storage_class_means_something_only_to_a_claim() -> None:
    volume: JsonObject = {"apiVersion": "v1", "kind": "PersistentVolume", "spec": {"storageClassName": ""}}
    claim: JsonObject = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "spec": {"storageClassName": ""},
    }
    assert normalize(volume)["spec"] == {}
    assert normalize(claim)["spec"] == {"storageClassName": ""}


def test_string_data_moves_to_data() -> None:
    # clients/unstructured.go, normalizeSecretStringData: stringData wins
    given: JsonObject = {
        "apiVersion": "v1",
        "kind": "Secret",
        "data": {"a": "b2xk", "b": "Yg=="},
        "stringData": {"a": "new"},
    }
    result = normalize(given)
    assert result["data"] == {"a": base64.b64encode(b"new").decode(), "b": "Yg=="}
    assert "stringData" not in result


def test_a_crd_loses_what_the_server_drops() -> None:
    # clients/unstructured.go, normalizeCRD
    given: JsonObject = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "spec": {"preserveUnknownFields": False, "versions": [{"schema": {"default": {"a": "1000m"}}}]},
        "status": {},
    }
    assert normalize(given)["spec"] == {"versions": [{"schema": {"default": {"a": "1000m"}}}]}
    assert "status" not in normalize(given)


def test_read_only_metadata_goes() -> None:
    # provider/provider.go, normalizeInputs
    given: JsonObject = {
        "apiVersion": "example.com/v1",
        "kind": "A",
        "metadata": {"name": "a", "uid": "u", "resourceVersion": "1", "generation": 1, "managedFields": []},
    }
    assert normalize(given)["metadata"] == {"name": "a"}
