"""The tls stand-in, held against terraform-provider-tls and OpenSSH."""

import datetime
import json
from typing import Any, TypeAlias

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    load_pem_private_key,
    load_ssh_private_key,
    load_ssh_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.tls import keys
from sandbox.plugins.tls.schema import (
    CERT_REQUEST,
    LOCALLY_SIGNED_CERT,
    PRIVATE_KEY,
    RESOURCES,
    SELF_SIGNED_CERT,
)
from sandbox.plugins.values import UNKNOWN, Properties, from_struct, is_secret, plain, secret, to_struct

Client: TypeAlias = Any  # the generated stubs have no types


def urn(kind: str) -> str:
    return f"urn:pulumi:dev::trial::{kind}::x"


def create(tls: Client, kind: str, inputs: Properties, preview: bool = False) -> tuple[str, Properties]:
    response = tls.Create(
        provider_pb2.CreateRequest(urn=urn(kind), properties=to_struct(inputs), preview=preview)
    )
    return response.id, from_struct(response.properties)


def check(tls: Client, kind: str, inputs: Properties) -> dict[str, str]:
    response = tls.Check(provider_pb2.CheckRequest(urn=urn(kind), news=to_struct(inputs)))
    return {failure.property: failure.reason for failure in response.failures}


def diff(tls: Client, kind: str, state: Properties, inputs: Properties) -> Any:
    return tls.Diff(provider_pb2.DiffRequest(urn=urn(kind), olds=to_struct(state), news=to_struct(inputs)))


def text(properties: Properties, name: str) -> str:
    value = plain(properties[name])
    assert isinstance(value, str)
    return value


def private_key(tls: Client, **inputs: Any) -> str:
    return text(create(tls, PRIVATE_KEY, inputs)[1], "privateKeyPem")


def authority(tls: Client, **more: Any) -> tuple[str, str]:
    """Key and certificate of a CA."""
    key = private_key(tls, algorithm="ECDSA", ecdsaCurve="P256")
    inputs: Properties = {
        "privateKeyPem": key,
        "subject": {"commonName": "authority"},
        "isCaCertificate": True,
        "validityPeriodHours": 24,
        "allowedUses": ["cert_signing", "crl_signing"],
        **more,
    }
    return key, text(create(tls, SELF_SIGNED_CERT, inputs)[1], "certPem")


@pytest.mark.parametrize(
    ("inputs", "preamble", "openssh"),
    [
        ({"algorithm": "RSA"}, "RSA PRIVATE KEY", "ssh-rsa "),
        ({"algorithm": "RSA", "rsaBits": 3072}, "RSA PRIVATE KEY", "ssh-rsa "),
        ({"algorithm": "ECDSA"}, "EC PRIVATE KEY", ""),  # default P224, which OpenSSH does not know
        ({"algorithm": "ECDSA", "ecdsaCurve": "P256"}, "EC PRIVATE KEY", "ecdsa-sha2-nistp256 "),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P384"}, "EC PRIVATE KEY", "ecdsa-sha2-nistp384 "),
        ({"algorithm": "ECDSA", "ecdsaCurve": "P521"}, "EC PRIVATE KEY", "ecdsa-sha2-nistp521 "),
        ({"algorithm": "ED25519"}, "PRIVATE KEY", "ssh-ed25519 "),
    ],
    ids=["rsa", "rsa3072", "p224", "p256", "p384", "p521", "ed25519"],
)
def test_private_key_has_every_form_of_one_key(
    tls: Client, inputs: Properties, preamble: str, openssh: str
) -> None:
    """Formats: resource_private_key.go, Create; what P224 lacks: setPublicKeyAttributes in common_key.go."""
    identifier, state = create(tls, PRIVATE_KEY, inputs)
    assert len(identifier) == 40
    assert text(state, "privateKeyPem").startswith(f"-----BEGIN {preamble}-----\n")
    assert text(state, "privateKeyPemPkcs8").startswith("-----BEGIN PRIVATE KEY-----\n")
    key: Any = load_pem_private_key(text(state, "privateKeyPem").encode(), None)
    public = key.public_key()
    assert public == load_pem_private_key(text(state, "privateKeyPemPkcs8").encode(), None).public_key()
    assert state["rsaBits"] == inputs.get("rsaBits", 2048)
    assert state["ecdsaCurve"] == inputs.get("ecdsaCurve", "P224")
    assert text(state, "publicKeyOpenssh").startswith(openssh)
    if openssh:
        assert public == load_ssh_private_key(text(state, "privateKeyOpenssh").encode(), None).public_key()
        assert text(state, "publicKeyOpenssh").endswith("\n")
        assert text(state, "publicKeyFingerprintSha256").startswith("SHA256:")
    else:
        names = (
            "privateKeyOpenssh",
            "publicKeyOpenssh",
            "publicKeyFingerprintMd5",
            "publicKeyFingerprintSha256",
        )
        assert [state[name] if name.startswith("public") else plain(state[name]) for name in names] == [
            ""
        ] * 4


