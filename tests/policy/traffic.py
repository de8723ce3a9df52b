"""One connection attempt, as every judge of policies is asked about it."""

from dataclasses import dataclass, field

NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Pod:
    """A pod of a namespace; its address lies in the cluster's pod network."""

    namespace: str
    address: str
    labels: tuple[tuple[str, str], ...] = (("app", "any"),)

    def __str__(self) -> str:
        return self.namespace


@dataclass(frozen=True)
class Outside:
    """An address outside the cluster, or one of its services' as a policy engine may see it."""

    name: str = field(compare=False)
    address: str

    def __str__(self) -> str:
        return self.name


Peer = Pod | Outside


@dataclass(frozen=True)
class Port:
    """A destination port."""

    number: int
    protocol: str = "TCP"

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True)
class Attempt:
    """A connection that `source` tries to open to `port` of `destination`."""

    source: Peer
    destination: Peer
    port: Port

    def __str__(self) -> str:
        return f"{self.source} → {self.destination} {self.port}"
