"""Access from a laptop: the key that stays there, its request, the certificate that comes back.

Nothing here talks to GitHub, Pulumi or a cluster. A member's folder holds

    key.pem            the key in use
    new-key.pem        the one that takes its place once there is a certificate for it
    certificate.pem    the certificate of the key in use
    source.json        where to look for a renewed one
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

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

from automation import kubeconfig as documents
from automation.kubeconfig import Document, Source
from kube import document

BRANCH = "tenancy-certificates"
"""The branch of the platform's repository that holds what CI published."""
EXEC_API = "client.authentication.k8s.io/v1"
RENEW_AT = 3
"""A renewed certificate is looked for when this part of the lifetime, one third, is left."""
LOOK_AGAIN = timedelta(minutes=5)
"""How long to go on with a certificate that still holds before looking for a renewed one again."""


class AccessError(Exception):
    """Access cannot be had as asked; the message says why and what to do. Never a secret."""


class NotPublishedError(AccessError):
    """There is no certificate of this member."""


@dataclass(frozen=True)
class Published:
    """What a member needs beside the own key. All of it is public."""

    cluster: str
    server: str
    certificate_authority: str | None
    """PEM; None where the system's own authorities vouch for the server."""
    namespaces: tuple[str, ...]
    """The tenant's namespaces, the main one first."""
    certificate: str
    """PEM."""


def path_of(stack: str) -> str:
    """The published file of a stack: one for all its members, so that publishing is one commit."""
    return f"certificates/{stack}.json"


def publication(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is published of a stack's outputs: its cluster, and the members who have a certificate.

    {"cluster": {"cluster", "server", "certificate_authority"},
     "tenants": {tenant: {"namespaces": […], "certificates": {login: {"certificate", "not_after"}}}}}
    """
    if not {"cluster", "tenants", "certificates"} <= set(outputs):
        raise AccessError("the stack has no outputs yet; it was never applied")
    endpoint = outputs["cluster"]
    tenants = {
        tenant: {
            "namespaces": list(outputs["tenants"][tenant]["namespaces"]),
            "certificates": {
                login: {key: issued[key] for key in ("certificate", "not_after")}
                for login, issued in sorted(members.items())
            },
        }
        for tenant, members in sorted(outputs["certificates"].items())
        if members
    }
    keys = ("cluster", "server", "certificate_authority")
    return {"cluster": {key: endpoint.get(key) for key in keys}, "tenants": tenants}


def rendered(published: Mapping[str, Any]) -> str:
    """The published file: a line for each fact, so that a change is easy to read."""
    return json.dumps(published, indent=2) + "\n"


def read_publication(text: str, source: str) -> dict[str, Any]:
    """The published file, read. Raises AccessError where it is something else."""
    try:
        found: Any = json.loads(text)
        return {"cluster": dict(found["cluster"]), "tenants": dict(found["tenants"])}
    except (ValueError, KeyError, TypeError):
        raise AccessError(f"{source} is not what 'tenancy access publish' writes") from None


def of_member(published: Mapping[str, Any], tenant: str, login: str) -> Published:
    """What was published for a member.

    Raises:
        NotPublishedError: there is no certificate.
    """
    found = published["tenants"].get(tenant, {"certificates": {}})
    issued = next(
        (found["certificates"][one] for one in found["certificates"] if one.lower() == login.lower()), None
    )
    if issued is None:
        raise NotPublishedError(
            f"no certificate of {login!r} for tenant {tenant!r} is published: the request is not merged and "
            "applied yet, was revoked, or the tenant is frozen"
        )
    endpoint = published["cluster"]
    return Published(
        cluster=endpoint["cluster"],
        server=endpoint["server"],
        certificate_authority=endpoint.get("certificate_authority") or None,
        namespaces=tuple(found["namespaces"]),
        certificate=issued["certificate"],
    )


@dataclass(frozen=True)
class Keeper:
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
        pem = waiting.read_text() if waiting.exists() else make_key()
        request = make_request(pem, tenant, login)
        if not waiting.exists():
            write_private(waiting, pem)
        return request

    def accept(self, certificate: str, tenant: str, login: str, now: datetime) -> None:
        """Take a certificate, once it is proven to be for a key here, for this member, and valid.

        Raises:
            AccessError: it is not.
        """
        leaf = _certificate(certificate)
        key = next((key for key in (self.new_key, self.key) if key.exists() and _fits(leaf, key)), None)
        if key is None:
            raise AccessError(
                f"the published certificate is not for the key in {self.path}: it is for one made on another "
                "machine, or the request of this one is not merged and applied yet"
            )
        _verify(leaf, tenant, login, now)
        if not self.certificate.exists() or self.certificate.read_text() != certificate:
            write_private(self.certificate, certificate)
        # Last: killed before, the next run finds the new key again.
        if key == self.new_key:
            self.new_key.replace(self.key)

    def fits(self) -> bool:
        """Whether there is a certificate, and it is for the key in use."""
        if not self.key.exists() or not self.certificate.exists():
            return False
        return _fits(_certificate(self.certificate.read_text()), self.key)


def folder(environment: Mapping[str, str], stack: str, tenant: str) -> Path:
    """Where the members' folders of a tenant are: below $XDG_CONFIG_HOME, else ~/.config."""
    base = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or Path.home()) / ".config"
    return Path(base) / "tenancy" / stack / tenant


