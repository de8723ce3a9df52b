"""Everything with a name of its own that a stack makes, as pure functions of its files.

What depends on the hour is left out: RoleBindings and ServiceAccounts of issued credentials end in a serial
that nothing else can have.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from model import names
from model.cluster import Cluster, PolicyApi
from model.problems import Key
from model.scalars import CredentialKind, State
from model.tenant import Tenant

V1 = "v1"
RBAC = "rbac.authorization.k8s.io/v1"
ADMISSION = "admissionregistration.k8s.io/v1"
NETWORKING = "networking.k8s.io/v1"
SCHEDULING = "scheduling.k8s.io/v1"
REPOSITORY_SECRET = "Codespaces secret of repository"  # noqa: S105 - what it is, not one
ORGANIZATION_SECRET = "Codespaces secret of organisation"  # noqa: S105
CONTEXT = "kubeconfig context of"
_MUTATING_SINCE = 36
"""Minor version of Kubernetes with MutatingAdmissionPolicy in `ADMISSION`."""


class Realm(StrEnum):
    """Within what a name has to be the only one."""

    CLUSTER = "cluster"
    GITHUB = "github"
    PEOPLE = "people"
    """The machines of a person, or the codespaces of a repository, which may reach several clusters."""


@dataclass(frozen=True, slots=True)
class Thing:
    """Something with a name, and the key that asks for it in the file of a tenant, or of the cluster."""

    realm: Realm
    kind: str
    name: str
    key: Key
    tenant: str | None = None
    """Whose file; None for the cluster's description."""
    within: str = ""
    """The namespace, repository, organisation or login that it lies in."""
    api_version: str = ""

    @property
    def identity(self) -> tuple[str, str, str]:
        """What no two things of a realm may share. GitHub ignores case."""
        return (self.kind, self.within, self.name)

    def __str__(self) -> str:
        if self.realm is not Realm.CLUSTER:
            return f"{self.kind} {self.within}: {self.name}"
        return f"{self.kind} {self.within}/{self.name}" if self.within else f"{self.kind} {self.name}"


def advice(thing: Thing) -> str:
    """What to do where another thing has the name."""
    if thing.kind in (REPOSITORY_SECRET, ORGANIZATION_SECRET):
        return "set codespaces.secret_name to a name of its own"
    return "take another name"


def of_stack(cluster: Cluster, tenants: Iterable[Tenant]) -> Iterator[Thing]:
    """Everything that a cluster and its tenants make, the cluster's own first."""
    yield from of_cluster(cluster)
    for tenant in tenants:
        yield from of_tenant(tenant, cluster)


def of_cluster(cluster: Cluster) -> Iterator[Thing]:
    """What stands once per cluster."""
    for role in names.ROLES:
        yield _object(RBAC, "ClusterRole", names.cluster_role(role), ("name",))
    for name in cluster.priority_classes:
        yield _object(SCHEDULING, "PriorityClass", name, ("priority_classes", name))
    for effect, policy in _admission(cluster):
        for part in ("", "Binding"):
            yield _object(ADMISSION, f"{effect}AdmissionPolicy{part}", policy, ("name",))
    if CredentialKind.TOKEN in cluster.credentials.kinds:
        kinds: Key = ("credentials", "kinds")
        namespace = names.CREDENTIALS_NAMESPACE
        yield _object(V1, "Namespace", namespace, kinds)
        yield _object(V1, "ResourceQuota", names.NO_PODS, kinds, within=namespace)
    if (floor := cluster_policy(cluster, names.FLOOR)) is not None:
        engine = "calico" if cluster.network.calico is not None else "policy_api"
        yield _object(*floor, ("network", engine))


def _admission(cluster: Cluster) -> Iterator[tuple[str, str]]:
    yield "Validating", names.managed_objects(cluster.name)
    yield "Validating", names.side_doors(cluster.name)
    if int(cluster.kubernetes_version.partition(".")[2]) >= _MUTATING_SINCE:
        yield "Mutating", names.pod_defaults(cluster.name)


def cluster_policy(cluster: Cluster, name: str) -> tuple[str, str, str] | None:
    """apiVersion, kind and name of a cluster-wide network policy; None where the cluster has no such API."""
    network = cluster.network
    if network.calico is not None:
        return network.calico.api_version, "GlobalNetworkPolicy", network.calico.stored_name(name)
    if network.policy_api is PolicyApi.CLUSTER_NETWORK_POLICY:
        return "policy.networking.k8s.io/v1alpha2", network.policy_api.value, name
    if network.policy_api is PolicyApi.ADMIN_NETWORK_POLICY:
        # The API admits one baseline policy, and only under this name.
        baseline = ("BaselineAdminNetworkPolicy", "default")
        kind, stored = baseline if name == names.FLOOR else (network.policy_api.value, name)
        return "policy.networking.k8s.io/v1alpha1", kind, stored
    return None


def of_tenant(tenant: Tenant, cluster: Cluster) -> Iterator[Thing]:
    """What one tenant makes, whatever its state; nothing on GitHub and no contexts once it is retired."""
    if (policy := cluster_policy(cluster, names.isolation(tenant.name))) is not None:
        yield _object(*policy, ("name",), tenant)
    for namespace in namespaces_of(tenant):
        yield namespace
        yield from _in_namespace(tenant, cluster, namespace.name, namespace.key)
    yield from _in_main_namespace(tenant, cluster)
    if tenant.state is not State.RETIRED:
        yield from _secrets(tenant, cluster)
        yield from _contexts(tenant, cluster)


