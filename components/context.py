"""What every component of a stack is given, and the options they share."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pulumi

from kube.document import Endpoint
from kube.kubeconfig import cluster_access
from model import Cluster


@dataclass(frozen=True)
class Connection:
    """How the dynamic resources reach the cluster: the same way as the kubernetes provider."""

    kubeconfig: pulumi.Input[str] | None
    """Content of a kubeconfig, secret; None means the ambient KUBECONFIG."""
    context: str | None
    endpoint: pulumi.Output[Endpoint]
    """Where people reach it, for the kubeconfigs that are handed out."""


def connect(cluster: Cluster, kubeconfig: pulumi.Output[str] | None) -> Connection:
    """The connection of a stack: its secret kubeconfig, or where it has none the ambient one."""

    def endpoint(content: str | None) -> Endpoint:
        access = cluster_access(content, context=cluster.context)
        return Endpoint(cluster.name, cluster.server or access.server, access.ca)

    found = kubeconfig.apply(endpoint) if kubeconfig is not None else pulumi.Output.from_input(endpoint(None))
    # Address and authority are public; only what proves who somebody is stays secret.
    return Connection(kubeconfig, cluster.context, pulumi.Output.unsecret(found))


@dataclass(frozen=True)
class Context:
    """The stack that components are built for."""

    stack: str
    cluster: Cluster
    connection: Connection
    now: datetime
    """Start of the run, in UTC: decides which credentials are due."""


def child(
    parent: pulumi.Resource,
    *,
    inside: pulumi.Resource | None = None,
    depends_on: Sequence[pulumi.Resource] = (),
    options: pulumi.ResourceOptions | None = None,
) -> pulumi.ResourceOptions:
    """Options of a child resource.

    An object `inside` a namespace goes with it: when both are deleted, deleting the namespace is enough.
    """
    return pulumi.ResourceOptions.merge(
        pulumi.ResourceOptions(parent=parent, deleted_with=inside, depends_on=list(depends_on)), options
    )
