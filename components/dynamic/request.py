"""A CertificateSigningRequest as it should be, and whether one in the cluster is it. Sends nothing."""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from components.dynamic import clock
from components.dynamic.errors import InvalidInputError, WrongCertificateError
from components.dynamic.lifetime import MARGIN
from kube import JsonObject

API_VERSION = "certificates.k8s.io/v1"
KIND = "CertificateSigningRequest"

SUBJECT_LABEL = "tenancy.dev/certificate-subject"
"""On every request of ours: by it a run finds what a killed one left."""

NAMES = 4
"""How many names a request may have, should others hold the first ones."""

# https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#kubernetes-signers
CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
_CLIENT_USAGES = frozenset({"client auth", "digital signature", "key encipherment"})

_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_FORBIDDEN_GROUP = "system:masters"


@dataclass(frozen=True)
class Csr:
    """A certificate signing request (PKCS #10). Nothing in it is secret."""

    pem: str
    """In its one normal form, whatever line breaks it came with."""
    public_key: bytes
    """DER, SubjectPublicKeyInfo."""
    common_name: str
    subject: x509.Name


@dataclass(frozen=True)
class Wanted:
    """What to ask of the cluster. Times in seconds."""

    csr: Csr
    signer: str
    usages: tuple[str, ...]
    lifetime: int
    renew_before: int
    prefix: str
    labels: tuple[tuple[str, str], ...]
    timeout: float

    @property
    def what(self) -> str:
        """How errors call it."""
        return f"certificate of {self.csr.common_name!r}"

    @property
    def subject_label(self) -> str:
        """The value of SUBJECT_LABEL: the same for all requests of one subject to one signer."""
        return _digest([self.signer, self.csr.subject.rfc4514_string()])

    def name(self, number: int) -> str:
        """The name of its request, the same in every run; `number` counts those that others hold."""
        content = [self.csr.pem, self.signer, sorted(self.usages), self.lifetime, number]
        return f"{self.prefix}-{_digest(content)}"

    def spec(self) -> JsonObject:
        """The spec of its request."""
        return {
            "request": base64.b64encode(self.csr.pem.encode()).decode(),
            "signerName": self.signer,
            "usages": sorted(self.usages),
            "expirationSeconds": self.lifetime,
        }

    def object(self, name: str) -> JsonObject:
        """Its request."""
        labels = {**dict(self.labels), SUBJECT_LABEL: self.subject_label}
        metadata = {"name": name, "labels": labels}
        return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": self.spec()}


@dataclass(frozen=True)
class Certificate:
    """A certificate that the cluster issued."""

    pem: str
    not_before: datetime
    not_after: datetime
    serial_number: str
    """Hexadecimal, lower case."""


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:40]


def parse_csr(pem: str) -> Csr:
    """Read a CSR and check what can be checked without a cluster.

    Raises:
        InvalidInputError: it is no CSR, its signature is wrong, its subject has no CN or is too powerful.
    """
    try:
        csr = x509.load_pem_x509_csr(pem.strip().encode())
        valid, key = csr.is_signature_valid, csr.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InvalidInputError(
            "a PEM certificate signing request (BEGIN CERTIFICATE REQUEST) is wanted"
        ) from None
    if not valid:
        raise InvalidInputError("its signature is not by its own key")
    names = _values(csr.subject, NameOID.COMMON_NAME)
    if len(names) != 1 or not names[0]:
        raise InvalidInputError("its subject must have one common name (CN)")
    if _FORBIDDEN_GROUP in _values(csr.subject, NameOID.ORGANIZATION_NAME):
        raise InvalidInputError(
            f"its subject has the organization (O) {_FORBIDDEN_GROUP}, which no policy could ever restrain"
        )
    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Csr(csr.public_bytes(Encoding.PEM).decode(), der, names[0], csr.subject)


def same_csr(one: str, other: str) -> bool:
    """Tell whether two PEM texts are the same request, whatever their line breaks."""
    return one == other or "".join(one.split()) == "".join(other.split())


