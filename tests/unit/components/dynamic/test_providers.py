"""What the engine sees of the providers, as far as no cluster is needed."""

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import dill
import pulumi
import pytest
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider  # pyright: ignore[reportUnknownVariableType]
from pulumi.output import Unknown

from components.dynamic import clock, connection
from components.dynamic.certificate import CertificateProvider
from components.dynamic.name_check import NameCheckProvider
from components.dynamic.token import TokenProvider
from tests.unit.components.dynamic.support import certificate_inputs, make_request

REQUEST = make_request("vision-1")
START = datetime(2026, 1, 1, 12, tzinfo=UTC)
NO_CLUSTER = "https://127.0.0.1:1"
KUBECONFIG = f"""
current-context: a
clusters: [{{name: a, cluster: {{server: '{NO_CLUSTER}'}}}}]
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
users: [{{name: a, user: {{token: very-secret}}}}]
"""


@pytest.fixture(autouse=True)
def now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: START)


def issued(lasting: float = 3600, **changes: Any) -> dict[str, Any]:
    outputs = {"not_after": (START + timedelta(seconds=lasting)).isoformat(), "renewal": "asked for at X"}
    return {**certificate_inputs(REQUEST.pem), **outputs, **changes}


def token_inputs(**changes: Any) -> dict[str, Any]:
    return {
        "namespace": "ci",
        "service_account": "deployer",
        "audiences": [],
        "lifetime_seconds": 3600.0,
        "renew_before_seconds": 600.0,
        **changes,
    }


@pytest.mark.parametrize("provider", [CertificateProvider(), TokenProvider(), NameCheckProvider()])
def test_provider_is_stored_by_its_name_alone(provider: ResourceProvider) -> None:
    stored = base64.b64decode(serialize_provider(provider))
    assert type(provider).__module__.encode() in stored
    assert len(stored) < 200
    assert type(dill.loads(stored)) is type(provider)
    assert provider.serialize_as_secret_always


@pytest.mark.parametrize(
    ("stored", "provider"),
    [
        (
            "gASVMwAAAAAAAACMGWNvbXBvbmVudHMuZHluYW1pYy5jbGFpbXOUjA5DbGFpbXNQcm92aWRlcpSTlCmBlC4=",
            NameCheckProvider,
        ),
        (
            "gASVPQAAAAAAAACMHmNvbXBvbmVudHMuZHluYW1pYy5jZXJ0aWZpY2F0ZZSME0NlcnRpZmljYXRlUHJvdmlkZXKUk5QpgZQu",
            CertificateProvider,
        ),
        (
            "gASVMQAAAAAAAACMGGNvbXBvbmVudHMuZHluYW1pYy50b2tlbpSMDVRva2VuUHJvdmlkZXKUk5QpgZQu",
            TokenProvider,
        ),
    ],
)
def test_the_provider_of_an_old_state_is_found(stored: str, provider: type[ResourceProvider]) -> None:
    """As version 0.1 of the program stored them."""
    assert type(dill.loads(base64.b64decode(stored))) is provider


def test_certificate_inputs_are_good() -> None:
    result = CertificateProvider().check({}, certificate_inputs(REQUEST.pem))
    assert result.failures == []
    assert result.inputs == {
        **certificate_inputs(REQUEST.pem),
        "renewal": "asked for at 2026-01-01T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"csr_pem": "nonsense"}, "csr_pem"),
        ({"csr_pem": make_request("eve", "system:masters").pem}, "csr_pem"),
        ({"usages": ["server auth"]}, "usages"),
        ({"request_name_prefix": "No"}, "request_name_prefix"),
        ({"lifetime_seconds": 60.0}, "lifetime_seconds"),
        ({"renew_before_seconds": 3600.0}, "renew_before_seconds"),
    ],
)
def test_certificate_inputs_that_cannot_be(changes: dict[str, Any], key: str) -> None:
    failures = CertificateProvider().check({}, certificate_inputs(REQUEST.pem, **changes)).failures
    assert [failure.reason.split(": ")[0] for failure in failures] == [key]
    assert failures[0].property == ""


def test_csr_that_a_preview_does_not_know_yet() -> None:
    inputs = certificate_inputs(REQUEST.pem, csr_pem=Unknown())
    assert CertificateProvider().check({}, inputs).failures == []
    assert CertificateProvider().diff("1", issued(), inputs).replaces == ["csr_pem"]


def test_moment_of_asking_is_kept() -> None:
    result = CertificateProvider().check(issued(), certificate_inputs(REQUEST.pem))
    assert result.inputs["renewal"] == "asked for at X"


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({}, []),
        ({"csr_pem": REQUEST.pem.replace("\n", "\r\n")}, []),
        ({"kubeconfig": "other", "context": "other"}, []),
        ({"labels": {"a": "b"}, "timeout_seconds": 1.0, "request_name_prefix": "x"}, []),
        ({"renewal": "asked for at Y"}, []),
        ({"csr_pem": make_request("vision-1").pem}, ["csr_pem"]),
        ({"signer": "example.com/x"}, ["signer"]),
        ({"usages": ["client auth", "digital signature"]}, ["usages"]),
        ({"lifetime_seconds": 7200.0}, ["lifetime_seconds"]),
        ({"renew_before_seconds": 3600.0}, ["renewal"]),
    ],
)
def test_what_replaces_a_certificate(changes: dict[str, Any], reasons: list[str]) -> None:
    result = CertificateProvider().diff("1", issued(), certificate_inputs(REQUEST.pem, **changes))
    assert result.replaces == reasons
    assert result.changes is bool(reasons)


