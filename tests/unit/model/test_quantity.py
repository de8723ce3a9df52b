"""Canonical quantities are those of k8s.io/apimachinery/pkg/api/resource.

The table holds what `CanonicalizeBytes` of apimachinery gives for the same input, and follows the cases of
its quantity_test.go: suffixes up and down, fractions, and where a binary suffix gives way to a decimal one.
"""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model import quantity

CANONICAL = {
    "0": "0",
    "0Gi": "0",
    "0.0": "0",
    "1": "1",
    "64": "64",
    "999": "999",
    "1000": "1k",
    "1024": "1024",
    "1500": "1500",
    "2000": "2k",
    "1000000": "1M",
    "1234567": "1234567",
    "500m": "500m",
    "1000m": "1",
    "1500m": "1500m",
    "0.5": "500m",
    "0.1": "100m",
    "1.5": "1500m",
    "2.50": "2500m",
    "0.001": "1m",
    "1k": "1k",
    "1000k": "1M",
    "1.5k": "1500",
    "0.5k": "500",
    "1.234M": "1234k",
    "1M": "1M",
    "1G": "1G",
    "1T": "1T",
    "1P": "1P",
    "1E": "1E",
    "1500M": "1500M",
    "1Ki": "1Ki",
    "1024Ki": "1Mi",
    "1536Ki": "1536Ki",
    "1000Ki": "1000Ki",
    "1023Ki": "1023Ki",
    "1025Mi": "1025Mi",
    "1024Mi": "1Gi",
    "1.5Gi": "1536Mi",
    "0.5Gi": "512Mi",
    "1Ti": "1Ti",
    "1Pi": "1Pi",
    "7Ei": "7Ei",
    # Below 1024, and where a whole number would lose something, a binary suffix gives way.
    "0.5Ki": "512",
    "0.3Ki": "307200m",
    "1.1Gi": "1181116006400m",
    "0.001Ki": "1024m",
}

REFUSED = (
    *("1e3", "1E3", "1.5e3", ".5", "5.", "01", "007Gi", "1Kib", "1KB", "1gi", "1K", "1n", "100u", "-1"),
    *("+1", "ten", "1,5", "1_000", "", " 1", "1 ", "1\n", "\u0661", "0.0001", "0.1m", "9" * 40, "8Ei"),
    "9223372036854775808",
)


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical(text: str):
    assert quantity.canonical(text) == CANONICAL[text]


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str):
    with pytest.raises(ValueError, match=r"quantity|thousandth|larger"):
        quantity.canonical(text)


@settings(deadline=None)
@given(
    st.integers(0, 10**9),
    st.none() | st.integers(0, 999),
    st.sampled_from(["", "m", "k", "M", "G", "Ki", "Mi", "Gi"]),
)
def test_canonical_is_idempotent_and_keeps_the_value(whole: int, fraction: int | None, suffix: str):
    text = f"{whole}{suffix}" if fraction is None else f"{whole}.{fraction}{suffix}"
    try:
        value = quantity.parse(text)
    except ValueError:
        return
    canonical = quantity.canonical(text)
    assert quantity.parse(canonical) == value
    assert quantity.canonical(canonical) == canonical


def test_values():
    assert quantity.parse("500m") == Decimal("0.5")
    assert quantity.parse("64Gi") == 64 * 2**30
    assert quantity.parse("2k") == 2000


@pytest.mark.parametrize(
    ("text", "canonical"), [("0", "0"), ("0.5", "500m"), ("1500m", "1500m"), ("2k", "2k")]
)
def test_cores(text: str, canonical: str):
    assert quantity.cores(text) == canonical


@pytest.mark.parametrize("text", ["1Gi", "64Mi", "1M", "1G", "-1", "0.0001"])
def test_what_is_no_amount_of_cores(text: str):
    with pytest.raises(ValueError, match=r"is no amount of cores|is not a quantity|finer than"):
        quantity.cores(text)


@pytest.mark.parametrize(
    ("text", "canonical"), [("0", "0"), ("1Mi", "1Mi"), ("1.5Gi", "1536Mi"), ("2M", "2M")]
)
def test_size(text: str, canonical: str):
    assert quantity.size(text) == canonical


@pytest.mark.parametrize("text", ["1", "64", "512Ki", "128m", "1000000", "1048575", "1.1Gi"])
def test_what_is_no_size(text: str):
    with pytest.raises(
        ValueError, match=r"is less than 1Mi, and sizes are in bytes|not a whole number of bytes"
    ):
        quantity.size(text)
