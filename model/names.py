"""Every name that something outside the program refers to, made by pure functions of the model.

Imports nothing but the standard library: a laptop's distribution has it too.
"""

from collections.abc import Iterable

PREFIX = "tenancy.dev"
"""Prefix of every label and annotation that the program itself owns."""


def key(name: str) -> str:
    """One of the program's own label or annotation keys."""
    return f"{PREFIX}/{name}"


# Type tokens, which states refer to: they never change.

TENANT = "tenancy:tenant:Tenant"
NAMESPACE = "tenancy:tenant:Namespace"
QUOTA = "tenancy:tenant:Quota"
NETWORK = "tenancy:tenant:Network"
ISOLATION = "tenancy:tenant:Isolation"
ACCESS = "tenancy:tenant:Access"
STORAGE = "tenancy:tenant:Storage"
CREDENTIAL = "tenancy:tenant:Credential"
MEMBER_CERTIFICATES = "tenancy:tenant:MemberCertificates"
CODESPACES = "tenancy:tenant:Codespaces"
CLUSTER = "tenancy:cluster:Cluster"
MANAGED_OBJECTS = "tenancy:cluster:ManagedObjects"
SIDE_DOORS = "tenancy:cluster:SideDoors"
POD_DEFAULTS = "tenancy:cluster:PodDefaults"

DYNAMIC_MODULE = "tenancy"
NAME_CHECK = "Claims"
SIGNED_CERTIFICATE = "SignedCertificate"
SERVICE_ACCOUNT_TOKEN = "ServiceAccountToken"  # noqa: S105 - a type's name, not a token
"""Module and names of the dynamic resources' types."""


def dynamic(name: str) -> str:
    """The type token of a dynamic resource as a state holds it."""
    return f"pulumi-python:dynamic/{DYNAMIC_MODULE}:{name}"


# Logical names, by which the engine tells resources of one type apart.


def logical(first: str, *more: str) -> str:
    """The logical name of what several names tell apart.

    Joined by a character that no DNS label, login or secret's name can hold: a URN has the types of the
    parents and not their names, so `a` with `b-c` and `a-b` with `c` must not read the same.
    """
    return "/".join((first, *more))


def former_logical(first: str, *more: str) -> str:
    """The logical name that resources had before `logical`, for their aliases."""
    return "-".join((first, *more))


# The cluster's own objects.

CREDENTIALS_NAMESPACE = "tenancy-credentials"
"""Holds the ServiceAccounts of issued tokens, where no tenant can start a pod as one of them."""
NO_PODS = "no-pods"
"""The quota of that namespace."""
FLOOR = "tenancy-default-deny"
"""The cluster-wide policy that denies what nobody opened."""
ROLES = ("admin", "developer", "viewer", "watcher")
"""Everything that can be bound in a tenant's namespace."""
WATCHER = "watcher"


def cluster_role(role: str) -> str:
    """The ClusterRole that a role of the tenancy binds inside a namespace."""
    return f"tenancy:{role}"


def managed_objects(cluster: str) -> str:
    """The admission policy that keeps the program's own objects out of the tenants' hands."""
    return f"{cluster}-managed-objects"


def side_doors(cluster: str) -> str:
    """The admission policy against what roles allow in general and no tenant may have in particular."""
    return f"{cluster}-side-doors"


def pod_defaults(cluster: str) -> str:
    """The admission policy that makes plain pods safe."""
    return f"{cluster}-pod-defaults"


def isolation(tenant: str) -> str:
    """The cluster-wide policy that keeps one tenant apart from the others."""
    return f"tenancy-{tenant}"


# A tenant's namespaces, and the objects in them.


def extra_namespace(main: str, extra: str) -> str:
    """A further namespace of a tenant, by the name of the main one and its key."""
    return f"{main}-{extra}"


def shared_volume(namespace: str, folder: str) -> str:
    """The cluster-wide name of the PersistentVolume that carries a shared folder for one namespace."""
    return f"tenancy-{namespace}-{folder}"


QUOTAS = ("objects", "compute", "accelerators", "storage")
"""ResourceQuotas of every namespace, the one that counts the others first."""
SYSTEM_PRIORITIES = "system-priorities"
"""The quota that keeps tenants from the classes of the system."""
FROZEN = "frozen"
"""The further quota of a tenant that is not active."""
PRIORITY = "priority-"
LIMITS = "limits"
"""The LimitRange."""


def priority_quota(priority_class: str) -> str:
    """The quota of a PriorityClass."""
    return f"{PRIORITY}{priority_class}"


def quotas(priority_classes: Iterable[str]) -> tuple[str, ...]:
    """All ResourceQuotas that a namespace may have, by the names of the cluster's PriorityClasses."""
    return (*QUOTAS, *map(priority_quota, priority_classes), SYSTEM_PRIORITIES, FROZEN)


DEFAULT_DENY = "default-deny"
OWN_NAMESPACES = "own-namespaces"
DNS = "dns"
LOAD_BALANCERS = "load-balancers"
API_SERVER = "api-server"
INTERNET = "internet"


def egress_policy(name: str) -> str:
    """The NetworkPolicy that opens a declared destination."""
    return f"egress-{name}"


def neighbour_policy(tenant: str) -> str:
    """The NetworkPolicy between a tenant and its neighbour."""
    return f"neighbour-{tenant}"


# Who may act: RoleBindings, accounts, contexts.

REPOSITORIES = "codespaces"
LAPTOP = "laptop"
"""What an issued credential is for."""
SERIAL_LENGTH = 10
"""Hexadecimal digits of a credential's serial."""


def laptop_purpose(login: str, device: str | None = None) -> str:
    """The purpose of the credential of a member's own key.

    A login has no dot, so no device of one member is taken for another member.
    """
    return f"{LAPTOP}-{login.lower()}{f'.{device}' if device else ''}"


def credential_binding(purpose: str, serial: str) -> str:
    """The RoleBinding of an issued credential."""
    return f"{purpose}-{serial}"


def credential_account(tenant: str, purpose: str, serial: str) -> str:
    """The ServiceAccount of an issued token."""
    return f"{tenant}-{credential_binding(purpose, serial)}"


def group_binding(login: str, index: int) -> str:
    """The RoleBinding of one of a member's OIDC groups."""
    return f"oidc-{login.lower()}-{index}"


def account_binding(account: str, role: str) -> str:
    """The RoleBinding of one of the tenant's own ServiceAccounts."""
    return f"serviceaccount-{account}-{role}"


def kubeconfig_context(cluster: str, namespace: str) -> str:
    """The context of a namespace in kubeconfigs that are handed out."""
    return f"{cluster}-{namespace}"


# GitHub.

SERVER_PARTS = ("SERVER", "CA")
CERTIFICATE_PARTS = ("CERTIFICATE", "KEY")
TOKEN_PARTS = ("TOKEN",)
"""What may be stored beside the kubeconfig, as secrets of their own."""


def codespaces_secret(cluster: str) -> str:
    """The Codespaces secret that holds the kubeconfig of a cluster."""
    return f"KUBECONFIG_{_capital(cluster)}"


def secret_part(secret: str, part: str) -> str:
    """The Codespaces secret that holds one part of what the kubeconfig `secret` is made of."""
    return f"{secret}_{part}"


def organization_secret(secret: str, tenant: str) -> str:
    """The organisation's Codespaces secret of a tenant with several repositories."""
    return f"{secret}_{_capital(tenant)}"


def _capital(name: str) -> str:
    return name.upper().replace("-", "_")