@pytest.mark.parametrize(("left", "due"), [(601, False), (600, True), (0, True), (-5, True)])
def test_certificate_is_replaced_in_its_window(left: float, due: bool) -> None:
    result = CertificateProvider().diff("1", issued(left), certificate_inputs(REQUEST.pem))
    assert result.replaces == (["renewal"] if due else [])


def test_deleting_a_certificate_survives_a_lost_cluster() -> None:
    CertificateProvider().delete("1", issued(kubeconfig=KUBECONFIG, request_left="tenancy-x"))


def test_token_inputs() -> None:
    assert TokenProvider().check({}, token_inputs()).failures == []
    failures = TokenProvider().check({}, token_inputs(lifetime_seconds=60.0)).failures
    assert [failure.reason.split(": ")[0] for failure in failures] == ["lifetime_seconds"]


@pytest.mark.parametrize(
    ("changes", "reasons", "changed"),
    [
        ({}, [], False),
        ({"kubeconfig": "other"}, [], True),
        ({"context": "other"}, [], True),
        ({"namespace": "x"}, ["namespace"], True),
        ({"service_account": "x"}, ["service_account"], True),
        ({"audiences": ["x"]}, ["audiences"], True),
        ({"bound_secret": "x"}, ["bound_secret"], True),
        ({"bound_secret": Unknown()}, ["bound_secret"], True),
        ({"lifetime_seconds": 7200.0}, ["lifetime_seconds"], True),
        ({"renew_before_seconds": 3600.0}, ["renewal"], True),
    ],
)
def test_what_changes_a_token(changes: dict[str, Any], reasons: list[str], changed: bool) -> None:
    olds = {**token_inputs(), "not_after": issued()["not_after"]}
    result = TokenProvider().diff("ci/deployer", olds, token_inputs(**changes))
    assert (result.replaces, result.changes) == (reasons, changed)


def test_token_stays_when_only_the_kubeconfig_changes() -> None:
    olds = {**token_inputs(kubeconfig="old", context="a"), "token": "t", "not_after": "x"}
    outs = TokenProvider().update("ci/deployer", olds, token_inputs(kubeconfig="new")).outs
    assert outs == {**token_inputs(kubeconfig="new"), "token": "t", "not_after": "x"}


def test_errors_name_no_secret() -> None:
    with pytest.raises(Exception, match="unreachable") as caught:
        TokenProvider().create(token_inputs(kubeconfig=KUBECONFIG))
    assert "very-secret" not in str(caught.value)


def check_inputs(*objects: str, **changes: Any) -> dict[str, Any]:
    listed = [["v1", "Namespace", name] for name in objects]
    return {
        "objects": listed,
        "owner_label": ["tenancy.dev/stack", "dev"],
        "kubeconfig": KUBECONFIG,
        **changes,
    }


def test_names_are_asked_for_only_when_new() -> None:
    assert NameCheckProvider().check(check_inputs("a", "b"), check_inputs("b", "a")).failures == []
    failures = NameCheckProvider().check(check_inputs("a"), check_inputs("a", "b")).failures
    assert len(failures) == 1
    assert f"{NO_CLUSTER} is unreachable" in failures[0].reason


def test_what_is_taken_over_is_not_asked_for() -> None:
    inputs = check_inputs("a", "b", taken_over=[["v1", "Namespace", "b"]])
    assert NameCheckProvider().check(check_inputs("a"), inputs).failures == []
    assert NameCheckProvider().check(inputs, check_inputs("a", "b")).failures == []


def test_a_protected_object_may_not_leave_the_list() -> None:
    protected = check_inputs("a", "b", protected=[["v1", "Namespace", "b"]])
    assert NameCheckProvider().check(protected, check_inputs("b", protected=[])).failures == []
    assert NameCheckProvider().check(check_inputs("a", "b", protected=[]), check_inputs("a")).failures == []
    (failure,) = NameCheckProvider().check(protected, check_inputs("a")).failures
    assert "Namespace b would be deleted, but the tenant is protected: first apply" in failure.reason


@pytest.mark.parametrize("unknown", ["kubeconfig", "context", "objects", "owner_label"])
def test_names_wait_until_a_preview_knows_the_cluster(unknown: str) -> None:
    inputs = check_inputs("a", **{unknown: Unknown()})
    assert NameCheckProvider().check({}, inputs).failures == []


@pytest.mark.parametrize(
    ("news", "changed"),
    [
        (check_inputs("a", kubeconfig="other"), False),
        (check_inputs("a", "b"), True),
        (check_inputs("a", owner_label=["tenancy.dev/stack", "gpu"]), True),
    ],
)
def test_what_changes_a_name_check(news: dict[str, Any], changed: bool) -> None:
    result = NameCheckProvider().diff("names", check_inputs("a"), news)
    assert (result.changes, result.replaces) == (changed, None)


def test_a_name_check_stores_no_kubeconfig() -> None:
    assert "kubeconfig" not in (NameCheckProvider().create(check_inputs("a")).outs or {})
    assert "kubeconfig" not in (NameCheckProvider().update("names", {}, check_inputs("a")).outs or {})


def test_one_client_for_each_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    given = {"kubeconfig": KUBECONFIG}
    assert connection.client(given) is connection.client({**given})
    assert connection.client(given) is not connection.client({"kubeconfig": KUBECONFIG + "\n"})
    assert connection.client({**given, "context": "a"}) is not connection.client(given)
    path = tmp_path / "config"
    path.write_text(KUBECONFIG)
    monkeypatch.setenv("KUBECONFIG", str(path))
    ambient = connection.client({})
    assert ambient.access.server == NO_CLUSTER
    assert connection.client({}) is ambient


def test_nothing_given_is_no_secret() -> None:
    assert connection.secret(None) is None
    assert isinstance(connection.secret("x"), pulumi.Output)
