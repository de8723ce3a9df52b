"""Members of tenants on the sandbox, each with the certificate that the program had signed for them."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

import model
from kube import ApiError, Client, JsonObject, cluster_access
from model.subjects import laptop as laptop_subject
from tests.conftest import Sandbox
from tests.e2e.project import STACK, Project

ROLES = ("admin", "developer")


@dataclass(frozen=True)
class Person:
    """Somebody with a role in a tenant, and nothing else but their certificate."""

    tenant: model.Tenant
    role: str
    client: Client

    @property
    def namespace(self) -> str:
        return self.tenant.main_namespace

    def may(
        self, verb: str, resource: str, group: str = "", *, namespace: str | None = None, name: str = ""
    ) -> bool:
        """What a SelfSubjectAccessReview says of `resource/subresource`, in the own namespace by default."""
        kind, _, subresource = resource.partition("/")
        attributes = {
            "verb": verb,
            "group": group,
            "resource": kind,
            "subresource": subresource,
            "name": name,
        }
        attributes["namespace"] = self.namespace if namespace is None else namespace
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        return bool(self.client.create(review)["status"]["allowed"])

    def refusal(self, obj: JsonObject) -> str:
        """Why creating an object would be refused; empty where it would not be."""
        try:
            self.client.create(obj, namespace=self.namespace, dry_run=True)
        except ApiError as error:
            assert error.code in (403, 422), error.message
            return error.message
        return ""


@dataclass(frozen=True)
class Key:
    """The key that somebody made on a laptop."""

    private: ec.EllipticCurvePrivateKey

    def request(self, tenant: str, login: str) -> str:
        """The signing request that goes into the tenant's file."""
        subject = laptop_subject(tenant, login, self.private.public_key())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject.name)])
        builder = x509.CertificateSigningRequestBuilder().subject_name(name)
        return builder.sign(self.private, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    @property
    def pem(self) -> bytes:
        return self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def settle(project: Project, tenants: Mapping[str, dict[str, Any]]) -> dict[tuple[str, str], Person]:
    """Make tenants, each with a member of every role, by the program itself; people by tenant and role."""
    keys = {(name, role): Key(ec.generate_private_key(ec.SECP256R1())) for name in tenants for role in ROLES}
    for name, fields in tenants.items():
        members = {role: {"role": role, "csr": keys[name, role].request(name, role)} for role in ROLES}
        project.tenant(name, members=members, **fields)
    project.up()
    issued = project.outputs()["certificates"]
    known = {tenant.name: tenant for tenant in model.load(project.folder, STACK).tenants}
    return {
        (name, role): Person(known[name], role, _client(project.sandbox, issued[name][role], key))
        for (name, role), key in keys.items()
    }


def _client(sandbox: Sandbox, issued: Mapping[str, str], key: Key) -> Client:
    """The administrator's kubeconfig with the administrator taken out of it."""
    kubeconfig = json.loads(_as_json(sandbox))
    kubeconfig["users"][0]["user"] = {
        "client-certificate-data": b64encode(issued["certificate"].encode()).decode(),
        "client-key-data": b64encode(key.pem).decode(),
    }
    return Client(cluster_access(json.dumps(kubeconfig)))


def _as_json(sandbox: Sandbox) -> str:
    return sandbox.kubectl("config", "view", "--raw", "--flatten", "-o", "json").stdout


def eventually(look: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """What `look` finds as soon as it holds; the test fails when it does not within a minute."""
    deadline = time.monotonic() + 60
    while not holds(found := look()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found
