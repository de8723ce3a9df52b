"""Namespaces: names, labels, Pod Security, protection, adoption, and the names they had before."""

import pytest

from tests.unit.components.conftest import Build, tenant


def test_a_namespace_says_whose_it_is(build: Build) -> None:
    made = build(
        tenant("vision", repository="acme/vision", labels={"example.com/cost-centre": "42"}),
        kubernetes_version="v1.35",
    )
    metadata = made["Namespace vision"].metadata
    assert metadata["labels"] == {
        "app.kubernetes.io/managed-by": "pulumi",
        "app.kubernetes.io/name": "vision",
        "app.kubernetes.io/part-of": "tenancy",
        "example.com/cost-centre": "42",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/audit-version": "v1.35",
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/enforce-version": "v1.35",
        "pod-security.kubernetes.io/warn": "restricted",
        "pod-security.kubernetes.io/warn-version": "v1.35",
        "tenancy.dev/classification": "internal",
        "tenancy.dev/profile": "sandbox",
        "tenancy.dev/stack": "test",
        "tenancy.dev/state": "active",
        "tenancy.dev/tenant": "vision",
    }
    assert metadata["annotations"] == {
        "tenancy.dev/description": "The tenant vision",
        "tenancy.dev/owner": "vision@example.com",
        "tenancy.dev/repository": "acme/vision",
        "tenancy.dev/shared-memory": "1Gi",
    }


def test_an_exempted_tenant_is_still_warned_by_the_strictest_level(build: Build) -> None:
    reason = "Trains over RDMA, which needs locked memory"
    made = build(tenant("rdma", pod_security="privileged", exemptions={"privileged": reason}))
    labels = made["Namespace rdma"].metadata["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "privileged"
    assert labels["pod-security.kubernetes.io/warn"] == "restricted"
    assert labels["pod-security.kubernetes.io/audit"] == "restricted"
    assert reason in made["Namespace rdma"].metadata["annotations"]["tenancy.dev/reason"]


@pytest.mark.parametrize(
    ("cluster", "state", "protected"),
    [
        (True, "active", True),
        (True, "frozen", True),
        (True, "retired", False),
        (False, "active", False),
    ],
)
def test_namespaces_are_protected_until_the_tenant_retires(
    build: Build, cluster: bool, state: str, protected: bool
) -> None:
    made = build(tenant("vision", state=state, namespaces={"extra": {"share": 10}}), protect=cluster)
    names = ["vision", "vision-extra"]
    assert [made[f"Namespace {name}"].protect for name in names] == [protected, protected]
    listed = [["v1", "Namespace", name] for name in names] if protected else []
    assert made["Claims trial"].inputs["protected"] == listed


def test_a_namespace_waits_for_the_floor_and_its_content_goes_with_it(build: Build) -> None:
    made = build(tenant("vision", service_accounts={"runner": {"role": "viewer"}}), priority_classes={})
    namespace = made["Namespace vision"]
    assert {
        "Claims trial",
        "ClusterRole tenancy:admin",
        "ValidatingAdmissionPolicy trial-managed-objects",
    } < (namespace.depends_on)
    inside = [
        each for each in made.made.values() if each.inputs.get("metadata", {}).get("namespace") == "vision"
    ]
    assert {each.kind for each in inside} == {
        "LimitRange",
        "NetworkPolicy",
        "ResourceQuota",
        "RoleBinding",
        "ServiceAccount",
    }
    for each in inside:
        assert each.deleted_with == "Namespace vision", each.name
        assert "Namespace vision" in each.depends_on, each.name
        assert each.metadata["labels"]["tenancy.dev/tenant"] == "vision", each.name


def test_nobody_is_let_in_before_quota_and_network_stand(build: Build) -> None:
    made = build(
        tenant("vision", service_accounts={"runner": {"role": "viewer"}}),
        network={"pod_cidrs": ["10.244.0.0/16"], "service_cidrs": ["10.96.0.0/16"], "calico": {}},
    )
    binding = made["RoleBinding vision/serviceaccount-runner-viewer"]
    bounds = {
        f"{each.kind} {each.name}" for each in made.made.values() if each.deleted_with == "Namespace vision"
    }
    bounds = {key for key in bounds if key.split()[0] in ("ResourceQuota", "LimitRange", "NetworkPolicy")}
    assert bounds | {"GlobalNetworkPolicy tenancy-vision"} <= binding.depends_on


def test_adopted_objects_are_imported_and_left_as_they_are(build: Build) -> None:
    made = build(
        tenant(
            "veteran",
            namespace="old",
            adopt={
                "namespace": True,
                "quotas": {"compute": "old-quota"},
                "role_bindings": {"ada": "old-binding"},
            },
            namespaces={"extra": {"share": 10}},
            members={
                "ada": {"role": "admin", "oidc_groups": ["a", "b"]},
                "grace": {"role": "viewer", "oidc_groups": ["c"]},
            },
        )
    )
    assert made["Namespace old"].import_id == "old"
    assert made["Namespace old"].ignore_changes == ("metadata", "spec")
    quota = made["ResourceQuota old/compute"]
    assert (quota.import_id, quota.metadata["name"]) == ("old/old-quota", "old-quota")
    assert quota.ignore_changes == ("metadata", "spec")
    binding = made["RoleBinding old/oidc-ada-0"]
    assert (binding.import_id, binding.metadata["name"]) == ("old/old-binding", "old-binding")
    assert binding.ignore_changes == ("metadata", "roleRef", "subjects")
    imported = [f"{each.kind} {each.name}" for each in made.made.values() if each.import_id]
    assert sorted(imported) == ["Namespace old", "ResourceQuota old/compute", "RoleBinding old/oidc-ada-0"]


def test_an_adopted_namespace_is_claimed_as_taken_over(build: Build) -> None:
    """It is known as ours when `adopt` is removed, before it has our label; what is new beside it is not."""
    made = build(tenant("veteran", adopt={"namespace": True}, namespaces={"extra": {"share": 10}}))
    inputs = made["Claims trial"].inputs
    names = [name for _, kind, name in inputs["objects"] if kind == "Namespace"]
    assert names == ["tenancy-credentials", "veteran", "veteran-extra"]
    assert inputs["taken_over"] == [["v1", "Namespace", "veteran"]]


def test_a_renamed_tenant_is_the_same_resource(build: Build) -> None:
    made = build(tenant("after", namespace="before", former_name="before"))
    assert made["tenant:Tenant after"].aliases == ("before",)
    assert made["Namespace before"].metadata["labels"]["tenancy.dev/tenant"] == "after"


def test_a_split_tenant_takes_the_rooms_of_its_namespace_along(build: Build) -> None:
    """A URN has the types of the parents and not their names: what moves to another tenant is the same."""
    rooms = ("Namespace", "Quota", "Network", "Storage", "Access")
    before = build(tenant("whole", namespaces={"part": {"share": 50}}))
    after = build(tenant("whole"), tenant("part", namespace="whole-part", split_from="whole"))
    kept = {each.urn for each in before.made.values() if each.name.partition("/")[0] == "whole-part"}
    assert {f"tenant:{room} whole-part" for room in rooms} <= set(before.made)
    assert kept <= {each.urn for each in after.made.values()}
    assert after["tenant:Namespace whole-part"].parent == "tenant:Tenant part"