def usages_problem(signer: str, usages: tuple[str, ...]) -> str | None:
    """Say what the signer would not accept."""
    if not usages:
        return "at least one usage is wanted"
    if signer == CLIENT_SIGNER and (refused := set(usages) - _CLIENT_USAGES):
        return f"{signer} signs for {_listed(_CLIENT_USAGES)} only, not for {_listed(refused)}"
    if signer == CLIENT_SIGNER and "client auth" not in usages:
        return f"{signer} wants 'client auth' among them"
    return None


def prefix_problem(prefix: str) -> str | None:
    """Say what is wrong with the beginning of a request's name."""
    if _PREFIX.fullmatch(prefix):
        return None
    return f"{prefix!r} must be at most 63 lower-case letters, digits and dashes"


def _listed(values: set[str] | frozenset[str]) -> str:
    return ", ".join(map(repr, sorted(values)))


def _values(name: x509.Name, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in name.get_attributes_for_oid(oid)]


def is_ours(wanted: Wanted, found: Mapping[str, Any]) -> bool:
    """Tell whether a request in the cluster asks for exactly what is wanted, and has our label.

    Whoever made it: what is signed is the spec, which nobody can change once it is made, and a certificate
    for a public key is of use only to who holds the private one.
    """
    spec: JsonObject = found["spec"]
    labels: JsonObject = found["metadata"].get("labels") or {}
    seen = {
        "request": spec.get("request"),
        "signerName": spec.get("signerName"),
        "usages": sorted(spec.get("usages") or []),
        "expirationSeconds": spec.get("expirationSeconds"),
    }
    return seen == wanted.spec() and labels.get(SUBJECT_LABEL) == wanted.subject_label


def condition(found: Mapping[str, Any], kind: str) -> JsonObject | None:
    """The condition Approved, Denied or Failed of a request, if it has that."""
    status: JsonObject = found.get("status") or {}
    conditions: list[JsonObject] = status.get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind and c.get("status") != "False"), None)


def issued(found: Mapping[str, Any]) -> str:
    """The certificate of a request, as the base64 that the API has; empty as long as there is none."""
    status: JsonObject = found.get("status") or {}
    return status.get("certificate") or ""


def is_settled(found: Mapping[str, Any]) -> bool:
    """Tell whether nothing more is to come."""
    return bool(issued(found) or condition(found, "Denied") or condition(found, "Failed"))


def is_usable(wanted: Wanted, found: Mapping[str, Any]) -> bool:
    """Tell whether the request that an earlier run left can still bring what is wanted."""
    if condition(found, "Denied") or condition(found, "Failed"):
        return False
    if not issued(found):
        return True
    try:
        certificate = read_certificate(wanted, found)
    except WrongCertificateError:
        return False
    return clock.now() < certificate.not_after - timedelta(seconds=wanted.renew_before + MARGIN)


def read_certificate(wanted: Wanted, found: Mapping[str, Any]) -> Certificate:
    """Take the certificate out of a request and hold it to what was asked.

    Raises:
        WrongCertificateError: it is none, or is for another key or another subject.
    """
    try:
        pem = base64.b64decode(issued(found), validate=True).decode("ascii")
        leaf = x509.load_pem_x509_certificates(pem.encode())[0]
        key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        raise WrongCertificateError(f"{wanted.what}: the signer issued no readable certificate") from None
    if key != wanted.csr.public_key:
        raise WrongCertificateError(f"{wanted.what}: the signer issued it for another public key")
    if set(leaf.subject) != set(wanted.csr.subject):
        raise WrongCertificateError(
            f"{wanted.what}: the signer issued it for another subject, {leaf.subject.rfc4514_string()!r}"
        )
    return Certificate(
        pem, leaf.not_valid_before_utc, leaf.not_valid_after_utc, format(leaf.serial_number, "x")
    )
