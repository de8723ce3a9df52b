"""Which credentials a tenant has at a given moment: a pure function of its file and the clock.

Time is divided into epochs of `lifetime - renew_before`. Each epoch issues a credential with a subject of
its own, and for the first `grace` of an epoch the subject of the one before stays bound. So preview, update
and a second run agree on what is due without asking anybody, and a credential that was not renewed in time
is simply the one of the current epoch.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model import names
from model.scalars import State, duration
from model.tenant import Member, Tenant

MAX_COMMON_NAME = 64


@dataclass(frozen=True)
class Subject:
    """One issued identity. `name` is the common name of a certificate, unique to one issue."""

    tenant: str
    purpose: str
    serial: str

    @property
    def name(self) -> str:
        """The user name that the API server sees; at most as long as a common name may be (RFC 5280)."""
        name = f"tenancy:{self.tenant}:{self.purpose}:{self.serial}"
        if len(name) <= MAX_COMMON_NAME:
            return name
        whole = _digest(f"{self.tenant}/{self.purpose}")
        return f"tenancy:{self.tenant[:20]}:{self.purpose[:13]}:{whole}:{self.serial}"

    @property
    def binding(self) -> str:
        """Name of the RoleBinding."""
        return names.credential_binding(self.purpose, self.serial)

    @property
    def account(self) -> str:
        """Name of the ServiceAccount, where the cluster issues tokens instead of certificates."""
        return names.credential_account(self.tenant, self.purpose, self.serial)


@dataclass(frozen=True)
class Schedule:
    """The credential of the current epoch, and the one whose grace period still runs."""

    current: Subject
    previous: Subject | None
    renewed_at: datetime
    """When the current epoch began."""
    renews_at: datetime
    """When the next one begins."""


def codespaces(tenant: Tenant, now: datetime) -> Schedule | None:
    """The credential that the tenant's repositories hold; None where there is none to hold."""
    if tenant.state is not State.ACTIVE or not tenant.codespaces.enabled:
        return None
    period = duration(tenant.credentials.lifetime) - duration(tenant.credentials.renew_before)
    # Tenants renew at different times, so that a cluster is not asked for all certificates at once.
    offset = timedelta(seconds=int(_digest(tenant.name), 16) % int(period.total_seconds()))
    elapsed = now.astimezone(UTC) - datetime(2020, 1, 1, tzinfo=UTC) + offset
    epoch, age = divmod(elapsed, period)
    begun = now - age
    in_grace = age < duration(tenant.credentials.grace)
    return Schedule(
        current=_subject(tenant, epoch),
        previous=_subject(tenant, epoch - 1) if in_grace else None,
        renewed_at=begun,
        renews_at=begun + period,
    )


def laptop(tenant: Tenant, login: str, member: Member) -> Subject | None:
    """The identity of a member's own key; it lives as long as the request stands in the tenant's file."""
    if tenant.state is not State.ACTIVE or member.csr is None:
        return None
    return laptop_subject(tenant.name, login, x509.load_pem_x509_csr(member.csr.encode()).public_key())


def laptop_subject(tenant: str, login: str, key: CertificatePublicKeyTypes) -> Subject:
    """The only subject that a request with this key may carry for this member."""
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Subject(
        tenant, names.laptop_purpose(login), hashlib.sha256(info).hexdigest()[: names.SERIAL_LENGTH]
    )


def _subject(tenant: Tenant, epoch: int) -> Subject:
    # Who has left may have copied the credential: a changed set of members, or a raised generation, makes
    # every earlier subject a stranger at once, those in their grace period too.
    members = ",".join(sorted(login.lower() for login in tenant.members))
    generation = tenant.credentials.generation
    issue = f"{tenant.name}/{names.REPOSITORIES}/{members}/{generation}/{epoch}"
    return Subject(tenant.name, names.REPOSITORIES, _digest(issue))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[: names.SERIAL_LENGTH]