def test_only_private_forms_are_secret(tls: Client) -> None:
    state = create(tls, PRIVATE_KEY, {"algorithm": "ED25519"})[1]
    secrets = {name for name, value in state.items() if is_secret(value)}
    assert secrets == {"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"}


def test_fingerprints_are_those_of_openssh() -> None:
    """The key was made by ssh-keygen, the fingerprints are what `ssh-keygen -l` printed for it."""
    openssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFt5zBYnqKpIh8w76vFQzdBlUBrcblJ2fkGryX2rmoBP"
    key = load_ssh_public_key(openssh.encode())
    assert isinstance(key, Ed25519PublicKey)
    found = keys.public_forms(key)
    assert found["publicKeyFingerprintSha256"] == "SHA256:PP4BK3mCt7VDgJj0DRJOKRkSSKXx69Gc6t2uQbCEuEc"
    assert found["publicKeyFingerprintMd5"] == "34:2b:0d:bf:8c:0d:60:3b:85:2f:d8:65:1a:27:7b:ff"
    assert found["publicKeyOpenssh"] == f"{openssh}\n"


@pytest.mark.parametrize("form", ["privateKeyPem", "privateKeyOpenssh"])
def test_public_key_of_a_private_one(tls: Client, form: str) -> None:
    identifier, state = create(tls, PRIVATE_KEY, {"algorithm": "ED25519"})
    request = provider_pb2.InvokeRequest(
        tok="tls:index/getPublicKey:getPublicKey", args=to_struct({form: text(state, form)})
    )
    found = from_struct(getattr(tls.Invoke(request), "return"))
    assert found == {
        "id": identifier,
        "algorithm": "ED25519",
        form: text(state, form),
        **{name: value for name, value in state.items() if name.startswith("public")},
    }


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (PRIVATE_KEY, {"algorithm": "RSA"}),
        (CERT_REQUEST, {"privateKeyPem": UNKNOWN}),
        (
            SELF_SIGNED_CERT,
            {"privateKeyPem": secret(UNKNOWN), "validityPeriodHours": 1, "allowedUses": ["client_auth"]},
        ),
    ],
)
def test_preview_leaves_computed_values_unknown(tls: Client, kind: str, inputs: Properties) -> None:
    identifier, state = create(tls, kind, inputs, preview=True)
    assert identifier == ""
    unknown = {name for name in RESOURCES[kind].computed if plain(state[name]) == UNKNOWN}
    assert unknown == set(RESOURCES[kind].computed) - {"readyForRenewal"}


def test_request_names_and_signature(tls: Client) -> None:
    key = private_key(tls, algorithm="ECDSA", ecdsaCurve="P384")
    inputs: Properties = {
        "privateKeyPem": key,
        "subject": {
            "commonName": "tenant",
            "organization": "acme",
            "streetAddresses": ["1 A Street", "2 B Street"],
            "emailAddress": "a@example.org",
        },
        "dnsNames": ["a.example.org"],
        "ipAddresses": ["10.0.0.1", "::1"],
        "uris": ["spiffe://example.org/a"],
    }
    state = create(tls, CERT_REQUEST, inputs)[1]
    csr = x509.load_pem_x509_csr(text(state, "certRequestPem").encode())
    assert csr.is_signature_valid
    assert csr.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "tenant"
    assert [item.value for item in csr.subject.get_attributes_for_oid(NameOID.STREET_ADDRESS)] == [
        "1 A Street",
        "2 B Street",
    ]
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.org"]
    assert [str(item) for item in names.get_values_for_type(x509.IPAddress)] == ["10.0.0.1", "::1"]
    assert state["keyAlgorithm"] == "ECDSA"
    assert is_secret(state["privateKeyPem"])
    # Go's default for the curve: crypto/x509, signingParamsForKey.
    assert csr.signature_hash_algorithm is not None
    assert csr.signature_hash_algorithm.name == "sha384"


