"""Every name that something outside the program refers to, made by pure functions of the model."""

from model.scalars import PREFIX, Role

CREDENTIALS_NAMESPACE = "tenancy-credentials"
"""Holds the ServiceAccounts of issued tokens, where no tenant can start a pod as one of them."""


FLOOR = "tenancy-default-deny"
"""The cluster-wide policy that denies what nobody opened."""
ROLES = (*Role, "watcher")
"""Everything that can be bound in a tenant's namespace."""


def key(name: str) -> str:
    """One of the program's own label or annotation keys."""
    return f"{PREFIX}/{name}"


def cluster_role(role: Role | str) -> str:
    """The ClusterRole that a role of the tenancy binds inside a namespace."""
    return f"tenancy:{role}"


def shared_volume(namespace: str, folder: str) -> str:
    """The cluster-wide name of the PersistentVolume that carries a shared folder for one namespace."""
    return f"tenancy-{namespace}-{folder}"


def managed_objects(cluster: str) -> str:
    """The admission policy that keeps the program's own objects out of the tenants' hands."""
    return f"{cluster}-managed-objects"


def side_doors(cluster: str) -> str:
    """The admission policy against what roles allow in general and no tenant may have in particular."""
    return f"{cluster}-side-doors"


def pod_defaults(cluster: str) -> str:
    """The admission policy that makes plain pods safe."""
    return f"{cluster}-pod-defaults"


def isolation(tenant: str) -> str:
    """The cluster-wide policy that keeps one tenant apart from the others."""
    return f"tenancy-{tenant}"


def codespaces_secret(cluster: str) -> str:
    """The Codespaces secret that holds the kubeconfig of a cluster."""
    return f"KUBECONFIG_{cluster.upper().replace('-', '_')}"


def organization_secret(secret: str, tenant: str) -> str:
    """The organisation's Codespaces secret of a tenant with several repositories."""
    return f"{secret}_{tenant.upper().replace('-', '_')}"
