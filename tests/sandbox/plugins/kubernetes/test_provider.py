"""The stand-in's RPCs on a real API server. Expectations name their place below provider/pkg."""

import base64
import threading
from collections.abc import Iterator
from uuid import uuid4

import pytest
import yaml
from google.protobuf import empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2

from kube import ApiError, Client, JsonObject
from sandbox.plugins.kubernetes.diff import MISSING
from sandbox.plugins.kubernetes.normalize import normalize
from sandbox.plugins.kubernetes.objects import dig
from sandbox.plugins.kubernetes.provider import Provider
from sandbox.plugins.kubernetes.values import UNKNOWN, Secret, decode, encode
from tests.sandbox.plugins.kubernetes.conftest import (
    CONFIG_MAP,
    Engine,
    Recorder,
    RefusedError,
    State,
    call,
    config_map,
    urn_of,
)
from tests.sandbox.plugins.kubernetes.test_normalize import QUANTITIES

K = provider_pb2.PropertyDiff
RESPONSE = provider_pb2.DiffResponse


def quota(namespace: str, name: str, **hard: object) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"hard": hard},
    }


QUOTA = urn_of("core/v1:ResourceQuota")


def binding(namespace: str, name: str, role: str = "view", *users: str) -> JsonObject:
    group = "rbac.authorization.k8s.io"
    return {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name, "namespace": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "User", "name": user, "apiGroup": group} for user in users or ("ann",)],
    }


BINDING = urn_of("rbac.authorization.k8s.io/v1:RoleBinding")


# --- create ---


def test_state_is_the_live_object_with_inputs_and_manager(engine: Engine, namespace: str, name: str) -> None:
    # provider/provider.go, checkpointObject
    state = engine.create(CONFIG_MAP, config_map(namespace, name, data={"a": "1"}))
    assert state.id == f"{namespace}/{name}"
    assert dig(state.live, "metadata", "uid")
    assert state.live["__inputs"] == config_map(namespace, name, data={"a": "1"})
    assert state.live["__initialApiVersion"] == "v1"
    assert state.live["__fieldManager"].startswith("pulumi-kubernetes-")


