"""Whatever tenant validates survives being written and read again, and its parts add up."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml as pyyaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from model import InvalidConfiguration, Tenant, load, quantity
from model.namespaces import namespaces
from tests.unit.model import corpus

Strategy = st.SearchStrategy[Any]

labels = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
characters = st.characters(min_codepoint=32, max_codepoint=0x17F, exclude_categories=("C", "Z"))
texts = st.text(characters, min_size=1)
sizes = st.tuples(st.integers(1, 5000), st.sampled_from(["Mi", "Gi", "M"])).map(
    lambda size: f"{size[0]}{size[1]}"
)
ports: Strategy = st.tuples(st.integers(1, 60_000), st.integers(0, 5_000)).map(
    lambda ends: {"port": ends[0], "end_port": sum(ends)}
)
addresses = st.integers(0, 255).map(lambda number: f"192.0.2.{number}/32")
members: Strategy = st.dictionaries(
    st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,8}", fullmatch=True),
    st.fixed_dictionaries({"role": st.sampled_from(["admin", "developer", "viewer"])}),
    max_size=3,
)
egress: Strategy = st.dictionaries(
    labels,
    st.fixed_dictionaries(
        {
            "cidrs": st.lists(addresses, min_size=1, max_size=3, unique=True),
            "ports": st.lists(ports, min_size=1, max_size=2, unique_by=str),
            "reason": texts,
        }
    ),
    max_size=3,
)
tenants: Strategy = st.fixed_dictionaries(
    {
        "name": st.just("a"),
        "profile": st.sampled_from(["research", "sandbox"]),
        "description": texts,
        "owner": st.just("a@example.com"),
    },
    optional={
        "accelerators": st.dictionaries(st.sampled_from(["a100", "mig-1g", "shared"]), st.integers(0, 7)),
        "quota": st.fixed_dictionaries(
            {},
            optional={
                "cpu": st.integers(0, 500),
                "memory": sizes,
                "storage": st.dictionaries(st.sampled_from(["standard", "fast"]), sizes),
                "objects": st.fixed_dictionaries({}, optional={"pods": st.integers(0, 300)}),
            },
        ),
        "namespaces": st.dictionaries(
            labels, st.fixed_dictionaries({"share": st.integers(1, 60)}), max_size=3
        ),
        "shared_folders": st.fixed_dictionaries(
            {},
            optional={
                "datasets": st.just("read-only"),
                "scratch": st.sampled_from(["read-only", "read-write"]),
            },
        ),
        "members": members,
        "network": st.fixed_dictionaries({}, optional={"egress": egress, "internet": st.booleans()}),
        "labels": st.dictionaries(labels, labels, max_size=2),
        "state": st.sampled_from(["active", "frozen", "retired"]),
    },
)


def loaded(raw: dict[str, Any]) -> Tenant | None:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tenants/test").mkdir(parents=True)
        (root / "Pulumi.test.yaml").write_bytes((corpus.FOLDER / "Pulumi.test.yaml").read_bytes())
        text = pyyaml.safe_dump(raw, allow_unicode=True, default_style='"')
        (root / "tenants/test/a.yaml").write_text(unquoted(text), "utf-8")
        try:
            (tenant,) = load(root, "test").tenants
        except InvalidConfiguration:
            return None
        return tenant


def unquoted(text: str) -> str:
    """PyYAML's tags for quoted numbers and booleans, taken away again: `!!int "4"` is 4."""
    for tag in ("int", "bool", "null"):
        parts = text.split(f'!!{tag} "')
        text = parts[0] + "".join(part.replace('"', "", 1) for part in parts[1:])
    return text


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(tenants)
def test_a_valid_tenant_survives_a_round_trip(raw: dict[str, Any]):
    tenant = loaded(raw)
    if tenant is None:
        return
    again = loaded(tenant.model_dump(mode="json"))
    assert again == tenant


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(tenants)
def test_the_namespaces_of_a_valid_tenant_share_exactly_its_quota(raw: dict[str, Any]):
    tenant = loaded(raw)
    if tenant is None:
        return
    parts = [each.quota for each in namespaces(tenant)]
    for name in ("cpu", "memory", "ephemeral_storage"):
        total = sum(quantity.parse(getattr(part, name)) for part in parts)
        assert total == quantity.parse(getattr(tenant.quota, name))
    assert sum(part.objects.pods for part in parts) == tenant.quota.objects.pods
    assert all(count >= 0 for each in namespaces(tenant) for count in each.accelerators.values())


def test_the_generator_makes_valid_tenants():
    found: list[Tenant] = []

    @settings(deadline=None, database=None, max_examples=60, derandomize=True)
    @given(tenants)
    def collect(raw: dict[str, Any]) -> None:
        tenant = loaded(raw)
        if tenant is not None:
            found.append(tenant)

    collect()
    assert len(found) >= 15
