"""One tenant's whole story."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

import model
from components.cluster import Cluster
from components.context import Context, child_options
from components.per_tenant.access import AccessArgs, Grant, TenantAccess, standing_grants
from components.per_tenant.codespaces import CodespacesArgs, TenantCodespaces
from components.per_tenant.credentials import (
    CredentialAccount,
    CredentialArgs,
    MemberCertificates,
    MemberCertificatesArgs,
    TenantCredential,
    grants,
)
from components.per_tenant.isolation import IsolationArgs, TenantIsolation
from components.per_tenant.namespace import ContentArgs, NamespaceArgs, TenantNamespace
from components.per_tenant.network import NetworkArgs, TenantNetwork
from components.per_tenant.quota import TenantQuota
from components.per_tenant.storage import StorageArgs, TenantStorage
from model import CredentialKind, credential, names
from model.namespaces import namespaces


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    """What a tenant is made from."""

    cluster: Cluster
    """Where it lives. What stands there once stands before it does."""
    tenant: model.Tenant
    """What it is; one of the cluster's tenants."""

    @property
    def context(self) -> Context:
        """The stack that it is built for."""
        return self.cluster.context

    @property
    def neighbours(self) -> dict[str, model.Tenant]:
        """The tenants that this one and they both declared, by name."""
        return self.tenant.neighbours(self.cluster.tenants)


class Tenant(pulumi.ComponentResource):
    """Everything a tenant has.

    First its namespaces with what bounds them: quota, network, isolation. Only behind those bounds may
    anybody act, and only then does a credential leave the cluster.
    """

    certificates: dict[str, pulumi.Output[dict[str, str]]]
    """What members need to know of their laptops' certificates, by login or `login/device`. Public."""

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.TENANT, name, None, _with_former_name(args.tenant, opts))
        context, tenant = args.context, args.tenant
        schedule = credential.codespaces(tenant, context.now)
        everyone = [*standing_grants(context, tenant), *grants(tenant, schedule)]

        isolation = self._isolation(args)
        access = [self._namespace(args, namespace, everyone, isolation) for namespace in namespaces(tenant)]
        members = MemberCertificates(
            tenant.name,
            MemberCertificatesArgs(context=context, tenant=tenant),
            child_options(self, depends_on=access),
        )
        if schedule is not None:
            self._deliver(args, schedule, access)

        self.certificates = members.published
        self.register_outputs({"namespaces": list(tenant.namespace_names), "state": tenant.state})

    def _isolation(self, args: TenantArgs) -> TenantIsolation:
        return TenantIsolation(
            args.tenant.name,
            IsolationArgs(
                context=args.context,
                tenant=args.tenant,
                neighbours=args.neighbours,
                after=args.cluster.ready,
            ),
            child_options(self),
        )

    def _namespace(
        self, args: TenantArgs, of: model.Namespace, everyone: Sequence[Grant], isolation: TenantIsolation
    ) -> TenantAccess:
        """One namespace and what is in it. A URN holds no parent's name: one that moves here is the same."""
        context, tenant, options = args.context, args.tenant, child_options(self)
        namespace = TenantNamespace(
            of.name,
            NamespaceArgs(context=context, tenant=tenant, namespace=of, after=args.cluster.ready),
            options,
        )
        quota = TenantQuota(
            of.name, ContentArgs(context=context, tenant=tenant, namespace=namespace), options
        )
        network = TenantNetwork(
            of.name,
            NetworkArgs(context=context, tenant=tenant, namespace=namespace, neighbours=args.neighbours),
            options,
        )
        TenantStorage(
            of.name, StorageArgs(context=context, tenant=tenant, namespace=namespace, quota=quota), options
        )
        return TenantAccess(
            of.name,
            AccessArgs(
                context=context,
                tenant=tenant,
                namespace=namespace,
                grants=everyone,
                after=[quota, network, isolation],
            ),
            options,
        )

    def _deliver(
        self, args: TenantArgs, schedule: credential.Schedule, access: Sequence[TenantAccess]
    ) -> None:
        """Issues the credential of the hour and hands it to the tenant's repositories."""
        context, tenant = args.context, args.tenant
        current = CredentialArgs(context=context, tenant=tenant, subject=schedule.current)
        issued = TenantCredential(
            names.logical(tenant.name, schedule.current.binding),
            current,
            child_options(self, depends_on=access, former_name=current.former_name),
        )
        TenantCodespaces(
            tenant.name,
            CodespacesArgs(context=context, tenant=tenant, credential=issued),
            child_options(self),
        )
        if schedule.previous is not None and tenant.credentials.kind is CredentialKind.TOKEN:
            # A token lives as long as its ServiceAccount: the last one's stays for the grace period.
            previous = CredentialArgs(context=context, tenant=tenant, subject=schedule.previous)
            CredentialAccount(
                names.logical(tenant.name, schedule.previous.binding),
                previous,
                child_options(self, former_name=previous.former_name),
            )


def _with_former_name(
    tenant: model.Tenant, opts: pulumi.ResourceOptions | None
) -> pulumi.ResourceOptions | None:
    if tenant.former_name is None:
        return opts
    return pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(name=tenant.former_name)])
    )
