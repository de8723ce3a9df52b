"""The kubeconfig as Codespaces secrets of the tenant's repositories."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_github as github

from components.context import Context, child_options
from components.per_tenant.credentials import TenantCredential
from model import Tenant, names

# Every change replaces, and creating is an upsert: created first and deleted after, the new value would go.
_REPLACE = pulumi.ResourceOptions(delete_before_replace=True)


@dataclass(frozen=True, kw_only=True)
class CodespacesArgs:
    """What the secrets of a tenant's repositories are made from."""

    context: Context
    tenant: Tenant
    credential: TenantCredential


class TenantCodespaces(pulumi.ComponentResource):
    """Access to a repository is access to the namespace: each repository holds the tenant's kubeconfig.

    Several repositories share one secret of their organisation, selected for them.
    """

    def __init__(self, name: str, args: CodespacesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.CODESPACES, name, None, opts)
        owned = args.tenant.all_repositories
        for secret, value in secrets(args.context, args.tenant, args.credential).items():
            if len(owned) == 1:
                self._repository_secret(args, owned[0], secret, value)
            elif owned:
                self._organization_secret(args, owned, secret, value)
        self.register_outputs({"repositories": list(owned)})

    def _repository_secret(
        self, args: CodespacesArgs, repository: str, secret: str, value: pulumi.Output[str]
    ) -> None:
        github.CodespacesSecret(
            names.logical(args.tenant.name, secret),
            repository=repository.partition("/")[2],
            secret_name=secret,
            plaintext_value=value,
            opts=self._options(args, secret),
        )

    def _organization_secret(
        self, args: CodespacesArgs, owned: Sequence[str], secret: str, value: pulumi.Output[str]
    ) -> None:
        options = pulumi.InvokeOptions(parent=self)
        ids = [github.get_repository_output(full_name=name, opts=options).repo_id for name in owned]
        github.CodespacesOrganizationSecret(
            names.logical(args.tenant.name, secret),
            secret_name=names.organization_secret(secret, args.tenant.name),
            visibility="selected",
            selected_repository_ids=ids,
            plaintext_value=value,
            opts=self._options(args, secret),
        )

    def _options(self, args: CodespacesArgs, secret: str) -> pulumi.ResourceOptions:
        return child_options(
            self,
            depends_on=[args.credential],
            former_name=names.former_logical(args.tenant.name, secret),
            options=_REPLACE,
        )


def secrets(context: Context, tenant: Tenant, credential: TenantCredential) -> dict[str, pulumi.Output[str]]:
    """The secrets of one repository by name."""
    name = tenant.codespaces.secret_name or names.codespaces_secret(context.cluster.name)
    values = {name: credential.kubeconfig}
    if tenant.codespaces.parts:
        parts = credential.parts
        optional = {"CERTIFICATE": parts.certificate, "KEY": parts.key, "TOKEN": parts.token}
        found = {"SERVER": parts.server, "CA": parts.certificate_authority, **optional}
        values |= {names.secret_part(name, part): value for part, value in found.items() if value is not None}
    return values
