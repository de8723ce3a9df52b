"""How a tenant's quota divides over its namespaces."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from model import names, quantity
from model.tenant import Objects, Quota, Tenant


@dataclass(frozen=True)
class Namespace:
    """One namespace of a tenant, with its part of the tenant's quota and accelerators."""

    name: str
    key: str | None
    """Key among the tenant's extra namespaces; None for the main one."""
    quota: Quota
    accelerators: dict[str, int]
    """Grants by catalogue key."""


def namespaces(tenant: Tenant) -> tuple[Namespace, ...]:
    """All namespaces of a tenant, the main one first; it keeps what the extra ones do not take."""
    shares = {key: extra.share for key, extra in tenant.namespaces.items()}
    taken = {key: dict(extra.accelerators) for key, extra in tenant.namespaces.items()}
    kept = {
        name: count - sum(part.get(name, 0) for part in taken.values())
        for name, count in tenant.accelerators.items()
    }
    main = Namespace(tenant.main_namespace, None, _remainder(tenant.quota, tuple(shares.values())), kept)
    return (
        main,
        *(
            Namespace(
                names.extra_namespace(tenant.main_namespace, key),
                key,
                _share(tenant.quota, share),
                taken[key],
            )
            for key, share in shares.items()
        ),
    )


def _share(quota: Quota, percent: int) -> Quota:
    """`percent` of everything, rounded down to whole bytes, objects and thousandths of a core."""
    return _map(quota, lambda whole: whole * percent // 100)


def _remainder(quota: Quota, shares: tuple[int, ...]) -> Quota:
    return _map(quota, lambda whole: whole - sum((whole * share // 100 for share in shares), Decimal(0)))


def _map(quota: Quota, change: Callable[[Decimal], Decimal]) -> Quota:
    def size(text: str) -> str:
        return quantity.render(change(quantity.parse(text)), binary=text.endswith("i"))

    counts = {name: int(change(Decimal(count))) for name, count in quota.objects.model_dump().items()}
    return Quota(
        cpu=quantity.render(change(quantity.parse(quota.cpu) * 1000) / 1000, binary=False),
        memory=size(quota.memory),
        ephemeral_storage=size(quota.ephemeral_storage),
        storage={name: size(text) for name, text in quota.storage.items()},
        objects=Objects(**counts),
        other=quota.other,
    )
