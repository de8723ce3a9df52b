"""The ComponentResources of a tenancy: a cluster's and its tenants'.

A Pulumi program of your own takes `Cluster` and `Tenant` from here; see examples/platform-team.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from components.face import Cluster, ClusterArgs, Context, Tenant, TenantArgs, connect

__all__ = ["Cluster", "ClusterArgs", "Context", "Tenant", "TenantArgs", "connect"]


def __getattr__(name: str) -> object:
    # Only when asked for: the host of dynamic resources imports this package too, and starts in a quarter of
    # the time without the SDKs of the providers.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from components import face

    return getattr(face, name)