def test_an_unnamed_object_gets_a_name_and_the_default_namespace(engine: Engine, client: Client) -> None:
    # Check: metadata/naming.go; the namespace is that of the kubeconfig's context
    checked = decode(engine.check(CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap"}))
    assert checked["metadata"]["name"].startswith("resource-")
    assert checked["metadata"]["namespace"] == "default"
    assert checked["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}


def test_a_cluster_kind_gets_no_namespace(engine: Engine) -> None:
    checked = decode(engine.check(urn_of("core/v1:Namespace"), {"apiVersion": "v1", "kind": "Namespace"}))
    assert "namespace" not in checked["metadata"]


def test_the_namespace_of_the_provider(kubeconfig: str, namespace: str) -> None:
    checked = decode(Engine.start(kubeconfig, namespace=namespace).check(CONFIG_MAP, {"kind": "ConfigMap"}))
    assert checked["metadata"]["namespace"] == namespace


def test_what_exists_already_is_an_error(engine: Engine, client: Client, namespace: str, name: str) -> None:
    # since 4.29, pulumi-kubernetes#4278
    client.create(config_map(namespace, name, data={"a": "theirs"}))
    with pytest.raises(
        RefusedError, match=f'was not successfully created.*configmaps "{name}" already exists'
    ):
        engine.create(CONFIG_MAP, config_map(namespace, name, data={"a": "ours"}))
    assert client.get("v1", "ConfigMap", name, namespace)["data"] == {"a": "theirs"}


def test_a_preview_does_not_mind_what_exists_already(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    # Create: it may be a replacement
    client.create(config_map(namespace, name))
    assert engine.create(CONFIG_MAP, config_map(namespace, name), preview=True).id == ""


def test_what_exists_already_is_taken_over_where_the_provider_may(
    kubeconfig: str, client: Client, namespace: str, name: str
) -> None:
    client.create(config_map(namespace, name, data={"a": "theirs", "b": "theirs"}), field_manager="them")
    inputs = config_map(namespace, name, data={"a": "ours"})
    upserting = Engine.start(kubeconfig, upsertExistingObjects="true")
    with pytest.raises(RefusedError, match=r'conflict with "them" using v1: \.data\.a'):
        upserting.create(CONFIG_MAP, inputs)
    inputs["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    upserting.create(CONFIG_MAP, inputs)
    assert client.get("v1", "ConfigMap", name, namespace)["data"] == {"a": "ours", "b": "theirs"}


def test_a_preview_asks_the_server_and_changes_nothing(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    service: JsonObject = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"ports": [{"port": 80}]},
    }
    state = engine.create(urn_of("core/v1:Service"), service, preview=True)
    assert state.id == ""
    assert dig(state.live, "spec", "sessionAffinity") == "None"  # the server's default
    assert "status" not in state.live
    with pytest.raises(ApiError):
        client.get("v1", "Service", name, namespace)


@pytest.mark.parametrize(
    "inputs",
    [
        {"data": {"a": UNKNOWN}},  # not known yet
        {"metadata": {"name": "a", "namespace": "not-there-yet"}},
        {"apiVersion": "example.com/v1", "kind": "NotThereYet"},
    ],
)
def test_a_preview_gives_the_inputs_where_the_server_cannot_tell(
    engine: Engine, namespace: str, name: str, inputs: JsonObject
) -> None:
    # Create: skipPreview and await.PreviewError
    state = engine.create(CONFIG_MAP, {**config_map(namespace, name), **inputs}, preview=True)
    assert state.outputs == state.inputs


def test_a_refusal_is_given_word_for_word(engine: Engine, client: Client, namespace: str) -> None:
    inputs = config_map(namespace, "No_Name")
    with pytest.raises(ApiError) as server:
        client.create(inputs)
    for preview in (True, False):
        with pytest.raises(RefusedError) as refused:
            engine.create(CONFIG_MAP, inputs, preview=preview)
        assert str(refused.value).endswith(f"by the Kubernetes API server: {server.value.message}")


def test_a_refusal_keeps_secrets(engine: Engine, namespace: str, name: str) -> None:
    inputs = quota(namespace, name, pods="1")
    inputs["spec"]["scopes"] = [Secret("hunter2-is-no-scope")]
    for preview in (True, False):
        with pytest.raises(RefusedError) as refused:
            engine.create(QUOTA, inputs, preview=preview)
        assert "hunter2" not in str(refused.value)
        assert "[secret]" in str(refused.value)


def test_a_create_waits_for_its_namespace(engine: Engine, client: Client, name: str) -> None:
    # await/await.go, Creation: NotFound is tried again
    late = threading.Timer(
        0.5, lambda: client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    )
    late.start()
    state = engine.create(CONFIG_MAP, config_map(name, name))
    late.join()
    assert state.id == f"{name}/{name}"
    client.delete("v1", "Namespace", name)


def test_lists_and_other_machinery_are_refused(engine: Engine) -> None:
    for token, message in (
        ("core/v1:ConfigMapList", "list resources exist for compatibility"),
        ("helm.sh/v3:Release", "needs the official kubernetes plugin"),
        ("yaml/v2:ConfigFile", "needs the official kubernetes plugin"),
    ):
        with pytest.raises(RefusedError, match=message):
            engine.check(urn_of(token), {})


# --- normal forms, held against the server ---


@pytest.mark.parametrize(("given", "expected"), QUANTITIES.items())
def test_the_server_writes_quantities_likewise(
    client: Client, namespace: str, given: str, expected: str
) -> None:
    written = client.create(quota(namespace, "q", **{"requests.memory": given}), dry_run=True)
    assert written["spec"]["hard"]["requests.memory"] == expected


NORMALIZED: list[JsonObject] = [
    {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "spec": {
            "podSelector": {"matchLabels": {}},
            "policyTypes": ["Ingress"],
            "ingress": [],
            "egress": [{"to": [{"podSelector": {}}], "ports": []}],
        },
    },
    {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"], "resourceNames": []}],
    },
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "spec": {
            "hostNetwork": False,
            "automountServiceAccountToken": False,
            "nodeSelector": {},
            "containers": [
                {
                    "name": "a",
                    "image": "b",
                    "env": [{"name": "c", "value": ""}],
                    "tty": False,
                    "securityContext": {"readOnlyRootFilesystem": False},
                    "resources": {"requests": {"cpu": 1, "memory": "1024Mi"}},
                    "volumeMounts": [{"name": "v", "mountPath": "/v", "readOnly": False}],
                }
            ],
            "volumes": [{"name": "v", "emptyDir": {}}],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "spec": {
            "capacity": {"storage": "1024Mi"},
            "accessModes": ["ReadWriteMany"],
            "nfs": {"server": "s", "path": "/", "readOnly": False},
            "storageClassName": "",
            "mountOptions": [],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "resources": {"requests": {"storage": "1024Mi"}},
        },
    },
    {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "spec": {
            "limits": [{"type": "Container", "default": {"cpu": "1000m"}, "max": {"cpu": 2}, "min": {}}]
        },
    },
    {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "b"}, "data": {"c": "ZA=="}},
    {"apiVersion": "v1", "kind": "ServiceAccount", "automountServiceAccountToken": False, "secrets": []},
    {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "value": 10, "globalDefault": False},
]


def missing_in(live: object, wanted: object, path: str = "") -> list[str]:
    """List where a live object does not hold what the inputs say."""
    if isinstance(wanted, dict) and isinstance(live, dict):
        found: list[str] = []
        for key, value in wanted.items():  # pyright: ignore[reportUnknownVariableType]
            found += missing_in(live.get(key, MISSING), value, f"{path}.{key}")  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
        return found
    if isinstance(wanted, list) and isinstance(live, list):
        pairs = zip(live, wanted, strict=True)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return [where for at, (a, b) in enumerate(pairs) for where in missing_in(a, b, f"{path}[{at}]")]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    return [] if live == wanted else [path]


@pytest.mark.parametrize("given", NORMALIZED, ids=lambda obj: obj["kind"])
def test_inputs_come_back_from_the_server_as_they_are_recorded(
    client: Client, namespace: str, name: str, given: JsonObject
) -> None:
    metadata: JsonObject = {"name": name, "namespace": namespace}
    obj: JsonObject = {**given, "metadata": metadata}
    if not client.resource(obj["apiVersion"], obj["kind"]).namespaced:
        del metadata["namespace"]
    assert missing_in(client.create(obj, dry_run=True), normalize(obj)) == []


# --- diff, update ---


def test_a_change_shows_its_path_and_is_made(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    state = engine.create(QUOTA, quota(namespace, name, pods="1", memory="1024Mi"))
    assert engine.diff(state, quota(namespace, name, pods=1, memory="1Gi")).changes == RESPONSE.DIFF_NONE
    changed = quota(namespace, name, pods="2", services="3")
    found = engine.diff(state, changed)
    assert found.changes == RESPONSE.DIFF_SOME
    assert found.hasDetailedDiff
    assert {path: change.kind for path, change in found.detailedDiff.items()} == {
        "spec.hard.pods": K.UPDATE,
        "spec.hard.memory": K.DELETE,
        "spec.hard.services": K.ADD,
    }
    assert not found.replaces
    previewed = engine.update(state, changed, preview=True)
    assert dig(previewed.live, "spec", "hard") == {"pods": "2", "services": "3"} | {"memory": "1Gi"}
    updated = engine.update(state, changed)
    assert dig(updated.live, "spec", "hard") == {"pods": "2", "services": "3"}
    assert client.get("v1", "ResourceQuota", name, namespace)["spec"]["hard"] == {
        "pods": "2",
        "services": "3",
    }
    assert engine.diff(updated, changed).changes == RESPONSE.DIFF_NONE


def test_the_manager_owns_what_it_applied(engine: Engine, client: Client, namespace: str, name: str) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name, data={"a": "1"}))
    updated = engine.update(state, config_map(namespace, name, data={"a": "2"}))
    manager = updated.live["__fieldManager"]
    assert manager == state.live["__fieldManager"]
    fields = client.get("v1", "ConfigMap", name, namespace)["metadata"]["managedFields"]
    assert [(entry["manager"], entry["operation"]) for entry in fields] == [(manager, "Apply")]


def test_a_field_of_somebody_else_is_a_conflict_until_forced(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name, data={"a": "1"}))
    state = engine.update(state, config_map(namespace, name, data={"a": "2"}))
    client.patch(
        "v1", "ConfigMap", name, {"data": {"a": "theirs"}}, namespace=namespace, field_manager="them"
    )
    wanted = config_map(namespace, name, data={"a": "3"})
    with pytest.raises(RefusedError, match=r'conflict with "them" using v1: \.data\.a'):
        engine.update(state, wanted)
    wanted["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert engine.update(state, wanted).live["data"] == {"a": "3"}


def test_what_kubectl_changed_is_taken_over(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    # await/await.go, fixCSAFieldManagers
    state = engine.create(CONFIG_MAP, config_map(namespace, name, data={"a": "1"}))
    change = {"data": {"a": "theirs", "b": "theirs"}}
    client.patch("v1", "ConfigMap", name, change, namespace=namespace, field_manager="kubectl-edit")
    assert engine.update(state, config_map(namespace, name, data={"a": "2"})).live["data"] == {"a": "2"}


def test_a_role_reference_forces_a_new_binding_in_its_place(
    engine: Engine, namespace: str, name: str
) -> None:
    state = engine.create(BINDING, binding(namespace, name))
    found = engine.diff(state, binding(namespace, name, "edit"))
    assert list(found.replaces) == ["roleRef.name"]
    assert found.deleteBeforeReplace


def test_an_autonamed_object_is_replaced_beside_the_old_one(kubeconfig: str, namespace: str) -> None:
    strict = Engine.start(kubeconfig)
    inputs: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace}}
    state = strict.create(CONFIG_MAP, {**inputs, "data": {"a": "1"}})
    found = strict.diff(state, {**inputs, "data": {"a": "2"}})
    assert list(found.replaces) == ["data.a"]
    assert not found.deleteBeforeReplace


def test_a_field_that_the_server_calls_immutable_is_replaced(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    def secret_type(content: str, immutable: bool) -> JsonObject:
        return config_map(namespace, name, data={"a": content}, immutable=immutable)

    state = engine.create(CONFIG_MAP, secret_type("1", immutable=True))
    found = engine.diff(state, secret_type("1", immutable=False))
    assert list(found.replaces) == ["immutable"]
    assert found.deleteBeforeReplace
    assert client.get("v1", "ConfigMap", name, namespace)["immutable"] is True


def test_ignored_changes_keep_the_live_value(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    # await/await.go, handleSSAIgnoreFields
    state = engine.create(CONFIG_MAP, config_map(namespace, name, data={"a": "1", "b": "1"}))
    wanted = config_map(namespace, name, data={"a": "2", "b": "2"})
    assert set(engine.diff(state, wanted, ("data.a",)).detailedDiff) == {"data.b"}
    assert engine.update(state, wanted, ignore=("data.a",)).live["data"] == {"a": "1", "b": "2"}


def test_a_refused_update_records_what_is(engine: Engine, namespace: str, name: str) -> None:
    # Update: the live object is read again, and goes with the error
    state = engine.create(QUOTA, quota(namespace, name, pods="1"))
    with pytest.raises(RefusedError, match="Invalid value") as refused:
        engine.update(state, quota(namespace, name, pods="-1"))
    assert refused.value.failed is not None
    assert refused.value.failed.id == f"{namespace}/{name}"
    assert dig(decode(refused.value.failed.properties), "spec", "hard", "pods") == "1"


def test_client_side_mode(kubeconfig: str, client: Client, namespace: str, name: str) -> None:
    # enableServerSideApply: false
    old = Engine.start(kubeconfig, enableServerSideApply="false", enableConfigMapMutable="true")
    state = old.create(CONFIG_MAP, config_map(namespace, name, data={"a": "1", "b": "1"}))
    assert dig(state.live, "metadata", "labels") == {"app.kubernetes.io/managed-by": "pulumi"}
    assert state.live["__fieldManager"] == "pulumi-kubernetes"
    client.patch("v1", "ConfigMap", name, {"data": {"c": "theirs"}}, namespace=namespace)
    updated = old.update(state, config_map(namespace, name, data={"a": "2"}))
    assert updated.live["data"] == {"a": "2", "c": "theirs"}


# --- read ---


def test_refresh_sees_a_changed_value(engine: Engine, client: Client, namespace: str, name: str) -> None:
    state = engine.create(QUOTA, quota(namespace, name, pods="1"))
    client.patch("v1", "ResourceQuota", name, {"spec": {"hard": {"pods": "9"}}}, namespace=namespace)
    read = engine.read(state)
    assert read is not None
    assert decode(read.inputs)["spec"] == {"hard": {"pods": "9"}}
    found = engine.diff(read, quota(namespace, name, pods="1"))
    assert {path: change.kind for path, change in found.detailedDiff.items()} == {"spec.hard.pods": K.UPDATE}


def test_refresh_does_not_see_additions(engine: Engine, client: Client, namespace: str, name: str) -> None:
    # provider/util.go, pruneMap and pruneSlice: so does the official provider
    state = engine.create(BINDING, binding(namespace, name))
    client.apply(binding(namespace, name, "view", "ann", "intruder"), field_manager="them", force=True)
    read = engine.read(state)
    assert read is not None
    assert read.inputs == state.inputs
    assert len(read.live["subjects"]) == 2
    assert engine.diff(read, binding(namespace, name)).changes == RESPONSE.DIFF_NONE


def test_refresh_drops_what_is_gone(engine: Engine, client: Client, namespace: str, name: str) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name))
    client.delete("v1", "ConfigMap", name, namespace)
    assert engine.read(state) is None


def test_an_import_takes_all_inputs(engine: Engine, client: Client, namespace: str, name: str) -> None:
    # Read: readFromCluster
    client.create(quota(namespace, name, pods="1"))
    read = engine.read(State(QUOTA, f"{namespace}/{name}", Struct(), Struct()))
    assert read is not None
    assert decode(read.inputs) == quota(namespace, name, pods="1")
    assert read.live["__fieldManager"].startswith("pulumi-kubernetes-")
    assert engine.diff(read, quota(namespace, name, pods="1")).changes == RESPONSE.DIFF_NONE


def test_secrets_stay_secret(engine: Engine, namespace: str, name: str) -> None:
    inputs: JsonObject = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace, "labels": {"a": Secret("hidden")}},
        "stringData": Secret({"password": "hunter2"}),
    }
    state = engine.create(urn_of("core/v1:Secret"), inputs)
    encoded = base64.b64encode(b"hunter2").decode()
    read = engine.read(state)
    assert read is not None
    for properties in (state.inputs, state.outputs, read.inputs, read.outputs):
        decoded = decode(properties)
        assert decoded["data"] == Secret({"password": encoded})
    assert decode(state.outputs)["__inputs"]["data"] == Secret({"password": encoded})
    assert engine.diff(read, inputs).changes == RESPONSE.DIFF_NONE


