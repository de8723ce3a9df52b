"""Quotas: nothing is left unsaid, and the parts of a tenant add up to the whole."""

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model import ExtraNamespace, Tenant, profile, quantity
from model.namespaces import namespaces
from tests.unit.components.conftest import Build, tenant

NOTHING = {
    "requests.nvidia.com/gpu": "0",
    "requests.nvidia.com/mig-1g.10gb": "0",
    "requests.example.com/tpu": "0",
    "l40s.example.com.deviceclass.resource.k8s.io/devices": "0",
    "requests.deviceclass.resource.kubernetes.io/l40s.example.com": "0",
}


def hard(made: Any, namespace: str, name: str) -> dict[str, str]:
    return made.of("ResourceQuota", namespace)[name].spec["hard"]


@pytest.mark.parametrize(
    ("granted", "expected"),
    [
        ({}, {}),
        ({"a100": 2}, {"requests.nvidia.com/gpu": "2"}),
        ({"mig": 7, "tpu": 4}, {"requests.nvidia.com/mig-1g.10gb": "7", "requests.example.com/tpu": "4"}),
        (
            {"l40s": 3},
            {
                "l40s.example.com.deviceclass.resource.k8s.io/devices": "3",
                "requests.deviceclass.resource.kubernetes.io/l40s.example.com": "3",
            },
        ),
        ({"a100": 0}, {}),
    ],
)
def test_every_entry_of_the_catalogue_has_a_limit(
    build: Build, granted: dict[str, int], expected: dict[str, str]
) -> None:
    made = build(tenant("vision", accelerators=granted))
    assert hard(made, "vision", "accelerators") == NOTHING | expected


def test_models_that_share_a_resource_share_a_line(build: Build) -> None:
    made = build(
        tenant("vision", accelerators={"a100": 2, "h100": 3}),
        accelerators={
            "a100": {"resource": "nvidia.com/gpu", "total": 16, "pool": "a100"},
            "h100": {"resource": "nvidia.com/gpu", "total": 16, "pool": "tpu"},
        },
    )
    assert hard(made, "vision", "accelerators") == {"requests.nvidia.com/gpu": "5"}


def test_a_cluster_without_accelerators_needs_no_quota_of_them(build: Build) -> None:
    made = build(tenant("vision"), accelerators={})
    assert set(made.of("ResourceQuota", "vision")) == {"compute", "storage", "objects", "system-priorities"}


def test_requests_and_limits_are_held_to_the_same_total(build: Build) -> None:
    made = build(tenant("vision", quota={"cpu": "0.5", "memory": "1024Mi", "ephemeral_storage": "2Gi"}))
    amounts = {"cpu": "500m", "memory": "1Gi", "ephemeral-storage": "2Gi"}
    assert hard(made, "vision", "compute") == {
        f"{side}.{name}": amount for side in ("requests", "limits") for name, amount in amounts.items()
    }


def test_a_storage_class_that_was_not_granted_gets_nothing(build: Build) -> None:
    made = build(tenant("vision", quota={"storage": {"fast": "10Gi"}}))
    assert hard(made, "vision", "storage") == {
        "requests.storage": "10Gi",
        "fast.storageclass.storage.k8s.io/requests.storage": "10Gi",
        "standard.storageclass.storage.k8s.io/requests.storage": "0",
        "standard.storageclass.storage.k8s.io/persistentvolumeclaims": "0",
    }


def test_objects_are_counted_with_those_that_the_program_makes(build: Build) -> None:
    folders = {"data": {"nfs": {"server": "nfs.example.com", "path": "/data"}}}
    made = build(
        tenant(
            "vision",
            shared_folders={"data": "read-only"},
            quota={"other": {"count/ingresses.networking.k8s.io": 3}},
        ),
        shared_folders=folders,
    )
    assert hard(made, "vision", "objects") == {
        "pods": "20",
        "services": "10",
        "services.nodeports": "0",
        "services.loadbalancers": "0",
        "replicationcontrollers": "0",
        "resourcequotas": "5",
        "secrets": "20",
        "configmaps": "21",
        "persistentvolumeclaims": "6",
        "count/jobs.batch": "50",
        "count/cronjobs.batch": "5",
        "count/deployments.apps": "10",
        "count/resourceclaims.resource.k8s.io": "10",
        "count/ingresses.networking.k8s.io": "3",
    }
    assert len(made.of("ResourceQuota", "vision")) == 5


