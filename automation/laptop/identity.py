"""Keys, certificate requests and certificates of one member. Text in, text out: no file, no network."""

import json
from datetime import UTC, datetime
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from automation.laptop.errors import AccessError
from model import subjects

EXEC_API = "client.authentication.k8s.io/v1"
RENEW_AT = 3
"""A renewed certificate is looked for when this part of the lifetime, one third, is left."""


def branch_of(request: str, tenant: str, login: str) -> str:
    """The branch of a request's pull request, the same for one key."""
    serial = _name(x509.load_pem_x509_csr(request.encode()), tenant, login).rpartition(":")[2]
    return f"access-{tenant}-{login.lower()}-{serial}"


def make_key() -> str:
    """A new private key, ECDSA on P-256, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def make_request(key_pem: str, tenant: str, login: str) -> str:
    """A certificate request with the one subject that this key may have for this member, PEM."""
    key: Any = load_pem_private_key(key_pem.encode(), None)
    name = _name(key, tenant, login)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    request = x509.CertificateSigningRequestBuilder(subject).sign(key, hashes.SHA256())
    return request.public_bytes(Encoding.PEM).decode()


def is_due(certificate: str, now: datetime) -> bool:
    """Whether less than a third of the lifetime is left."""
    leaf = load(certificate)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return now >= leaf.not_valid_after_utc - lifetime / RENEW_AT


def ends(certificate: str) -> datetime:
    """The end of a certificate's validity, UTC."""
    return load(certificate).not_valid_after_utc


def signed_by(certificate: str, authority: str | None) -> bool:
    """Whether the cluster's CA signed it; a cluster may well have another CA for its clients."""
    try:
        load(certificate).verify_directly_issued_by(load(authority or ""))
    except (AccessError, ValueError, TypeError, InvalidSignature):
        return False
    return True


def exec_credential(certificate: str, key: str) -> str:
    """What a plugin prints for kubectl: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/."""
    status = {
        "expirationTimestamp": f"{ends(certificate).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "clientCertificateData": certificate,
        "clientKeyData": key,
    }
    return json.dumps({"apiVersion": EXEC_API, "kind": "ExecCredential", "status": status})


def load(pem: str) -> x509.Certificate:
    """A certificate in PEM. Raises AccessError where it cannot be read."""
    try:
        return x509.load_pem_x509_certificates(pem.encode())[0]
    except (ValueError, IndexError):
        raise AccessError("the certificate is not one that can be read; pull it again") from None


def fits(leaf: x509.Certificate, key_pem: str) -> bool:
    """Whether a certificate is for a key."""
    private: Any = load_pem_private_key(key_pem.encode(), None)
    return _public(leaf) == _public(private)


def _public(holder: Any) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(holder: Any, tenant: str, login: str) -> str:
    """The one common name that a key may have for a member."""
    return subjects.laptop(tenant, login, holder.public_key()).name


def verify(leaf: x509.Certificate, tenant: str, login: str, now: datetime) -> None:
    """Raises AccessError where a certificate is not the one of this member, or is not valid now."""
    wanted = _name(leaf, tenant, login)
    if leaf.subject != x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, wanted)]):
        raise AccessError(
            f"the published certificate is for {leaf.subject.rfc4514_string()!r}, but 'CN={wanted}' was "
            "asked for; nothing was changed"
        )
    if now >= leaf.not_valid_after_utc:
        raise AccessError(
            f"the published certificate expired on {_shown(leaf.not_valid_after_utc)}; ask the platform "
            "team, whose 'tenancy renew' or 'tenancy access publish' did not run"
        )
    if now < leaf.not_valid_before_utc:
        raise AccessError(
            f"the published certificate is valid from {_shown(leaf.not_valid_before_utc)}; is the clock of "
            "this machine right?"
        )


def _shown(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