def test_secret_inputs_of_other_kinds_stay_secret(engine: Engine, namespace: str, name: str) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name, data={"a": Secret("hidden"), "b": "open"}))
    assert state.live["data"] == {"a": Secret("hidden"), "b": "open"}
    assert state.live["__inputs"]["data"] == {"a": Secret("hidden"), "b": "open"}


# --- delete, waiting ---


def test_a_namespace_is_gone_when_its_deletion_ends(engine: Engine, client: Client, name: str) -> None:
    token = urn_of("core/v1:Namespace")
    state = engine.create(token, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    client.create(config_map(name, "inside"))
    engine.delete(state)
    with pytest.raises(ApiError):
        client.get("v1", "Namespace", name)


def test_what_is_gone_already_is_deleted(engine: Engine, client: Client, namespace: str, name: str) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name))
    client.delete("v1", "ConfigMap", name, namespace)
    engine.delete(state)


@pytest.fixture
def held(engine: Engine, client: Client, namespace: str, name: str) -> Iterator[State]:
    """An object that nobody lets go."""
    inputs = config_map(namespace, name)
    inputs["metadata"]["finalizers"] = ["example.com/held"]
    yield engine.create(CONFIG_MAP, inputs)
    client.patch("v1", "ConfigMap", name, {"metadata": {"finalizers": None}}, namespace=namespace)


