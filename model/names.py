"""Every name that something outside the program refers to, made by pure functions of the model."""

from model.types import PREFIX, Role

MAX_NAMESPACE = 63


def namespace(tenant: str, extra: str | None = None) -> str:
    """The namespace of a tenant, or of one of its extra namespaces."""
    return tenant if extra is None else f"{tenant}-{extra}"


def label(name: str) -> str:
    """One of the program's own label or annotation keys."""
    return f"{PREFIX}/{name}"


def cluster_role(role: Role | str) -> str:
    """The ClusterRole that a role of the tenancy binds inside a namespace."""
    return f"tenancy:{role}"


def shared_volume(tenant: str, extra: str | None, folder: str) -> str:
    """The cluster-wide name of the PersistentVolume that carries a shared folder for one namespace."""
    return f"{namespace(tenant, extra)}-{folder}"


def codespaces_secret(cluster: str) -> str:
    """The Codespaces secret that holds the kubeconfig of a cluster."""
    return f"KUBECONFIG_{cluster.upper().replace('-', '_')}"
