"""What a cluster, a profile and a tenant may say: frozen pydantic models. Knows nothing of Pulumi.

Names are looked up on use: whoever needs only `model.names` or `model.subjects`, such as the plugin that
kubectl runs for every call, does not wait for pydantic. No name here may be that of a module of the package.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    from model.namespaces import Namespace
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
    from model.stack import Stack, describe, load, load_beside
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
    "load_beside",
    "stacks",
]

_HOMES = {
    "Accelerator": "cluster",
    "Calico": "cluster",
    "Cluster": "cluster",
    "GitHub": "cluster",
    "NodePool": "cluster",
    "PolicyApi": "cluster",
    "PriorityClass": "cluster",
    "SharedFolder": "cluster",
    "Taint": "cluster",
    "Namespace": "namespaces",
    "InvalidConfiguration": "problems",
    "Problem": "problems",
    "granted": "rules.fleet",
    "Classification": "scalars",
    "ClusterKind": "scalars",
    "CredentialKind": "scalars",
    "FolderMode": "scalars",
    "PodSecurity": "scalars",
    "Protocol": "scalars",
    "Role": "scalars",
    "State": "scalars",
    "Stack": "stack",
    "load": "stack",
    "load_beside": "stack",
    "stacks": "layout",
    "describe": "stack",
    "Egress": "tenant",
    "ExtraNamespace": "tenant",
    "Member": "tenant",
    "Neighbour": "tenant",
    "PortRange": "tenant",
    "PriorityGrant": "tenant",
    "Quota": "tenant",
    "ServiceAccount": "tenant",
    "Tenant": "tenant",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __name__), name)
