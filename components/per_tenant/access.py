"""The Access room: ServiceAccounts, and one RoleBinding for each subject that may act in a namespace."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

import model
from components.context import Context, child_options
from components.metadata import meta
from components.per_tenant.namespace import TenantNamespace
from model import State, Tenant, names


@dataclass(frozen=True)
class Grant:
    """One subject with a role in all namespaces of a tenant.

    A credential's subject is unique to it, so that deleting the binding revokes that credential and no other.
    """

    name: str
    """Name of the RoleBinding."""
    role: str
    """`admin`, `developer`, `viewer` or `watcher`."""
    subject: k8s.rbac.v1.SubjectArgs
    member: str | None = None
    """Login of the member whose grant it is; None for the tenant's own."""


def user(name: str) -> k8s.rbac.v1.SubjectArgs:
    """The subject of a client certificate with that common name."""
    return k8s.rbac.v1.SubjectArgs(kind="User", name=name, api_group="rbac.authorization.k8s.io")


def group(name: str) -> k8s.rbac.v1.SubjectArgs:
    """The subject of everyone in a group of the cluster's OIDC issuer."""
    return k8s.rbac.v1.SubjectArgs(kind="Group", name=name, api_group="rbac.authorization.k8s.io")


def service_account(namespace: str, name: str) -> k8s.rbac.v1.SubjectArgs:
    """The subject of a ServiceAccount."""
    return k8s.rbac.v1.SubjectArgs(kind="ServiceAccount", namespace=namespace, name=name)


def standing_grants(context: Context, tenant: Tenant) -> list[Grant]:
    """Grants that need no issued credential: OIDC groups and the tenant's own ServiceAccounts."""
    if tenant.state is not State.ACTIVE:
        return []
    oidc = context.cluster.credentials.oidc
    groups = [
        Grant(f"oidc-{login.lower()}-{index}", member.role, group(oidc.groups_prefix + name), login)
        for login, member in sorted(tenant.members.items())
        for index, name in enumerate(member.oidc_groups)
        if oidc is not None
    ]
    accounts = [
        Grant(f"serviceaccount-{name}-{role}", role, service_account(tenant.main_namespace, name))
        for name, account in sorted(tenant.service_accounts.items())
        for role in (account.role, "watcher" if account.watches else None)
        if role is not None
    ]
    return [*groups, *accounts]


class TenantAccess(pulumi.ComponentResource):
    """Who may act in one namespace of a tenant."""

    def __init__(
        self,
        context: Context,
        tenant: Tenant,
        space: model.Namespace,
        grants: Sequence[Grant],
        namespace: TenantNamespace,
        guards: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Takes `guards`: quota and network, which stand before anybody is let in."""
        super().__init__("tenancy:tenant:Access", space.name, None, opts)
        options = child_options(self, inside=namespace.namespace, depends_on=[namespace.namespace, *guards])
        if space.key is None:
            self._service_accounts(context, tenant, space, options)
        # The first grant of a member takes the member's old binding over.
        adoptions: dict[str | None, str] = {**tenant.adopt.role_bindings} if space.key is None else {}
        for grant in grants:
            adopted = adoptions.pop(grant.member, None)
            name = adopted or grant.name
            k8s.rbac.v1.RoleBinding(
                f"{space.name}-{grant.name}",
                metadata=meta(context, name, tenant=tenant, namespace=space.name),
                role_ref=k8s.rbac.v1.RoleRefArgs(
                    api_group="rbac.authorization.k8s.io",
                    kind="ClusterRole",
                    name=names.cluster_role(grant.role),
                ),
                subjects=[grant.subject],
                opts=pulumi.ResourceOptions.merge(options, _adoption(space, adopted)),
            )
        self.register_outputs({"bindings": sorted(grant.name for grant in grants)})

    def _service_accounts(
        self, context: Context, tenant: Tenant, space: model.Namespace, options: pulumi.ResourceOptions
    ) -> None:
        for name, account in sorted(tenant.service_accounts.items()):
            role = {"eks.amazonaws.com/role-arn": account.aws_role} if account.aws_role else None
            k8s.core.v1.ServiceAccount(
                f"{space.name}-{name}",
                metadata=meta(context, name, tenant=tenant, namespace=space.name, annotations=role),
                automount_service_account_token=False,
                opts=options,
            )


def _adoption(space: model.Namespace, name: str | None) -> pulumi.ResourceOptions:
    if name is None:
        return pulumi.ResourceOptions()
    return pulumi.ResourceOptions(
        import_=f"{space.name}/{name}", ignore_changes=["metadata", "roleRef", "subjects"]
    )
