"""TokenProvider against a real API server, without the engine."""

import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.dynamic import errors
from components.dynamic.token import TokenProvider
from kube import ApiError, Client, JsonObject
from tests.conftest import Sandbox
from tests.e2e.dynamic_support import Line, admin, identity

NAMESPACE = "dynamic-tokens"


def named(kind: str, name: str) -> JsonObject:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}


@pytest.fixture
def api(cluster: Sandbox) -> Generator[Client]:
    client = admin(cluster)
    client.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}, field_manager="tests"
    )
    for each in (named("ServiceAccount", "deployer"), named("Secret", "anchor")):
        client.apply(each, field_manager="tests")
    yield client
    for each in (named("ServiceAccount", "deployer"), named("Secret", "anchor")):
        client.apply(each, field_manager="tests")
        client.delete("v1", each["kind"], each["metadata"]["name"], NAMESPACE)


@pytest.fixture
def inputs(api: Client, cluster: Sandbox) -> dict[str, Any]:
    return {
        "namespace": NAMESPACE,
        "service_account": "deployer",
        "audiences": [],
        "lifetime_seconds": 3600.0,
        "renew_before_seconds": 600.0,
        "kubeconfig": cluster.kubeconfig.read_text(),
    }


def review(api: Client, token: str, *audiences: str) -> JsonObject:
    spec = {"token": token, "audiences": list(audiences)}
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": spec}
    return api.create(asked)["status"]


def wait_until_revoked(api: Client, token: str) -> None:
    """The API server remembers for ten seconds that a token was good."""
    end = time.monotonic() + 60
    while review(api, token).get("authenticated"):
        assert time.monotonic() < end, "still good after a minute"
        time.sleep(0.5)


def create(inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    result = TokenProvider().create(dict(inputs))
    return result.id, result.outs or {}


def test_token_is_issued_as_asked(api: Client, inputs: dict[str, Any]) -> None:
    before = datetime.now(UTC)
    id_, outs = create(inputs)
    assert review(api, outs["token"])["user"]["username"] == f"system:serviceaccount:{NAMESPACE}:deployer"
    lasting = datetime.fromisoformat(outs["not_after"]) - before
    assert timedelta(minutes=59) < lasting < timedelta(minutes=61)
    assert outs["service_account_uid"] == uid_of(api, "ServiceAccount", "deployer")
    assert id_ == f"{NAMESPACE}/deployer"


def uid_of(api: Client, kind: str, name: str) -> str:
    return api.get("v1", kind, name, NAMESPACE)["metadata"]["uid"]


def test_audience(api: Client, inputs: dict[str, Any]) -> None:
    _, outs = create({**inputs, "audiences": ["registry"]})
    assert review(api, outs["token"], "registry")["audiences"] == ["registry"]
    assert not review(api, outs["token"]).get("authenticated")


def test_deleting_the_secret_revokes(api: Client, inputs: dict[str, Any]) -> None:
    id_, outs = create({**inputs, "bound_secret": "anchor"})
    assert review(api, outs["token"])["authenticated"]
    assert TokenProvider().read(id_, outs).id == id_
    api.delete("v1", "Secret", "anchor", NAMESPACE)
    wait_until_revoked(api, outs["token"])
    assert TokenProvider().read(id_, outs).id is None
    api.create(named("Secret", "anchor"))
    assert TokenProvider().read(id_, outs).id is None


def test_deleting_the_service_account_revokes(api: Client, inputs: dict[str, Any]) -> None:
    id_, outs = create(inputs)
    unchanged = TokenProvider().read(id_, outs)
    assert (unchanged.id, unchanged.outs) == (id_, outs)
    api.delete("v1", "ServiceAccount", "deployer", NAMESPACE)
    wait_until_revoked(api, outs["token"])
    assert TokenProvider().read(id_, outs).id is None
    api.create(named("ServiceAccount", "deployer"))
    assert TokenProvider().read(id_, outs).id is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"service_account": "nobody"}, "there is no such ServiceAccount"),
        ({"namespace": "dynamic-nowhere"}, "there is no such ServiceAccount"),
        ({"bound_secret": "nothing"}, "there is no Secret 'nothing' to bind it to"),
    ],
)
def test_what_must_be_there_and_is_not(inputs: dict[str, Any], changes: dict[str, Any], told: str) -> None:
    with pytest.raises(errors.MissingError, match=told):
        create({**inputs, **changes})


def test_missing_right_is_named(cluster: Sandbox, inputs: dict[str, Any]) -> None:
    look = {"apiGroups": [""], "resources": ["serviceaccounts"], "verbs": ["get"]}
    with (
        identity(cluster, "dynamic-looker", look) as kubeconfig,
        pytest.raises(errors.NotPermittedError, match='cannot create resource "serviceaccounts/token"'),
    ):
        create({**inputs, "kubeconfig": kubeconfig})


def test_shorter_lifetime_than_the_renewal_needs(
    inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Client.request

    def capped(client: Client, method: str, path: str, **options: Any) -> JsonObject:
        if path.endswith("/token"):
            options["body"]["spec"]["expirationSeconds"] = 600
        return request(client, method, path, **options)

    monkeypatch.setattr(Client, "request", capped)
    with pytest.raises(errors.LifetimeTooShortError, match="instead of 3600 s"):
        create(inputs)


def test_unreachable_is_an_error_and_never_gone(cluster: Sandbox, inputs: dict[str, Any]) -> None:
    with Line(cluster) as line:
        id_, outs = create({**inputs, "kubeconfig": line.kubeconfig})
    with pytest.raises(errors.ClusterUnreachableError):
        TokenProvider().read(id_, outs)


def test_not_permitted_to_look_is_an_error_and_never_gone(cluster: Sandbox, inputs: dict[str, Any]) -> None:
    id_, outs = create(inputs)
    with (
        identity(cluster, "dynamic-blind") as kubeconfig,
        pytest.raises(errors.NotPermittedError, match="cannot get resource"),
    ):
        TokenProvider().read(id_, {**outs, "kubeconfig": kubeconfig})


def test_stranger_that_answers_404_is_an_error_and_never_gone(
    inputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, outs = create(inputs)

    def lost(*_: object, **__: object) -> JsonObject:
        raise ApiError(404, "", "HTTP status 404: <html>")

    monkeypatch.setattr(Client, "request", lost)
    with pytest.raises(errors.RefusedError, match="404"):
        TokenProvider().read(id_, outs)
