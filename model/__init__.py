"""What a cluster, a profile and a tenant may say: frozen pydantic models. Knows nothing of Pulumi."""

from model.cluster import Accelerator, Calico, Cluster, GitHub, PolicyApi, SharedFolder
from model.space import Space, spaces
from model.tenant import Member, PortRange, PriorityGrant, ServiceAccount, Tenant
from model.types import (
    Classification,
    ClusterKind,
    CredentialKind,
    FolderMode,
    PodSecurity,
    Protocol,
    Role,
    State,
)

__all__ = [
    "Accelerator",
    "Calico",
    "Classification",
    "Cluster",
    "ClusterKind",
    "CredentialKind",
    "FolderMode",
    "GitHub",
    "Member",
    "PodSecurity",
    "PolicyApi",
    "PortRange",
    "PriorityGrant",
    "Protocol",
    "Role",
    "ServiceAccount",
    "SharedFolder",
    "Space",
    "State",
    "Tenant",
    "spaces",
]