def keeper(environment: Mapping[str, str], stack: str, tenant: str, login: str) -> Keeper:
    """The folder of one member; GitHub ignores the case of a login."""
    return Keeper(folder(environment, stack, tenant) / login.lower())


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


def write_private(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner only, in folders of the owner only.

    Raises:
        AccessError: it cannot be written.
    """
    try:
        # Every folder that is made on the way is closed to others, not only the last.
        for parent in reversed([path.parent, *path.parent.parents]):
            if not parent.exists():
                parent.mkdir(mode=0o700)
        path.parent.chmod(0o700)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                Path(name).unlink()
    except OSError as error:
        raise AccessError(f"{path}: cannot be written: {error.strerror}") from None


def is_due(certificate: str, now: datetime) -> bool:
    """Whether less than a third of the lifetime is left."""
    leaf = _certificate(certificate)
    lifetime = leaf.not_valid_after_utc - leaf.not_valid_before_utc
    return now >= leaf.not_valid_after_utc - lifetime / RENEW_AT


def ends(certificate: str) -> datetime:
    """The end of a certificate's validity, UTC."""
    return _certificate(certificate).not_valid_after_utc


def signed_by(certificate: str, authority: str | None) -> bool:
    """Whether the cluster's CA signed it; a cluster may well have another CA for its clients."""
    try:
        _certificate(certificate).verify_directly_issued_by(_certificate(authority or ""))
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


def plugin(command: str, stack: str, tenant: str, login: str) -> Document:
    """The user entry of a kubeconfig that lets kubectl ask `tenancy` for the credential."""
    arguments = ["access", "credential", "--stack", stack, "--tenant", tenant, "--login", login]
    return {
        "exec": {
            "apiVersion": EXEC_API,
            "command": command,
            "args": arguments,
            "interactiveMode": "Never",
            "provideClusterInfo": False,
            "installHint": "tenancy is not where it was when 'tenancy access pull' ran; run that again",
        }
    }


def files(kept: Keeper) -> Document:
    """The user entry of a kubeconfig that names the files of certificate and key."""
    return {"client-certificate": str(kept.certificate), "client-key": str(kept.key)}


def user_of(stack: str, tenant: str, login: str) -> str:
    """The name of a member's user entry, the same for every certificate and different for every stack."""
    return f"tenancy-{stack}-{tenant}-{login.lower()}"


def merged(
    text: str, path: Path, published: Published, user: str, entry: Document, *, overwrite: bool
) -> str:
    """A kubeconfig's text with a context for each of the tenant's namespaces, named <cluster>-<namespace>.

    What an earlier pull wrote is replaced. The current context stays, or becomes the main namespace's.

    Raises:
        AccessError: an entry of the same name is a person's own, and `overwrite` is not set.
        KubeconfigError: the text is no kubeconfig.
    """
    old = documents.parse(text, str(path))
    endpoint = document.Endpoint(published.cluster, published.server, published.certificate_authority)
    new: Document = json.loads(document.kubeconfig(endpoint, user, entry, published.namespaces))
    names = documents.names(new, "context")
    if not overwrite:
        _refuse_strangers(old, new, path)
    gone = {
        str(item["name"])
        for item in _entries(old, "contexts")
        if item["context"].get("user") == user
        and item["name"] == f"{item['context'].get('cluster')}-{item['context'].get('namespace')}"
        and item["name"] not in names
    }
    kept = documents.parse(documents.remove(text, {"context": gone}, str(path)), str(path)) if gone else old
    sources = [Source(str(path), kept, path.parent), Source("published", new)]
    return documents.dump(documents.merge(sources, overwrite=True, destination=path.parent).document)


def _refuse_strangers(old: Document, new: Document, path: Path) -> None:
    """Entries with our names that a person made: contexts, and clusters that other users' contexts use."""
    cluster = _entries(new, "clusters")[0]
    differs = any(item["name"] == cluster["name"] and item != cluster for item in _entries(old, "clusters"))
    names = documents.names(new, "context")
    for item in _entries(old, "contexts"):
        name, body = item["name"], item["context"]
        if str(body.get("user", "")).startswith("tenancy-"):
            continue
        if name in names:
            raise AccessError(
                f"{path}: there is another context {name!r}; rename it with kubectl config rename-context, "
                "or use --overwrite"
            )
        if differs and body.get("cluster") == cluster["name"]:
            raise AccessError(
                f"{path}: context {name!r} uses another cluster {cluster['name']!r} than the published one; "
                "rename that cluster, or use --overwrite"
            )


def _entries(kubeconfig: Document, plural: str) -> list[Document]:
    return cast("list[Document]", kubeconfig.get(plural) or [])


def _certificate(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem.encode())[0]
    except (ValueError, IndexError):
        raise AccessError("the certificate is not one that can be read; pull it again") from None


def _fits(leaf: x509.Certificate, key: Path) -> bool:
    private: Any = load_pem_private_key(key.read_bytes(), None)
    return _public(leaf) == _public(private)


def _public(holder: Any) -> bytes:
    return holder.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(holder: Any, tenant: str, login: str) -> str:
    """The one common name that a key may have for a member."""
    from model import credential  # a quarter of a second, which kubectl's plugin need not wait for

    return credential.laptop_subject(tenant, login, holder.public_key()).name


def _verify(leaf: x509.Certificate, tenant: str, login: str, now: datetime) -> None:
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
