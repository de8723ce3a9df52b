"""Reading kubeconfigs, and one small typed client of the Kubernetes API."""

from kube.client import ApiError, ApiResource, Client, KubeError, UnknownKind, Unreachable, WatchEvent
from kube.kubeconfig import ClusterAccess, ExecPlugin, KubeconfigError, cluster_access
from kube.types import JsonObject

__all__ = [
    "ApiError",
    "ApiResource",
    "Client",
    "ClusterAccess",
    "ExecPlugin",
    "JsonObject",
    "KubeError",
    "KubeconfigError",
    "UnknownKind",
    "Unreachable",
    "WatchEvent",
    "cluster_access",
]
