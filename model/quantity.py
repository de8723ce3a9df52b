"""Kubernetes quantities: exact values, and the spelling the API server gives back.

The API server stores every quantity in its canonical form (`apimachinery/pkg/api/resource`): no
fraction, the largest suffix that loses nothing. A program that writes another spelling would see its
own spelling as drift at the next refresh, so the model canonicalises at the door.
"""

import re
from decimal import Context, Decimal
from functools import lru_cache

_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}
_PATTERN = re.compile(r"((?:0|[1-9][0-9]{0,21})(?:\.[0-9]{1,9})?)(Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E)?")
HUGE_PAGES = re.compile(r"(?:requests\.)?hugepages-(?P<page>[1-9][0-9]*(?:Ki|Mi|Gi))")
"""Quota keys of huge pages, with the size of a page."""

_EXACT = Context(prec=64)
"""The default of 28 digits would round what the pattern admits."""

LARGEST = Decimal(2**63 - 1)
"""The API server clamps what is larger."""
_MEBIBYTE = Decimal(2**20)


@lru_cache(maxsize=4096)
def parse(text: str) -> Decimal:
    """The value of a quantity such as `500m`, `64` or `1.5Gi`, in units (cores, bytes, objects).

    Raises ValueError for anything else; signs, exponents (`1e3`) and leading zeros are refused on purpose.
    """
    match = _PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a quantity; write a number such as 8, 500m, 64Gi or 2Ti")
    number, suffix = match.group(1), match.group(2) or ""
    value = _EXACT.multiply(Decimal(number), _factor(suffix))
    thousandths = _EXACT.multiply(value, Decimal(1000))
    if thousandths != thousandths.to_integral_value(context=_EXACT):
        raise ValueError(f"{text!r} is finer than a thousandth, the smallest step Kubernetes keeps")
    if value > LARGEST:
        raise ValueError(f"{text!r} is larger than Kubernetes can hold")
    return value


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The spelling of a quantity that the API server returns: `1024Mi` is `1Gi`, `0.5` is `500m`."""
    return render(parse(text), binary=text.endswith("i"))


@lru_cache(maxsize=4096)
def cores(text: str) -> str:
    """The canonical spelling of an amount of cores. Raises ValueError, also for a unit of bytes."""
    value = parse(text)
    suffix = text.lstrip("0123456789.")
    if suffix not in ("", "m", "k"):
        raise ValueError(f"{text!r} is no amount of cores; write a number such as 8, 0.5 or 500m")
    return render(value, binary=False)


@lru_cache(maxsize=4096)
def size(text: str) -> str:
    """The canonical spelling of an amount of bytes: 0, or whole bytes from 1Mi. Raises ValueError.

    Less is always a unit that was forgotten: no container and no volume lives on 64 bytes.
    """
    value = parse(text)
    if 0 < value < _MEBIBYTE:
        unit = "a unit such as Mi or Gi" if text[-1].isdigit() else "Mi, Gi or Ti"
        raise ValueError(f"{text!r} is less than 1Mi, and sizes are in bytes; write {unit}")
    if value != value.to_integral_value(context=_EXACT):
        nearest = int(value / _MEBIBYTE)
        raise ValueError(f"{text!r} is not a whole number of bytes; write {nearest}Mi")
    return render(value, binary=text.endswith("i"))


def step(key: str) -> Decimal:
    """The smallest amount of a quota key beside cpu: one object, one device, one byte, one huge page."""
    match = HUGE_PAGES.fullmatch(key)
    return parse(match["page"]) if match else Decimal(1)


def render(value: Decimal, *, binary: bool) -> str:
    """The canonical spelling of a value, in powers of 1024 where `binary` and nothing is lost."""
    if value == 0:
        return "0"
    # Below 1024 the API server falls back to decimal suffixes, as it does for a fraction of a unit.
    if binary and value >= 1024 and value == value.to_integral_value():
        return _largest(value, _BINARY, Decimal(1024))
    return _largest(value, _DECIMAL, Decimal(1000))


def _largest(value: Decimal, suffixes: dict[str, int], base: Decimal) -> str:
    for suffix, power in sorted(suffixes.items(), key=lambda item: -item[1]):
        count = value / base**power
        if count == count.to_integral_value() and count >= 1:
            return f"{int(count)}{suffix}"
    return str(int(value))


def _factor(suffix: str) -> Decimal:
    if suffix in _BINARY:
        return Decimal(1024) ** _BINARY[suffix]
    return Decimal(1000) ** _DECIMAL[suffix]
