"""What a tenant may say, after its file has been merged over its profile."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from model import names
from model.scalars import (
    Cidr,
    Classification,
    Cores,
    Count,
    CredentialKind,
    DnsLabel,
    DnsName,
    Duration,
    Flag,
    FolderMode,
    LabelKey,
    LabelValue,
    Login,
    Model,
    PodSecurity,
    Port,
    Protocol,
    Quantity,
    Repository,
    Role,
    SecretName,
    Size,
    State,
    Text,
    shaped,
)

Contact = Annotated[
    str, *shaped(r"[^@\s]{1,64}@[A-Za-z0-9.-]{1,190}", "an e-mail address such as team@example.com")
]
"""An e-mail address; only its shape is checked."""


AwsRole = Annotated[
    str,
    *shaped(
        r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9_+=,.@/-]{1,128}",
        "the ARN of an IAM role such as arn:aws:iam::123456789012:role/name",
    ),
]


class Objects(Model):
    """How many objects of each kind a namespace may hold."""

    pods: Count
    """Pods that have not ended."""
    services: Count
    """Services of every type."""
    replication_controllers: Count
    """ReplicationControllers."""
    resource_quotas: Count
    """ResourceQuotas beside those of the program."""
    secrets: Count
    """Secrets."""
    config_maps: Count
    """ConfigMaps, beside the cluster's own."""
    persistent_volume_claims: Count
    """PersistentVolumeClaims beside those of shared folders."""
    node_ports: Count
    """Services of type NodePort count here."""
    load_balancers: Count
    """Services of type LoadBalancer."""
    jobs: Count
    """Jobs, those that have ended too."""
    cron_jobs: Count
    """CronJobs."""
    deployments: Count
    """Deployments."""
    resource_claims: Count
    """Claims of Dynamic Resource Allocation."""


class Quota(Model):
    """Totals of a tenant, over all its namespaces. Requests and limits are held to the same total."""

    cpu: Cores
    """Cores."""
    memory: Size
    """Bytes."""
    ephemeral_storage: Size
    """Bytes of the nodes' own disks."""
    storage: dict[DnsName, Size]
    """Bytes by storage class; a class of the cluster that is not named gets none."""
    objects: Objects
    """How many objects of each kind."""
    other: dict[str, Quantity] = {}
    """Any further ResourceQuota key, written as Kubernetes wants it; divided by `share` like the rest."""


class ContainerLimits(Model):
    """What a container gets that asks for nothing, and the most that one may ask for."""

    default_cpu: Cores
    """Cores of a container that names none."""
    default_memory: Size
    """Bytes of a container that names none."""
    default_ephemeral_storage: Size
    """Bytes of the node's disk for a container that names none."""
    max_cpu: Cores
    """Cores of the largest container."""
    max_memory: Size
    """Bytes of the largest container."""
    max_claim: Size
    """The largest single PersistentVolumeClaim."""
    shared_memory: Size
    """Advised size of an in-memory /dev/shm; the runtime's own default is 64Mi."""


class PortRange(Model):
    """One port, or a range from `port` to `end_port`."""

    port: Port
    """The port, or the first of a range."""
    end_port: Port | None = None
    """The last port of a range."""
    protocol: Protocol = Protocol.TCP
    """TCP, UDP or SCTP."""


class Neighbour(Model):
    """Another tenant of the same cluster to talk with; both must declare each other."""

    ports: tuple[PortRange, ...] = ()
    """Ports of this tenant that the neighbour may reach; empty where this tenant only calls."""


class Egress(Model):
    """A destination outside the cluster, with the reason for which it is open."""

    cidrs: tuple[Cidr, ...] = Field(min_length=1)
    """Where to: ranges of addresses such as `10.30.4.0/24`."""
    ports: tuple[PortRange, ...] = Field(min_length=1)
    """Ports that are open there."""
    reason: Text
    """Why it is open, for reviewers."""


class NetworkStance(Model):
    """What is open beside the tenant's own namespaces and DNS."""

    api_server: Flag
    """Pods may reach the Kubernetes API server."""
    internet: Flag
    """Pods may open connections to public addresses over HTTPS."""
    load_balancer_ports: tuple[PortRange, ...]
    """Ports that the cluster's load-balancer subnets may reach."""
    egress: dict[DnsLabel, Egress]
    """Destinations outside the cluster, each under a name of its own."""
    neighbours: dict[DnsLabel, Neighbour]
    """Other tenants to talk with, by name."""