def test_what_counts_is_raised_before_what_is_counted(build: Build) -> None:
    folders = {"data": {"nfs": {"server": "nfs.example.com", "path": "/data"}}}
    made = build(
        tenant("vision", state="frozen", shared_folders={"data": "read-only"}), shared_folders=folders
    )
    quotas = made.of("ResourceQuota", "vision")
    objects = "ResourceQuota vision/objects"
    for name, quota in quotas.items():
        assert (objects in quota.depends_on) == (name != "objects"), name
        assert quota.delete_before_replace, name
    claim = made["PersistentVolumeClaim vision/data"]
    assert {f"ResourceQuota vision/{name}" for name in quotas} <= claim.depends_on


def test_a_priority_class_has_a_quota_of_its_own_granted_or_not(build: Build) -> None:
    classes = {name: {"value": value, "description": name} for value, name in enumerate(("batch", "urgent"))}
    grant = {"pods": 5, "cpu": 2, "accelerators": {"a100": 1}}
    made = build(
        tenant("vision", accelerators={"a100": 4}, priorities={"batch": grant}), priority_classes=classes
    )
    quotas = made.of("ResourceQuota", "vision")
    assert quotas["priority-batch"].spec == {
        "hard": {**NOTHING, "pods": "5", "requests.cpu": "2", "requests.nvidia.com/gpu": "1"},
        "scopeSelector": {
            "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["batch"]}]
        },
    }
    assert quotas["priority-urgent"].spec["hard"] == {"pods": "0"}
    assert all("scopeSelector" not in quotas[name].spec for name in ("compute", "accelerators", "objects"))
    assert made.of("PriorityClass")["batch"].inputs["value"] == 0


def test_the_clusters_own_priority_classes_are_nobodys(build: Build) -> None:
    quota = build(tenant("vision")).of("ResourceQuota", "vision")["system-priorities"]
    classes = ["system-cluster-critical", "system-node-critical"]
    assert quota.spec == {
        "hard": {"pods": "0"},
        "scopeSelector": {
            "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": classes}]
        },
    }


@pytest.mark.parametrize("state", ["frozen", "retired"])
def test_who_is_not_active_starts_nothing(build: Build, state: str) -> None:
    made = build(tenant("vision", state=state))
    assert hard(made, "vision", "frozen") == {
        "pods": "0",
        "count/jobs.batch": "0",
        "count/cronjobs.batch": "0",
    }
    assert hard(made, "vision", "objects")["resourcequotas"] == str(len(made.of("ResourceQuota", "vision")))
    assert "frozen" not in build(tenant("vision")).of("ResourceQuota", "vision")


def test_container_defaults_are_also_requests_and_name_no_accelerator(build: Build) -> None:
    made = build(tenant("vision", accelerators={"a100": 2}))
    container, claim = made.of("LimitRange", "vision")["limits"].spec["limits"]
    default = {"cpu": "250m", "memory": "512Mi", "ephemeral-storage": "1Gi"}
    assert container == {
        "type": "Container",
        "default": default,
        "defaultRequest": default,
        "max": {"cpu": "4", "memory": "16Gi"},
    }
    assert claim == {"type": "PersistentVolumeClaim", "max": {"storage": "50Gi"}}


@pytest.mark.parametrize(("max_claim", "expected"), [("0", "1Mi"), ("10Gi", "10Gi")])
def test_the_claim_of_a_shared_folder_passes_the_limit_of_claims(
    build: Build, max_claim: str, expected: str
) -> None:
    folders = {"data": {"nfs": {"server": "nfs.example.com", "path": "/data"}}}
    fields = {"shared_folders": {"data": "read-only"}, "limits": {"max_claim": max_claim}}
    made = build(tenant("vision", **fields), shared_folders=folders)
    limits = made.of("LimitRange", "vision")["limits"].spec["limits"]
    assert limits[1]["max"] == {"storage": expected}
    assert made.of("PersistentVolumeClaim")["data"].spec["resources"]["requests"] == {"storage": "1Mi"}


def test_extra_namespaces_take_their_share_from_the_main_one(build: Build) -> None:
    made = build(
        tenant(
            "vision",
            accelerators={"a100": 8},
            namespaces={"train": {"share": 25, "accelerators": {"a100": 6}}, "web": {"share": 10}},
        )
    )
    cpu = {
        name: hard(made, name, "compute")["requests.cpu"] for name in ("vision", "vision-train", "vision-web")
    }
    assert cpu == {"vision": "5200m", "vision-train": "2", "vision-web": "800m"}
    gpus = [hard(made, name, "accelerators")["requests.nvidia.com/gpu"] for name in cpu]
    assert gpus == ["2", "6", "0"]


shares = st.lists(st.integers(1, 99), max_size=4).filter(lambda parts: sum(parts) <= 99)
sizes = st.one_of(st.integers(0, 10**6).map("{}Mi".format), st.integers(2**20, 10**12).map(str))
cores = st.one_of(st.integers(0, 10**6).map(str), st.integers(0, 10**6).map("{}m".format))


