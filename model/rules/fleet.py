"""Rules between the tenants of one cluster."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from model.cluster import Cluster
from model.problems import Elsewhere, Finding, suggestion
from model.rules import addresses
from model.rules.shared import repository_keys, requests
from model.scalars import FolderMode, State
from model.tenant import Tenant

Told = Iterator[tuple[str, Finding]]
"""Findings, each with the name of the tenant in whose file it belongs."""


@dataclass(frozen=True)
class Fleet:
    """The tenants that are well-formed, and the names of all that have a file."""

    tenants: tuple[Tenant, ...]
    names: frozenset[str]


def check(fleet: Fleet) -> Told:
    """Everything that tenants have wrong with each other."""
    for rule in _RULES:
        yield from rule(fleet)


def totals(fleet: Fleet, cluster: Cluster) -> Iterator[Finding]:
    """Catalogue entries of which more is granted than the cluster has. Keys start at the cluster."""
    for key, entry in cluster.accelerators.items():
        shares = granted(fleet.tenants, key)
        # By the decimal that was written: 100 times the float 1.15 is less than 115.
        limit = int(entry.total * Decimal(str(entry.oversubscription)))
        if (total := sum(shares.values())) > limit:
            times = (
                f" (oversubscribed {entry.oversubscription:g} times)" if entry.oversubscription > 1 else ""
            )
            told = ", ".join(f"{name} {count}" for name, count in shares.items())
            message = f"{total} are granted, but there are {entry.total}{times}: {told}"
            yield Finding(("accelerators", key, "total"), message, total)


def granted(tenants: tuple[Tenant, ...], accelerator: str) -> dict[str, int]:
    """Who has how many of an accelerator.

    Frozen and retired tenants count too: what runs there goes on running, until the file is gone.
    """
    shares = {tenant.name: tenant.accelerators.get(accelerator, 0) for tenant in tenants}
    return {name: count for name, count in shares.items() if count}


def _names(fleet: Fleet) -> Told:
    renamed: dict[str, str] = {}
    for tenant in fleet.tenants:
        if tenant.former_name is not None and tenant.former_name not in fleet.names:
            yield from _renamed(tenant, renamed.setdefault(tenant.former_name, tenant.name))
        if tenant.former_name in fleet.names - {tenant.name}:
            told = f"{tenant.former_name!r} is another tenant; its file must go when it is renamed"
            yield tenant.name, Finding(("former_name",), told, tenant.former_name)
        gone = tenant.split_from is not None and tenant.split_from not in fleet.names
        if tenant.split_from is not None and gone and not _was_renamed(tenant.split_from, fleet):
            told = (
                f"{tenant.split_from!r} is not a tenant; once a split is applied, remove it; "
                f"{suggestion(tenant.split_from, fleet.names)}"
            )
            yield tenant.name, Finding(("split_from",), told, tenant.split_from)


def _renamed(tenant: Tenant, first: str) -> Told:
    if tenant.namespace is None:
        told = (
            f"needs 'namespace', the name that stays (usually {tenant.former_name}): without it "
            "the namespace would be replaced, and lost with all it holds"
        )
        yield tenant.name, Finding(("former_name",), told, tenant.former_name)
    if first != tenant.name:
        told = f"{tenant.former_name!r} is what tenant {first!r} was called too; only one can be"
        elsewhere = Elsewhere(first, ("former_name",))
        yield tenant.name, Finding(("former_name",), told, tenant.former_name, elsewhere)


def _was_renamed(name: str, fleet: Fleet) -> bool:
    return any(tenant.former_name == name for tenant in fleet.tenants)


def _repositories(fleet: Fleet) -> Told:
    owners: dict[str, Elsewhere] = {}
    for tenant in fleet.tenants:
        for key, repository in repository_keys(tenant):
            owner = owners.setdefault(repository.lower(), Elsewhere(tenant.name, key))
            if owner.tenant != tenant.name:
                told = f"{repository!r} belongs to tenant {owner.tenant!r} already"
                yield tenant.name, Finding(key, told, repository, owner)


def _neighbours(fleet: Fleet) -> Told:
    tenants = {tenant.name: tenant for tenant in fleet.tenants}
    for tenant in fleet.tenants:
        if tenant.state is State.RETIRED:
            continue
        for name in tenant.network.neighbours:
            message = _neighbour(tenant, name, tenants, fleet.names)
            if message:
                yield tenant.name, Finding(("network", "neighbours", name), message, name)


def _neighbour(tenant: Tenant, name: str, tenants: Mapping[str, Tenant], names: frozenset[str]) -> str:
    if name == tenant.name:
        return "is the tenant itself; inside its own namespaces everything is open"
    if name not in names:
        return f"{name!r} is not a tenant; {suggestion(name, names - {tenant.name})}"
    other = tenants.get(name)
    if other is None:
        return ""
    if other.state is State.RETIRED:
        return f"{name!r} is retired; remove it"
    mine, theirs = tenant.network.neighbours[name], other.network.neighbours.get(tenant.name)
    if theirs is None:
        return f"tenant {name!r} does not declare {tenant.name!r}; both must declare each other"
    if not mine.ports and not theirs.ports:
        return "neither side opens a port to the other; one of the two needs 'ports'"
    if tenant.confidential and (way := _way_out(tenant, name, tenants)):
        return f"{way}, so {tenant.classification} data could leave through it"
    return ""


def _way_out(tenant: Tenant, neighbour: str, tenants: Mapping[str, Tenant]) -> str:
    """The tenant that may reach the internet, of all to whom a neighbour could hand data on; or nothing."""
    seen, waiting = {tenant.name}, [(neighbour,)]
    while waiting:
        path = waiting.pop(0)
        if path[-1] in seen:
            continue
        seen.add(path[-1])
        other = tenants[path[-1]]
        behind = "" if len(path) == 1 else f", neighbour of {', of '.join(map(repr, reversed(path[:-1])))},"
        if other.network.internet:
            return f"{other.name!r}{behind} may reach the internet"
        if addresses.too_wide(_public(other), addresses.WIDEST_CONFIDENTIAL) is not None:
            return f"{other.name!r}{behind} may reach much of the internet by its egress"
        waiting += [(*path, name) for name in other.neighbours(tenants)]
    return ""


def _public(tenant: Tenant) -> list[str]:
    return addresses.public(cidr for each in tenant.network.egress.values() for cidr in each.cidrs)


def _folders(fleet: Fleet) -> Told:
    for tenant in fleet.tenants:
        if not tenant.confidential:
            continue
        for folder, mode in tenant.shared_folders.items():
            others = [other.name for other in fleet.tenants if folder in other.shared_folders]
            others.remove(tenant.name)
            if mode is FolderMode.READ_WRITE and others:
                told = (
                    f"may not be read-write for {tenant.classification} data: "
                    f"{', '.join(others)} can mount it too; use read-only, or a folder of its own"
                )
                yield tenant.name, Finding(("shared_folders", folder), told, mode)


def _laptop_keys(fleet: Fleet) -> Told:
    """A key belongs to one person: whoever holds it is let in wherever its subject is bound."""
    held = [(tenant.name, each) for tenant in fleet.tenants for each in requests(tenant)]
    if not held:
        return
    from model import csr  # its cryptography takes a while to import, and most files need none

    owners: dict[bytes, tuple[str, str]] = {}
    for tenant, (place, login, _, request) in held:
        key = csr.key_id(request)
        if key is None:
            continue
        other, first = owners.setdefault(key, (tenant, login))
        # Within one tenant the tenant's own rules say so.
        if first.lower() != login.lower() and other != tenant:
            told = f"is for the same key as that of {first!r} in tenant {other!r}; each person makes one"
            yield tenant, Finding(place, told)


_RULES: tuple[Callable[[Fleet], Told], ...] = (
    _names,
    _repositories,
    _neighbours,
    _folders,
    _laptop_keys,
)
