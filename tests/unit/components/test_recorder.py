"""The recorder itself: what the engine or a cluster would refuse, or silently overwrite, fails here too."""

from collections.abc import Callable
from typing import Any

import pulumi
import pulumi_github as github
import pulumi_kubernetes as k8s
import pytest
from pulumi.runtime.mocks import set_mocks

from tests.unit.components.recorder import DuplicateError, Monitor

Program = Callable[[], object]


def register(program: Program) -> None:
    monitor = Monitor()
    set_mocks(monitor.mocks, project="tenancy", stack="test", monitor=monitor)

    @pulumi.runtime.test
    def build() -> None:
        program()

    build()


def config_map(logical: str, name: str, namespace: str) -> None:
    k8s.core.v1.ConfigMap(logical, metadata={"name": name, "namespace": namespace})


def account(logical: str, name: str, namespace: str) -> None:
    k8s.core.v1.ServiceAccount(logical, metadata={"name": name, "namespace": namespace})


def secret(logical: str, repository: str, name: str) -> None:
    github.CodespacesSecret(logical, repository=repository, secret_name=name, plaintext_value="x")


def organization_secret(logical: str, name: str) -> None:
    github.CodespacesOrganizationSecret(logical, secret_name=name, visibility="all", plaintext_value="x")


def within(parent: str, name: str) -> None:
    component = pulumi.ComponentResource("tenancy:tenant:Access", parent)
    k8s.core.v1.ConfigMap(
        name, metadata={"name": parent, "namespace": parent}, opts=pulumi.ResourceOptions(parent=component)
    )


@pytest.mark.parametrize(
    "twice",
    [
        lambda: (within("a", "same"), within("b", "same")),
        lambda: (config_map("one", "x", "a"), config_map("other", "x", "a")),
        lambda: (secret("one", "app", "KUBECONFIG"), secret("other", "app", "kubeconfig")),
        lambda: (organization_secret("one", "KUBECONFIG"), organization_secret("other", "KUBECONFIG")),
    ],
    ids=["urn", "object", "secret", "organisation"],
)
def test_two_of_one_fail(twice: Program) -> None:
    with pytest.raises(DuplicateError):
        register(twice)


def test_what_differs_in_one_part_is_not_one() -> None:
    def program() -> None:
        config_map("one", "x", "a")
        config_map("two", "x", "b")
        config_map("three", "y", "a")
        account("one", "x", "a")
        secret("one", "app", "KUBECONFIG")
        secret("two", "other", "KUBECONFIG")
        organization_secret("one", "KUBECONFIG")

    register(program)


def test_the_group_is_part_of_a_kind() -> None:
    def program() -> None:
        for version, api in (("v1", "example.com/v1"), ("other", "example.org/v1")):
            metadata: Any = {"name": "x"}
            k8s.apiextensions.CustomResource(version, api_version=api, kind="Policy", metadata=metadata)

    register(program)