@given(
    shares,
    st.fixed_dictionaries(
        {"cpu": cores, "memory": sizes, "ephemeral_storage": sizes, "storage": st.just({})}
    ),
    st.integers(0, 10**6),
)
def test_the_spaces_of_a_tenant_add_up_to_its_quota(
    percents: list[int], amounts: dict[str, Any], pods: int
) -> None:
    raw = profile.built_in()["research"]
    quota: Any = raw["quota"]
    whole = Tenant.model_validate(
        {
            **raw,
            **tenant("whole"),
            "codespaces": raw["codespaces"],
            "quota": {**quota, **amounts, "objects": {**quota["objects"], "pods": pods}},
            "namespaces": {f"n{index}": {"share": percent} for index, percent in enumerate(percents)},
        }
    )
    parts = [each.quota for each in namespaces(whole)]
    for name in ("cpu", "memory", "ephemeral_storage"):
        values = [quantity.parse(getattr(part, name)) for part in parts]
        assert sum(values) == quantity.parse(getattr(whole.quota, name))
        for value, percent in zip(values[1:], percents, strict=True):
            exact = quantity.parse(getattr(whole.quota, name)) * percent / 100
            assert exact - 1 < value <= exact
    assert sum(part.objects.pods for part in parts) == pods


pages = st.integers(0, 1000).map(lambda count: f"{2 * count}Mi")


@given(shares, st.integers(0, 10**4), pages)
def test_further_quota_keys_are_totals_too(percents: list[int], devices: int, pages: str) -> None:
    other = {"requests.example.com/fpga": str(devices), "hugepages-2Mi": pages}
    raw = profile.built_in()["research"]
    quota: Any = {**cast("dict[str, Any]", raw["quota"]), "other": other}
    extra = {f"n{index}": {"share": percent} for index, percent in enumerate(percents)}
    whole = Tenant.model_validate(
        {
            **raw,
            **tenant("whole"),
            "codespaces": raw["codespaces"],
            "quota": quota,
            "namespaces": extra,
        }
    )
    parts = [each.quota.other for each in namespaces(whole)]
    for key, total in other.items():
        values = [quantity.parse(part[key]) for part in parts]
        assert sum(values) == quantity.parse(total)
        assert all(value >= 0 and not value % quantity.step(key) for value in values)


@given(shares, st.lists(st.integers(0, 64), min_size=5, max_size=5), st.data())
def test_priorities_are_totals_and_no_namespace_is_granted_more_than_it_holds(
    percents: list[int], held: list[int], data: st.DataObject
) -> None:
    held = held[: len(percents) + 1]
    granted, pods = data.draw(st.integers(0, sum(held))), data.draw(st.integers(0, 100))
    raw = profile.built_in()["research"]
    whole = Tenant.model_validate(
        {
            **raw,
            **tenant("whole"),
            "codespaces": raw["codespaces"],
            "accelerators": {"a100": sum(held)},
            "namespaces": {
                f"n{index}": {"share": percent, "accelerators": {"a100": count}}
                for index, (percent, count) in enumerate(zip(percents, held[1:], strict=True))
            },
            "priorities": {"batch": {"pods": pods, "cpu": 8, "accelerators": {"a100": granted}}},
        }
    )
    parts = [each.priorities["batch"] for each in namespaces(whole)]
    assert sum(part.pods for part in parts) == pods
    assert sum(quantity.parse(part.cpu or "") for part in parts) == 8
    assert [part.memory for part in parts] == [None] * len(parts)
    devices = [part.accelerators["a100"] for part in parts]
    assert sum(devices) == granted
    assert all(part <= of for part, of in zip(devices, held, strict=True))


@given(shares, st.lists(st.integers(0, 64), min_size=4, max_size=4), st.integers(0, 64))
def test_no_accelerator_is_granted_twice(percents: list[int], taken: list[int], left: int) -> None:
    raw = profile.built_in()["research"]
    taken = taken[: len(percents)]
    extra = {
        f"n{index}": ExtraNamespace(share=percent, accelerators={"a100": count})
        for index, (percent, count) in enumerate(zip(percents, taken, strict=True))
    }
    whole = Tenant.model_validate(
        {
            **raw,
            **tenant("whole"),
            "codespaces": raw["codespaces"],
            "accelerators": {"a100": sum(taken) + left},
        }
    ).model_copy(update={"namespaces": extra})
    granted = [each.accelerators["a100"] for each in namespaces(whole)]
    assert granted == [left, *taken]
    assert sum(granted) == whole.accelerators["a100"]
