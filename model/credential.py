"""Which credentials a tenant has at a given moment: a pure function of its file and the clock.

Time is divided into epochs of `lifetime - renew_before`. Each epoch issues a credential with a subject of
its own, and for the first `grace` of an epoch the subject of the one before stays bound. So preview, update
and a second run agree on what is due without asking anybody, and a credential that was not renewed in time
is simply the one of the current epoch.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

from model import names, subjects
from model.scalars import Role, State, duration
from model.subjects import Subject, digest, holder
from model.tenant import Tenant


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
    offset = timedelta(seconds=int(digest(tenant.name), 16) % int(period.total_seconds()))
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


@dataclass(frozen=True)
class Laptop:
    """One machine of a member, and the identity of the key that was made there."""

    login: str
    device: str | None
    """None is the one without a name."""
    role: Role
    csr: str
    """PEM."""
    subject: Subject

    @property
    def holder(self) -> str:
        """`login` or `login/device`."""
        return holder(self.login, self.device)


def laptops(tenant: Tenant) -> list[Laptop]:
    """The laptops that have access: those whose requests stand in the tenant's file, by login and device."""
    if tenant.state is not State.ACTIVE:
        return []
    return [
        Laptop(login, device, member.role, csr, subjects.laptop(tenant.name, login, _key_of(csr), device))
        for login, member in sorted(tenant.members.items())
        for device, csr in member.requests.items()
    ]


def _key_of(csr_pem: str) -> CertificatePublicKeyTypes:
    return x509.load_pem_x509_csr(csr_pem.encode()).public_key()


def _subject(tenant: Tenant, epoch: int) -> Subject:
    # Who has left may have copied the credential: a changed set of members, or a raised generation, makes
    # every earlier subject a stranger at once, those in their grace period too.
    members = ",".join(sorted(login.lower() for login in tenant.members))
    generation = tenant.credentials.generation
    issue = f"{tenant.name}/{names.REPOSITORIES}/{members}/{generation}/{epoch}"
    return Subject(tenant.name, names.REPOSITORIES, digest(issue))
