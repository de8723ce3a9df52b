"""The four stacks of the repository, each on a control plane that poses as its cluster."""

import json
from collections import Counter
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from kube import ApiError, Client, JsonObject
from model import Namespace, Tenant
from model.namespaces import namespaces
from model.scalars import State
from tests.conftest import Sandbox
from tests.e2e import stacks
from tests.e2e.people import eventually
from tests.e2e.stacks import Posed
from tests.policy.render import name_of, render

KINDS = {
    "v1": ("Namespace", "ResourceQuota", "LimitRange", "ServiceAccount"),
    "networking.k8s.io/v1": ("NetworkPolicy",),
    "rbac.authorization.k8s.io/v1": ("ClusterRole", "RoleBinding"),
    "scheduling.k8s.io/v1": ("PriorityClass",),
    "admissionregistration.k8s.io/v1": ("ValidatingAdmissionPolicy", "MutatingAdmissionPolicy"),
    "projectcalico.org/v3": ("GlobalNetworkPolicy",),
    "policy.networking.k8s.io/v1alpha2": ("ClusterNetworkPolicy",),
}
VOLUMES = ("PersistentVolume", "PersistentVolumeClaim")


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sandbox]:
    """A sandbox of its own, because it changes its nodes and its signer from stack to stack."""
    sandbox = Sandbox(tmp_path_factory.mktemp("stacks") / "sandbox")
    try:
        yield sandbox
    finally:
        sandbox.sandbox("down")


