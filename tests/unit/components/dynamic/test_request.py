from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_der_x509_csr, load_pem_x509_csr

from components.dynamic import clock
from components.dynamic.errors import InvalidInputError, WrongCertificateError
from components.dynamic.request import (
    CLIENT_SIGNER,
    NAMES,
    SUBJECT_LABEL,
    Request,
    Wanted,
    parse_csr,
    prefix_problem,
    same_csr,
    usages_problem,
)
from model import names
from tests.unit.components.dynamic.support import encoded, make_certificate, make_request, subject

REQUEST = make_request("vision-codespaces-1", "tenants")


def wanted(**changes: Any) -> Wanted:
    values: dict[str, Any] = {
        "csr": parse_csr(REQUEST.pem),
        "signer": CLIENT_SIGNER,
        "usages": ("client auth", "digital signature"),
        "lifetime": 3600,
        "renew_before": 600,
        "prefix": "tenancy",
        "labels": (("team", "vision"),),
        "timeout": 30.0,
    }
    return Wanted(**{**values, **changes})


def in_cluster(**status: Any) -> dict[str, Any]:
    found = wanted().object(wanted().name(0))
    return {**found, "status": status}


def test_csr_is_read() -> None:
    csr = parse_csr("\n" + REQUEST.pem.replace("\n", "\r\n"))
    assert csr.common_name == "vision-codespaces-1"
    assert csr.pem == REQUEST.pem


def test_csr_of_masters_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="system:masters"):
        parse_csr(make_request("eve", "tenants", "system:masters").pem)


def test_csr_without_common_name_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="one common name"):
        parse_csr(make_request("").pem)


def test_csr_with_broken_signature_is_refused() -> None:
    der = load_pem_x509_csr(REQUEST.pem.encode()).public_bytes(Encoding.DER)
    forged = der.replace(b"vision-codespaces-1", b"vision-codespaces-2")
    pem = load_der_x509_csr(forged).public_bytes(Encoding.PEM).decode()
    with pytest.raises(InvalidInputError, match="not by its own key"):
        parse_csr(pem)


@pytest.mark.parametrize("text", ["", "nonsense", make_certificate(REQUEST)])
def test_what_is_no_csr_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="BEGIN CERTIFICATE REQUEST"):
        parse_csr(text)


def test_label_is_one_of_the_programs_keys() -> None:
    assert names.key("certificate-subject") == SUBJECT_LABEL


def test_line_breaks_make_no_other_csr() -> None:
    assert same_csr(REQUEST.pem, REQUEST.pem.replace("\n", "\r\n") + "\n")
    assert not same_csr(REQUEST.pem, make_request("vision-codespaces-1", "tenants").pem)


def test_name_is_the_same_in_every_run_and_another_for_other_content() -> None:
    changes: list[dict[str, Any]] = [
        {"csr": parse_csr(make_request("vision-codespaces-1", "tenants").pem)},
        {"signer": "example.com/other"},
        {"usages": ("client auth",)},
        {"lifetime": 7200},
        {"prefix": "other"},
    ]
    assert wanted(usages=("digital signature", "client auth")).name(0) == wanted().name(0)
    assert wanted(timeout=1.0, labels=(), renew_before=0).name(0) == wanted().name(0)
    all_names = {wanted(**change).name(0) for change in changes}
    all_names |= {wanted().name(number) for number in range(NAMES)}
    assert len(all_names) == len(changes) + NAMES


def test_label_is_for_the_subject_alone() -> None:
    other_key = parse_csr(make_request("vision-codespaces-1", "tenants").pem)
    other_subject = parse_csr(make_request("vision-codespaces-2", "tenants").pem)
    assert wanted(csr=other_key, lifetime=7200).subject_label == wanted().subject_label
    assert wanted(csr=other_subject).subject_label != wanted().subject_label
    assert len(wanted().subject_label) <= 63


def test_own_request_is_recognized() -> None:
    found = in_cluster()
    found["spec"] |= {"username": "somebody", "usages": found["spec"]["usages"][::-1]}
    assert Request(wanted(), found).is_ours


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("request", encoded(make_request("vision-codespaces-1", "tenants").pem)),
        ("signerName", "example.com/other"),
        ("usages", ["client auth"]),
        ("expirationSeconds", 7200),
        ("expirationSeconds", None),
    ],
)
def test_request_with_another_spec_is_foreign(key: str, value: object) -> None:
    found = in_cluster()
    found["spec"][key] = value
    assert not Request(wanted(), found).is_ours


def test_request_without_our_label_is_foreign() -> None:
    found = in_cluster()
    del found["metadata"]["labels"]
    assert not Request(wanted(), found).is_ours


def test_labels_are_added_to_ours() -> None:
    labels = wanted().object("x")["metadata"]["labels"]
    assert labels == {"team": "vision", SUBJECT_LABEL: wanted().subject_label}


def test_certificate_is_read() -> None:
    certificate = Request(wanted(), in_cluster(certificate=encoded(make_certificate(REQUEST)))).certificate()
    assert certificate.not_after > datetime.now(UTC)
    assert int(certificate.serial_number, 16) > 0


def test_certificate_for_another_key_is_refused() -> None:
    foreign = encoded(make_certificate(make_request("vision-codespaces-1", "tenants")))
    with pytest.raises(WrongCertificateError, match="another public key"):
        Request(wanted(), in_cluster(certificate=foreign)).certificate()


def test_certificate_for_another_subject_is_refused() -> None:
    more = make_certificate(REQUEST, named=subject("vision-codespaces-1", "tenants", "admins"))
    with pytest.raises(WrongCertificateError, match="another subject"):
        Request(wanted(), in_cluster(certificate=encoded(more))).certificate()


@pytest.mark.parametrize("certificate", ["%%%", encoded("nonsense"), encoded("")])
def test_unreadable_certificate_is_refused(certificate: str) -> None:
    with pytest.raises(WrongCertificateError, match="no readable certificate"):
        Request(wanted(), in_cluster(certificate=certificate)).certificate()


def test_left_over_request_is_used_while_it_can_bring_a_certificate() -> None:
    assert Request(wanted(), in_cluster()).is_usable
    assert Request(wanted(), in_cluster(conditions=[{"type": "Approved", "status": "True"}])).is_usable
    assert Request(wanted(), in_cluster(certificate=encoded(make_certificate(REQUEST)))).is_usable
    for kind in ("Denied", "Failed"):
        assert not Request(wanted(), in_cluster(conditions=[{"type": kind, "status": "True"}])).is_usable
    assert not Request(wanted(), in_cluster(certificate=encoded("nonsense"))).is_usable


def test_left_over_certificate_that_is_due_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    found = in_cluster(certificate=encoded(make_certificate(REQUEST, 3600)))
    later = datetime.now(UTC) + timedelta(seconds=2940)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not Request(wanted(), found).is_usable
    assert Request(wanted(renew_before=0), found).is_usable


def test_usages_of_the_client_signer() -> None:
    assert usages_problem(CLIENT_SIGNER, ("client auth", "key encipherment")) is None
    assert "'server auth'" in (usages_problem(CLIENT_SIGNER, ("client auth", "server auth")) or "")
    assert "wants 'client auth'" in (usages_problem(CLIENT_SIGNER, ("digital signature",)) or "")
    assert usages_problem("example.com/other", ("server auth",)) is None
    assert usages_problem("example.com/other", ()) == "at least one usage is wanted"


def test_prefix_of_the_name() -> None:
    assert prefix_problem("tenancy-vision") is None
    for wrong in ("", "Vision", "a/b", "-a", "a" * 64):
        assert prefix_problem(wrong) is not None
