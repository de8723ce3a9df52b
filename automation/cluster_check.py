"""Whether the cluster that a stack would be applied to answers."""

from automation.errors import TenancyError
from kube import ApiError, Client, KubeconfigError, Unreachable, cluster_access
from model import Cluster

READ_TIMEOUT = 10.0  # seconds


class ClusterError(TenancyError):
    """The cluster is not there, or does not know the credential."""


def check(cluster: Cluster, kubeconfig: str | None) -> None:
    """Asks the cluster for one object, before the engine takes what is only in its state for what stands.

    Takes the content of the stack's kubeconfig, None for the ambient one. A refusal of the object alone (403,
    404) is an answer: what the credential may do otherwise, the update tells.

    Raises:
        ClusterError: it cannot be reached, or refuses the credential.
    """
    try:
        access = cluster_access(kubeconfig, context=cluster.context)
        Client(access, connections=1, read_timeout=READ_TIMEOUT).request(
            "GET", "/api/v1/namespaces/kube-system"
        )
    except Unreachable as error:
        raise ClusterError(
            f"cluster {cluster.name!r} is not reachable at {error.server}: {error.problem}"
        ) from None
    except KubeconfigError as error:
        raise ClusterError(f"cluster {cluster.name!r} cannot be reached: {error}") from None
    except ApiError as error:
        if error.code not in (403, 404):
            raise ClusterError(f"cluster {cluster.name!r} refused: {error.code} {error.message}") from None