def test_a_deletion_that_hangs_is_an_error_and_the_object_stays_recorded(engine: Engine, held: State) -> None:
    with pytest.raises(RefusedError, match="timed out waiting for the condition") as refused:
        engine.delete(held, timeout=1)
    failed = refused.value.failed
    assert failed is not None
    assert failed.id == held.id
    assert any("example.com/held" in reason for reason in failed.reasons)
    assert dig(decode(failed.properties), "metadata", "deletionTimestamp")


def test_cancel_ends_a_wait(kubeconfig: str, held: State) -> None:
    other = Engine.start(kubeconfig)
    other.provider.Cancel(empty_pb2.Empty(), call())
    with pytest.raises(RefusedError, match="cancelled"):
        other.delete(held)


def claim(namespace: str, name: str, **annotations: str) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "",
            "volumeName": f"{name}-not-there",
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


CLAIM = urn_of("core/v1:PersistentVolumeClaim")


def test_a_claim_that_is_not_bound_in_time_stays_recorded(engine: Engine, namespace: str, name: str) -> None:
    # ErrorResourceInitFailed: the engine then records the object
    inputs = claim(namespace, name, **{"pulumi.com/timeoutSeconds": "1"})
    with pytest.raises(
        RefusedError, match=r"was successfully created, but .* timed out waiting to be Ready"
    ) as refused:
        engine.create(CLAIM, inputs)
    failed = refused.value.failed
    assert failed is not None
    assert failed.id == f"{namespace}/{name}"
    assert decode(failed.properties)["__inputs"]["metadata"]["name"] == name
    assert "PersistentVolumeClaim is Pending" in failed.reasons


