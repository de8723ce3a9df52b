"""CertificateProvider against a real API server and its real signer, without the engine."""

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Any

import pytest
from cryptography import x509

from components.dynamic import certificate as resource
from components.dynamic import errors
from components.dynamic.certificate import CertificateProvider
from components.dynamic.request import API_VERSION, KIND, Wanted
from kube import Client, JsonObject
from tests.conftest import Sandbox
from tests.e2e.dynamic_support import (
    APPROVAL,
    NOBODY,
    REQUESTS,
    Line,
    admin,
    delete_request,
    identity,
    may_approve,
    requests_of_ours,
    sign_by_hand,
    wait_for_request,
)
from tests.unit.components.dynamic.support import (
    Request,
    certificate_inputs,
    encoded,
    make_certificate,
    make_request,
    subject,
)

Inputs = Callable[..., dict[str, Any]]


@pytest.fixture
def api(cluster: Sandbox) -> Generator[Client]:
    """The administrator, and afterwards a look at what was left lying about."""
    client = admin(cluster)
    yield client
    left = requests_of_ours(client)
    for name in left:
        delete_request(client, name)
    assert left == []


@pytest.fixture
def inputs(cluster: Sandbox) -> Inputs:
    kubeconfig = cluster.kubeconfig.read_text()

    def make(request: Request, **changes: Any) -> dict[str, Any]:
        return certificate_inputs(request.pem, **{"kubeconfig": kubeconfig, **changes})

    return make


@pytest.fixture
def run() -> Generator[Callable[[dict[str, Any]], "Future[dict[str, Any]]"]]:
    """Creates in another thread, while the test does something to it."""
    with ThreadPoolExecutor() as pool:
        yield lambda props: pool.submit(create, props)


def create(props: dict[str, Any]) -> dict[str, Any]:
    return CertificateProvider().create(dict(props)).outs or {}


def wanted(props: dict[str, Any]) -> Wanted:
    return getattr(resource, "_wanted")(props)  # noqa: B009 - it is private


def is_approved(request: JsonObject) -> bool:
    conditions: list[JsonObject] = request.get("status", {}).get("conditions") or []
    return "Approved" in {each["type"] for each in conditions}


def public_key(request: Request) -> object:
    return request.key.public_key()


@pytest.mark.usefixtures("api")
def test_certificate_is_issued_as_asked(inputs: Inputs) -> None:
    request = make_request("dynamic-issued", "tenants")
    outs = create(inputs(request))
    leaf = x509.load_pem_x509_certificate(outs["certificate_pem"].encode())
    assert leaf.public_key() == public_key(request)
    assert leaf.subject == request.subject
    assert outs["subject"] == "dynamic-issued"
    assert int(outs["serial_number"], 16) == leaf.serial_number
    assert datetime.fromisoformat(outs["not_after"]) == leaf.not_valid_after_utc
    assert datetime.fromisoformat(outs["not_before"]) == leaf.not_valid_before_utc
    assert outs["request_left"] == ""


@pytest.mark.usefixtures("api")
def test_twenty_in_parallel(inputs: Inputs) -> None:
    requests = [make_request(f"dynamic-parallel-{number}") for number in range(20)]
    with ThreadPoolExecutor(20) as pool:
        issued = list(pool.map(create, map(inputs, requests)))
    for request, outs in zip(requests, issued, strict=True):
        leaf = x509.load_pem_x509_certificate(outs["certificate_pem"].encode())
        assert leaf.public_key() == public_key(request)
    assert len({outs["serial_number"] for outs in issued}) == 20


@pytest.mark.usefixtures("api")
def test_the_same_one_asked_for_by_several_at_once(inputs: Inputs) -> None:
    request = make_request("dynamic-shared")
    with ThreadPoolExecutor(6) as pool:
        issued = list(pool.map(create, [inputs(request)] * 6))
    for outs in issued:
        leaf = x509.load_pem_x509_certificate(outs["certificate_pem"].encode())
        assert leaf.public_key() == public_key(request)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", range(1, 8))