def test_write_only_key_makes_a_request_and_is_not_kept(tls: Client) -> None:
    key = private_key(tls, algorithm="ED25519")
    inputs: Properties = {"privateKeyPemWo": secret(key), "privateKeyPemWoVersion": 1}
    state = create(tls, CERT_REQUEST, inputs)[1]
    assert "privateKeyPemWo" not in state
    assert state["keyAlgorithm"] == "ED25519"
    assert diff(tls, CERT_REQUEST, state, {**inputs, "privateKeyPemWo": "other"}).changes == 1  # DIFF_NONE
    assert list(diff(tls, CERT_REQUEST, state, {**inputs, "privateKeyPemWoVersion": 2}).replaces) == [
        "privateKeyPemWoVersion"
    ]


def test_a_ca_signs_what_was_requested(tls: Client) -> None:
    ca_key, ca_cert = authority(tls, maxPathLength=0)
    csr = create(
        tls,
        CERT_REQUEST,
        {"privateKeyPem": private_key(tls, algorithm="RSA"), "subject": {"commonName": "tenant"}},
    )[1]
    identifier, state = create(
        tls,
        LOCALLY_SIGNED_CERT,
        {
            "caPrivateKeyPem": secret(ca_key),
            "caCertPem": ca_cert,
            "certRequestPem": csr["certRequestPem"],
            "validityPeriodHours": 2,
            "allowedUses": ["client_auth", "digital_signature"],
        },
    )
    certificate = x509.load_pem_x509_certificate(text(state, "certPem").encode())
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(ca_cert.encode()))
    requested = x509.load_pem_x509_csr(text(csr, "certRequestPem").encode())
    assert (certificate.subject, certificate.public_key()) == (requested.subject, requested.public_key())
    assert (
        certificate.public_key() == x509.load_pem_x509_csr(text(csr, "certRequestPem").encode()).public_key()
    )
    usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    assert (usage.digital_signature, usage.key_cert_sign) == (True, False)
    extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(extended) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert identifier == str(certificate.serial_number)
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == datetime.timedelta(hours=2)
    assert state["caKeyAlgorithm"] == "ECDSA"


def test_certificates_carry_the_identifiers_that_go_writes(tls: Client) -> None:
    """createCertificate in common_cert.go; for the authority's identifier crypto/x509, CreateCertificate."""
    _, ca_cert = authority(tls)
    ca = x509.load_pem_x509_certificate(ca_cert.encode())
    assert ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    with pytest.raises(x509.ExtensionNotFound):
        ca.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    _, with_both = authority(tls, setAuthorityKeyId=True)
    own = x509.load_pem_x509_certificate(with_both.encode()).extensions
    assert (
        own.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        == own.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    )


@pytest.mark.parametrize(
    ("change", "replaces", "kinds"),
    [
        ({}, [], {}),
        ({"earlyRenewalHours": 3}, [], {"earlyRenewalHours": "UPDATE"}),
        ({"isCaCertificate": True}, [], {}),  # the same as before
        ({"setSubjectKeyId": False}, [], {}),  # the default, said aloud
        ({"validityPeriodHours": 25}, ["validityPeriodHours"], {"validityPeriodHours": "UPDATE_REPLACE"}),
        ({"dnsNames": ["a"]}, ["dnsNames"], {"dnsNames": "ADD_REPLACE"}),
        ({"dnsNames": []}, [], {}),
        (
            {"subject": {"commonName": "b"}},
            ["subject"],
            {"subject.commonName": "UPDATE_REPLACE"},
        ),
        ({"allowedUses": ["cert_signing"]}, ["allowedUses"], {"allowedUses[1]": "DELETE_REPLACE"}),
        ({"privateKeyPem": UNKNOWN}, ["privateKeyPem"], {"privateKeyPem": "UPDATE_REPLACE"}),
    ],
    ids=lambda value: json.dumps(value),
)
def test_what_a_change_means(
    tls: Client, change: Properties, replaces: list[str], kinds: dict[str, str]
) -> None:
    """RequiresReplace on every input but early_renewal_hours: resource_self_signed_cert.go."""
    inputs: Properties = {
        "privateKeyPem": secret(private_key(tls, algorithm="ED25519")),
        "subject": {"commonName": "a"},
        "isCaCertificate": True,
        "validityPeriodHours": 24,
        "allowedUses": ["cert_signing", "crl_signing"],
    }
    state = create(tls, SELF_SIGNED_CERT, inputs)[1]
    found = diff(tls, SELF_SIGNED_CERT, state, {**inputs, **change})
    assert list(found.replaces) == replaces
    names = provider_pb2.PropertyDiff.Kind.Name
    assert {path: names(item.kind) for path, item in found.detailedDiff.items()} == kinds
    assert found.changes == (found.DIFF_SOME if kinds else found.DIFF_NONE)


