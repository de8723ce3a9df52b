"""What rules of several kinds know in common."""

from collections.abc import Iterator

from model.problems import Key
from model.rules import addresses
from model.tenant import Tenant

RESERVED_PREFIXES = ("kube-", "openshift-", "calico-", "tigera-", "gatekeeper-", "tenancy-")


def namespace_keys(tenant: Tenant) -> Iterator[tuple[Key, str]]:
    """The tenant's namespaces, each with the key of its file that makes it."""
    keys: list[Key] = [("namespace",) if tenant.namespace else ("name",)]
    keys += [("namespaces", key) for key in tenant.namespaces]
    yield from zip(keys, tenant.namespace_names, strict=True)


def repository_keys(tenant: Tenant) -> Iterator[tuple[Key, str]]:
    """The tenant's repositories, each with its key."""
    if tenant.repository:
        yield ("repository",), tenant.repository
    for index, name in enumerate(tenant.repositories):
        yield ("repositories", index), name


def requests(tenant: Tenant) -> Iterator[tuple[Key, str, str | None, str]]:
    """Certificate requests of the members' laptops: key in the file, login, device, PEM."""
    for login, member in tenant.members.items():
        for device, request in member.requests.items():
            place: Key = ("csr",) if device is None else ("devices", device, "csr")
            yield ("members", login, *place), login, device, request


def never_open(tenant: Tenant, cidr: str) -> str:
    """Why a destination cannot be opened on any cluster, or nothing."""
    prefix = addresses.too_wide([cidr], widest(tenant))
    if prefix is not None:
        hint = "'network.internet' is the switch for the internet"
        return f"is wider than /{prefix}{for_data(tenant)}; name the destinations ({hint})"
    place = addresses.never_open(cidr)
    return f"covers addresses of {place}, which are never open" if place else ""


def widest(tenant: Tenant) -> dict[int, int]:
    """The shortest prefix of what a tenant may declare as egress, by version of IP."""
    return addresses.WIDEST_CONFIDENTIAL if tenant.confidential else addresses.WIDEST


def for_data(tenant: Tenant) -> str:
    """Whose data makes a rule stricter, to be put behind it."""
    return f" for {tenant.classification} data" if tenant.confidential else ""


def egress_cidrs(tenant: Tenant) -> Iterator[tuple[Key, str]]:
    """All destinations that the tenant declares, each with its key."""
    for name, egress in tenant.network.egress.items():
        for index, cidr in enumerate(egress.cidrs):
            yield ("network", "egress", name, "cidrs", index), cidr
