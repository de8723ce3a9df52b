"""What stands once per cluster."""

from tests.unit.components.conftest import Build, tenant


def test_whatever_may_be_somebody_elses_is_claimed_first(build: Build) -> None:
    made = build(
        tenant("vision", shared_folders={"data": "read-only"}),
        shared_folders={"data": {"nfs": {"server": "nfs.example.com", "path": "/data"}}},
        priority_classes={"batch": {"value": 1, "description": "Can wait"}},
        network={"pod_cidrs": ["10.244.0.0/16"], "service_cidrs": ["10.96.0.0/16"], "calico": {}},
    )
    claims = made["Claims trial"]
    claimed = {(kind, name) for _, kind, name in claims.inputs["objects"]}
    cluster_wide = {
        (each.kind, each.metadata["name"])
        for each in made.made.values()
        if "metadata" in each.inputs and "namespace" not in each.metadata
    }
    assert claimed == cluster_wide
    assert claims.inputs["owner_label"] == ["tenancy.dev/stack", "test"]
    for kind, name in cluster_wide - {("PersistentVolume", "tenancy-vision-data")}:
        found = made.of(kind)[name]
        assert found.metadata["labels"]["tenancy.dev/stack"] == "test"
        after = {found.parent} | found.depends_on
        assert "Claims trial" in after or found.kind.endswith(("Binding", "Policy")), (kind, name)


def test_pod_defaults_need_a_cluster_that_has_them(build: Build) -> None:
    assert "MutatingAdmissionPolicy trial-pod-defaults" in build(kubernetes_version="v1.36")
    old = build(kubernetes_version="v1.35")
    assert "MutatingAdmissionPolicy trial-pod-defaults" not in old
    assert any(warning.startswith("No pod defaults: Kubernetes v1.35") for warning in old.warnings)


def test_priority_classes_preempt_only_where_they_may(build: Build) -> None:
    classes = {
        "batch": {"value": 1, "preempts": False, "description": "Can wait"},
        "urgent": {"value": 9, "description": "Cannot"},
    }
    made = build(priority_classes=classes).of("PriorityClass")
    policies = {name: each.inputs["preemptionPolicy"] for name, each in made.items()}
    assert policies == {"batch": "Never", "urgent": "PreemptLowerPriority"}


def test_the_order_of_tenants_changes_nothing(build: Build) -> None:
    one, two = tenant("one"), tenant("two", namespaces={"extra": {"share": 10}})
    first, second = build(one, two), build(two, one)
    assert {key: each.inputs for key, each in first.made.items()} == {
        key: each.inputs for key, each in second.made.items()
    }
