"""Keys and certificates."""

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from cryptography.x509.verification import PolicyBuilder, Store

from sandbox.controlplane import pki as pki_module
from sandbox.controlplane.pki import Pair, Pki


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    made = Pki(tmp_path)
    made.ensure()
    return made


def load(pair: Pair) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def contents(pki: Pki) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in pki.folder.iterdir()}


def test_everything_is_for_its_owner_only(pki: Pki) -> None:
    assert {path.name: path.stat().st_mode & 0o777 for path in pki.folder.iterdir()} == dict.fromkeys(
        contents(pki), 0o600
    )


def test_the_api_server_is_trusted_under_its_names(pki: Pki) -> None:
    builder = PolicyBuilder().store(Store([load(pki.pair("ca"))]))
    for name in ("localhost", "kubernetes.default.svc"):
        builder.build_server_verifier(x509.DNSName(name)).verify(load(pki.pair("kube-apiserver")), [])
    names = load(pki.pair("kube-apiserver")).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert {"127.0.0.1", "10.96.0.1"} == {
        str(each) for each in names.value.get_values_for_type(x509.IPAddress)
    }


def test_python_3_13_would_accept_the_certificates(pki: Pki) -> None:
    """Its default context has VERIFY_X509_STRICT, which wants an AuthorityKeyIdentifier."""
    authority = load(pki.pair("ca")).extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    for name in ("kube-apiserver", "loopback", "admin"):
        found = load(pki.pair(name)).extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        assert found.key_identifier == authority.digest
    assert (
        ssl.create_default_context(cafile=str(pki.pair("ca").certificate)).cert_store_stats()["x509_ca"] == 1
    )


def test_an_authority_is_never_named_like_what_it_signs(pki: Pki) -> None:
    """OpenSSL takes a certificate whose issuer is its own name for a self-signed one."""
    for path in pki.folder.glob("*.crt"):
        certificate = x509.load_pem_x509_certificate(path.read_bytes())
        if not path.stem.endswith("ca"):
            assert certificate.issuer != certificate.subject, path.name


def test_the_administrator_is_in_system_masters(pki: Pki) -> None:
    subject = load(pki.pair("admin")).subject
    assert [each.value for each in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)] == [
        "system:masters"
    ]


def test_a_second_time_nothing_changes(pki: Pki) -> None:
    before = contents(pki)
    pki.ensure()
    assert contents(pki) == before


def test_certificates_are_renewed_before_they_run_out(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    before = contents(pki)
    monkeypatch.setattr(pki_module, "RENEW_BEFORE", pki_module.LIFETIME + timedelta(days=1))
    pki.ensure()
    after = contents(pki)
    assert after["admin.crt"] != before["admin.crt"]
    assert after["ca.crt"] == before["ca.crt"]  # it lasts longer
    assert after["service-account.key"] == before["service-account.key"]  # it never runs out


def test_a_lost_authority_takes_its_certificates_with_it(pki: Pki) -> None:
    pki.pair("ca").key.unlink()
    pki.ensure()
    load(pki.pair("kube-apiserver")).verify_directly_issued_by(load(pki.pair("ca")))
    load(pki.pair("admin")).verify_directly_issued_by(load(pki.pair("ca")))