def test_killed_at_any_request(api: Client, inputs: Inputs, number: int, moment: str) -> None:
    request = make_request(f"dynamic-killed-{number}-{moment}")
    killed = subprocess.run(
        [sys.executable, "-m", "tests.e2e.dynamic_killed", str(number), moment],
        input=json.dumps(inputs(request)),
        text=True,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    leaf = x509.load_pem_x509_certificate(create(inputs(request))["certificate_pem"].encode())
    assert leaf.public_key() == public_key(request)
    assert requests_of_ours(api) == []


def test_second_run_collects_what_the_killed_one_had_signed(
    api: Client, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    props = inputs(make_request("dynamic-collected"))
    name = wanted(props).name(0)
    api.create(wanted(props).object(name))
    made = api.get(API_VERSION, KIND, name)
    approval = {"type": "Approved", "status": "True", "reason": "Test", "message": ""}
    api.update({**made, "status": {"conditions": [approval]}}, subresource="approval")
    signed = wait_for_request(api, name, lambda found: "certificate" in found["status"])
    refuse_updates(monkeypatch)
    assert encoded(create(props)["certificate_pem"]) == signed["status"]["certificate"]


def refuse_updates(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("nothing is to be approved")

    monkeypatch.setattr(Client, "update", refuse)


def test_requests_of_the_same_subject_are_cleaned_up(api: Client, inputs: Inputs) -> None:
    lost = inputs(make_request("dynamic-lost-key"))
    api.create(wanted(lost).object(wanted(lost).name(0)))
    other = inputs(make_request("dynamic-another-subject"))
    api.create(wanted(other).object(wanted(other).name(0)))
    create(inputs(make_request("dynamic-lost-key")))
    assert requests_of_ours(api) == [wanted(other).name(0)]
    delete_request(api, wanted(other).name(0))


@pytest.mark.parametrize("kind", ["Denied", "Failed"])
def test_dead_request_of_an_earlier_run_is_made_anew(api: Client, inputs: Inputs, kind: str) -> None:
    props = inputs(make_request(f"dynamic-dead-{kind.lower()}"))
    made = api.create(wanted(props).object(wanted(props).name(0)))
    dead = {"type": kind, "status": "True", "reason": "Test", "message": "no"}
    where = "approval" if kind == "Denied" else "status"
    api.update({**made, "status": {"conditions": [dead]}}, subresource=where)
    assert create(props)["subject"] == f"dynamic-dead-{kind.lower()}"


def test_hostile_request_of_our_name_is_left_alone(
    api: Client, inputs: Inputs, caplog: pytest.LogCaptureFixture
) -> None:
    request = make_request("dynamic-victim")
    props = inputs(request)
    name = wanted(props).name(0)
    hostile = wanted(props).object(name)
    hostile["spec"]["request"] = encoded(make_request("dynamic-victim").pem)
    api.create(hostile)
    with caplog.at_level(logging.WARNING):
        outs = create(props)
    assert f"another CertificateSigningRequest has the name {name}" in caplog.text
    leaf = x509.load_pem_x509_certificate(outs["certificate_pem"].encode())
    assert leaf.public_key() == public_key(request)
    untouched = api.get(API_VERSION, KIND, name)
    assert untouched["status"] == {}
    delete_request(api, name)


def test_all_names_taken_is_an_error(api: Client, inputs: Inputs) -> None:
    props = inputs(make_request("dynamic-besieged"))
    taken = [wanted(props).name(number) for number in range(4)]
    for name in taken:
        hostile = wanted(props).object(name)
        hostile["spec"]["expirationSeconds"] = 700
        api.create(hostile)
    with pytest.raises(errors.RequestNameTakenError, match="others hold all names") as caught:
        create(props)
    assert all(name in str(caught.value) for name in taken)
    assert sorted(requests_of_ours(api)) == sorted(taken)
    for name in taken:
        delete_request(api, name)


def test_denied(api: Client, inputs: Inputs, monkeypatch: pytest.MonkeyPatch) -> None:
    approve = Client.update

    def deny_first(client: Client, obj: JsonObject, **options: Any) -> JsonObject:
        denied = {"type": "Denied", "status": "True", "reason": "Policy", "message": "not on my watch"}
        seen = api.get(API_VERSION, KIND, obj["metadata"]["name"])
        approve(api, {**seen, "status": {"conditions": [denied]}}, subresource="approval")
        return approve(client, obj, **options)

    monkeypatch.setattr(Client, "update", deny_first)
    told = "certificate of 'dynamic-denied': its request was denied: Policy: not on my watch"
    with pytest.raises(errors.RequestDeniedError) as caught:
        create(inputs(make_request("dynamic-denied")))
    assert str(caught.value) == told


@pytest.mark.usefixtures("api")
def test_signer_refuses(inputs: Inputs) -> None:
    props = inputs(make_request("dynamic-refused"), usages=["server auth"])
    with pytest.raises(errors.RequestFailedError, match="could not sign it: SignerValidationFailure"):
        create(props)


@pytest.mark.usefixtures("api")
def test_signer_that_nobody_runs(inputs: Inputs) -> None:
    props = inputs(make_request("dynamic-waiting"), signer=NOBODY, timeout_seconds=1.0)
    with pytest.raises(errors.NotSignedInTimeError, match=f"anybody running the signer {NOBODY}"):
        create(props)


@pytest.mark.usefixtures("api")
def test_masters_are_refused_before_asking(inputs: Inputs) -> None:
    with pytest.raises(errors.InvalidInputError, match="system:masters"):
        create({**inputs(make_request("dynamic-root", "system:masters")), "kubeconfig": "no: cluster\n"})


@pytest.mark.usefixtures("api")
def test_api_server_refuses(inputs: Inputs) -> None:
    with pytest.raises(errors.RefusedError, match=r"spec\.signerName"):
        create(inputs(make_request("dynamic-invalid"), signer="no-domain"))


@pytest.mark.parametrize(
    ("granted", "missing", "not_missing"),
    [
        ([REQUESTS, APPROVAL], "approve requests to the signer kubernetes.io/kube", "approval"),
        (
            [REQUESTS, may_approve("kubernetes.io/*")],
            "update certificatesigningrequests/approval",
            "requests to the signer",
        ),
        ([], "create certificatesigningrequests,", "nothing"),
    ],
)
@pytest.mark.usefixtures("api")
def test_missing_right_is_named(
    cluster: Sandbox, inputs: Inputs, granted: list[JsonObject], missing: str, not_missing: str
) -> None:
    with (
        identity(cluster, "dynamic-limited", *granted) as kubeconfig,
        pytest.raises(errors.NotPermittedError) as caught,
    ):
        create(inputs(make_request("dynamic-limited"), kubeconfig=kubeconfig))
    assert missing in str(caught.value)
    assert not_missing not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("api")
def test_rights_that_are_enough(cluster: Sandbox, inputs: Inputs) -> None:
    rights = (REQUESTS, APPROVAL, may_approve("kubernetes.io/kube-apiserver-client"))
    with identity(cluster, "dynamic-enough", *rights) as kubeconfig:
        outs = create(inputs(make_request("dynamic-enough"), kubeconfig=kubeconfig))
    assert outs["request_left"] == ""


def test_request_that_may_not_be_deleted_is_told_and_removed_later(
    cluster: Sandbox, api: Client, inputs: Inputs, caplog: pytest.LogCaptureFixture
) -> None:
    rights = ({**REQUESTS, "verbs": ["create", "get", "list", "watch"]}, APPROVAL)
    signer = "kubernetes.io/kube-apiserver-client"
    with (
        identity(cluster, "dynamic-no-delete", *rights, may_approve(signer)) as kubeconfig,
        caplog.at_level(logging.WARNING),
    ):
        outs = create(inputs(make_request("dynamic-no-delete"), kubeconfig=kubeconfig))
    assert f"{outs['request_left']} could not be deleted" in caplog.text
    assert requests_of_ours(api) == [outs["request_left"]]
    CertificateProvider().delete("x", {**outs, "kubeconfig": cluster.kubeconfig.read_text()})


def test_credential_that_is_not_accepted(cluster: Sandbox, inputs: Inputs) -> None:
    with identity(cluster, "dynamic-gone") as kubeconfig:
        pass
    with pytest.raises(errors.NotPermittedError, match="401 Unauthorized") as caught:
        create(inputs(make_request("dynamic-gone"), kubeconfig=kubeconfig))
    assert json.loads(kubeconfig)["users"][0]["user"]["token"] not in str(caught.value)


def test_api_server_goes_away_while_waiting(
    cluster: Sandbox, api: Client, inputs: Inputs, run: Callable[[dict[str, Any]], "Future[dict[str, Any]]"]
) -> None:
    with Line(cluster) as line:
        props = inputs(make_request("dynamic-cut"), signer=NOBODY, kubeconfig=line.kubeconfig)
        outcome = run(props)
        name = wanted(props).name(0)
        wait_for_request(api, name, is_approved)
        line.cut()
        with pytest.raises(errors.ClusterUnreachableError, match=r"unreachable.*could not be deleted"):
            outcome.result(60)
    assert requests_of_ours(api) == [name]
    with pytest.raises(errors.NotSignedInTimeError):
        create({**props, "kubeconfig": cluster.kubeconfig.read_text(), "timeout_seconds": 1.0})


@pytest.mark.usefixtures("api")
def test_api_server_away_from_the_start(cluster: Sandbox, inputs: Inputs) -> None:
    with Line(cluster) as line:
        pass
    with pytest.raises(errors.ClusterUnreachableError, match="refused"):
        create(inputs(make_request("dynamic-away"), kubeconfig=line.kubeconfig))


def test_broken_watch_is_opened_again(
    cluster: Sandbox, api: Client, inputs: Inputs, run: Callable[[dict[str, Any]], "Future[dict[str, Any]]"]
) -> None:
    request = make_request("dynamic-interrupted")
    with Line(cluster) as line:
        props = inputs(request, signer=NOBODY, kubeconfig=line.kubeconfig)
        outcome = run(props)
        found = wait_for_request(api, wanted(props).name(0), is_approved)
        line.interrupt()
        pem = make_certificate(request)
        sign_by_hand(api, found, pem)
        assert outcome.result(60)["certificate_pem"] == pem


def test_request_that_somebody_deletes_is_made_again(
    api: Client, inputs: Inputs, run: Callable[[dict[str, Any]], "Future[dict[str, Any]]"]
) -> None:
    request = make_request("dynamic-deleted")
    props = inputs(request, signer=NOBODY)
    outcome = run(props)
    name = wanted(props).name(0)
    first = wait_for_request(api, name, is_approved)
    api.delete(API_VERSION, KIND, name)
    uid = first["metadata"]["uid"]
    second = wait_for_request(api, name, lambda found: is_approved(found) and found["metadata"]["uid"] != uid)
    sign_by_hand(api, second, make_certificate(request))
    assert outcome.result(60)["subject"] == "dynamic-deleted"


SUBJECT = make_request("dynamic-signed-wrong")


@pytest.mark.parametrize(
    ("pem", "error", "told"),
    [
        (
            make_certificate(make_request("dynamic-signed-wrong")),
            errors.WrongCertificateError,
            "another public key",
        ),
        (
            make_certificate(SUBJECT, named=subject("dynamic-signed-wrong", "admins")),
            errors.WrongCertificateError,
            "another subject",
        ),
        (make_certificate(SUBJECT, 620), errors.LifetimeTooShortError, "instead of 3600 s"),
    ],
)
def test_certificate_that_was_not_asked_for(
    api: Client,
    inputs: Inputs,
    run: Callable[[dict[str, Any]], "Future[dict[str, Any]]"],
    pem: str,
    error: type[errors.DynamicError],
    told: str,
) -> None:
    props = inputs(SUBJECT, signer=NOBODY)
    outcome = run(props)
    sign_by_hand(api, wait_for_request(api, wanted(props).name(0), is_approved), pem)
    with pytest.raises(error, match=told):
        outcome.result(60)


@pytest.mark.parametrize("lasting", [1800, 7200])
def test_other_lifetime_is_stored_and_told(
    api: Client,
    inputs: Inputs,
    run: Callable[[dict[str, Any]], "Future[dict[str, Any]]"],
    caplog: pytest.LogCaptureFixture,
    lasting: int,
) -> None:
    request = make_request(f"dynamic-capped-{lasting}")
    props = inputs(request, signer=NOBODY)
    with caplog.at_level(logging.WARNING):
        outcome = run(props)
        found = wait_for_request(api, wanted(props).name(0), is_approved)
        pem = make_certificate(request, lasting)
        sign_by_hand(api, found, pem)
        outs = outcome.result(60)
    leaf = x509.load_pem_x509_certificate(pem.encode())
    assert datetime.fromisoformat(outs["not_after"]) == leaf.not_valid_after_utc
    assert "instead of 3600 s" in caplog.text


def test_reading_asks_nobody() -> None:
    outs = {"certificate_pem": "x", "kubeconfig": "not: one\n"}
    result = CertificateProvider().read("1", outs)
    assert (result.id, result.outs) == ("1", outs)
