"""A tenant's admin and developer attack: their own bounds, other tenants, the cluster."""

import json
from collections.abc import Generator
from typing import Any

import pytest

from kube import ApiError, JsonObject
from tests.conftest import Sandbox
from tests.e2e import people
from tests.e2e.people import Person
from tests.e2e.project import STACK, Project

RBAC = "rbac.authorization.k8s.io"
NETWORKING = "networking.k8s.io"
CLASSES = {"urgent": {"value": 1000, "description": "For somebody else"}}
FOLDERS = {"data": {"nfs": {"server": "nfs.example.com", "path": "/data"}}}


@pytest.fixture(scope="module")
def members(shared_project: Project) -> dict[tuple[str, str], Person]:
    shared_project.cluster(shared_folders=FOLDERS, priority_classes=CLASSES, storage_classes=["standard"])
    shared = {
        "shared_folders": {"data": "read-only"},
        "service_accounts": {"ci": {"role": "developer"}},
        "quota": {"storage": {"standard": "10Gi"}},
    }
    return people.settle(shared_project, {"mallory": shared, "victim": shared})


@pytest.fixture
def admin(members: dict[tuple[str, str], Person]) -> Person:
    return members["mallory", "admin"]


@pytest.fixture
def developer(members: dict[tuple[str, str], Person]) -> Person:
    return members["mallory", "developer"]


@pytest.fixture(params=people.ROLES)
def anyone(members: dict[tuple[str, str], Person], request: pytest.FixtureRequest) -> Person:
    return members["mallory", request.param]


def _forbidden(refusal: pytest.ExceptionInfo[ApiError], told: str = "") -> None:
    assert refusal.value.code == 403, refusal.value.message
    assert told in refusal.value.message


OURS = "belongs to the tenancy"


@pytest.mark.parametrize(
    ("api_version", "kind", "told"),
    [
        (f"{RBAC}/v1", "RoleBinding", OURS),
        (f"{NETWORKING}/v1", "NetworkPolicy", OURS),
        ("v1", "ServiceAccount", OURS),
        ("v1", "PersistentVolumeClaim", OURS),
        ("v1", "ResourceQuota", "forbidden"),
        ("v1", "LimitRange", "forbidden"),
    ],
)
def test_what_the_program_made_cannot_be_taken_away(
    admin: Person, api_version: str, kind: str, told: str
) -> None:
    found = admin.client.list(api_version, kind, admin.namespace)
    managed = [each for each in found if "tenancy.dev/stack" in (each["metadata"].get("labels") or {})]
    assert managed
    for each in managed:
        name = each["metadata"]["name"]
        with pytest.raises(ApiError) as refusal:
            admin.client.delete(api_version, kind, name, admin.namespace)
        _forbidden(refusal, told)
        with pytest.raises(ApiError) as refusal:
            admin.client.apply(_stolen(each), field_manager="mallory", force=True)
        _forbidden(refusal, told)


def _stolen(each: JsonObject) -> JsonObject:
    """The same object with the label that protects it emptied."""
    metadata = {"name": each["metadata"]["name"], "namespace": each["metadata"]["namespace"]}
    labels = {"labels": {"tenancy.dev/stack": ""}}
    return {"apiVersion": each["apiVersion"], "kind": each["kind"], "metadata": metadata | labels}


def test_all_at_once_neither(admin: Person) -> None:
    path = admin.client.path(f"{RBAC}/v1", "RoleBinding", admin.namespace)
    with pytest.raises(ApiError) as refusal:
        admin.client.request("DELETE", path)
    _forbidden(refusal, OURS)


def test_own_objects_cannot_pose_as_the_programs(anyone: Person) -> None:
    labels = {"tenancy.dev/stack": STACK}
    told = anyone.refusal(_named("v1", "ConfigMap", labels=labels))
    assert OURS in told


def test_own_objects_are_free(admin: Person) -> None:
    own: list[JsonObject] = [
        _named("v1", "ConfigMap"),
        _named("v1", "ServiceAccount"),
        _named("v1", "Secret"),
        _binding("tenancy:viewer"),
        _named(f"{NETWORKING}/v1", "NetworkPolicy") | {"spec": {"podSelector": {}}},
        _pod(),
    ]
    for obj in own:
        assert admin.refusal(obj) == "", obj["kind"]


@pytest.mark.parametrize("role", ["cluster-admin", "admin", "edit", "system:node", "system:kube-scheduler"])
def test_no_role_of_the_cluster_can_be_bound(admin: Person, role: str) -> None:
    assert "attempting to grant RBAC permissions not currently held" in admin.refusal(_binding(role))


@pytest.mark.parametrize(
    "rule",
    [
        {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["delete"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]},
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["update"]},
        {"apiGroups": [""], "resources": ["serviceaccounts", "users"], "verbs": ["impersonate"]},
        {"apiGroups": [RBAC], "resources": ["roles"], "verbs": ["escalate"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["create"]},
    ],
)
def test_no_role_holds_more_than_its_maker(admin: Person, rule: dict[str, Any]) -> None:
    told = admin.refusal({**_named(f"{RBAC}/v1", "Role"), "rules": [rule]})
    assert "attempting to grant RBAC permissions not currently held" in told