class Device(Model):
    """One machine of a member, with a key that was made there."""

    csr: str = Field(max_length=8192)
    """PEM of the certificate signing request that `tenancy access request` made there; public."""


class Member(Model):
    """A person, known by GitHub login."""

    role: Role
    """What the member's own credentials may do: laptops and OIDC groups. Without either nothing is bound, and
    what a codespace may do is said by `codespaces.role`."""
    csr: str | None = Field(default=None, max_length=8192)
    """PEM of the certificate signing request of a laptop without a name; public."""
    devices: dict[DnsLabel, Device] = {}
    """The member's laptops, by name, each with a certificate of its own."""
    oidc_groups: tuple[Text, ...] = ()
    """Groups of the cluster's OIDC issuer that get the same role."""

    @property
    def requests(self) -> dict[str | None, str]:
        """Certificate requests by device; None is the laptop without a name."""
        unnamed: dict[str | None, str] = {} if self.csr is None else {None: self.csr}
        return unnamed | {name: device.csr for name, device in sorted(self.devices.items())}


class ServiceAccount(Model):
    """A further ServiceAccount of the tenant's main namespace."""

    role: Role | None = None
    """Bound to that role inside the tenant, not admin; None binds nothing."""
    aws_role: AwsRole | None = None
    """IAM role for the account's pods, on EKS."""
    watches: Flag = False
    """Read-only `watcher`: may get, list and watch the tenant's pods and nothing else."""


class CredentialLifetimes(Model):
    """How long issued credentials live. `grace` is how long the old one goes on beside the renewed one."""

    kind: CredentialKind
    """A client certificate, a token of a ServiceAccount, or none of its own (oidc)."""
    lifetime: Duration
    """How long one is valid: `7d`, `12h`, `30m`; at least 10m."""
    renew_before: Duration
    """How long before its end it is renewed."""
    grace: Duration
    """How long the one before stays bound beside the renewed one."""
    generation: Count = 0
    """Raised to make every credential issued so far worthless at the next update."""


class Codespaces(Model):
    """How the kubeconfig reaches the tenant's Codespaces."""

    enabled: Flag
    """Whether the kubeconfig is stored as a Codespaces secret of the tenant's repositories."""
    secret_name: SecretName | None = None
    """Name of the secret; KUBECONFIG_<CLUSTER> where unset."""
    parts: Flag
    """Also store key, certificate, CA and server as secrets of their own."""
    role: Role
    """Role that the repository's credential carries."""


class PriorityGrant(Model):
    """What pods of one PriorityClass may use of the tenant's total, over all its namespaces."""

    pods: Count
    """Pods of the class, divided over the namespaces by `share`."""
    cpu: Cores | None = None
    """Cores that they request, divided likewise; as many as the tenant has where unset."""
    memory: Size | None = None
    """Bytes that they request, divided likewise; as many as the tenant has where unset."""
    accelerators: dict[DnsLabel, Count] = {}
    """By catalogue key; divided in proportion to the accelerators of each namespace. None where unset."""


class ExtraNamespace(Model):
    """A further namespace of the tenant, named `<tenant>-<key>`, with its part of the tenant's quota."""

    share: int = Field(ge=1, le=99, strict=True)
    """Percent of each amount of `quota` and `priorities`, rounded down; the main namespace keeps the rest."""
    accelerators: dict[DnsLabel, Count] = {}
    """Taken from the tenant's accelerators."""
    description: Text | None = None
    """What the namespace is for, in a sentence."""


class Adoption(Model):
    """Objects that exist already and are to be taken over instead of made."""

    namespace: Flag = False
    """The main namespace exists already and is taken over as it is."""
    quotas: dict[str, DnsName] = {}
    """Our quota's key (`compute`, `objects`, …) to the name of the existing ResourceQuota."""
    role_bindings: dict[str, DnsName] = {}
    """A member's login to the name of the existing RoleBinding."""


