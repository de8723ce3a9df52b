"""Rules within one tenant, whatever its cluster."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from decimal import Decimal

from model import quantity
from model.namespaces import SHARED_CLAIM_SIZE, Namespace, namespaces
from model.problems import Finding, Key, suggestion
from model.rules import addresses
from model.rules.cluster import MIN_LIFETIME
from model.rules.shared import (
    RESERVED_PREFIXES,
    egress_cidrs,
    for_data,
    namespace_keys,
    never_open,
    requests,
    widest,
)
from model.scalars import (
    BEHAVIOURS,
    PodSecurity,
    Role,
    State,
    duration,
)
from model.tenant import PortRange, Tenant

RESERVED_NAMES = frozenset({"default", "kube", "openshift", "gpu-operator", "nvidia-gpu-operator"})
RESERVED_DOMAINS = (
    "kubernetes.io",
    "k8s.io",
    "tenancy.dev",
    "openshift.io",
    "projectcalico.org",
    "gatekeeper.sh",
)
"""Domains whose labels mean something to the cluster or to this program."""

QUOTAS = ("compute", "accelerators", "storage", "objects")
"""ResourceQuotas of every namespace; there is one more for each PriorityClass."""
LONGEST_CONFIDENTIAL = timedelta(days=30)

Rule = Callable[[Tenant], Iterator[Finding]]


def check(tenant: Tenant) -> Iterator[Finding]:
    """Everything wrong with a tenant whose fields are well-formed."""
    for rule in _RULES:
        yield from rule(tenant)


def _names(tenant: Tenant) -> Iterator[Finding]:
    for key, name in namespace_keys(tenant):
        if name in RESERVED_NAMES or name.startswith(RESERVED_PREFIXES):
            yield Finding(key, f"{name!r} is reserved for the cluster's own namespaces; take another", name)
        if len(name) > 63:
            yield Finding(key, f"makes the namespace {name!r}, which is longer than 63 characters", name)
    if tenant.former_name == tenant.name:
        yield Finding(("former_name",), "is the tenant's present name; remove it", tenant.former_name)
    if tenant.split_from == tenant.name:
        yield Finding(("split_from",), "is the tenant itself; remove it", tenant.split_from)
    elif tenant.split_from is not None and tenant.namespace is None:
        told = f"needs 'namespace': the one that was an extra namespace of {tenant.split_from!r}"
        yield Finding(("split_from",), told, tenant.split_from)


def _labels(tenant: Tenant) -> Iterator[Finding]:
    for label in tenant.labels:
        domain = label.rpartition("/")[0]
        for reserved in RESERVED_DOMAINS:
            if domain == reserved or domain.endswith(f".{reserved}"):
                told = f"{reserved} labels are not a tenant's to set; use a domain of your own"
                yield Finding(("labels", label), told, label)


def _state(tenant: Tenant) -> Iterator[Finding]:
    if tenant.state is not State.ACTIVE and tenant.adopt.namespace:
        yield Finding(("adopt", "namespace"), f"cannot be while the tenant is {tenant.state}; adopt it first")
    if tenant.adopt.namespace and tenant.former_name:
        yield Finding(("former_name",), "a renamed tenant has its namespace already; remove 'adopt' or this")
    if tenant.adopt.role_bindings and not tenant.adopt.namespace:
        yield Finding(
            ("adopt", "role_bindings"), "needs 'adopt.namespace: true': it is there that they stand"
        )
    for name in tenant.adopt.quotas:
        if name not in QUOTAS and not name.startswith("priority-"):
            told = f"{name!r} is not a quota of the program; {suggestion(name, QUOTAS)}, or priority-<class>"
            yield Finding(("adopt", "quotas", name), told, name)
    for login in tenant.adopt.role_bindings:
        if login not in tenant.members:
            told = f"{login!r} is not a member; {suggestion(login, tenant.members)}"
            yield Finding(("adopt", "role_bindings", login), told, login)


def _quota(tenant: Tenant) -> Iterator[Finding]:
    objects, storage = tenant.quota.objects, tenant.quota.storage
    for name in ("node_ports", "load_balancers"):
        if getattr(objects, name) > objects.services:
            told = f"is more than quota.objects.services, which is {objects.services}"
            yield Finding(("quota", "objects", name), told, getattr(objects, name))
    if any(quantity.parse(size) > 0 for size in storage.values()) and not objects.persistent_volume_claims:
        told = "is 0, so nothing could use quota.storage; allow some claims"
        yield Finding(("quota", "objects", "persistent_volume_claims"), told, 0)
    if objects.pods:
        for name in ("cpu", "memory", "ephemeral_storage"):
            if quantity.parse(getattr(tenant.quota, name)) == 0:
                told = f"is 0, so none of the {objects.pods} pods could start"
                yield Finding(("quota", name), told, getattr(tenant.quota, name))
    elif any(tenant.accelerators.values()):
        yield Finding(("quota", "objects", "pods"), "is 0, so no pod could use the accelerators", 0)
    total = sum((quantity.parse(size) for size in storage.values()), Decimal(0))
    if total + len(tenant.shared_folders) * quantity.parse(SHARED_CLAIM_SIZE) > quantity.LARGEST:
        told = "is more in total than Kubernetes can hold, which is just below 8Ei"
        yield Finding(("quota", "storage"), told)


def _limits(tenant: Tenant) -> Iterator[Finding]:
    limits, quota = tenant.limits, tenant.quota
    for name in ("cpu", "memory", "ephemeral_storage"):
        default = getattr(limits, f"default_{name}")
        if quantity.parse(default) == 0:
            yield Finding(("limits", f"default_{name}"), "is 0; a container needs some", default)
    for name in ("cpu", "memory"):
        default, most = getattr(limits, f"default_{name}"), getattr(limits, f"max_{name}")
        if quantity.parse(default) > quantity.parse(most):
            told = f"{default} is more than limits.max_{name}, which is {most}"
            yield Finding(("limits", f"default_{name}"), told, default)
    for name in ("cpu", "memory", "ephemeral_storage"):
        default, total = getattr(limits, f"default_{name}"), getattr(quota, name)
        if quantity.parse(default) > quantity.parse(total) and quantity.parse(total) > 0:
            told = f"{default} is more than quota.{name}, which is {total}: a plain pod would not start"
            yield Finding(("limits", f"default_{name}"), told, default)


def _namespaces(tenant: Tenant) -> Iterator[Finding]:
    if (total := sum(extra.share for extra in tenant.namespaces.values())) > 99:
        told = f"take {total} percent together; the main namespace must keep at least 1"
        yield Finding(("namespaces",), told, total)
        return
    for key, extra in tenant.namespaces.items():
        yield from _within(("namespaces", key, "accelerators"), extra.accelerators, tenant.accelerators)
    for accelerator, grant in tenant.accelerators.items():
        parts = {key: extra.accelerators.get(accelerator, 0) for key, extra in tenant.namespaces.items()}
        if sum(parts.values()) > grant and max(parts.values()) <= grant:
            told = f"take {sum(parts.values())} {accelerator} together, but the tenant has {grant}"
            yield Finding(("namespaces",), told, sum(parts.values()))
    yield from _too_small(tenant)


def _too_small(tenant: Tenant) -> Iterator[Finding]:
    """Parts of the quota in which a plain pod does not start."""
    if not tenant.quota.objects.pods or not tenant.namespaces:
        return
    for namespace in namespaces(tenant):
        for told in _lacks(tenant, namespace):
            if namespace.key is None:
                yield Finding(("namespaces",), f"leave the main namespace {told}; leave it more")
            else:
                share = tenant.namespaces[namespace.key].share
                message = f"{share} percent is {told}; give it more"
                yield Finding(("namespaces", namespace.key, "share"), message, share)


def _lacks(tenant: Tenant, namespace: Namespace) -> Iterator[str]:
    if not namespace.quota.objects.pods:
        yield f"none of {tenant.quota.objects.pods} pods"
        return
    for name in ("cpu", "memory", "ephemeral_storage"):
        part, default = getattr(namespace.quota, name), getattr(tenant.limits, f"default_{name}")
        total = getattr(tenant.quota, name)
        if quantity.parse(part) < quantity.parse(default) <= quantity.parse(total):
            yield f"{part} of quota.{name}, less than limits.default_{name}, which is {default}"
    for name, grant in namespace.priorities.items():
        if any(grant.accelerators.values()) and not grant.pods:
            yield f"none of {tenant.priorities[name].pods} pods of priorities.{name}, but accelerators"


def _grants(tenant: Tenant) -> Iterator[Finding]:
    yield from _within(("accelerators_per_pod",), tenant.accelerators_per_pod, tenant.accelerators)
    for name, grant in tenant.priorities.items():
        key: Key = ("priorities", name)
        yield from _within((*key, "accelerators"), grant.accelerators, tenant.accelerators)
        if grant.pods > tenant.quota.objects.pods:
            told = f"is more than quota.objects.pods, which is {tenant.quota.objects.pods}"
            yield Finding((*key, "pods"), told, grant.pods)
        for part in ("cpu", "memory"):
            amount, total = getattr(grant, part), getattr(tenant.quota, part)
            if amount is not None and quantity.parse(amount) > quantity.parse(total):
                told = f"{amount} is more than quota.{part}, which is {total}"
                yield Finding((*key, part), told, amount)


def _within(key: Key, part: dict[str, int], whole: dict[str, int]) -> Iterator[Finding]:
    for accelerator, count in part.items():
        grant = whole.get(accelerator)
        if grant is None:
            told = (
                f"{accelerator!r} is not granted to this tenant; grant it under 'accelerators', or remove it"
            )
            yield Finding((*key, accelerator), told, accelerator)
        elif count > grant:
            told = f"{count} is more than accelerators.{accelerator}, which is {grant}"
            yield Finding((*key, accelerator), told, count)


def _ports(tenant: Tenant) -> Iterator[Finding]:
    stance = tenant.network
    for key, ports in _port_lists(tenant):
        for index, entry in enumerate(ports):
            if entry.end_port is not None and entry.end_port < entry.port:
                told = f"{entry.end_port} is below port {entry.port}"
                yield Finding((*key, index, "end_port"), told, entry.end_port)
        if len(set(ports)) < len(ports):
            yield Finding(key, "lists a port twice")
    for name, egress in stance.egress.items():
        if len(set(egress.cidrs)) < len(egress.cidrs):
            yield Finding(("network", "egress", name, "cidrs"), "lists a CIDR twice")


def _port_lists(tenant: Tenant) -> Iterator[tuple[Key, tuple[PortRange, ...]]]:
    stance = tenant.network
    yield ("network", "load_balancer_ports"), stance.load_balancer_ports
    for name, egress in stance.egress.items():
        yield ("network", "egress", name, "ports"), egress.ports
    for name, neighbour in stance.neighbours.items():
        yield ("network", "neighbours", name, "ports"), neighbour.ports


def _destinations(tenant: Tenant) -> Iterator[Finding]:
    cidrs = list(egress_cidrs(tenant))
    wrong = [(key, cidr, told) for key, cidr in cidrs if (told := never_open(tenant, cidr))]
    for key, cidr, told in wrong:
        yield Finding(key, f"{cidr} {told}", cidr)
    if not wrong and (prefix := addresses.too_wide((cidr for _, cidr in cidrs), widest(tenant))) is not None:
        told = f"covers more addresses together than a /{prefix}{for_data(tenant)}; name the destinations"
        yield Finding(("network", "egress"), told)


def _lifetimes(tenant: Tenant) -> Iterator[Finding]:
    told = tenant.credentials
    lifetime, renew_before, grace = map(duration, (told.lifetime, told.renew_before, told.grace))
    if lifetime < MIN_LIFETIME:
        shortest = f"{told.lifetime} is shorter than 10m, the shortest that the API server grants"
        yield Finding(("credentials", "lifetime"), shortest, told.lifetime)
    if renew_before >= lifetime:
        message = f"{told.renew_before} is not less than credentials.lifetime, which is {told.lifetime}"
        yield Finding(("credentials", "renew_before"), message, told.renew_before)
    if renew_before <= timedelta(0):
        yield Finding(("credentials", "renew_before"), "is 0: it would expire before it is renewed")
    if grace > renew_before:
        message = (
            f"{told.grace} is more than credentials.renew_before, which is {told.renew_before}: "
            "the old credential has expired by then"
        )
        yield Finding(("credentials", "grace"), message, told.grace)


def _members(tenant: Tenant) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for login in tenant.members:
        first = seen.setdefault(login.lower(), login)
        if first != login:
            yield Finding(("members", login), f"is the same person as {first!r}: GitHub ignores case", login)
    if len({name.lower() for name in tenant.repositories}) < len(tenant.repositories):
        yield Finding(("repositories",), "lists a repository twice")
    if tenant.repositories and tenant.repository is None:
        yield Finding(("repositories",), "are further ones; the first goes into 'repository'")
    for index, name in enumerate(tenant.repositories):
        if tenant.repository and name.lower() == tenant.repository.lower():
            yield Finding(("repositories", index), f"{name!r} is 'repository' already; remove it", name)


def _requests(tenant: Tenant) -> Iterator[Finding]:
    held = list(requests(tenant))
    if not held:
        return
    from model import csr, subjects  # their cryptography takes a while to import, and most files need none

    owners: dict[bytes, str] = {}
    for place, login, device, request in held:
        for told in csr.check(request, tenant.name, login, device):
            yield Finding(place, told)
        key, own = csr.key_id(request), subjects.holder(login, device)
        if key is not None and owners.setdefault(key, own) != own:
            told = f"is for the same key as that of {owners[key]!r}; each device makes one of its own"
            yield Finding(place, told)


def _service_accounts(tenant: Tenant) -> Iterator[Finding]:
    for name, account in tenant.service_accounts.items():
        key: Key = ("service_accounts", name)
        if name == "default":
            yield Finding(key, "is in every namespace already; take another name", name)
        if account.role is Role.ADMIN:
            told = "may not be admin: whoever may start a pod can start it as this account; use developer"
            yield Finding((*key, "role"), told, account.role)
        if account.watches and account.role is not None:
            told = "watches and nothing else; remove 'role' or 'watches'"
            yield Finding((*key, "watches"), told, account.watches)


def _pod_security(tenant: Tenant) -> Iterator[Finding]:
    for behaviour in tenant.exemptions:
        if behaviour not in BEHAVIOURS:
            told = f"{behaviour!r} is not a behaviour of the benchmark; {suggestion(behaviour, BEHAVIOURS)}"
            yield Finding(("exemptions", behaviour), told, behaviour)
    if tenant.pod_security is not PodSecurity.RESTRICTED and not tenant.exemptions:
        told = f"{str(tenant.pod_security)!r} gives up protections; list and justify them in 'exemptions'"
        yield Finding(("pod_security",), told, tenant.pod_security)


def _confidential(tenant: Tenant) -> Iterator[Finding]:
    if not tenant.confidential:
        return
    data = f"{tenant.classification} data"
    if tenant.network.internet:
        yield Finding(("network", "internet"), f"may not be true for {data}; declare egress instead", True)
    if tenant.codespaces.parts:
        yield Finding(("codespaces", "parts"), f"may not be true for {data}", True)
    if tenant.pod_security is PodSecurity.PRIVILEGED:
        yield Finding(("pod_security",), f"may not be privileged for {data}", tenant.pod_security)
    if duration(tenant.credentials.lifetime) > LONGEST_CONFIDENTIAL:
        told = f"{tenant.credentials.lifetime} is longer than 30d, the longest for {data}"
        yield Finding(("credentials", "lifetime"), told, tenant.credentials.lifetime)


_RULES: tuple[Rule, ...] = (
    _names,
    _labels,
    _state,
    _quota,
    _limits,
    _namespaces,
    _grants,
    _ports,
    _destinations,
    _lifetimes,
    _members,
    _requests,
    _service_accounts,
    _pod_security,
    _confidential,
)
