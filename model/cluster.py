"""What a cluster says of itself: stack configuration `tenancy:cluster`, one object per stack."""

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from model.scalars import (
    Cidr,
    ClusterKind,
    Count,
    CredentialKind,
    DnsLabel,
    DnsName,
    Duration,
    Flag,
    FolderMode,
    FolderPath,
    LabelKey,
    LabelValue,
    Login,
    Model,
    Port,
    ResourceName,
    Size,
    State,
    Text,
    shaped,
)

HttpsUrl = Annotated[
    str,
    *shaped(
        r"https://[^\s@/?#]+(/[^\s@?#]*)?",
        "an address such as https://api.example.com:6443, without user, password or query",
    ),
]


class TaintEffect(StrEnum):
    """What a taint does to pods that do not tolerate it."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


class Taint(Model):
    """A taint of every node of a pool."""

    key: LabelKey
    """Key of the taint."""
    value: LabelValue = ""
    """Its value."""
    effect: TaintEffect = TaintEffect.NO_SCHEDULE
    """What it does to pods that do not tolerate it."""


class NodePool(Model):
    """Nodes of one kind, told apart by labels and kept free by taints."""

    labels: dict[LabelKey, LabelValue] = Field(min_length=1)
    """Labels that all its nodes have, and no others."""
    taints: tuple[Taint, ...] = ()
    """Taints of its nodes."""
    description: Text | None = None
    """What its nodes are, in a sentence."""


class Accelerator(Model):
    """One entry of the catalogue: whole GPUs, MIG slices, time-sliced GPUs, DRA devices, other chips.

    Exactly one of `resource` (a device plugin's extended resource) and `device_class` (DRA) is set.
    """

    resource: ResourceName | None = None
    """Extended resource, such as nvidia.com/gpu, nvidia.com/mig-1g.10gb or nvidia.com/gpu.shared."""
    device_class: DnsName | None = None
    """DeviceClass of Dynamic Resource Allocation, where the accelerator is one."""
    total: Count
    """How many the cluster has."""
    pool: DnsLabel
    """Node pool that carries it."""
    time_sliced: Flag = False
    """Shared in time: no isolation of memory between the pods on one device."""
    oversubscription: float = Field(default=1.0, ge=1.0, le=100.0, strict=True)
    """Grants may add up to `total` times this."""
    description: Text | None = None
    """What it is, for tenants."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.resource is None) == (self.device_class is None):
            raise ValueError("set exactly one of 'resource' (device plugin) and 'device_class' (DRA)")
        return self


class Nfs(Model):
    """An exported folder of an NFS server."""

    server: DnsName
    """Name or address of the server."""
    path: FolderPath
    """Path that the server exports."""


class Csi(Model):
    """A volume that a CSI driver knows by its handle."""

    driver: DnsName
    """Name of the CSI driver."""
    volume_handle: Text
    """The volume's ID to the driver."""
    attributes: dict[str, str] = {}
    """The driver's own settings of the volume."""


class SharedFolder(Model):
    """A folder of the catalogue that tenants can be granted. Exactly one source is set."""

    nfs: Nfs | None = None
    """An export of an NFS server."""
    host_path: FolderPath | None = None
    """A folder of the nodes themselves, the same on all."""
    csi: Csi | None = None
    """A volume of a CSI driver."""
    modes: tuple[FolderMode, ...] = (FolderMode.READ_ONLY,)
    """How it may be granted."""
    capacity: Size = "1Ti"
    """Size written on the volume; shared folders do not enforce it."""
    mount_options: tuple[str, ...] = ()
    """Options of the mount, as of mount(8)."""
    description: Text | None = None
    """What is in it, for tenants."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if sum(source is not None for source in (self.nfs, self.host_path, self.csi)) != 1:
            raise ValueError("set exactly one of 'nfs', 'host_path' and 'csi'")
        return self


class PriorityClass(Model):
    """A PriorityClass that tenants can be granted a quota of."""

    value: int = Field(ge=-1_000_000_000, le=1_000_000_000, strict=True)
    """The higher, the sooner scheduled."""
    preempts: Flag = True
    """Whether its pods may evict those of lower value."""
    description: Text
    """What it is for, in a sentence."""


class Dns(Model):
    """Where pods resolve names."""

    namespace: DnsLabel = "kube-system"
    """Namespace of the pods that answer DNS."""
    pod_labels: dict[LabelKey, LabelValue] = {"k8s-app": "kube-dns"}
    """Labels of those pods."""
    service_ip: Cidr | None = None
    """Address of the DNS service as a /32 or /128, for policy engines that see service addresses."""
    node_local: Cidr | None = None
    """Address of NodeLocal DNSCache, usually 169.254.20.10/32."""


class ApiServer(Model):
    """Where the API server is reached from pods."""

    cidrs: tuple[Cidr, ...] = Field(min_length=1)
    """Addresses at which pods see it."""
    port: Port = 443
    """Its port."""


class Calico(Model):
    """Calico enforces policies here."""

    api_version: Literal["projectcalico.org/v3", "crd.projectcalico.org/v1"] = "projectcalico.org/v3"
    """`projectcalico.org/v3`, which needs Calico's API server, or `crd.projectcalico.org/v1`."""

    def stored_name(self, policy: str) -> str:
        """The name a policy is written under: the v1 API wants its tier before it, v3 adds that itself."""
        return policy if self.api_version.startswith("projectcalico.org/") else f"default.{policy}"


class PolicyApi(StrEnum):
    """The upstream API for policies that tenants cannot override, where a cluster has one."""

    CLUSTER_NETWORK_POLICY = "ClusterNetworkPolicy"
    ADMIN_NETWORK_POLICY = "AdminNetworkPolicy"


class Network(Model):
    """Facts of the cluster's network."""

    pod_cidrs: tuple[Cidr, ...] = Field(min_length=1)
    """Addresses of pods."""
    service_cidrs: tuple[Cidr, ...] = Field(min_length=1)
    """Addresses of Services."""
    dns: Dns = Dns()
    """How pods resolve names."""
    load_balancer_subnets: tuple[Cidr, ...] = ()
    """Subnets that hold load balancers only; tenants' declared ports are open to them."""
    node_cidrs: tuple[Cidr, ...] = ()
    """Addresses of the nodes, where kubelets and etcd answer: no tenant's egress may name them."""
    folder_servers: tuple[Cidr, ...] = ()
    """Addresses of the servers of shared folders: no tenant's egress may name them, so that pods cannot mount
    what they were not granted with a client of their own. Servers given by address need no entry."""
    metadata_addresses: tuple[Cidr, ...] = Field(
        default=("169.254.169.254/32", "fd00:ec2::254/128"), min_length=1
    )
    """Cloud metadata services: never reachable from a tenant."""
    api_server: ApiServer | None = None
    """How pods reach the API server; without it none is let through to it."""
    calico: Calico | None = None
    """Calico holds the network floor, with these settings."""
    policy_api: PolicyApi | None = None
    """Set where the cluster enforces the upstream cluster-wide policy API."""
    system_namespaces: tuple[DnsLabel, ...] = ("kube-system", "kube-public", "kube-node-lease")
    """Namespaces that the floor leaves alone."""


class Oidc(Model):
    """The cluster's OpenID Connect issuer for people."""

    issuer: HttpsUrl
    """Address of the issuer, as the API server has it."""
    groups_prefix: str = "oidc:"
    """What the API server puts before the names of groups."""


class Credentials(Model):
    """Which credentials the cluster can hand out."""

    kinds: tuple[CredentialKind, ...] = Field(default=(CredentialKind.CLIENT_CERTIFICATE,), min_length=1)
    """Kinds that the cluster can issue; profiles choose among them."""
    signer: str = "kubernetes.io/kube-apiserver-client"
    """Signer of client certificates."""
    max_lifetime: Duration = "365d"
    """The longest lifetime the cluster grants (`--cluster-signing-duration`)."""
    oidc: Oidc | None = None
    """Issuer whose groups members may have."""

    @model_validator(mode="after")
    def _issuer(self) -> Self:
        if CredentialKind.OIDC in self.kinds and self.oidc is None:
            raise ValueError("'kinds' lists oidc but 'oidc.issuer' is not set")
        return self


class GitHub(Model):
    """The GitHub organisation whose repositories own the tenants."""

    owner: Login
    """Organisation or user that owns the repositories."""
    codespaces: Flag = True
    """Whether kubeconfigs are stored as Codespaces secrets."""
    base_url: (
        Annotated[str, *shaped(r"https?://[^\s@?#]+/", "an address that ends in /, without user or password")]
        | None
    ) = None
    """Set for GitHub Enterprise Server."""


class Cluster(Model):
    """One cluster, the whole of a stack's configuration but its secrets.

    The kubeconfig is not part of it: it is the secret `tenancy:kubeconfig`, or the ambient KUBECONFIG.
    """

    name: DnsLabel
    """Name of the cluster, in contexts, secrets and certificates."""
    kind: ClusterKind = ClusterKind.CONFORMANT
    """`gpu`, `eks`, which signs no client certificates, or `conformant`."""
    description: Text | None = None
    """What the cluster is, in a sentence."""
    context: str | None = None
    """Context of the kubeconfig; its current context where unset."""
    cluster_identifier: Text | None = None
    """Stable identity of the cluster, so that an edited kubeconfig replaces nothing."""
    server: HttpsUrl | None = None
    """Address written into kubeconfigs for people; that of the program's own kubeconfig where unset."""
    protect: Flag = True
    """Whether namespaces of active tenants are protected against deletion; false for throw-away clusters."""
    kubernetes_version: Annotated[str, *shaped(r"v1\.[0-9]{1,3}", "a version such as v1.36")] = "v1.36"
    """Version that Pod Security levels are pinned to."""
    pools: dict[DnsLabel, NodePool] = {}
    """Node pools by name."""
    accelerators: dict[DnsLabel, Accelerator] = {}
    """The catalogue."""
    shared_folders: dict[DnsLabel, SharedFolder] = {}
    """The catalogue of folders that tenants can be granted, by key."""
    storage_classes: tuple[DnsName, ...] = ()
    """StorageClasses of the cluster; a tenant gets none that its quota does not name."""
    priority_classes: dict[DnsLabel, PriorityClass] = {}
    """PriorityClasses that the program makes, by name."""
    network: Network
    """Addresses of the cluster, and the engine of its network policies."""
    credentials: Credentials = Credentials()
    """Which credentials the cluster can issue."""
    github: GitHub | None = None
    """Where the tenants' repositories are; without it nothing is stored on GitHub."""
    profiles: dict[DnsLabel, dict[str, Any]] = {}
    """Profiles of this cluster, merged over the product's own of the same name."""

    def protects(self, state: State) -> bool:
        """Whether the namespaces of a tenant in that state may not be deleted."""
        return self.protect and state is not State.RETIRED
