"""ServiceAccounts, and one RoleBinding for each subject that may act in a namespace."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context, child_options
from components.metadata import meta
from components.per_tenant.namespace import ContentArgs
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
        Grant(names.group_binding(login, index), member.role, group(oidc.groups_prefix + name), login)
        for login, member in sorted(tenant.members.items())
        for index, name in enumerate(member.oidc_groups)
        if oidc is not None
    ]
    accounts = [
        Grant(names.account_binding(name, role), role, service_account(tenant.main_namespace, name))
        for name, account in sorted(tenant.service_accounts.items())
        for role in (account.role, names.WATCHER if account.watches else None)
        if role is not None
    ]
    return [*groups, *accounts]


@dataclass(frozen=True, kw_only=True)
class AccessArgs(ContentArgs):
    """What a namespace's accounts and bindings are made from."""

    grants: Sequence[Grant]
    after: Sequence[pulumi.Resource]
    """Quota and network, which stand before anybody may act."""


class TenantAccess(pulumi.ComponentResource):
    """Who may act in one namespace of a tenant."""

    def __init__(self, name: str, args: AccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.ACCESS, name, None, opts)
        is_main = args.namespace.described.key is None
        if is_main:
            for account in sorted(args.tenant.service_accounts):
                self._service_account(args, account)
        # The first grant of a member takes the member's old binding over.
        adoptions: dict[str | None, str] = {**args.tenant.adopt.role_bindings} if is_main else {}
        for grant in args.grants:
            self._role_binding(args, grant, adoptions.pop(grant.member, None))
        self.register_outputs({"bindings": sorted(grant.name for grant in args.grants)})

    def _service_account(self, args: AccessArgs, account: str) -> None:
        role = args.tenant.service_accounts[account].aws_role
        k8s.core.v1.ServiceAccount(
            names.logical(args.namespace.described.name, account),
            metadata=meta(
                args.context,
                account,
                tenant=args.tenant,
                namespace=args.namespace.described.name,
                annotations={"eks.amazonaws.com/role-arn": role} if role else None,
            ),
            automount_service_account_token=False,
            opts=self._options(args, account),
        )

    def _role_binding(self, args: AccessArgs, grant: Grant, adopted: str | None) -> None:
        namespace = args.namespace.described.name
        adoption = pulumi.ResourceOptions(
            import_=f"{namespace}/{adopted}" if adopted else None,
            ignore_changes=["metadata", "roleRef", "subjects"] if adopted else None,
        )
        k8s.rbac.v1.RoleBinding(
            names.logical(namespace, grant.name),
            metadata=meta(args.context, adopted or grant.name, tenant=args.tenant, namespace=namespace),
            role_ref=k8s.rbac.v1.RoleRefArgs(
                api_group="rbac.authorization.k8s.io",
                kind="ClusterRole",
                name=names.cluster_role(grant.role),
            ),
            subjects=[grant.subject],
            opts=pulumi.ResourceOptions.merge(self._options(args, grant.name), adoption),
        )

    def _options(self, args: AccessArgs, name: str) -> pulumi.ResourceOptions:
        return child_options(
            self,
            inside=args.namespace.resource,
            depends_on=args.after,
            former_name=names.former_logical(args.namespace.described.name, name),
        )
