"""A member's folder on the laptop.

key.pem            the key in use
new-key.pem        the one that takes its place once there is a certificate for it
certificate.pem    the certificate of the key in use
source.json        where to look for a renewed one
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from automation.laptop import identity
from automation.laptop.errors import AccessError
from kube import private_files


@dataclass(frozen=True)
class Folder:
    """One member's folder on the laptop."""

    path: Path

    @property
    def key(self) -> Path:
        """The key in use."""
        return self.path / "key.pem"

    @property
    def new_key(self) -> Path:
        """The key that waits for its certificate while the old one still works."""
        return self.path / "new-key.pem"

    @property
    def certificate(self) -> Path:
        """The certificate of the key in use."""
        return self.path / "certificate.pem"

    @property
    def source(self) -> Path:
        """Where the certificate came from."""
        return self.path / "source.json"

    def ask(self, tenant: str, login: str, *, renew_key: bool) -> str:
        """The request to hand in; makes the key where there is none, and never writes over one.

        With `renew_key` another key is made, which takes the place of the first when its certificate comes.

        Raises:
            AccessError: tenant and login are too long together, or the files cannot be written.
        """
        waiting = self.new_key if renew_key or self.new_key.exists() else self.key
        pem = waiting.read_text() if waiting.exists() else identity.make_key()
        request = identity.make_request(pem, tenant, login)
        if not waiting.exists():
            write_private(waiting, pem)
        return request

    def accept(self, certificate: str, tenant: str, login: str, now: datetime) -> None:
        """Take a certificate, once it is proven to be for a key here, for this member, and valid.

        Raises:
            AccessError: it is not.
        """
        leaf = identity.load(certificate)
        key = next(
            (
                key
                for key in (self.new_key, self.key)
                if key.exists() and identity.fits(leaf, key.read_text())
            ),
            None,
        )
        if key is None:
            raise AccessError(
                f"the published certificate is not for the key in {self.path}: it is for one made on another "
                "machine, or the request of this one is not merged and applied yet"
            )
        identity.verify(leaf, tenant, login, now)
        if not self.certificate.exists() or self.certificate.read_text() != certificate:
            write_private(self.certificate, certificate)
        # Last: killed before, the next run finds the new key again.
        if key == self.new_key:
            self.new_key.replace(self.key)

    def fits(self) -> bool:
        """Whether there is a certificate, and it is for the key in use."""
        if not self.key.exists() or not self.certificate.exists():
            return False
        return identity.fits(identity.load(self.certificate.read_text()), self.key.read_text())


def of_tenant(environment: Mapping[str, str], stack: str, tenant: str) -> Path:
    """Where the members' folders of a tenant are: below $XDG_CONFIG_HOME, else ~/.config."""
    base = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or Path.home()) / ".config"
    return Path(base) / "tenancy" / stack / tenant


def of_member(environment: Mapping[str, str], stack: str, tenant: str, login: str) -> Folder:
    """The folder of one member; GitHub ignores the case of a login."""
    return Folder(of_tenant(environment, stack, tenant) / login.lower())


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner only, in folders of the owner only.

    Raises:
        AccessError: it cannot be written.
    """
    try:
        private_files.make_folder(path.parent)
        private_files.write(path, text)
    except OSError as error:
        raise AccessError(f"{path}: cannot be written: {error.strerror}") from None