def test_early_renewal_shows_on_refresh_and_replaces_nothing(tls: Client) -> None:
    """Read: modifyStateIfCertificateReadyForRenewal; no replacement by `pulumi up`: pulumi-tls issue 39."""
    inputs: Properties = {
        "privateKeyPem": private_key(tls, algorithm="ED25519"),
        "validityPeriodHours": 2,
        "allowedUses": ["client_auth"],
        "earlyRenewalHours": 3,
    }
    identifier, state = create(tls, SELF_SIGNED_CERT, inputs)
    assert state["readyForRenewal"] is False
    request = provider_pb2.ReadRequest(id=identifier, urn=urn(SELF_SIGNED_CERT), properties=to_struct(state))
    refreshed = from_struct(tls.Read(request).properties)
    assert refreshed["readyForRenewal"] is True
    assert diff(tls, SELF_SIGNED_CERT, refreshed, inputs).changes == 1  # DIFF_NONE
    later = {**state, "earlyRenewalHours": 1}
    request = provider_pb2.ReadRequest(id=identifier, urn=urn(SELF_SIGNED_CERT), properties=to_struct(later))
    assert from_struct(tls.Read(request).properties)["readyForRenewal"] is False


def test_update_in_place_keeps_the_certificate(tls: Client) -> None:
    inputs: Properties = {
        "privateKeyPem": private_key(tls, algorithm="ED25519"),
        "validityPeriodHours": 2,
        "allowedUses": ["client_auth"],
    }
    identifier, state = create(tls, SELF_SIGNED_CERT, inputs)
    request = provider_pb2.UpdateRequest(
        id=identifier,
        urn=urn(SELF_SIGNED_CERT),
        olds=to_struct(state),
        news=to_struct({**inputs, "earlyRenewalHours": 1}),
    )
    assert from_struct(tls.Update(request).properties) == {**state, "earlyRenewalHours": 1}


@pytest.mark.parametrize(
    ("kind", "inputs", "failures"),
    [
        (PRIVATE_KEY, {}, {"algorithm": "is required"}),
        (PRIVATE_KEY, {"algorithm": "DSA"}, {"algorithm": "'DSA' is none of ECDSA, ED25519, RSA"}),
        (PRIVATE_KEY, {"algorithm": UNKNOWN}, {}),
        (PRIVATE_KEY, {"algorithm": "RSA", "rsaBits": "4096"}, {}),
        (PRIVATE_KEY, {"algorithm": "RSA", "rsaBits": -1}, {"rsaBits": "must be a whole number, 0 or more"}),
        (
            PRIVATE_KEY,
            {"algorithm": "RSA", "rsaBits": 0.5},
            {"rsaBits": "must be a whole number, 0 or more"},
        ),
        (CERT_REQUEST, {}, {"privateKeyPem": "exactly one of privateKeyPem and privateKeyPemWo must be set"}),
        (
            CERT_REQUEST,
            {"privateKeyPem": "x", "subject": {"name": "x"}},
            {
                "subject": "has no key 'name'; known are country, organization, organizationalUnit, "
                "locality, province, streetAddresses, postalCode, commonName, serialNumber, emailAddress"
            },
        ),
    ],
)
def test_check_names_the_property_and_what_is_right(
    tls: Client, kind: str, inputs: Properties, failures: dict[str, str]
) -> None:
    assert check(tls, kind, inputs) == failures


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        (CERT_REQUEST, {"privateKeyPem": "hunter2"}),
        (
            CERT_REQUEST,
            {"privateKeyPem": "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n"},
        ),
    ],
)
def test_an_unusable_key_is_named_but_never_shown(tls: Client, kind: str, inputs: Properties) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        create(tls, kind, inputs)
    error: Any = caught.value
    assert error.details().startswith("privateKeyPem ")
    assert "hunter2" not in error.details()


