"""A CertificateSigningRequest as it should be, and whether one in the cluster is it. Sends nothing."""

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from components.dynamic import clock
from components.dynamic.errors import InvalidInputError, WrongCertificateError
from components.dynamic.lifetime import MARGIN, read_time
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


@dataclass(frozen=True)
class Request:
    """A CertificateSigningRequest as the cluster has it, held against what is wanted."""

    wanted: Wanted
    found: JsonObject

    @property
    def name(self) -> str:
        """Its name in the cluster."""
        return self.found["metadata"]["name"]

    @property
    def uid(self) -> str | None:
        """Which of those that had the name it is."""
        return self.found["metadata"].get("uid")

    @property
    def resource_version(self) -> str:
        """Which state of it this is."""
        return self.found["metadata"]["resourceVersion"]

    @property
    def username(self) -> str | None:
        """Who made it, as the API server knows."""
        return self.found["spec"].get("username")

    @property
    def created(self) -> datetime:
        """When, by the cluster's own clock."""
        return read_time(self.found["metadata"]["creationTimestamp"])

    @property
    def is_ours(self) -> bool:
        """Whether it asks for exactly what is wanted, and has our label.

        Whoever made it: what is signed is the spec, which nobody can change once it is made, and a
        certificate for a public key is of use only to who holds the private one.
        """
        spec: JsonObject = self.found["spec"]
        labels: JsonObject = self.found["metadata"].get("labels") or {}
        seen = {
            "request": spec.get("request"),
            "signerName": spec.get("signerName"),
            "usages": sorted(spec.get("usages") or []),
            "expirationSeconds": spec.get("expirationSeconds"),
        }
        return seen == self.wanted.spec() and labels.get(SUBJECT_LABEL) == self.wanted.subject_label

    def condition(self, kind: str) -> JsonObject | None:
        """Its condition Approved, Denied or Failed, if it has that."""
        return next(
            (each for each in self._conditions if each.get("type") == kind and each.get("status") != "False"),
            None,
        )

    @property
    def issued(self) -> str:
        """Its certificate, as the base64 that the API has; empty as long as there is none."""
        return self._status.get("certificate") or ""

    @property
    def is_refused(self) -> bool:
        """Whether no certificate will ever come of it."""
        return bool(self.condition("Denied") or self.condition("Failed"))

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to come."""
        return bool(self.issued) or self.is_refused

    @property
    def is_usable(self) -> bool:
        """Whether what an earlier run left can still bring what is wanted."""
        if self.is_refused:
            return False
        if not self.issued:
            return True
        try:
            certificate = self.certificate()
        except WrongCertificateError:
            return False
        needed = timedelta(seconds=self.wanted.renew_before + MARGIN)
        return clock.now() < certificate.not_after - needed

    def approved(self) -> JsonObject:
        """Itself with our approval: of the state that was looked at, so that nothing else is approved."""
        approval = {
            "type": "Approved",
            "status": "True",
            "reason": "Tenancy",
            "message": "The stack's program asked for this certificate.",
        }
        conditions = [*self._conditions, approval]
        return {
            **self.found,
            "apiVersion": API_VERSION,
            "kind": KIND,
            "status": {"conditions": conditions},
        }

    def certificate(self) -> Certificate:
        """The certificate that it brought, held to what was asked.

        Raises:
            WrongCertificateError: it is none, or is for another key or another subject.
        """
        what, csr = self.wanted.what, self.wanted.csr
        try:
            pem = base64.b64decode(self.issued, validate=True).decode("ascii")
            leaf = x509.load_pem_x509_certificates(pem.encode())[0]
            key = leaf.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
            raise WrongCertificateError(f"{what}: the signer issued no readable certificate") from None
        if key != csr.public_key:
            raise WrongCertificateError(f"{what}: the signer issued it for another public key")
        if set(leaf.subject) != set(csr.subject):
            raise WrongCertificateError(
                f"{what}: the signer issued it for another subject, {leaf.subject.rfc4514_string()!r}"
            )
        return Certificate(
            pem, leaf.not_valid_before_utc, leaf.not_valid_after_utc, format(leaf.serial_number, "x")
        )

    @property
    def _status(self) -> JsonObject:
        return self.found.get("status") or {}

    @property
    def _conditions(self) -> list[JsonObject]:
        return self._status.get("conditions") or []
