"""Whatever tenant validates, the real API server takes all that the program makes of it."""

import json
from collections.abc import Generator
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, given, settings

from kube import ApiError, Client, JsonObject, cluster_access
from model import Stack
from tests.conftest import Sandbox
from tests.policy.generate import stacks
from tests.policy.render import name_of, render

NAMESPACE = "any-tenant"
"""Stands in for every namespace: those of a tenant do not exist in a dry run."""


@pytest.fixture(scope="module")
def client(cluster: Sandbox) -> Generator[Client]:
    client = Client(cluster_access(cluster.kubeconfig))
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    yield client
    client.delete("v1", "Namespace", NAMESPACE)


@pytest.fixture(scope="module")
def taken() -> set[str]:
    """What the API server took already."""
    return set()


@settings(
    max_examples=24, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(stack=stacks())
def test_the_api_server_takes_it(client: Client, taken: set[str], stack: Stack) -> None:
    refused: list[str] = []
    for each in render(stack):
        placed = _placed(each)
        content = json.dumps(placed, sort_keys=True)
        if content in taken:
            continue  # much is the same for many tenants
        try:
            client.create(placed, dry_run=True, field_validation="Strict")
        except ApiError as error:
            if error.code != 409:  # roles and classes may be there for another test
                refused.append(f"{each['kind']} {name_of(each)}: {error.message}")
                continue
        taken.add(content)
    assert refused == []


def _placed(each: JsonObject) -> JsonObject:
    metadata = cast("dict[str, Any]", each["metadata"])
    return {**each, "metadata": {**metadata, "namespace": NAMESPACE}} if "namespace" in metadata else each