def test_a_custom_timeout_wins_over_the_annotation(engine: Engine, namespace: str, name: str) -> None:
    # metadata/overrides.go, TimeoutDuration
    inputs = claim(namespace, name, **{"pulumi.com/timeoutSeconds": "3600"})
    with pytest.raises(RefusedError, match="timed out"):
        engine.create(CLAIM, inputs, timeout=1)


def test_nobody_waits_with_skip_await(engine: Engine, namespace: str, name: str) -> None:
    state = engine.create(CLAIM, claim(namespace, name, **{"pulumi.com/skipAwait": "true"}))
    assert dig(state.live, "status", "phase") == "Pending"


def test_a_quota_is_counted_when_its_creation_ends(engine: Engine, namespace: str, name: str) -> None:
    # await/awaiters.go, untilCoreV1ResourceQuotaInitialized
    state = engine.create(QUOTA, quota(namespace, name, pods="7"))
    assert dig(state.live, "status", "hard") == {"pods": "7"}


def test_a_token_secret_has_its_token_when_its_creation_ends(
    engine: Engine, client: Client, namespace: str, name: str
) -> None:
    # await/awaiters.go, untilCoreV1SecretInitialized
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": namespace},
    }
    client.create(account)
    secret: JsonObject = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "annotations": {"kubernetes.io/service-account.name": name},
        },
        "type": "kubernetes.io/service-account-token",
    }
    state = engine.create(urn_of("core/v1:Secret"), secret)
    assert set(state.live["data"].value) == {"ca.crt", "namespace", "token"}