def test_a_key_of_another_authority_is_refused(tls: Client) -> None:
    _, ca_cert = authority(tls)
    key = private_key(tls, algorithm="ED25519")
    csr = create(tls, CERT_REQUEST, {"privateKeyPem": key})[1]
    inputs: Properties = {
        "caPrivateKeyPem": key,
        "caCertPem": ca_cert,
        "certRequestPem": csr["certRequestPem"],
        "validityPeriodHours": 2,
        "allowedUses": ["client_auth"],
    }
    with pytest.raises(grpc.RpcError, match="caPrivateKeyPem is not the key of caCertPem"):
        create(tls, LOCALLY_SIGNED_CERT, inputs)


def test_calls_that_are_lacking_are_answered_so(tls: Client) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        tls.GetSchema(provider_pb2.GetSchemaRequest())
    error: Any = caught.value
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("key", "oid", "value", "tag"),
    [
        ("commonName", NameOID.COMMON_NAME, "vision:ada-1.x/(y)", 0x13),
        ("commonName", NameOID.COMMON_NAME, "vision_ada", 0x0C),
        ("commonName", NameOID.COMMON_NAME, "Zo\u00eb", 0x0C),
        ("commonName", NameOID.COMMON_NAME, "*", 0x0C),  # printable by X.680, but Go rejects it
        ("organization", NameOID.ORGANIZATION_NAME, "acme robots", 0x13),
        ("serialNumber", NameOID.SERIAL_NUMBER, "a_b", 0x0C),
        ("emailAddress", NameOID.EMAIL_ADDRESS, "ada@example.com", 0x16),
    ],
)
def test_strings_of_a_subject_have_the_type_that_go_gives_them(
    tls: Client, key: str, oid: x509.ObjectIdentifier, value: str, tag: int
) -> None:
    """Go's encoding/asn1: PrintableString where it can be, else UTF8String; an e-mail is IA5String."""
    inputs: Properties = {
        "privateKeyPem": private_key(tls, algorithm="ED25519"),
        "subject": {key: value},
    }
    request = x509.load_pem_x509_csr(text(create(tls, CERT_REQUEST, inputs)[1], "certRequestPem").encode())
    assert request.subject.get_attributes_for_oid(oid)[0].value == value
    content = value.encode()
    assert request.subject.public_bytes().endswith(bytes([tag, len(content)]) + content)


def test_the_id_is_an_output_too(tls: Client) -> None:
    """As of every resource of a bridged provider: state made here and there is alike."""
    identifier, state = create(tls, PRIVATE_KEY, {"algorithm": "ED25519"})
    assert state["id"] == identifier
    inputs: Properties = {
        "privateKeyPem": plain(state["privateKeyPem"]),
        "subject": {"commonName": "x"},
        "validityPeriodHours": 24,
        "allowedUses": ["client_auth"],
    }
    assert create(tls, SELF_SIGNED_CERT, inputs, preview=True)[1]["id"] == UNKNOWN
    identifier, state = create(tls, SELF_SIGNED_CERT, inputs)
    assert state["id"] == identifier
    assert diff(tls, SELF_SIGNED_CERT, state, inputs).changes == provider_pb2.DiffResponse.DIFF_NONE
    older = {name: value for name, value in state.items() if name != "id"}
    updated = tls.Update(
        provider_pb2.UpdateRequest(
            id=identifier,
            urn=urn(SELF_SIGNED_CERT),
            olds=to_struct(older),
            news=to_struct(inputs | {"earlyRenewalHours": 2}),
        )
    )
    assert from_struct(updated.properties)["id"] == identifier