@pytest.mark.parametrize("name", ["system:authenticated", "system:unauthenticated", "system:serviceaccounts"])
def test_nobody_is_let_in_by_a_group_that_is_everybody(admin: Person, name: str) -> None:
    subject = {"apiGroup": RBAC, "kind": "Group", "name": name}
    assert "everybody" in admin.refusal(_binding("tenancy:viewer", subject))


@pytest.mark.parametrize(
    ("resource", "group"),
    [
        ("nodes", ""),
        ("namespaces", ""),
        ("persistentvolumes", ""),
        ("certificatesigningrequests", "certificates.k8s.io"),
        ("certificatesigningrequests/approval", "certificates.k8s.io"),
        ("clusterroles", RBAC),
        ("clusterrolebindings", RBAC),
        ("validatingadmissionpolicies", "admissionregistration.k8s.io"),
        ("globalnetworkpolicies", "projectcalico.org"),
        ("priorityclasses", "scheduling.k8s.io"),
        ("deviceclasses", "resource.k8s.io"),
    ],
)
def test_nothing_of_the_cluster(anyone: Person, resource: str, group: str) -> None:
    for verb in ("list", "create", "update", "patch", "delete", "approve"):
        assert not anyone.may(verb, resource, group, namespace="")


def test_namespace_labels_stay(anyone: Person) -> None:
    labels = {
        "pod-security.kubernetes.io/enforce": "privileged",
        "resource.kubernetes.io/admin-access": "true",
    }
    metadata = {"name": anyone.namespace, "labels": labels}
    namespace: JsonObject = {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}
    with pytest.raises(ApiError) as refusal:
        anyone.client.apply(namespace, field_manager="mallory", force=True, dry_run=True)
    _forbidden(refusal)


def test_nobody_becomes_somebody_else(anyone: Person) -> None:
    for resource in ("users", "groups", "serviceaccounts"):
        assert not anyone.may("impersonate", resource)
        assert not anyone.may("impersonate", resource, namespace="")
    review = anyone.client.create(_review({"verb": "*", "resource": "*"}))
    assert not review["status"]["allowed"]


def test_tokens_of_other_accounts(members: dict[tuple[str, str], Person], developer: Person) -> None:
    request: JsonObject = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    places = [("victim", "ci"), ("victim", "default"), ("kube-system", "namespace-controller")]
    places += [("tenancy-credentials", "default")]
    for person in (developer, members["mallory", "admin"]):
        for namespace, account in places:
            path = person.client.path("v1", "ServiceAccount", namespace, account, "token")
            with pytest.raises(ApiError) as refusal:
                person.client.request("POST", path, body=request)
            _forbidden(refusal)
    assert not developer.may("create", "serviceaccounts/token")


def test_a_token_that_never_expires(anyone: Person) -> None:
    metadata = {"annotations": {"kubernetes.io/service-account.name": "ci"}}
    secret = _named("v1", "Secret", **metadata) | {"type": "kubernetes.io/service-account-token"}
    assert "never expires" in anyone.refusal(secret)


def test_a_pod_is_nobody_stronger_than_a_developer(shared_project: Project, developer: Person) -> None:
    """Whoever may start a pod has the rights of every ServiceAccount of the namespace."""
    assert developer.refusal(_pod(serviceAccountName="ci")) == ""
    may = ("auth", "can-i", "--list", "--namespace=mallory", "--as=system:serviceaccount:mallory:ci")
    listed = shared_project.sandbox.kubectl(*may).stdout
    assert "rolebindings" in listed
    for verb in ("create", "delete"):
        for resource in (f"rolebindings.{RBAC}", f"networkpolicies.{NETWORKING}", "serviceaccounts"):
            asked = ("auth", "can-i", verb, resource, *may[3:])
            assert shared_project.sandbox.kubectl(*asked, check=False).stdout.strip() == "no"


def test_secrets_of_others(anyone: Person) -> None:
    for namespace in ("victim", "kube-system", "tenancy-credentials", "default"):
        with pytest.raises(ApiError) as refusal:
            anyone.client.list("v1", "Secret", namespace)
        _forbidden(refusal)
    with pytest.raises(ApiError) as refusal:
        anyone.client.list("v1", "Secret")
    _forbidden(refusal)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"hostPID": True}, "hostPID"),
        ({"volumes": [{"name": "a", "hostPath": {"path": "/var/lib/kubelet"}}]}, "hostPath"),
        (
            {"volumes": [{"name": "a", "nfs": {"server": "nfs.example.com", "path": "/"}}]},
            "restricted volume",
        ),
        ({"priorityClassName": "system-node-critical"}, "system-priorities"),
        ({"priorityClassName": "urgent"}, "priority-urgent"),
        ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile"),
        ({"securityContext": {"runAsUser": 0}}, "runAsUser=0"),
        ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "sysctls"),
    ],
)
def test_pods_stay_restricted(anyone: Person, spec: dict[str, Any], told: str) -> None:
    assert told in anyone.refusal(_pod(**spec))


