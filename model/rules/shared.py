"""What rules of several kinds know in common."""

from collections.abc import Iterator
from ipaddress import ip_network

from model.problems import Key
from model.rules.cluster import overlap
from model.tenant import Tenant

RESERVED_PREFIXES = ("kube-", "openshift-", "calico-", "tigera-", "gatekeeper-", "tenancy-")
WIDEST = {4: 8, 6: 32}
WIDEST_CONFIDENTIAL = {4: 16, 6: 48}
"""Shortest prefix of a declared destination, by version of IP."""
_NOT_OUTSIDE = ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/10", "ff00::/8")
"""Loopback, link-local (where clouds keep their metadata) and multicast."""


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
    network = ip_network(cidr)
    widest = (WIDEST_CONFIDENTIAL if tenant.confidential else WIDEST)[network.version]
    if network.prefixlen < widest:
        whose = f" for {tenant.classification} data" if tenant.confidential else ""
        hint = "'network.internet' is the switch for the internet"
        return f"is wider than /{widest}{whose}; name the destinations ({hint})"
    places = [place for place in _NOT_OUTSIDE if overlap(cidr, place)]
    return f"covers addresses of {places[0]}, which are never open" if places else ""


def egress_cidrs(tenant: Tenant) -> Iterator[tuple[Key, str]]:
    """All destinations that the tenant declares, each with its key."""
    for name, egress in tenant.network.egress.items():
        for index, cidr in enumerate(egress.cidrs):
            yield ("network", "egress", name, "cidrs", index), cidr
