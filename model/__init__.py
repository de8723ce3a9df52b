"""What a cluster, a profile and a tenant may say: frozen pydantic models. Knows nothing of Pulumi."""

from model.cluster import (
    Accelerator,
    Calico,
    Cluster,
    GitHub,
    NodePool,
    PolicyApi,
    PriorityClass,
    SharedFolder,
    Taint,
)
from model.layout import stacks
from model.namespaces import Namespace, namespaces
from model.problems import InvalidConfiguration, Problem
from model.rules.fleet import granted
from model.scalars import (
    Classification,
    ClusterKind,
    CredentialKind,
    FolderMode,
    PodSecurity,
    Protocol,
    Role,
    State,
)
from model.stack import Stack, describe, load
from model.tenant import (
    Egress,
    ExtraNamespace,
    Member,
    Neighbour,
    PortRange,
    PriorityGrant,
    Quota,
    ServiceAccount,
    Tenant,
)

__all__ = [
    "Accelerator",
    "Calico",
    "Classification",
    "Cluster",
    "ClusterKind",
    "CredentialKind",
    "Egress",
    "ExtraNamespace",
    "FolderMode",
    "GitHub",
    "InvalidConfiguration",
    "Member",
    "Namespace",
    "Neighbour",
    "NodePool",
    "PodSecurity",
    "PolicyApi",
    "PortRange",
    "PriorityClass",
    "PriorityGrant",
    "Problem",
    "Protocol",
    "Quota",
    "Role",
    "ServiceAccount",
    "SharedFolder",
    "Stack",
    "State",
    "Taint",
    "Tenant",
    "describe",
    "granted",
    "load",
    "namespaces",
    "stacks",
]
