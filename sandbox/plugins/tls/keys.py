"""Private keys: making, reading and writing them as terraform-provider-tls does (common_key.go)."""

import base64
import hashlib
from collections.abc import Callable
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from sandbox.plugins.tls.errors import TlsError

PrivateKey: TypeAlias = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey
PublicKey: TypeAlias = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey

CURVES: dict[str, ec.EllipticCurve] = {
    "P224": ec.SECP224R1(),
    "P256": ec.SECP256R1(),
    "P384": ec.SECP384R1(),
    "P521": ec.SECP521R1(),
}
ALGORITHMS = ("RSA", "ECDSA", "ED25519")

# RSA keys are PKCS#1, ECDSA keys SEC1; ED25519 has no format of its own and is PKCS#8.
_PRIVATE_PREAMBLES = ("RSA PRIVATE KEY", "EC PRIVATE KEY", "PRIVATE KEY")


def generate(algorithm: str, rsa_bits: int, ecdsa_curve: str) -> PrivateKey:
    """A new private key; raises TlsError for a size that no library makes."""
    if algorithm == "ECDSA":
        return ec.generate_private_key(CURVES[ecdsa_curve])
    if algorithm == "ED25519":
        return ed25519.Ed25519PrivateKey.generate()
    try:
        return rsa.generate_private_key(public_exponent=65537, key_size=rsa_bits)
    except ValueError as error:
        raise TlsError(f"rsaBits is {rsa_bits}: {error}") from None


def algorithm_of(key: PrivateKey) -> str:
    """RSA, ECDSA or ED25519."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RSA"
    return "ECDSA" if isinstance(key, ec.EllipticCurvePrivateKey) else "ED25519"


def load(pem: str, name: str) -> PrivateKey:
    """The private key in a PEM (PKCS#1, SEC1 or PKCS#8); raises TlsError that names the property only."""
    if not any(f"-----BEGIN {preamble}-----" in pem for preamble in _PRIVATE_PREAMBLES):
        raise TlsError(f"{name} is not a PEM of one of the types {', '.join(_PRIVATE_PREAMBLES)}")
    return _supported(lambda: serialization.load_pem_private_key(pem.encode(), password=None), name)


def load_openssh(pem: str, name: str) -> PrivateKey:
    """The private key in OpenSSH's own format; raises TlsError like load."""
    return _supported(lambda: serialization.load_ssh_private_key(pem.encode(), password=None), name)


def private_forms(key: PrivateKey) -> dict[str, str]:
    """The key as PEM, PKCS#8 and OpenSSH, under the names of the resource's outputs."""
    pkcs8 = _private_pem(key, serialization.PrivateFormat.PKCS8)
    has_own_format = not isinstance(key, ed25519.Ed25519PrivateKey)
    return {
        "privateKeyPem": _private_pem(key, serialization.PrivateFormat.TraditionalOpenSSL)
        if has_own_format
        else pkcs8,
        "privateKeyPemPkcs8": pkcs8,
        "privateKeyOpenssh": _private_pem(key, serialization.PrivateFormat.OpenSSH)
        if _openssh_knows(key)
        else "",
    }


def public_forms(key: PublicKey) -> dict[str, str]:
    """The public key and its fingerprints, under the names of the resource's outputs.

    OpenSSH knows no P224; the provider leaves those values empty.
    """
    pem = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
    if not _openssh_knows(key):
        return {
            "publicKeyPem": pem,
            "publicKeyOpenssh": "",
            "publicKeyFingerprintMd5": "",
            "publicKeyFingerprintSha256": "",
        }
    openssh = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    blob = base64.b64decode(openssh.split()[1])
    md5 = hashlib.md5(blob, usedforsecurity=False).digest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return {
        "publicKeyPem": pem,
        "publicKeyOpenssh": f"{openssh}\n",
        "publicKeyFingerprintMd5": md5.hex(":"),
        "publicKeyFingerprintSha256": f"SHA256:{sha256}",
    }


def identifier(key: PublicKey) -> str:
    """The resource's ID: the SHA-1 of the public key's DER."""
    der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sha1_hex(der)


def sha1_hex(data: bytes) -> str:
    """The hexadecimal SHA-1 that the provider uses as ID (hashForState, which trims white space)."""
    return hashlib.sha1(data.strip(b"\t\n\v\f\r "), usedforsecurity=False).hexdigest()


def _openssh_knows(key: PrivateKey | PublicKey) -> bool:
    curve = getattr(key, "curve", None)
    return not isinstance(curve, ec.SECP224R1)


def _private_pem(key: PrivateKey, form: serialization.PrivateFormat) -> str:
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _supported(read: Callable[[], object], name: str) -> PrivateKey:
    try:
        key = read()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The library's own message could quote what it could not read.
        raise TlsError(f"{name} holds no private key that can be read without a password") from None
    if isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        return key
    raise TlsError(f"{name} holds a key that is none of {', '.join(ALGORITHMS)}")