def namespaces_of(tenant: Tenant) -> Iterator[Thing]:
    """The tenant's namespaces, the main one first."""
    keys: list[Key] = [("namespace",) if tenant.namespace else ("name",)]
    keys += [("namespaces", key) for key in tenant.namespaces]
    for key, name in zip(keys, tenant.namespace_names, strict=True):
        yield _object(V1, "Namespace", name, key, tenant)


def _in_namespace(tenant: Tenant, cluster: Cluster, namespace: str, key: Key) -> Iterator[Thing]:
    """What every namespace of the tenant has."""
    for quota in names.quotas(cluster.priority_classes):
        yield _object(V1, "ResourceQuota", quota, key, tenant, namespace)
    yield _object(V1, "LimitRange", names.LIMITS, key, tenant, namespace)
    for policy, opened in _policies(tenant):
        yield _object(NETWORKING, "NetworkPolicy", policy, opened, tenant, namespace)
    for folder in tenant.shared_folders:
        granted: Key = ("shared_folders", folder)
        volume = names.shared_volume(namespace, folder)
        yield _object(V1, "PersistentVolume", volume, granted, tenant)
        yield _object(V1, "PersistentVolumeClaim", folder, granted, tenant, namespace)
    for binding, asked, _ in bindings(tenant, cluster):
        yield _object(RBAC, "RoleBinding", binding, asked, tenant, namespace)


def _in_main_namespace(tenant: Tenant, cluster: Cluster) -> Iterator[Thing]:
    """What only the main namespace has: accounts, and what was adopted.

    The program's own name of what was adopted counts beside the adopted one: it is the next one's.
    """
    main = tenant.main_namespace
    for account in tenant.service_accounts:
        yield _object(V1, "ServiceAccount", account, ("service_accounts", account), tenant, main)
    for quota, adopted in tenant.adopt.quotas.items():
        if adopted != quota:
            yield _object(V1, "ResourceQuota", adopted, ("adopt", "quotas", quota), tenant, main)
    first = {login: name for name, _, login in reversed(list(bindings(tenant, cluster))) if login}
    for login, adopted in tenant.adopt.role_bindings.items():
        if adopted != first.get(login):
            yield _object(RBAC, "RoleBinding", adopted, ("adopt", "role_bindings", login), tenant, main)


def bindings(tenant: Tenant, cluster: Cluster) -> Iterator[tuple[str, Key, str | None]]:
    """Names of the RoleBindings that need no issued credential, with their key and the member's login."""
    if cluster.credentials.oidc is not None:
        for login, member in sorted(tenant.members.items()):
            for index in range(len(member.oidc_groups)):
                yield names.group_binding(login, index), ("members", login, "oidc_groups", index), login
    for name, account in sorted(tenant.service_accounts.items()):
        if account.role is not None:
            yield names.account_binding(name, account.role), ("service_accounts", name, "role"), None
        if account.watches:
            yield names.account_binding(name, names.WATCHER), ("service_accounts", name, "watches"), None


def _policies(tenant: Tenant) -> Iterator[tuple[str, Key]]:
    """Names of the NetworkPolicies that the tenant may have in each namespace."""
    fixed = (names.DEFAULT_DENY, names.OWN_NAMESPACES, names.DNS, names.LOAD_BALANCERS)
    for name in (*fixed, names.API_SERVER, names.INTERNET):
        yield name, ("network",)
    for name in tenant.network.egress:
        yield names.egress_policy(name), ("network", "egress", name)
    for name in tenant.network.neighbours:
        yield names.neighbour_policy(name), ("network", "neighbours", name)


def _secrets(tenant: Tenant, cluster: Cluster) -> Iterator[Thing]:
    owned = tenant.all_repositories
    if not owned or not tenant.codespaces.enabled or cluster.github is None:
        return
    named = tenant.codespaces.secret_name is not None
    for secret in secret_names(tenant, cluster):
        if len(owned) == 1:
            key: Key = ("codespaces", "secret_name") if named else ("repository",)
            yield Thing(Realm.GITHUB, REPOSITORY_SECRET, secret, key, tenant.name, owned[0].lower())
        else:
            key = ("codespaces", "secret_name") if named else ("name",)
            whole, owner = names.organization_secret(secret, tenant.name), cluster.github.owner.lower()
            yield Thing(Realm.GITHUB, ORGANIZATION_SECRET, whole, key, tenant.name, owner)


def secret_names(tenant: Tenant, cluster: Cluster) -> tuple[str, ...]:
    """The secrets of one repository of the tenant, the kubeconfig first."""
    secret = tenant.codespaces.secret_name or names.codespaces_secret(cluster.name)
    if not tenant.codespaces.parts:
        return (secret,)
    token = tenant.credentials.kind is CredentialKind.TOKEN
    own = names.TOKEN_PARTS if token else names.CERTIFICATE_PARTS
    return (secret, *(names.secret_part(secret, part) for part in (*names.SERVER_PARTS, *own)))


def _contexts(tenant: Tenant, cluster: Cluster) -> Iterator[Thing]:
    laptops = [login.lower() for login, member in tenant.members.items() if member.requests]
    codespaces = tenant.all_repositories if tenant.codespaces.enabled else ()
    for namespace in namespaces_of(tenant):
        context = names.kubeconfig_context(cluster.name, namespace.name)
        for reader in (*laptops, *map(str.lower, codespaces)):
            yield Thing(Realm.PEOPLE, CONTEXT, context, namespace.key, tenant.name, reader)


def _object(
    api_version: str, kind: str, name: str, key: Key, tenant: Tenant | None = None, within: str = ""
) -> Thing:
    return Thing(Realm.CLUSTER, kind, name, key, tenant.name if tenant else None, within, api_version)
