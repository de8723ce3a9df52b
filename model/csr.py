"""What a certificate request must be to be signed for a member: theirs, of this tenant, and nothing more.

A client certificate cannot be revoked and its groups cannot be taken away, so nothing is signed that says
more than the one name that the program itself binds and unbinds.
"""

import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from model import subjects

MAX_LENGTH = 8192
"""Characters; a request with an RSA key of 4096 bits has about 1700."""
MIN_RSA = 3072
MAX_RSA = 8192
"""Bits: longer keys only cost the API server time."""
_CURVES = ("secp256r1", "secp384r1")
_HASHES = ("sha256", "sha384", "sha512")
_AGAIN = "make it with 'tenancy access request'"
_ONE_REQUEST = re.compile(
    r"-----BEGIN (NEW )?CERTIFICATE REQUEST-----\s[A-Za-z0-9+/=\s]+-----END (NEW )?CERTIFICATE REQUEST-----"
)


def check(csr_pem: str, tenant: str, login: str, device: str | None = None) -> list[str]:
    """Everything wrong with the request of a member's device; nothing if the cluster may sign it."""
    csr = _parse(csr_pem)
    if csr is None:
        return ["is not a PEM certificate request; paste what 'tenancy access request' wrote"]
    try:
        key = csr.public_key()
        signed = csr.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return [f"has a key or a signature of an unknown kind; {_AGAIN}"]
    wanted = subjects.laptop(tenant, login, key, device).name
    problems = [_key_problem(key), _subject_problem(csr, wanted), _extras_problem(csr)]
    if not signed:
        problems.append(f"is not signed by its own key, so it may be somebody else's; {_AGAIN}")
    algorithm = csr.signature_hash_algorithm
    if algorithm is not None and algorithm.name not in _HASHES:
        problems.append(f"is signed with {algorithm.name}; SHA-256, SHA-384 and SHA-512 are allowed")
    return [problem for problem in problems if problem]


def key_id(csr_pem: str) -> bytes | None:
    """The public key of a request (DER, SubjectPublicKeyInfo); None where it has none that can be read."""
    csr = _parse(csr_pem)
    try:
        return csr and csr.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None


def _parse(csr_pem: str) -> x509.CertificateSigningRequest | None:
    text = csr_pem.strip()
    if len(text) > MAX_LENGTH or _ONE_REQUEST.fullmatch(text) is None:
        return None
    try:
        return x509.load_pem_x509_csr(text.encode())
    except ValueError:
        return None


def _key_problem(key: CertificatePublicKeyTypes) -> str:
    wanted = "P-256, P-384, Ed25519, and RSA of at least 3072 bits are allowed"
    if isinstance(key, ec.EllipticCurvePublicKey):
        return "" if key.curve.name in _CURVES else f"has a key on the curve {key.curve.name}; {wanted}"
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size > MAX_RSA:
            return f"has an RSA key of {key.key_size} bits; {MAX_RSA} are the most"
        return "" if key.key_size >= MIN_RSA else f"has an RSA key of only {key.key_size} bits; {wanted}"
    return "" if isinstance(key, ed25519.Ed25519PublicKey) else f"has a key of another kind; {wanted}"


def _subject_problem(csr: x509.CertificateSigningRequest, wanted: str) -> str:
    """The subject is the one that follows from tenant, member, device and key: nobody can ask as another."""
    try:
        attributes = list(csr.subject)
        found = csr.subject.rfc4514_string()
    except ValueError:
        return f"has a subject that cannot be read; {_AGAIN}"
    groups = [item for item in attributes if item.oid == NameOID.ORGANIZATION_NAME]
    if groups:
        listed = ", ".join(repr(str(item.value)) for item in groups)
        return f"asks for the group {listed} (O of its subject); its subject may only be CN={wanted}"
    if [(item.oid, item.value) for item in attributes] != [(NameOID.COMMON_NAME, wanted)]:
        return f"has the subject {found!r}; for this member, device and key it may only be 'CN={wanted}'"
    return ""


def _extras_problem(csr: x509.CertificateSigningRequest) -> str:
    try:
        extras = len(csr.attributes)
    except ValueError:
        extras = 1
    return f"asks for extensions or other attributes; {_AGAIN}" if extras else ""
