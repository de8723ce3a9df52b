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

_EXACT = Context(prec=64)
"""The default of 28 digits would round what the pattern admits."""


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
    if value > 2**63 - 1:
        raise ValueError(f"{text!r} is larger than Kubernetes can hold")
    return value


@lru_cache(maxsize=4096)
def canonical(text: str) -> str:
    """The spelling of a quantity that the API server returns: `1024Mi` is `1Gi`, `0.5` is `500m`."""
    return render(parse(text), binary=text.endswith("i"))


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