# --- custom resources, patches ---


def test_custom_resources_right_after_their_definition(
    engine: Engine, client: Client, namespace: str
) -> None:
    group = f"t{uuid4().hex[:8]}.example.com"
    crd: JsonObject = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"gadgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"plural": "gadgets", "singular": "gadget", "kind": "Gadget"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                            },
                        }
                    },
                }
            ],
        },
    }
    definition = urn_of("apiextensions.k8s.io/v1:CustomResourceDefinition")
    gadget: JsonObject = {
        "apiVersion": f"{group}/v1",
        "kind": "Gadget",
        "metadata": {"name": "g"},
        "spec": {"a": 1},
    }
    token = urn_of(f"{group}/v1:Gadget")
    # In one preview: the program's CRD tells that a Gadget has no namespace (clients/cache.go).
    engine.check(definition, crd)
    assert "namespace" not in decode(engine.check(token, gadget))["metadata"]
    assert engine.create(token, gadget, preview=True).id == ""
    made = engine.create(definition, crd)
    assert "x_kubernetes_preserve_unknown_fields" in str(made.outputs)
    assert engine.diff(made, crd).changes == RESPONSE.DIFF_NONE
    state = engine.create(token, gadget)
    assert state.id == "g"
    changed = {**gadget, "spec": {"a": 2, "b": {"c": [1]}}}
    assert set(engine.diff(state, changed).detailedDiff) == {"spec.a", "spec.b"}
    assert engine.update(state, changed).live["spec"] == {"a": 2, "b": {"c": [1]}}
    crd["spec"]["names"]["shortNames"] = ["gg"]
    updated = engine.update(made, crd)
    assert dig(updated.live, "spec", "names", "shortNames") == ["gg"]
    engine.delete(updated)
    engine.delete(state)  # its kind is gone, and so is it
    assert engine.read(state) is None


def test_a_patch_changes_and_gives_back(engine: Engine, client: Client, name: str) -> None:
    # kinds/util.go, IsPatchResource; ssa/actions.go, Relinquish
    client.create(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"a": "theirs"}}}
    )
    patch: JsonObject = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"b": "ours"}},
    }
    state = engine.create(urn_of("core/v1:NamespacePatch"), patch)
    labels = client.get("v1", "Namespace", name)["metadata"]["labels"]
    assert (labels["a"], labels["b"]) == ("theirs", "ours")
    engine.delete(state)
    labels = client.get("v1", "Namespace", name)["metadata"]["labels"]
    assert labels["a"] == "theirs"
    assert "b" not in labels
    client.delete("v1", "Namespace", name)


