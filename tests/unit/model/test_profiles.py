"""The product's profiles are complete, safe, and what they say they are."""

from typing import Any

import pytest
from pydantic import BaseModel

from model import PodSecurity, Tenant, profile
from model.merge import merge
from model.scalars import Classification, duration

IDENTITY = {"name": "someone", "description": "Someone", "owner": "someone@example.com"}
NAMES = ("confidential", "research", "sandbox", "web")


def tenant(name: str) -> Tenant:
    return Tenant.model_validate(merge(profile.built_in()[name], {**IDENTITY, "profile": name}))


def test_the_product_brings_four():
    assert tuple(sorted(profile.built_in())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_sets_every_field_but_those_of_one_tenant(name: str):
    expected = set(Tenant.model_fields) - profile.PERSONAL
    assert set(profile.built_in()[name]) == expected


@pytest.mark.parametrize("name", NAMES)
def test_leaves_no_default_to_chance_in_the_parts_it_fills(name: str):
    raw = profile.built_in()[name]
    for key in ("quota", "limits", "network", "credentials", "codespaces"):
        part = Tenant.model_fields[key].annotation
        assert isinstance(part, type)
        assert issubclass(part, BaseModel)
        required = {name for name, field in part.model_fields.items() if field.is_required()}
        given: Any = raw[key]
        assert required <= set(given)


@pytest.mark.parametrize("name", NAMES)
def test_is_restricted_without_exemptions_and_grants_no_way_around_the_network(name: str):
    one = tenant(name)
    assert one.pod_security is PodSecurity.RESTRICTED
    assert one.exemptions == {}
    assert one.quota.objects.node_ports == 0
    assert one.quota.objects.load_balancers == 0
    assert not one.network.api_server
    assert one.accelerators == {}


def test_research_reaches_the_internet_and_serves_nothing():
    assert tenant("research").network.internet
    assert tenant("research").network.load_balancer_ports == ()


def test_web_serves_and_has_no_internet():
    assert tenant("web").network.load_balancer_ports
    assert not tenant("web").network.internet


def test_confidential_keeps_nothing_and_opens_nothing():
    one = tenant("confidential")
    assert one.classification is Classification.CONFIDENTIAL
    assert one.quota.objects.persistent_volume_claims == 0
    assert one.quota.storage == {}
    assert not one.network.internet
    assert not one.codespaces.parts
    others = [tenant(name) for name in NAMES if name != "confidential"]
    assert all(duration(one.credentials.lifetime) < duration(other.credentials.lifetime) for other in others)


def test_a_cluster_lays_its_own_over_the_products():
    profiles, findings = profile.resolve({"web": {"quota": {"cpu": 4}, "limits": {"max_claim": None}}})
    assert findings == []
    quota: Any = profiles["web"]["quota"]
    limits: Any = profiles["web"]["limits"]
    assert quota == {**profile.built_in()["web"]["quota"], "cpu": 4}  # pyright: ignore[reportGeneralTypeIssues]
    assert "max_claim" not in limits


def test_a_new_profile_builds_on_others_in_turn():
    own = {
        "inference": {"extends": "serving", "quota": {"cpu": 8}},
        "serving": {"extends": "web", "quota": {"cpu": 4, "memory": "1Gi"}},
        "web": {"pod_security": "baseline"},
    }
    profiles, findings = profile.resolve(own)
    assert findings == []
    quota: Any = profiles["inference"]["quota"]
    assert (quota["cpu"], quota["memory"]) == (8, "1Gi")
    assert profiles["inference"]["pod_security"] == "baseline"
    assert "extends" not in profiles["inference"]
