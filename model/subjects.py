"""The names that issued identities have for the API server. Needs nothing of a tenant but its name."""

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from model import names

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
        whole = digest(f"{self.tenant}/{self.purpose}")
        return f"tenancy:{self.tenant[:20]}:{self.purpose[:13]}:{whole}:{self.serial}"

    @property
    def binding(self) -> str:
        """Name of the RoleBinding."""
        return names.credential_binding(self.purpose, self.serial)

    @property
    def account(self) -> str:
        """Name of the ServiceAccount, where the cluster issues tokens instead of certificates."""
        return names.credential_account(self.tenant, self.purpose, self.serial)


def laptop(tenant: str, login: str, key: CertificatePublicKeyTypes, device: str | None = None) -> Subject:
    """The only subject that a request with this key may carry for this device of a member."""
    info = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    serial = hashlib.sha256(info).hexdigest()[: names.SERIAL_LENGTH]
    return Subject(tenant, names.laptop_purpose(login, device), serial)


def holder(login: str, device: str | None) -> str:
    """Who holds a certificate, as outputs and people write it: `ada`, or `ada/thinkpad`."""
    return f"{login}/{device}" if device else login


def digest(text: str) -> str:
    """A short name for a longer text."""
    return hashlib.sha256(text.encode()).hexdigest()[: names.SERIAL_LENGTH]
