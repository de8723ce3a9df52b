"""How a tenant's quota divides over its namespaces."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal

from model import quantity
from model.tenant import Objects, PriorityGrant, Quota, Tenant

SHARED_CLAIM_SIZE = "1Mi"
"""What the claim of a shared folder asks for: a size binds no folder, and the quota should not feel it."""
_MILLI = Decimal("0.001")
"""The smallest step of a core."""


@dataclass(frozen=True)
class Namespace:
    """One namespace of a tenant, with its part of what the tenant may use."""

    name: str
    key: str | None
    """Key among the tenant's extra namespaces; None for the main one."""
    quota: Quota
    accelerators: dict[str, int]
    """Grants by catalogue key."""
    priorities: dict[str, PriorityGrant]
    """What pods of each PriorityClass may use here."""


def namespaces(tenant: Tenant) -> tuple[Namespace, ...]:
    """All namespaces of a tenant, the main one first; it keeps what the extra ones do not take."""
    keys = (None, *tenant.namespaces)
    names = tenant.namespace_names
    held = _accelerators(tenant)
    shares = tuple(extra.share for extra in tenant.namespaces.values())
    parts = [_Part(shares, index) for index in range(len(keys))]
    priorities = _priorities(tenant, parts, held)
    return tuple(
        Namespace(name, key, _quota(tenant.quota, part), accelerators, classes)
        for name, key, part, accelerators, classes in zip(names, keys, parts, held, priorities, strict=True)
    )


@dataclass(frozen=True)
class _Part:
    """The part of one namespace: index 0 is the main one, which keeps the rest of what `shares` leave."""

    shares: tuple[int, ...]
    index: int

    def of(self, whole: Decimal, step: Decimal = Decimal(1)) -> Decimal:
        """Its part of an amount, in whole steps; the parts of all namespaces add up to the amount."""
        if self.index:
            return whole * self.shares[self.index - 1] // 100 // step * step
        return whole - sum((whole * share // 100 // step * step for share in self.shares), Decimal(0))

    def cores(self, text: str) -> str:
        return quantity.render(self.of(quantity.parse(text) / _MILLI) * _MILLI, binary=False)

    def size(self, text: str, step: Decimal = Decimal(1)) -> str:
        return quantity.render(self.of(quantity.parse(text), step), binary=text.endswith("i"))

    def count(self, whole: int) -> int:
        return int(self.of(Decimal(whole)))


def _accelerators(tenant: Tenant) -> list[dict[str, int]]:
    """The accelerators of each namespace, the main one first: an extra one has what its entry says."""
    taken = [dict(extra.accelerators) for extra in tenant.namespaces.values()]
    kept = {
        name: count - sum(part.get(name, 0) for part in taken) for name, count in tenant.accelerators.items()
    }
    return [kept, *taken]


def _quota(quota: Quota, part: _Part) -> Quota:
    counts = {name: part.count(count) for name, count in quota.objects.model_dump().items()}
    # Not validated: a small part of a size that was meant may be less than anybody would write.
    return Quota.model_construct(
        cpu=part.cores(quota.cpu),
        memory=part.size(quota.memory),
        ephemeral_storage=part.size(quota.ephemeral_storage),
        storage={name: part.size(text) for name, text in quota.storage.items()},
        objects=Objects(**counts),
        other={key: part.size(text, quantity.step(key)) for key, text in quota.other.items()},
    )


def _priorities(
    tenant: Tenant, parts: Iterable[_Part], held: list[dict[str, int]]
) -> list[dict[str, PriorityGrant]]:
    """What each namespace may use of each PriorityClass."""
    devices = {name: _apportioned(grant.accelerators, held) for name, grant in tenant.priorities.items()}
    return [
        {
            name: PriorityGrant.model_construct(
                pods=part.count(grant.pods),
                cpu=_map(part.cores, grant.cpu),
                memory=_map(part.size, grant.memory),
                accelerators=devices[name][index],
            )
            for name, grant in tenant.priorities.items()
        }
        for index, part in enumerate(parts)
    ]


def _apportioned(grants: dict[str, int], held: list[dict[str, int]]) -> list[dict[str, int]]:
    """Grants by namespace, in proportion to what each holds; what is left goes to the largest remainders.

    Nobody gets more than it holds, as long as no grant is more than all hold together.
    """
    parts: list[dict[str, int]] = [{} for _ in held]
    for name, count in grants.items():
        weights = [part.get(name, 0) for part in held]
        total = sum(weights)
        exact = [divmod(count * weight, total) if total else (0, 0) for weight in weights]
        left = count - sum(whole for whole, _ in exact) if total else 0
        largest = sorted(range(len(held)), key=lambda index: -exact[index][1])[:left]
        for index, (whole, _) in enumerate(exact):
            parts[index][name] = whole + (index in largest)
    return parts


def _map(change: Callable[[str], str], text: str | None) -> str | None:
    return None if text is None else change(text)
