"""Patterns of URNs, as the engine's `--target` reads them, from the names and type tokens of `names`.

`*` stands for anything without a colon, `**` for anything. A URN has the types of the parents, joined by `$`,
and after the last `::` the logical name.
"""

from collections.abc import Iterable

from model import names

_ROLE_BINDING = "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding"
_SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
_PURPOSES = (names.REPOSITORIES, names.LAPTOP)


def credentials(tenant: str, namespaces: Iterable[str]) -> list[str]:
    """What carries a tenant's credentials, or lets their subjects act in its `namespaces`."""
    issued = names.logical(tenant, f"{names.REPOSITORIES}-*")
    bindings = [
        f"**{names.ACCESS}${_ROLE_BINDING}::{names.logical(namespace, f'{purpose}-*')}"
        for namespace in namespaces
        for purpose in _PURPOSES
    ]
    return [
        # The components too: what they depend on cannot be deleted while they stand as they were.
        f"**{names.CREDENTIAL}::{issued}",
        f"**{names.CREDENTIAL}$**::{issued}",
        f"**{names.MEMBER_CERTIFICATES}::{tenant}",
        f"**{names.MEMBER_CERTIFICATES}$**::{names.logical(tenant, '*')}",
        f"**{names.CODESPACES}::{tenant}",
        f"**{names.CODESPACES}$**::{names.logical(tenant, '*')}",
        # The account of the last token, in its grace period.
        f"**{names.TENANT}${_SERVICE_ACCOUNT}::{issued}",
        *bindings,
    ]
