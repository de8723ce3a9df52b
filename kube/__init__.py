"""Reading kubeconfigs, and one small typed client of the Kubernetes API."""

from kube.client import Client, WatchEvent
from kube.config.read import ClusterAccess, ExecPlugin, cluster_access
from kube.discovery import ApiResource
from kube.errors import ApiError, KubeconfigError, KubeError, UnknownKind, Unreachable
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