@pytest.fixture(scope="module", params=stacks.STACKS)
def stack(
    plane: Sandbox, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Generator[Posed]:
    with stacks.posed(request.param, tmp_path_factory.mktemp(request.param), plane) as made:
        _made_by_hand(made)
        made.pulumi("preview")
        made.up()
        yield made


def _made_by_hand(made: Posed) -> None:
    """What tenants adopt exists before the program."""
    for tenant in made.described.tenants:
        if not tenant.adopt.namespace:
            continue
        namespace, client = tenant.main_namespace, made.client
        client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        for name in tenant.adopt.quotas.values():
            client.create(
                {
                    "apiVersion": "v1",
                    "kind": "ResourceQuota",
                    "metadata": {"name": name, "namespace": namespace},
                    "spec": {"hard": {"requests.nvidia.com/gpu": "4"}},
                }
            )


def _rendered(made: Posed) -> list[JsonObject]:
    return render(made.described, datetime.now(UTC))


def test_there_is_what_the_program_says_and_nothing_else(stack: Posed) -> None:
    rendered = _rendered(stack)
    for api_version, kinds in {**KINDS, "v1": (*KINDS["v1"], *VOLUMES)}.items():
        for kind in kinds:
            expected = Counter(name_of(each) for each in rendered if each["kind"] == kind)
            selector = f"tenancy.dev/stack={stack.name}"
            found = stack.client.list(api_version, kind, label_selector=selector)
            assert Counter(map(name_of, found)) + _adopted(stack, kind) == expected, kind


def _adopted(stack: Posed, kind: str) -> Counter[str]:
    """Names of objects that were taken over, and so have no labels of ours yet."""
    names: list[str] = []
    for tenant in stack.described.tenants:
        if kind == "Namespace" and tenant.adopt.namespace:
            names.append(tenant.main_namespace)
        if kind == "ResourceQuota":
            names += [f"{tenant.main_namespace}/{name}" for name in tenant.adopt.quotas.values()]
    return Counter(names)


def test_the_second_preview_is_clean(stack: Posed) -> None:
    stack.pulumi("preview", "--expect-no-changes", "--diff")


def test_everything_passes_strict_validation(stack: Posed) -> None:
    """By kubectl, as a person would; the namespaces exist, so that nothing is judged only in part."""
    listed = {"apiVersion": "v1", "kind": "List", "items": _rendered(stack)}
    strict = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    done = stack.sandbox.kubectl("apply", *strict, "-f", "-", stdin=json.dumps(listed))
    assert len(done.stdout.splitlines()) == len(listed["items"])


def _active(stack: Posed) -> list[tuple[Tenant, Namespace]]:
    """Namespaces in which things may run, with their part of the quota."""
    return [
        (tenant, each)
        for tenant in stack.described.tenants
        for each in namespaces(tenant)
        if tenant.state is State.ACTIVE
    ]


def test_accelerators_are_admitted_up_to_the_grant(stack: Posed) -> None:
    """As many as were granted in one pod, and one more; by a dry run, which quota judges like any other."""
    cluster = stack.described.cluster
    tried = 0
    for tenant, space in _active(stack):
        if "accelerators" in tenant.adopt.quotas:
            continue  # taken over as it is
        totals: Counter[str] = Counter()
        for key, entry in cluster.accelerators.items():
            if entry.resource:
                totals[entry.resource] += space.accelerators.get(key, 0)
        for resource, granted in totals.items():
            if granted:
                _admitted(stack.client, _pod(space.name, {resource: granted}))
            _refused(stack.client, _pod(space.name, {resource: granted + 1}), f"requests.{resource}")
            tried += 1
    assert tried or not cluster.accelerators


def test_devices_are_admitted_up_to_the_grant(stack: Posed) -> None:
    cluster = stack.described.cluster
    for tenant, space in _active(stack):
        if "accelerators" in tenant.adopt.quotas:
            continue
        for key, entry in cluster.accelerators.items():
            if entry.device_class and space.quota.objects.resource_claims:
                granted = space.accelerators.get(key, 0)
                if granted:
                    _admitted(stack.client, _claim(space.name, entry.device_class, granted))
                counted = f"{entry.device_class}.deviceclass.resource.k8s.io/devices"
                _refused(stack.client, _claim(space.name, entry.device_class, granted + 1), counted)


def test_storage_is_admitted_up_to_the_grant(stack: Posed) -> None:
    for tenant, space in _active(stack):
        for name in stack.described.cluster.storage_classes:
            size = space.quota.storage.get(name, "0")
            claim = _volume_claim(space.name, "1Gi", storage_class=name)
            if size == "0":
                # Where no claim may have any size, the LimitRange speaks before the quota.
                told = "PersistentVolumeClaim is 0" if tenant.limits.max_claim == "0" else "exceeded quota"
                _refused(stack.client, claim, told)
                continue
            _admitted(stack.client, claim)
            too_much = _volume_claim(space.name, tenant.limits.max_claim, storage_class=name)
            too_much["spec"]["resources"]["requests"]["storage"] = "999Pi"
            _refused(stack.client, too_much, "maximum storage usage per PersistentVolumeClaim")


def test_objects_are_admitted_up_to_the_count(stack: Posed) -> None:
    for _, space in _active(stack):
        objects = space.quota.objects
        kinds: Mapping[str, tuple[int, JsonObject]] = {
            "services.nodeports": (objects.node_ports, _service(space.name, "NodePort")),
            "services.loadbalancers": (objects.load_balancers, _service(space.name, "LoadBalancer")),
            "replicationcontrollers": (objects.replication_controllers, _controller(space.name)),
            "services": (objects.services, _service(space.name, "ClusterIP")),
            "secrets": (objects.secrets, _named("v1", "Secret", space.name)),
            "configmaps": (objects.config_maps, _named("v1", "ConfigMap", space.name)),
        }
        for key, (allowed, made) in kinds.items():
            if allowed:
                _admitted(stack.client, made)
            else:
                _refused(stack.client, made, key)


def test_priority_classes_are_who_they_were_granted_to(stack: Posed) -> None:
    for tenant, space in _active(stack):
        for name in stack.described.cluster.priority_classes:
            pod = _pod(space.name, {}, priorityClassName=name)
            if name in tenant.priorities:
                _admitted(stack.client, pod)
            else:
                _refused(stack.client, pod, f"priority-{name}")
        for name in ("system-cluster-critical", "system-node-critical"):
            _refused(stack.client, _pod(space.name, {}, priorityClassName=name), "system-priorities")


def test_a_frozen_tenant_starts_nothing(stack: Posed) -> None:
    for tenant in stack.described.tenants:
        if tenant.state is State.FROZEN:
            _refused(stack.client, _pod(tenant.main_namespace, {}), "exceeded quota: frozen")


def test_an_adopted_namespace_is_the_one_that_was_there(stack: Posed) -> None:
    for tenant in stack.described.tenants:
        if tenant.adopt.namespace:
            quota = stack.client.get("v1", "ResourceQuota", "gpu-quota", tenant.main_namespace)
            assert quota["spec"]["hard"] == {"requests.nvidia.com/gpu": "4"}
            adopted = stack.client.get("v1", "Namespace", tenant.main_namespace)
            assert "tenancy.dev/stack" not in adopted["metadata"]["labels"]


def test_work_runs_on_the_pool_it_asks_for(stack: Posed) -> None:
    """A pod on a node of the first accelerator's pool, or of any pool where there is none."""
    client, cluster = stack.client, stack.described.cluster
    tenant, space = next((t, s) for t, s in _active(stack) if s.accelerators or not cluster.accelerators)
    resources: dict[str, int] = {}
    if space.accelerators:
        entry = cluster.accelerators[next(iter(space.accelerators))]
        assert entry.resource
        resources = {entry.resource: 1}
    client.create(_pod(space.name, resources, tolerations=[{"operator": "Exists"}]))
    pod = eventually(lambda: client.get("v1", "Pod", "tried", space.name), _is_running)
    node = client.get("v1", "Node", pod["spec"]["nodeName"])
    for resource in resources:
        assert int(node["status"]["capacity"][resource]) > 0
    assert tenant.state is State.ACTIVE
    client.delete("v1", "Pod", "tried", space.name)


def test_devices_are_allocated(stack: Posed) -> None:
    """Dynamic Resource Allocation: a pod whose claim is for a device class runs where the devices are."""
    client, cluster = stack.client, stack.described.cluster
    granted = [
        (space, entry.device_class)
        for _, space in _active(stack)
        for key, entry in cluster.accelerators.items()
        if entry.device_class and space.accelerators.get(key)
    ]
    for space, device_class in granted:
        client.create(_claim(space.name, device_class, 2))
        claims = [{"name": "devices", "resourceClaimName": "tried"}]
        pod = _pod(space.name, {}, tolerations=[{"operator": "Exists"}], resourceClaims=claims)
        pod["spec"]["containers"][0]["resources"] = {"claims": [{"name": "devices"}]}
        client.create(pod)
        running = eventually(lambda name=space.name: client.get("v1", "Pod", "tried", name), _is_running)
        assert running["spec"]["nodeName"].startswith("l40s-dra")
        used = client.get("v1", "ResourceQuota", "accelerators", space.name)["status"]["used"]
        assert used[f"{device_class}.deviceclass.resource.k8s.io/devices"] == "2"
        client.delete("v1", "Pod", "tried", space.name)
        client.delete("resource.k8s.io/v1", "ResourceClaim", "tried", space.name)
    assert granted or stack.name != "gpu"


def test_no_claim_binds_the_volume_of_another(stack: Posed) -> None:
    client = stack.client
    for tenant, space in _active(stack):
        others = [
            each
            for each in client.list("v1", "PersistentVolume")
            if each["spec"]["claimRef"]["namespace"] != space.name
        ]
        if not others or not any(size != "0" for size in space.quota.storage.values()):
            continue
        theirs = others[0]["metadata"]["name"]
        owner = others[0]["spec"]["claimRef"]
        eventually(
            lambda name=theirs: client.get("v1", "PersistentVolume", name),
            lambda volume: volume["status"]["phase"] == "Bound",
        )
        stolen = _volume_claim(space.name, "1Mi", storage_class="", volume=theirs)
        client.create(stolen)
        eventually(lambda name=space.name: _events(client, name), lambda reasons: "FailedBinding" in reasons)
        claim = client.get("v1", "PersistentVolumeClaim", "tried", space.name)
        volume = client.get("v1", "PersistentVolume", theirs)
        assert claim["status"]["phase"] == "Pending"
        assert volume["spec"]["claimRef"]["namespace"] == owner["namespace"]
        assert volume["spec"]["claimRef"]["name"] == owner["name"]
        client.delete("v1", "PersistentVolumeClaim", "tried", space.name)
        assert tenant.name != owner["namespace"]


def _events(client: Client, namespace: str) -> set[str]:
    found = client.list("v1", "Event", namespace)
    return {each["reason"] for each in found if each["involvedObject"]["name"] == "tried"}


def _is_running(pod: JsonObject) -> bool:
    return pod["status"].get("phase") == "Running"


def _admitted(client: Client, obj: JsonObject) -> None:
    client.create(obj, dry_run=True, field_validation="Strict")


def _refused(client: Client, obj: JsonObject, reason: str) -> None:
    with pytest.raises(ApiError) as refusal:
        client.create(obj, dry_run=True, field_validation="Strict")
    assert refusal.value.code == 403, refusal.value.message
    assert reason in refusal.value.message


def _named(api_version: str, kind: str, namespace: str, **parts: Any) -> JsonObject:
    metadata = {"name": "tried", "namespace": namespace}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **parts}


