"""The behaviours of the Kubernetes multi-tenancy benchmark, for every role of every profile.

https://github.com/kubernetes-retired/multi-tenancy/tree/master/benchmarks: probed with the real credentials
of members, by SelfSubjectAccessReview and by dry runs that the API server judges like any other request. A
profile that gives a behaviour up says so in its `exemptions`, with the reason.
"""

from collections.abc import Callable
from typing import Any

import pytest

from kube import ApiError, JsonObject
from model.profile import built_in
from model.scalars import BEHAVIOURS
from tests.e2e import people
from tests.e2e.people import Person
from tests.e2e.project import Project

PROFILES = tuple(built_in())
People = dict[tuple[str, str], Person]
RBAC = "rbac.authorization.k8s.io"
NETWORKING = "networking.k8s.io"
WRITES = ("create", "update", "patch", "delete", "deletecollection")


@pytest.fixture(scope="module")
def members(shared_project: Project) -> People:
    """One tenant of each profile, as little changed as this cluster needs."""
    certificate = {"kind": "client-certificate", "lifetime": "1h", "renew_before": "20m", "grace": "10m"}
    changes: dict[str, Any] = {"credentials": certificate, "network": {"load_balancer_ports": []}}
    tenants = {f"by-{profile}": {"profile": profile, **changes} for profile in PROFILES}
    return people.settle(shared_project, tenants)


def test_every_behaviour_is_probed() -> None:
    assert set(CHECKS) == set(BEHAVIOURS)


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("role", people.ROLES)
@pytest.mark.parametrize("profile", PROFILES)
def test_behaviour(members: People, profile: str, role: str, behaviour: str) -> None:
    person = members[f"by-{profile}", role]
    reason = person.tenant.exemptions.get(behaviour)
    if reason is None:
        CHECKS[behaviour](person)
    else:
        assert reason.strip()


def _cluster_scope(person: Person) -> None:
    for resource in person.client.resources():
        if resource.namespaced or not resource.plural or resource.api_version.startswith("auth"):
            continue  # reviews of one's own access are everybody's
        for verb in ("get", "list", *WRITES):
            # `get` of the own namespace is the one thing that kubectl needs.
            assert not person.may(verb, resource.plural, resource.group, namespace=""), (verb, resource)
    assert person.may("get", "namespaces", name=person.namespace)


def _admin_labels(person: Person) -> None:
    managed = ("tenancy.dev/stack", "pod-security.kubernetes.io/enforce")
    for verb in ("update", "patch", "delete"):
        assert not person.may(verb, "namespaces", name=person.namespace), managed
    for kind, api_version in (("NetworkPolicy", f"{NETWORKING}/v1"), ("RoleBinding", f"{RBAC}/v1")):
        for each in person.client.list(api_version, kind, person.namespace):
            assert managed[0] in each["metadata"]["labels"]
            each["metadata"]["labels"] = {}
            with pytest.raises(ApiError) as refusal:
                person.client.update(each, dry_run=True)
            assert refusal.value.code == 403


def _own_capabilities(person: Person) -> None:
    told = person.refusal(_pod(securityContext={"capabilities": {"add": ["NET_ADMIN"]}}))
    assert "unrestricted capabilities" in told


def _as_root(person: Person) -> None:
    assert "runAsNonRoot" in person.refusal(_pod(securityContext={"runAsNonRoot": False}))
    assert "runAsUser=0" in person.refusal(_pod(securityContext={"runAsUser": 0}))


def _privileged(person: Person) -> None:
    context = {"privileged": True, "allowPrivilegeEscalation": True}
    assert "privileged" in person.refusal(_pod(securityContext=context))


def _escalation(person: Person) -> None:
    told = person.refusal(_pod(securityContext={"allowPrivilegeEscalation": True}))
    assert "allowPrivilegeEscalation" in told


def _quota_edits(person: Person) -> None:
    for resource in ("resourcequotas", "resourcequotas/status", "limitranges"):
        for verb in WRITES:
            assert not person.may(verb, resource), (verb, resource)


def _other_tenants(person: Person) -> None:
    others = [f"by-{profile}" for profile in PROFILES if f"by-{profile}" != person.namespace]
    for namespace in (*others, "default", "kube-system", "tenancy-credentials"):
        for resource in ("pods", "secrets", "configmaps", "pods/exec", "services", "persistentvolumeclaims"):
            for verb in ("get", "list", "create", "delete"):
                assert not person.may(verb, resource, namespace=namespace), (namespace, verb, resource)
        assert not person.may("get", "namespaces", namespace=namespace, name=namespace)
        with pytest.raises(ApiError) as refusal:
            person.client.list("v1", "Pod", namespace)
        assert refusal.value.code == 403


