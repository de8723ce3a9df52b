"""Rules between the stacks of one repository: what one makes, no other may make too."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from model import inventory
from model.cluster import Cluster
from model.inventory import Realm
from model.problems import Elsewhere, Finding, Key
from model.tenant import Tenant

Told = Iterator[tuple[str | None, Finding]]
"""Findings, each with the name of the tenant in whose file it belongs; None for the cluster's description."""


@dataclass(frozen=True)
class Described:
    """A stack as far as its files can be read."""

    name: str
    cluster: Cluster
    tenants: tuple[Tenant, ...]


def check(own: Described, others: Iterable[Described]) -> Told:
    """What a stack has wrong with the others, told at its own files."""
    for other in others:
        key = same_cluster(own.cluster, other.cluster)
        if key is not None:
            told = f"is the cluster of stack {other.name!r} too; one stack describes all tenants of a cluster"
            yield None, Finding(key, told, elsewhere=Elsewhere(None, key, other.name))
        else:
            yield from _shared_names(own, other)


def same_cluster(one: Cluster, other: Cluster) -> Key | None:
    """The key that tells that two descriptions are of one cluster; None where they are of two.

    By identifier where both have one: several clusters may stand behind one address. Then by address; the
    name alone decides where nothing else can.
    """
    for key in ("cluster_identifier", "server"):
        first, second = getattr(one, key), getattr(other, key)
        if first is not None and second is not None:
            return (key,) if first == second else None
    return ("name",) if one.name == other.name else None


def _shared_names(own: Described, other: Described) -> Told:
    theirs = {thing.identity: thing for thing in _outside(other)}
    one_github = _github(own.cluster) == _github(other.cluster)
    for thing in _outside(own):
        found = theirs.get(thing.identity)
        if found is None or not one_github:
            continue
        told = f"makes {thing}, as stack {other.name!r} does; {inventory.advice(thing)}"
        yield (
            thing.tenant,
            Finding(thing.key, told, thing.name, Elsewhere(found.tenant, found.key, other.name)),
        )


def _outside(stack: Described) -> Iterator[inventory.Thing]:
    """What a stack's tenants make outside of its cluster."""
    every = chain.from_iterable(inventory.of_tenant(tenant, stack.cluster) for tenant in stack.tenants)
    return (thing for thing in every if thing.realm is not Realm.CLUSTER)


def _github(cluster: Cluster) -> str | None:
    return cluster.github.base_url if cluster.github else None