def _pod(namespace: str, accelerators: Mapping[str, int], **spec: Any) -> JsonObject:
    amounts = {name: str(count) for name, count in accelerators.items()}
    resources = {"requests": amounts, "limits": amounts} if amounts else {}
    container = {"name": "main", "image": "registry.example.com/train:1", "resources": resources}
    return _named("v1", "Pod", namespace, spec={"containers": [container], **spec})


def _claim(namespace: str, device_class: str, count: int) -> JsonObject:
    exactly = {"deviceClassName": device_class, "allocationMode": "ExactCount", "count": count}
    spec = {"devices": {"requests": [{"name": "devices", "exactly": exactly}]}}
    return _named("resource.k8s.io/v1", "ResourceClaim", namespace, spec=spec)


def _volume_claim(namespace: str, size: str, *, storage_class: str, volume: str | None = None) -> JsonObject:
    spec: JsonObject = {
        "accessModes": ["ReadWriteMany"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": size}},
    }
    if volume:
        spec["volumeName"] = volume
    return _named("v1", "PersistentVolumeClaim", namespace, spec=spec)


def _service(namespace: str, kind: str) -> JsonObject:
    ports = [{"port": 80}]
    return _named("v1", "Service", namespace, spec={"type": kind, "selector": {"app": "a"}, "ports": ports})


def _controller(namespace: str) -> JsonObject:
    labels = {"app": "a"}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [{"name": "main", "image": "registry.example.com/train:1"}]},
    }
    spec = {"replicas": 0, "selector": labels, "template": template}
    return _named("v1", "ReplicationController", namespace, spec=spec)