# --- a cluster out of reach ---


@pytest.fixture(scope="module")
def unreachable(kubeconfig: str) -> Engine:
    port = kubeconfig.split("https://127.0.0.1:")[1].split("\n")[0].strip(" \"'").split('"')[0]
    return Engine.start(kubeconfig.replace(f"127.0.0.1:{port}", "127.0.0.1:9"))


def test_nothing_is_taken_for_deleted(unreachable: Engine, engine: Engine, namespace: str, name: str) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name))
    with pytest.raises(
        RefusedError, match=r"failed to read resource state due to unreachable cluster.*refused"
    ):
        unreachable.read(state)
    with pytest.raises(RefusedError, match=r"configured Kubernetes cluster is unreachable.*refused"):
        unreachable.delete(state)
    with pytest.raises(RefusedError, match="configured Kubernetes cluster is unreachable"):
        unreachable.create(CONFIG_MAP, config_map(namespace, name))
    with pytest.raises(RefusedError, match="configured Kubernetes cluster is unreachable"):
        unreachable.update(state, config_map(namespace, name, data={"a": "b"}))


def test_a_preview_still_compares(unreachable: Engine, engine: Engine, namespace: str, name: str) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name))
    assert unreachable.diff(state, config_map(namespace, name)).changes == RESPONSE.DIFF_NONE
    assert unreachable.create(CONFIG_MAP, config_map(namespace, name), preview=True).id == ""


def test_state_is_given_up_only_on_request(
    kubeconfig: str, engine: Engine, namespace: str, name: str
) -> None:
    state = engine.create(CONFIG_MAP, config_map(namespace, name))
    giving_up = Engine.start("{}", deleteUnreachable="true")
    assert giving_up.read(state) is None
    giving_up.delete(state)


def test_a_server_that_refuses_the_credentials_is_named(kubeconfig: str, namespace: str, name: str) -> None:
    known = yaml.safe_load(kubeconfig)
    known["users"] = [{**known["users"][0], "user": {"token": "hunter2"}}]
    with pytest.raises(RefusedError, match="Unauthorized") as refused:
        Engine.start(yaml.safe_dump(known)).create(CONFIG_MAP, config_map(namespace, name))
    assert "hunter2" not in str(refused.value)


# --- configuration ---


def configure(variables: dict[str, str]) -> None:
    request = provider_pb2.ConfigureRequest(variables=variables)
    Provider(Recorder()).Configure(request, call())


def test_what_only_the_official_plugin_can_do_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"renderYamlToDirectory.*official"):
        configure({"kubernetes:config:renderYamlToDirectory": "out"})


def config(cluster: str = "a", server: str = "https://a", **inputs: object) -> Struct:
    kubeconfig = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": cluster}}],
        "clusters": [{"name": cluster, "cluster": {"server": server}}],
    }
    return encode({"kubeconfig": kubeconfig, **inputs})


@pytest.mark.parametrize(
    ("olds", "news", "diffs", "replaces"),
    [
        # DiffConfig
        (config(), config(), [], []),
        (config(), config(server="https://b"), ["kubeconfig"], ["kubeconfig"]),
        (config(), config(namespace="n"), ["namespace"], []),
        (
            config(clusterIdentifier="i"),
            config(server="https://b", clusterIdentifier="i"),
            ["kubeconfig"],
            [],
        ),
        (
            config(clusterIdentifier="i"),
            config(clusterIdentifier="j"),
            ["clusterIdentifier"],
            ["clusterIdentifier"],
        ),
        (config(), config(clusterIdentifier="i"), ["clusterIdentifier"], []),
        (config(), encode({"kubeconfig": UNKNOWN}), ["kubeconfig"], ["kubeconfig"]),
    ],
)
def test_what_replaces_the_provider(
    olds: Struct, news: Struct, diffs: list[str], replaces: list[str]
) -> None:
    request = provider_pb2.DiffRequest(olds=olds, news=news)
    response = Provider(Recorder()).DiffConfig(request, call())
    assert (list(response.diffs), list(response.replaces)) == (diffs, replaces)
