"""One tenant's whole story."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

import model
from components.cluster import Cluster
from components.context import Context, child_options
from components.per_tenant.access import Grant, TenantAccess, standing_grants
from components.per_tenant.codespaces import TenantCodespaces
from components.per_tenant.credentials import MemberCertificates, TenantCredential, credential_account, grants
from components.per_tenant.isolation import TenantIsolation
from components.per_tenant.namespace import TenantNamespace
from components.per_tenant.network import TenantNetwork
from components.per_tenant.quota import TenantQuota
from components.per_tenant.storage import TenantStorage
from model import CredentialKind, credential


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    """What a tenant is made from."""

    cluster: Cluster
    """Where it lives. What stands there once stands before it does."""
    tenant: model.Tenant
    """What it is; one of the cluster's tenants."""

    @property
    def neighbours(self) -> dict[str, model.Tenant]:
        """The tenants that this one and they both declared, by name."""
        return self.tenant.neighbours(self.cluster.tenants)


class Tenant(pulumi.ComponentResource):
    """Everything a tenant has.

    First its namespaces with what bounds them: quota, network, isolation. Only behind those bounds is anybody
    let in, and only then does a credential leave the cluster.
    """

    certificates: dict[str, pulumi.Output[dict[str, str]]]
    """What members need to know of their laptops' certificates, by login. Public."""

    def __init__(self, name: str, args: TenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenancy:tenant:Tenant", name, None, _with_former_names(args.tenant, opts))
        context, tenant = args.cluster.context, args.tenant
        schedule = credential.codespaces(tenant, context.now)
        let_in = [*standing_grants(context, tenant), *grants(tenant, schedule)]

        isolation = TenantIsolation(context, tenant, args.neighbours, args.cluster.ready, self._options())
        access = [
            self._space(args, space, let_in, isolation, main=index == 0)
            for index, space in enumerate(model.namespaces(tenant))
        ]
        members = MemberCertificates(context, tenant, self._options(depends_on=access))
        if schedule is not None:
            self._deliver(context, tenant, schedule, access)

        self.certificates = members.published
        self.register_outputs({"namespaces": list(tenant.namespace_names), "state": tenant.state})

    def _space(
        self,
        args: TenantArgs,
        space: model.Namespace,
        let_in: Sequence[Grant],
        isolation: TenantIsolation,
        *,
        main: bool,
    ) -> TenantAccess:
        """One namespace and its rooms."""
        context, tenant = args.cluster.context, args.tenant
        # A namespace that was split off another tenant keeps its objects: only their parent changes.
        room = self._options(former_parent=tenant.split_from if main else None)
        namespace = TenantNamespace(context, tenant, space, args.cluster.ready, room)
        quota = TenantQuota(context, tenant, space, namespace, room)
        network = TenantNetwork(context, tenant, args.neighbours, space, namespace, room)
        TenantStorage(context, tenant, space, namespace, quota, room)
        return TenantAccess(context, tenant, space, let_in, namespace, [quota, network, isolation], room)

    def _deliver(
        self,
        context: Context,
        tenant: model.Tenant,
        schedule: credential.Schedule,
        access: Sequence[TenantAccess],
    ) -> None:
        """Issues the credential of the hour and hands it to the tenant's repositories."""
        issued = TenantCredential(context, tenant, schedule.current, self._options(depends_on=access))
        TenantCodespaces(context, tenant, issued, self._options())
        if schedule.previous is not None and tenant.credentials.kind is CredentialKind.TOKEN:
            # A token lives as long as its ServiceAccount: the last one's stays for the grace period.
            credential_account(context, tenant, schedule.previous, child_options(self))

    def _options(
        self, *, depends_on: Sequence[pulumi.Resource] = (), former_parent: str | None = None
    ) -> pulumi.ResourceOptions:
        aliases = None
        if former_parent is not None:
            aliases = [pulumi.Alias(parent=pulumi.create_urn(former_parent, "tenancy:tenant:Tenant"))]
        return child_options(self, depends_on=depends_on, options=pulumi.ResourceOptions(aliases=aliases))


def _with_former_names(
    tenant: model.Tenant, opts: pulumi.ResourceOptions | None
) -> pulumi.ResourceOptions | None:
    if tenant.former_name is None:
        return opts
    return pulumi.ResourceOptions.merge(
        opts, pulumi.ResourceOptions(aliases=[pulumi.Alias(name=tenant.former_name)])
    )
