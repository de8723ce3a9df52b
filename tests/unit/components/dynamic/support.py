"""CSRs and certificates for tests, and the inputs of resources as the engine sends them."""

import base64
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from components.dynamic.request import CLIENT_SIGNER


@dataclass(frozen=True)
class Request:
    key: ec.EllipticCurvePrivateKey
    subject: x509.Name
    pem: str


def subject(common_name: str, *organizations: str) -> x509.Name:
    return x509.Name(
        [
            *(x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organizations),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def make_request(common_name: str, *organizations: str) -> Request:
    key = ec.generate_private_key(ec.SECP256R1())
    named = subject(common_name, *organizations) if common_name else x509.Name([])
    csr = x509.CertificateSigningRequestBuilder().subject_name(named).sign(key, hashes.SHA256())
    return Request(key, named, csr.public_bytes(Encoding.PEM).decode())


def make_certificate(request: Request, lifetime: float = 3600, *, named: x509.Name | None = None) -> str:
    """A certificate for a request's key, self-signed: whoever signs is not what is tested."""
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(named or request.subject)
        .issuer_name(subject("test"))
        .public_key(request.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(seconds=lifetime))
        .sign(request.key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()


def certificate_inputs(csr_pem: str, /, **changes: Any) -> dict[str, Any]:
    """Numbers are floats, as they come out of the engine's protocol."""
    return {
        "csr_pem": csr_pem,
        "signer": CLIENT_SIGNER,
        "usages": ["client auth"],
        "lifetime_seconds": 3600.0,
        "renew_before_seconds": 600.0,
        "request_name_prefix": "tenancy",
        "labels": {},
        "timeout_seconds": 30.0,
        **changes,
    }
