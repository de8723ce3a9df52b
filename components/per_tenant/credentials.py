"""The Credentials room: what the tenant's repositories and its members' laptops prove themselves with."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s
import pulumi_tls as tls

from components.context import Context, child_options
from components.dynamic import (
    ServiceAccountToken,
    ServiceAccountTokenArgs,
    SignedCertificate,
    SignedCertificateArgs,
)
from components.metadata import meta
from components.per_tenant.access import Grant, service_account, user
from kube.config import build
from model import CredentialKind, Tenant, credential, names
from model.scalars import duration


def grants(tenant: Tenant, schedule: credential.Schedule | None) -> list[Grant]:
    """One grant for each identity that the tenant's credentials carry at the moment."""
    issued = [] if schedule is None else [schedule.current, schedule.previous]
    laptops = [
        (credential.laptop(tenant, login, member), login, member.role)
        for login, member in tenant.members.items()
    ]
    return [
        *(_grant(tenant, subject, tenant.codespaces.role) for subject in issued if subject),
        *(
            Grant(subject.binding, role, user(subject.name), login)
            for subject, login, role in laptops
            if subject
        ),
    ]


def _grant(tenant: Tenant, subject: credential.Subject, role: str) -> Grant:
    if tenant.credentials.kind is CredentialKind.TOKEN:
        account = service_account(names.CREDENTIALS_NAMESPACE, subject.account)
        return Grant(subject.binding, role, account)
    return Grant(subject.binding, role, user(subject.name))


@dataclass(frozen=True)
class Parts:
    """What a kubeconfig is made of, for images that expect the parts. All but `server` may be secret."""

    server: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    certificate: pulumi.Output[str] | None = None
    key: pulumi.Output[str] | None = None
    token: pulumi.Output[str] | None = None


class TenantCredential(pulumi.ComponentResource):
    """The credential that the tenant's repositories share: a certificate, or a token."""

    kubeconfig: pulumi.Output[str]
    parts: Parts

    def __init__(
        self,
        context: Context,
        tenant: Tenant,
        subject: credential.Subject,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tenancy:tenant:Credential", f"{tenant.name}-{subject.binding}", None, opts)
        if tenant.credentials.kind is CredentialKind.TOKEN:
            user_entry, secret_parts = self._token(context, tenant, subject)
        else:
            user_entry, secret_parts = self._certificate(context, tenant, subject)
        endpoint = context.connection.endpoint
        self.parts = Parts(
            server=pulumi.Output.from_input(endpoint.server),
            certificate_authority=pulumi.Output.from_input(endpoint.certificate_authority or ""),
            **secret_parts,
        )
        self.kubeconfig = pulumi.Output.secret(
            user_entry.apply(
                lambda entry: build.kubeconfig(endpoint, subject.name, entry, tenant.namespace_names)
            )
        )
        self.register_outputs({"subject": subject.name})

    def _certificate(
        self, context: Context, tenant: Tenant, subject: credential.Subject
    ) -> tuple[pulumi.Output[dict[str, object]], dict[str, pulumi.Output[str]]]:
        name = f"{tenant.name}-{subject.binding}"
        key = tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve="P256", opts=child_options(self))
        request = tls.CertRequest(
            name,
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(common_name=subject.name),
            opts=child_options(self),
        )
        certificate = SignedCertificate(
            name,
            _signing(context, tenant, request.cert_request_pem, renew_before_seconds=0),
            opts=child_options(self),
        )
        entry = pulumi.Output.all(certificate.certificate_pem, key.private_key_pem).apply(
            lambda found: build.client_certificate(found[0], found[1])
        )
        return entry, {"certificate": certificate.certificate_pem, "key": key.private_key_pem}

    def _token(
        self, context: Context, tenant: Tenant, subject: credential.Subject
    ) -> tuple[pulumi.Output[dict[str, object]], dict[str, pulumi.Output[str]]]:
        name = f"{tenant.name}-{subject.binding}"
        account = credential_account(context, tenant, subject, child_options(self))
        token = ServiceAccountToken(
            name,
            ServiceAccountTokenArgs(
                namespace=names.CREDENTIALS_NAMESPACE,
                service_account=subject.account,
                lifetime_seconds=int(duration(tenant.credentials.lifetime).total_seconds()),
                renew_before_seconds=0,
                kubeconfig=context.connection.kubeconfig,
                context=context.connection.context,
            ),
            opts=child_options(self, depends_on=[account]),
        )
        return token.token.apply(build.token), {"token": token.token}


def credential_account(
    context: Context, tenant: Tenant, subject: credential.Subject, options: pulumi.ResourceOptions
) -> k8s.core.v1.ServiceAccount:
    """The ServiceAccount of one issued token, out of the tenant's reach: no pod of its can run as it."""
    return k8s.core.v1.ServiceAccount(
        f"{tenant.name}-{subject.binding}",
        metadata=meta(
            context,
            subject.account,
            tenant=tenant,
            namespace=names.CREDENTIALS_NAMESPACE,
        ),
        automount_service_account_token=False,
        opts=options,
    )


class MemberCertificates(pulumi.ComponentResource):
    """Certificates for the keys that members made on their own laptops. Nothing here is secret."""

    published: dict[str, pulumi.Output[dict[str, str]]]
    """What a laptop needs beside its own key, by login."""

    def __init__(self, context: Context, tenant: Tenant, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenancy:tenant:MemberCertificates", tenant.name, None, opts)
        renew_before = int(duration(tenant.credentials.renew_before).total_seconds())
        issued = {
            login: SignedCertificate(
                f"{tenant.name}-{subject.binding}",
                _signing(context, tenant, member.csr or "", renew_before_seconds=renew_before),
                opts=child_options(self),
            )
            for login, member in sorted(tenant.members.items())
            if (subject := credential.laptop(tenant, login, member)) is not None
        }
        self.published = {
            login: pulumi.Output.all(certificate=certificate.certificate_pem, not_after=certificate.not_after)
            for login, certificate in issued.items()
        }
        self.register_outputs({"members": sorted(issued)})


def _signing(
    context: Context, tenant: Tenant, csr: pulumi.Input[str], *, renew_before_seconds: int
) -> SignedCertificateArgs:
    return SignedCertificateArgs(
        csr_pem=csr,
        signer=context.cluster.credentials.signer,
        lifetime_seconds=int(duration(tenant.credentials.lifetime).total_seconds()),
        renew_before_seconds=renew_before_seconds,
        kubeconfig=context.connection.kubeconfig,
        context=context.connection.context,
    )
