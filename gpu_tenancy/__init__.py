"""The components of a tenancy, for a Pulumi program of one's own: `from gpu_tenancy import Cluster, Tenant`.

Names are looked up on use, so that the `tenancy` command does not wait for Pulumi.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from components import Cluster, ClusterArgs, Context, Tenant, TenantArgs, connect

__all__ = ["Cluster", "ClusterArgs", "Context", "Tenant", "TenantArgs", "connect"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import components

    return getattr(components, name)
