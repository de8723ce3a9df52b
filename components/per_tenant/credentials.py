"""Credentials: what the tenant's repositories and its members' laptops prove themselves with."""

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
    return [
        *(_grant(tenant, subject, tenant.codespaces.role) for subject in issued if subject),
        *(
            Grant(laptop.subject.binding, laptop.role, user(laptop.subject.name), laptop.login)
            for laptop in credential.laptops(tenant)
        ),
    ]


def _grant(tenant: Tenant, subject: credential.Subject, role: str) -> Grant:
    if tenant.credentials.kind is CredentialKind.TOKEN:
        account = service_account(names.CREDENTIALS_NAMESPACE, subject.account)
        return Grant(subject.binding, role, account)
    return Grant(subject.binding, role, user(subject.name))


@dataclass(frozen=True)
class KubeconfigParts:
    """What a kubeconfig is made of, for images that expect the parts. All but `server` may be secret."""

    server: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    certificate: pulumi.Output[str] | None = None
    key: pulumi.Output[str] | None = None
    token: pulumi.Output[str] | None = None


@dataclass(frozen=True, kw_only=True)
class CredentialArgs:
    """What a credential, or the account of one, is made from."""

    context: Context
    tenant: Tenant
    subject: credential.Subject
    """The identity that it carries."""

    @property
    def lifetime_seconds(self) -> int:
        """How long it is to live."""
        return _seconds(self.tenant.credentials.lifetime)

    @property
    def former_name(self) -> str:
        """The logical name that its resources had before."""
        return names.former_logical(self.tenant.name, self.subject.binding)


class CredentialAccount(k8s.core.v1.ServiceAccount):
    """The ServiceAccount of one issued token, out of the tenant's reach: no pod of its can run as it."""

    def __init__(self, name: str, args: CredentialArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        account = meta(
            args.context,
            args.subject.account,
            tenant=args.tenant,
            namespace=names.CREDENTIALS_NAMESPACE,
        )
        super().__init__(name, metadata=account, automount_service_account_token=False, opts=opts)


class TenantCredential(pulumi.ComponentResource):
    """The credential that the tenant's repositories share: a certificate, or a token."""

    kubeconfig: pulumi.Output[str]
    """Secret."""
    parts: KubeconfigParts

    def __init__(self, name: str, args: CredentialArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.CREDENTIAL, name, None, opts)
        issue = self._token if args.tenant.credentials.kind is CredentialKind.TOKEN else self._certificate
        user_entry, secret_parts = issue(name, args)
        endpoint = args.context.connection.endpoint
        self.parts = KubeconfigParts(
            server=pulumi.Output.from_input(endpoint.server),
            certificate_authority=pulumi.Output.from_input(endpoint.certificate_authority or ""),
            **secret_parts,
        )
        self.kubeconfig = pulumi.Output.secret(
            user_entry.apply(
                lambda entry: build.kubeconfig(
                    endpoint, args.subject.name, entry, args.tenant.namespace_names
                )
            )
        )
        self.register_outputs({"subject": args.subject.name})

    def _certificate(
        self, name: str, args: CredentialArgs
    ) -> tuple[pulumi.Output[dict[str, object]], dict[str, pulumi.Output[str]]]:
        options = child_options(self, former_name=args.former_name)
        key = tls.PrivateKey(name, algorithm="ECDSA", ecdsa_curve="P256", opts=options)
        request = tls.CertRequest(
            name,
            private_key_pem=key.private_key_pem,
            subject=tls.CertRequestSubjectArgs(common_name=args.subject.name),
            opts=options,
        )
        certificate = SignedCertificate(
            name,
            _signing(args.context, args.tenant, request.cert_request_pem, renew_before_seconds=0),
            options,
        )
        entry = pulumi.Output.all(certificate.certificate_pem, key.private_key_pem).apply(
            lambda found: build.client_certificate(found[0], found[1])
        )
        return entry, {"certificate": certificate.certificate_pem, "key": key.private_key_pem}

    def _token(
        self, name: str, args: CredentialArgs
    ) -> tuple[pulumi.Output[dict[str, object]], dict[str, pulumi.Output[str]]]:
        account = CredentialAccount(name, args, child_options(self, former_name=args.former_name))
        token = ServiceAccountToken(
            name,
            ServiceAccountTokenArgs(
                namespace=names.CREDENTIALS_NAMESPACE,
                service_account=args.subject.account,
                lifetime_seconds=args.lifetime_seconds,
                renew_before_seconds=0,
                kubeconfig=args.context.connection.kubeconfig,
                context=args.context.connection.context,
            ),
            child_options(self, depends_on=[account], former_name=args.former_name),
        )
        return token.token.apply(build.token), {"token": token.token}


@dataclass(frozen=True, kw_only=True)
class MemberCertificatesArgs:
    """What the certificates of members' laptops are made from."""

    context: Context
    tenant: Tenant


class MemberCertificates(pulumi.ComponentResource):
    """Certificates for the keys that members made on their own laptops. Nothing here is secret."""

    published: dict[str, pulumi.Output[dict[str, str]]]
    """What a laptop needs beside its own key, by login or `login/device`."""

    def __init__(
        self, name: str, args: MemberCertificatesArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__(names.MEMBER_CERTIFICATES, name, None, opts)
        issued = {
            laptop.holder: self._certificate(args, laptop.subject, laptop.csr)
            for laptop in credential.laptops(args.tenant)
        }
        self.published = {
            holder: pulumi.Output.all(certificate=signed.certificate_pem, not_after=signed.not_after)
            for holder, signed in issued.items()
        }
        self.register_outputs({"members": sorted(issued)})

    def _certificate(
        self, args: MemberCertificatesArgs, subject: credential.Subject, csr: str
    ) -> SignedCertificate:
        tenant = args.tenant
        renew_before = _seconds(tenant.credentials.renew_before)
        return SignedCertificate(
            names.logical(tenant.name, subject.binding),
            _signing(args.context, tenant, csr, renew_before_seconds=renew_before),
            child_options(self, former_name=names.former_logical(tenant.name, subject.binding)),
        )


def _signing(
    context: Context, tenant: Tenant, csr: pulumi.Input[str], *, renew_before_seconds: int
) -> SignedCertificateArgs:
    return SignedCertificateArgs(
        csr_pem=csr,
        signer=context.cluster.credentials.signer,
        lifetime_seconds=_seconds(tenant.credentials.lifetime),
        renew_before_seconds=renew_before_seconds,
        kubeconfig=context.connection.kubeconfig,
        context=context.connection.context,
    )


def _seconds(text: str) -> int:
    return int(duration(text).total_seconds())