@pytest.mark.parametrize("kind", ["initContainers", "containers"])
def test_no_container_is_forgotten(anyone: Person, kind: str) -> None:
    context = {"privileged": True, "allowPrivilegeEscalation": True}
    bad = {"name": "bad", "image": "registry.example.com/a:1", "securityContext": context}
    pod = _pod()
    pod["spec"].setdefault(kind, []).append(bad)
    assert "privileged" in anyone.refusal(pod)


@pytest.fixture
def running(developer: Person) -> Generator[str]:
    developer.client.create(_pod(), namespace=developer.namespace)
    yield "tried"
    developer.client.delete("v1", "Pod", "tried", developer.namespace)


def test_a_container_that_comes_later_is_no_exception(developer: Person, running: str) -> None:
    """`kubectl debug`: pulled anew like any other, and no less restricted."""
    container: JsonObject = {"name": "debug", "image": "registry.example.com/private:1"}

    def add(**parts: Any) -> JsonObject:
        body = {"spec": {"ephemeralContainers": [container | parts]}}
        return developer.client.patch(
            "v1", "Pod", running, body, namespace=developer.namespace, subresource="ephemeralcontainers"
        )

    with pytest.raises(ApiError) as refusal:
        add(securityContext={"privileged": True, "allowPrivilegeEscalation": True})
    _forbidden(refusal, "privileged")
    made = add(imagePullPolicy="Never")["spec"]["ephemeralContainers"]
    assert [each["imagePullPolicy"] for each in made] == ["Always"]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ({"type": "NodePort"}, "services.nodeports"),
        ({"type": "LoadBalancer"}, "services.loadbalancers"),
        ({"externalIPs": ["10.96.0.10"]}, "externalIPs"),
    ],
)
def test_services_open_no_way_in(anyone: Person, spec: dict[str, Any], told: str) -> None:
    service = _named("v1", "Service") | {"spec": {"ports": [{"port": 80}], "selector": {"a": "b"}, **spec}}
    assert told in anyone.refusal(service)


def test_the_volume_of_another_cannot_be_bound(shared_project: Project, anyone: Person) -> None:
    spec = {
        "accessModes": ["ReadOnlyMany"],
        "storageClassName": "",
        "volumeName": "tenancy-victim-data",
        "resources": {"requests": {"storage": "1Mi"}},
    }
    name = f"by-{anyone.role}"
    claim = _named("v1", "PersistentVolumeClaim") | {"spec": spec, "metadata": {"name": name}}
    anyone.client.create(claim, namespace=anyone.namespace)
    try:
        people.eventually(lambda: _reasons(anyone, name), lambda reasons: "FailedBinding" in reasons)
        mine = anyone.client.get("v1", "PersistentVolumeClaim", name, anyone.namespace)
        assert mine["status"]["phase"] == "Pending"
        volume = shared_project.sandbox.kubectl("get", "pv", "tenancy-victim-data", "-o", "json").stdout
        assert json.loads(volume)["spec"]["claimRef"]["namespace"] == "victim"
    finally:
        anyone.client.delete("v1", "PersistentVolumeClaim", name, anyone.namespace)


def _reasons(person: Person, name: str) -> set[str]:
    events = person.client.list("v1", "Event", person.namespace)
    return {each["reason"] for each in events if each["involvedObject"]["name"] == name}


def test_a_plain_pod_is_made_safe(shared_project: Project, developer: Person) -> None:
    made = developer.client.create(_pod(), namespace=developer.namespace, dry_run=True)
    container = made["spec"]["containers"][0]
    assert made["spec"]["securityContext"] == {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["imagePullPolicy"] == "Always"


def test_the_platform_may_still_repair(shared_project: Project, cluster: Sandbox) -> None:
    label = ("label", "networkpolicy/default-deny", "--namespace=mallory", "example.com/seen=yes")
    cluster.kubectl(*label, "--dry-run=server")
    cluster.kubectl("delete", "networkpolicy/default-deny", "--namespace=mallory", "--dry-run=server")


def _named(api_version: str, kind: str, **metadata: Any) -> JsonObject:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "tried", **metadata}}


def _pod(**spec: Any) -> JsonObject:
    containers = [{"name": "main", "image": "registry.example.com/train:1"}]
    return _named("v1", "Pod") | {"spec": {"containers": containers, **spec}}


def _review(attributes: dict[str, str]) -> JsonObject:
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }


def _binding(role: str, subject: dict[str, str] | None = None) -> JsonObject:
    somebody = {"apiGroup": RBAC, "kind": "User", "name": "somebody"}
    return _named(f"{RBAC}/v1", "RoleBinding") | {
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject or somebody],
    }