def _escalate_or_bind(person: Person) -> None:
    for resource in ("roles", "clusterroles"):
        for verb in ("escalate", "bind"):
            assert not person.may(verb, resource, RBAC)
    told = person.refusal(_binding("ClusterRole", "cluster-admin"))
    assert "forbidden" in told.lower(), told
    rules = [{"apiGroups": [""], "resources": ["resourcequotas"], "verbs": ["update"]}]
    told = person.refusal({**_named(f"{RBAC}/v1", "Role"), "rules": rules})
    assert "forbidden" in told.lower(), told


def _host_path(person: Person) -> None:
    volumes = [{"name": "host", "hostPath": {"path": "/"}}]
    assert "hostPath" in person.refusal(_pod(volumes=volumes))


def _node_ports(person: Person) -> None:
    spec = {"type": "NodePort", "ports": [{"port": 80}], "selector": {"app": "a"}}
    assert "services.nodeports" in person.refusal({**_named("v1", "Service"), "spec": spec})


def _host_network(person: Person) -> None:
    assert "hostNetwork" in person.refusal(_pod(hostNetwork=True))
    assert "hostPort" in person.refusal(_pod(ports=[{"containerPort": 80, "hostPort": 80}]))


def _host_pid(person: Person) -> None:
    assert "hostPID" in person.refusal(_pod(hostPID=True))


def _host_ipc(person: Person) -> None:
    assert "hostIPC" in person.refusal(_pod(hostIPC=True))


def _resource_quota(person: Person) -> None:
    hard = _hard(person)
    for name in ("cpu", "memory", "ephemeral-storage"):
        assert {f"requests.{name}", f"limits.{name}"} <= hard


def _object_quota(person: Person) -> None:
    assert {
        "pods",
        "services",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    } <= _hard(person)


def _hard(person: Person) -> set[str]:
    quotas = person.client.list("v1", "ResourceQuota", person.namespace)
    return {key for quota in quotas if "scopeSelector" not in quota["spec"] for key in quota["spec"]["hard"]}


def _pull_policy(person: Person) -> None:
    for asked in ({}, {"imagePullPolicy": "IfNotPresent"}, {"imagePullPolicy": "Never"}):
        made = person.client.create(_pod(**asked), namespace=person.namespace, dry_run=True)
        assert [each["imagePullPolicy"] for each in made["spec"]["containers"]] == ["Always"]


def _role_bindings(person: Person) -> None:
    own = person.role == "admin"
    for resource in ("roles", "rolebindings"):
        for verb in WRITES:
            assert person.may(verb, resource, RBAC) == own
    if own:
        assert person.refusal(_binding("ClusterRole", "tenancy:developer")) == ""


def _network_policies(person: Person) -> None:
    own = person.role == "admin"
    for verb in WRITES:
        assert person.may(verb, "networkpolicies", NETWORKING) == own
    if own:
        spec: JsonObject = {"podSelector": {}, "ingress": [{}]}
        assert person.refusal({**_named(f"{NETWORKING}/v1", "NetworkPolicy"), "spec": spec}) == ""


CHECKS: dict[str, Callable[[Person], None]] = {
    "cluster-scope": _cluster_scope,
    "admin-labels": _admin_labels,
    "capabilities": _own_capabilities,
    "run-as-root": _as_root,
    "privileged": _privileged,
    "privilege-escalation": _escalation,
    "quota-edits": _quota_edits,
    "other-tenants": _other_tenants,
    "escalate-bind": _escalate_or_bind,
    "host-path": _host_path,
    "node-ports": _node_ports,
    "host-network": _host_network,
    "host-pid": _host_pid,
    "host-ipc": _host_ipc,
    "resource-quota": _resource_quota,
    "object-quota": _object_quota,
    "image-pull-policy": _pull_policy,
    "role-bindings": _role_bindings,
    "network-policies": _network_policies,
}


def _named(api_version: str, kind: str) -> JsonObject:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "tried"}}


def _pod(**parts: Any) -> JsonObject:
    """A plain pod; `parts` of a container go to its container, others to the pod."""
    own = {key: parts.pop(key) for key in ("securityContext", "ports", "imagePullPolicy") if key in parts}
    container = {"name": "main", "image": "registry.example.com/train:1", **own}
    return {**_named("v1", "Pod"), "spec": {"containers": [container], **parts}}


def _binding(kind: str, role: str) -> JsonObject:
    return {
        **_named(f"{RBAC}/v1", "RoleBinding"),
        "roleRef": {"apiGroup": RBAC, "kind": kind, "name": role},
        "subjects": [{"apiGroup": RBAC, "kind": "User", "name": "somebody"}],
    }
