"""What another Pulumi program takes from this package."""

from components.cluster import Cluster, ClusterArgs
from components.context import Context, connect
from components.tenant import Tenant, TenantArgs

__all__ = ["Cluster", "ClusterArgs", "Context", "Tenant", "TenantArgs", "connect"]
