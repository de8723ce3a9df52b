"""What every component of a stack is given, and the options they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pulumi

from kube import KubeconfigError, cluster_access
from kube.config.build import Endpoint
from model import Cluster


@dataclass(frozen=True)
class Connection:
    """How the dynamic resources reach the cluster: the same way as the kubernetes provider."""

    kubeconfig: pulumi.Output[str] | None
    """Content of a kubeconfig, secret; None means the ambient KUBECONFIG."""
    context: str | None
    endpoint: Endpoint
    """Where people reach it, for the kubeconfigs that are handed out."""


def connect(cluster: Cluster, kubeconfig: str | None) -> Connection:
    """The connection of a stack: its own kubeconfig, or where it has none the ambient one.

    Raises:
        pulumi.RunError: the kubeconfig cannot be read, or has no such context.
    """
    try:
        access = cluster_access(kubeconfig or None, context=cluster.context)
    except KubeconfigError as error:
        raise pulumi.RunError(f"cannot reach cluster {cluster.name!r}: {error}") from None
    endpoint = Endpoint(cluster.name, cluster.server or access.server, access.ca)
    secret = pulumi.Output.secret(kubeconfig) if kubeconfig else None
    return Connection(secret, cluster.context, endpoint)


@dataclass(frozen=True)
class Context:
    """The stack that components are built for."""

    stack: str
    cluster: Cluster
    connection: Connection
    now: datetime
    """Start of the run, in UTC: decides which credentials are due."""


def child_options(
    parent: pulumi.Resource,
    *,
    inside: pulumi.Resource | None = None,
    depends_on: Sequence[pulumi.Resource] = (),
    former_name: str | None = None,
    options: pulumi.ResourceOptions | None = None,
) -> pulumi.ResourceOptions:
    """Options of a child resource.

    An object `inside` a namespace comes after it and goes with it: when both are deleted, deleting the
    namespace is enough. What a state has under `former_name` is that resource.
    """
    own = pulumi.ResourceOptions(
        parent=parent,
        deleted_with=inside,
        depends_on=[*([inside] if inside else []), *depends_on],
        aliases=[pulumi.Alias(name=former_name)] if former_name else None,
    )
    return pulumi.ResourceOptions.merge(own, options)