class Tenant(Model):
    """One tenant: a team, usually one GitHub repository, in one or several namespaces."""

    name: DnsLabel
    """The name of the file, of the tenant, and of its main namespace."""
    profile: DnsLabel
    """The archetype that gives every value this file does not set."""
    description: Text
    """What the tenant is for, in a sentence."""
    owner: Contact
    """E-mail address of who answers for the tenant."""
    repository: Repository | None = None
    """GitHub repository, owner/name, whose Codespaces get the credential."""
    repositories: tuple[Repository, ...] = ()
    """Further repositories that get the same credential."""
    classification: Classification
    """How confidential the data is; confidential and personal data have stricter rules."""
    state: State = State.ACTIVE
    """active, frozen (nothing new runs, nothing is lost), or retired (the way out)."""
    labels: dict[LabelKey, LabelValue] = {}
    """Further labels of the namespaces."""
    namespace: DnsLabel | None = None
    """The main namespace, where it is not the tenant's name: after a rename or a split, or adopted."""
    former_name: DnsLabel | None = None
    """The tenant's name before it was renamed; `namespace` then says the name that stays."""
    split_from: DnsLabel | None = None
    """The tenant that owned `namespace` as an extra namespace before the split."""

    accelerators: dict[DnsLabel, Count] = {}
    """Grants by catalogue key; what is not named is 0."""
    accelerators_per_pod: dict[DnsLabel, Count] = {}
    """The most that one pod should ask for, by catalogue key. Advice to people so far: nothing refuses a
    larger pod that is within the quota."""
    node_pools: tuple[DnsLabel, ...] = ()
    """Node pools without accelerators that are meant for the tenant. Advice to people so far: nothing keeps a
    pod from other nodes but their taints, and nothing keeps it from tolerating those."""
    quota: Quota
    """What the tenant may use in total."""
    limits: ContainerLimits
    """Defaults and bounds of single containers and claims."""
    priorities: dict[DnsLabel, PriorityGrant] = {}
    """What pods of a PriorityClass may use; a class that is not named may not be used."""
    namespaces: dict[DnsLabel, ExtraNamespace] = {}
    """Further namespaces, `<tenant>-<key>`, and the part of the quota that each takes."""

    pod_security: PodSecurity
    """Pod Security level that is enforced."""
    exemptions: dict[str, Text] = {}
    """Behaviours of the multi-tenancy benchmark that the profile gives up, each with its reason."""
    network: NetworkStance
    """What pods can reach, and what can reach them."""

    members: dict[Login, Member] = {}
    """People, by GitHub login."""
    service_accounts: dict[DnsLabel, ServiceAccount] = {}
    """Further ServiceAccounts, by name."""
    credentials: CredentialLifetimes
    """Kind and lifetimes of issued credentials."""
    codespaces: Codespaces
    """Whether and how the kubeconfig reaches Codespaces."""

    shared_folders: dict[DnsLabel, FolderMode] = {}
    """Folders of the cluster's catalogue, by key: read-only or read-write."""
    adopt: Adoption = Adoption()
    """What exists already and is to be taken over."""

    def neighbours(self, tenants: Mapping[str, "Tenant"]) -> dict[str, "Tenant"]:
        """The tenants among `tenants` that this one and they both declare to talk with.

        A retired tenant may still declare one that has forgotten it, or is gone.
        """
        declared = {name: tenants[name] for name in self.network.neighbours if name in tenants}
        return {name: other for name, other in declared.items() if self.name in other.network.neighbours}

    @property
    def summary(self) -> dict[str, object]:
        """What the stack's outputs say of the tenant."""
        return {
            "profile": self.profile,
            "state": self.state,
            "namespaces": list(self.namespace_names),
            "accelerators": dict(self.accelerators),
            "repository": self.repository,
            "owner": self.owner,
        }

    @property
    def main_namespace(self) -> str:
        """Name of the namespace that carries the tenant's credentials and ServiceAccounts."""
        return self.namespace or self.name

    @property
    def namespace_names(self) -> tuple[str, ...]:
        """Names of all namespaces of the tenant, the main one first."""
        return (
            self.main_namespace,
            *(names.extra_namespace(self.main_namespace, key) for key in self.namespaces),
        )

    @property
    def all_repositories(self) -> tuple[str, ...]:
        """All repositories of the tenant as owner/name, the main one first."""
        main = (self.repository,) if self.repository else ()
        return tuple(dict.fromkeys((*main, *self.repositories)))

    @property
    def confidential(self) -> bool:
        """Whether the stricter rules for confidential and personal data hold."""
        return self.classification in (Classification.CONFIDENTIAL, Classification.PERSONAL)
