"""No two things that a stack makes may share a name: one would silently be written over the other."""

import re
from collections.abc import Iterable, Iterator

from model import inventory, names
from model.cluster import Cluster
from model.inventory import Thing
from model.problems import Elsewhere, Finding
from model.tenant import Tenant

Told = Iterator[tuple[str, Finding]]
"""Findings, each with the name of the tenant in whose file it belongs."""

_ISSUED = re.compile(rf"({names.REPOSITORIES}|{names.LAPTOP}-.+)-[0-9a-f]{{{names.SERIAL_LENGTH}}}")


def check(tenants: Iterable[Tenant], cluster: Cluster | None) -> Told:
    """Names that two tenants make, or a tenant and the cluster; without a cluster, only of namespaces."""
    every = list(tenants)
    things = inventory.of_stack(cluster, every) if cluster else _namespaces(every)
    for first, second in among(things):
        if second.tenant is not None:
            yield second.tenant, finding(first, second)
    for tenant in every:
        for login, name in tenant.adopt.role_bindings.items():
            if _ISSUED.fullmatch(name):
                told = f"{name!r} is what the program calls the binding of an issued credential; not to adopt"
                yield tenant.name, Finding(("adopt", "role_bindings", login), told, name)


def among(things: Iterable[Thing]) -> Iterator[tuple[Thing, Thing]]:
    """Pairs of things with one identity, each later one with the first.

    Two tenants that share a namespace share all that is in it: then only the namespace is told.
    """
    first: dict[tuple[str, str, str], Thing] = {}
    pairs: list[tuple[Thing, Thing]] = []
    for thing in things:
        other = first.setdefault(thing.identity, thing)
        if other is not thing:
            pairs.append((other, thing))
    same_space = {_owners(pair) for pair in pairs if pair[0].kind == "Namespace"}
    for pair in pairs:
        if pair[0].kind == "Namespace" or _owners(pair) not in same_space:
            yield pair


def finding(first: Thing, second: Thing) -> Finding:
    """What the file of the second is told."""
    told = f"makes {second} a second time; {inventory.advice(second)}"
    return Finding(second.key, told, second.name, elsewhere=Elsewhere(first.tenant, first.key))


def _owners(pair: tuple[Thing, Thing]) -> tuple[str | None, str | None]:
    return pair[0].tenant, pair[1].tenant


def _namespaces(tenants: Iterable[Tenant]) -> Iterator[Thing]:
    for tenant in tenants:
        yield from inventory.namespaces_of(tenant)
