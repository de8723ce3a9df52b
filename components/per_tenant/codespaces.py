"""The Codespaces room: the kubeconfig as secrets of the tenant's repositories."""

from collections.abc import Sequence

import pulumi
import pulumi_github as github

from components.context import Context, child_options
from components.per_tenant.credentials import TenantCredential
from model import Tenant, names

# Every change replaces, and creating is an upsert: created first and deleted after, the new value would go.
_REPLACE = pulumi.ResourceOptions(delete_before_replace=True)


class TenantCodespaces(pulumi.ComponentResource):
    """Access to a repository is access to the namespace: each repository holds the tenant's kubeconfig.

    Several repositories share one secret of their organisation, selected for them.
    """

    def __init__(
        self,
        context: Context,
        tenant: Tenant,
        credential: TenantCredential,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("tenancy:tenant:Codespaces", tenant.name, None, opts)
        owned = repositories(tenant)
        for secret, value in secrets(context, tenant, credential).items():
            if len(owned) == 1:
                self._repository_secret(tenant, owned[0], secret, value, credential)
            elif owned:
                self._organization_secret(tenant, owned, secret, value, credential)
        self.register_outputs({"repositories": list(owned)})

    def _repository_secret(
        self,
        tenant: Tenant,
        repository: str,
        secret: str,
        value: pulumi.Output[str],
        credential: TenantCredential,
    ) -> None:
        github.CodespacesSecret(
            f"{tenant.name}-{secret}",
            repository=repository.partition("/")[2],
            secret_name=secret,
            plaintext_value=value,
            opts=child_options(self, depends_on=[credential], options=_REPLACE),
        )

    def _organization_secret(
        self,
        tenant: Tenant,
        owned: Sequence[str],
        secret: str,
        value: pulumi.Output[str],
        credential: TenantCredential,
    ) -> None:
        options = pulumi.InvokeOptions(parent=self)
        ids = [github.get_repository_output(full_name=name, opts=options).repo_id for name in owned]
        github.CodespacesOrganizationSecret(
            f"{tenant.name}-{secret}",
            secret_name=names.organization_secret(secret, tenant.name),
            visibility="selected",
            selected_repository_ids=ids,
            plaintext_value=value,
            opts=child_options(self, depends_on=[credential], options=_REPLACE),
        )


def repositories(tenant: Tenant) -> tuple[str, ...]:
    """All repositories of a tenant as owner/name, the main one first."""
    return tuple(dict.fromkeys([*([tenant.repository] if tenant.repository else []), *tenant.repositories]))


def secrets(context: Context, tenant: Tenant, credential: TenantCredential) -> dict[str, pulumi.Output[str]]:
    """The secrets of one repository by name."""
    name = tenant.codespaces.secret_name or names.codespaces_secret(context.cluster.name)
    values = {name: credential.kubeconfig}
    if tenant.codespaces.parts:
        parts = credential.parts
        optional = {"CERTIFICATE": parts.certificate, "KEY": parts.key, "TOKEN": parts.token}
        values |= {
            f"{name}_SERVER": parts.server,
            f"{name}_CA": parts.certificate_authority,
            **{f"{name}_{part}": value for part, value in optional.items() if value is not None},
        }
    return values
