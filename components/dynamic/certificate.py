"""A client certificate that the cluster itself signs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    ReadResult,
    Resource,
)

from components.dynamic import lifetime
from components.dynamic.connection import SECRET_INPUTS, client, is_known, secret
from components.dynamic.errors import InvalidInputError, clear_errors
from components.dynamic.renewed import RenewedProvider
from components.dynamic.request import (
    API_VERSION,
    CLIENT_SIGNER,
    KIND,
    Wanted,
    parse_csr,
    prefix_problem,
    same_csr,
    usages_problem,
)
from components.dynamic.signing import sign
from kube import KubeconfigError, KubeError


@dataclass(frozen=True, kw_only=True)
class SignedCertificateArgs:
    """What a certificate is to be, and how to get it. Lifetimes in seconds.

    Only a change of `csr_pem`, `signer`, `usages` or `lifetime_seconds` makes a new one.
    """

    csr_pem: pulumi.Input[str]
    """PEM. Its subject must be that of no other certificate of the cluster."""
    signer: str = CLIENT_SIGNER
    usages: tuple[str, ...] = ("client auth",)
    lifetime_seconds: int
    renew_before_seconds: int
    """An update that runs this long before the end, or later, renews it."""
    request_name_prefix: str = "tenancy"
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of the CertificateSigningRequest, beside our own."""
    timeout_seconds: int = 60
    """How long to wait for the signer."""
    kubeconfig: pulumi.Input[str] | None = None
    """Content of a kubeconfig; None means the ambient KUBECONFIG."""
    context: pulumi.Input[str] | None = None


class SignedCertificate(Resource, module="tenancy", name="SignedCertificate"):
    """A certificate for the key of a CSR; see `signing` for the rights that it takes to get it.

    In its window an update replaces it, and the preview says so by the input `renewal`. The certificate is
    public. Deleting this does not revoke it: nothing in Kubernetes can, so delete the subject's bindings.
    """

    certificate_pem: pulumi.Output[str]
    """PEM; the signer may have put intermediates after it."""
    not_before: pulumi.Output[str]
    """RFC 3339, UTC."""
    not_after: pulumi.Output[str]
    """RFC 3339, UTC: what was granted."""
    subject: pulumi.Output[str]
    """Its common name, to Kubernetes the user."""
    serial_number: pulumi.Output[str]
    """Hexadecimal, lower case."""

    def __init__(
        self, name: str, args: SignedCertificateArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props: dict[str, Any] = {
            "csr_pem": args.csr_pem,
            "signer": args.signer,
            "usages": sorted(args.usages),
            "lifetime_seconds": args.lifetime_seconds,
            "renew_before_seconds": args.renew_before_seconds,
            "request_name_prefix": args.request_name_prefix,
            "labels": dict(args.labels),
            "timeout_seconds": args.timeout_seconds,
            "kubeconfig": secret(args.kubeconfig),
            "context": secret(args.context),
            **dict.fromkeys(("certificate_pem", "not_before", "not_after", "subject", "serial_number")),
        }
        ours = pulumi.ResourceOptions(additional_secret_outputs=list(SECRET_INPUTS))
        super().__init__(CertificateProvider(), name, props, pulumi.ResourceOptions.merge(ours, opts))


class CertificateProvider(RenewedProvider):
    """Another kubeconfig is no difference: the engine stores new inputs even so.

    Were it an update, a preview would take the certificate for unknown and announce changes of all that is
    made from it.
    """

    def problems(self, _news: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Say what the CSR, its usages or the request's name cannot be."""
        problems: list[tuple[str, str]] = []
        if is_known(_news["csr_pem"]):
            try:
                parse_csr(_news["csr_pem"])
            except InvalidInputError as error:
                problems.append(("csr_pem", str(error)))
        for key, text in (
            ("usages", usages_problem(_news["signer"], tuple(_news["usages"]))),
            ("request_name_prefix", prefix_problem(_news["request_name_prefix"])),
        ):
            if text:
                problems.append((key, text))
        return problems

    def differences(self, _olds: Mapping[str, Any], _news: Mapping[str, Any]) -> list[str]:
        """Name what makes it another certificate."""
        reasons: list[str] = []
        if not is_known(_news["csr_pem"]) or not same_csr(_olds["csr_pem"], _news["csr_pem"]):
            reasons.append("csr_pem")
        if _olds["signer"] != _news["signer"]:
            reasons.append("signer")
        if sorted(_olds["usages"]) != sorted(_news["usages"]):
            reasons.append("usages")
        return reasons

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Get the certificate.

        Raises:
            DynamicError: see `signing.sign`.
        """
        wanted = _wanted(props)
        with clear_errors(wanted.what):
            api = client(props)
        certificate, left = sign(api, wanted)
        outs = {
            **props,
            "certificate_pem": certificate.pem,
            "not_before": lifetime.write_time(certificate.not_before),
            "not_after": lifetime.write_time(certificate.not_after),
            "subject": wanted.csr.common_name,
            "serial_number": certificate.serial_number,
            "request_left": left,
        }
        return CreateResult(certificate.serial_number, outs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """The state is all there is: the cluster keeps no certificate."""
        return ReadResult(id_, props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Delete the request if creation had to leave it; Kubernetes does so itself within the hour."""
        if name := _props.get("request_left"):
            try:
                client(_props).delete(API_VERSION, KIND, name)
            except (KubeError, KubeconfigError):
                return


def _wanted(props: Mapping[str, Any]) -> Wanted:
    return Wanted(
        csr=parse_csr(props["csr_pem"]),
        signer=props["signer"],
        usages=tuple(props["usages"]),
        lifetime=int(props["lifetime_seconds"]),
        renew_before=int(props["renew_before_seconds"]),
        prefix=props["request_name_prefix"],
        labels=tuple(sorted(props.get("labels", {}).items())),
        timeout=float(props["timeout_seconds"]),
    )
