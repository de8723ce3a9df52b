"""NetworkPolicies by what a tenant declares, and the floor in the words of each policy engine."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.policy_engines.reach import within
from tests.unit.components.conftest import Build, tenant
from tests.unit.components.recorder import Program

NETWORK: dict[str, Any] = {
    "pod_cidrs": ["10.244.0.0/16"],
    "service_cidrs": ["10.96.0.0/16"],
    "dns": {"service_ip": "10.96.0.10/32"},
    "load_balancer_subnets": ["10.65.0.0/24"],
    "api_server": {"cidrs": ["10.1.1.1/32"], "port": 6443},
}
ALWAYS = {"default-deny", "own-namespaces", "dns"}


def closed(name: str, **network: Any) -> dict[str, Any]:
    """A tenant that opens nothing but what a test says."""
    return tenant(name, network={"internet": False, "load_balancer_ports": [], **network})


def policies(made: Program, namespace: str) -> dict[str, Any]:
    return {name: each.spec for name, each in made.of("NetworkPolicy", namespace).items()}


@pytest.mark.parametrize(
    ("stance", "opened"),
    [
        ({}, set[str]()),
        ({"internet": True}, {"internet"}),
        ({"api_server": True}, {"api-server"}),
        ({"load_balancer_ports": [{"port": 8080}]}, {"load-balancers"}),
        (
            {"egress": {"db": {"cidrs": ["192.0.2.0/24"], "ports": [{"port": 5432}], "reason": "Its data"}}},
            {"egress-db"},
        ),
    ],
)
def test_each_stance_is_a_policy_of_its_own(build: Build, stance: dict[str, Any], opened: set[str]) -> None:
    made = build(closed("vision", **stance), network=NETWORK)
    assert set(policies(made, "vision")) == ALWAYS | opened


def test_what_is_always_there(build: Build) -> None:
    fields = {**closed("vision"), "namespaces": {"extra": {"share": 10}}}
    found = policies(build(fields, network=NETWORK), "vision-extra")
    assert found["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    names = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["vision", "vision-extra"]}
    peers = [{"namespaceSelector": {"matchExpressions": [names]}}]
    assert found["own-namespaces"] == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": peers}],
        "egress": [{"to": peers}],
    }
    (rule,) = found["dns"]["egress"]
    assert rule["ports"] == [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]
    assert rule["to"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        },
        {"ipBlock": {"cidr": "10.96.0.10/32"}},
    ]


def test_egress_keeps_its_reason(build: Build) -> None:
    ports = [{"port": 5432}, {"port": 6000, "end_port": 6010, "protocol": "UDP"}]
    egress = {"db": {"cidrs": ["192.0.2.0/24", "2001:db8::/48"], "ports": ports, "reason": "Its data"}}
    policy = build(closed("vision", egress=egress), network=NETWORK)["NetworkPolicy vision/egress-db"]
    assert policy.metadata["annotations"] == {"tenancy.dev/reason": "Its data"}
    assert policy.spec["egress"] == [
        {
            "to": [{"ipBlock": {"cidr": "192.0.2.0/24"}}, {"ipBlock": {"cidr": "2001:db8::/48"}}],
            "ports": [
                {"port": 5432, "protocol": "TCP"},
                {"port": 6000, "endPort": 6010, "protocol": "UDP"},
            ],
        }
    ]


def test_load_balancers_and_api_server_by_address_and_port(build: Build) -> None:
    found = policies(
        build(closed("vision", load_balancer_ports=[{"port": 8080}], api_server=True), network=NETWORK),
        "vision",
    )
    assert found["load-balancers"]["policyTypes"] == ["Ingress"]
    assert found["load-balancers"]["ingress"] == [
        {"from": [{"ipBlock": {"cidr": "10.65.0.0/24"}}], "ports": [{"port": 8080, "protocol": "TCP"}]}
    ]
    assert found["api-server"]["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.1.1.1/32"}}], "ports": [{"port": 6443, "protocol": "TCP"}]}
    ]


def test_the_internet_is_https_to_public_addresses(build: Build) -> None:
    public = {**NETWORK, "pod_cidrs": ["198.51.100.0/24"]}
    (rule,) = policies(build(closed("vision", internet=True), network=public), "vision")["internet"]["egress"]
    assert rule["ports"] == [{"port": 443, "protocol": "TCP"}]
    four, six = (peer["ipBlock"] for peer in rule["to"])
    assert (four["cidr"], six["cidr"]) == ("0.0.0.0/0", "::/0")
    for hidden in ("169.254.169.254/32", "10.65.0.1/32", "198.51.100.7/32", "192.168.0.1/32", "127.0.0.1/32"):
        assert any(within(hidden, cidr) for cidr in four["except"]), hidden
    for hidden in ("fd00:ec2::254/128", "fe80::1/128"):
        assert any(within(hidden, cidr) for cidr in six["except"]), hidden


def test_neighbours_reach_the_ports_that_the_other_offers(build: Build) -> None:
    made = build(
        closed("server", neighbours={"client": {"ports": [{"port": 8080}]}}),
        closed("client", neighbours={"server": {}}),
        closed("stranger"),
        network=NETWORK,
    )
    server, client = policies(made, "server"), policies(made, "client")
    ports = [{"port": 8080, "protocol": "TCP"}]
    assert (server["neighbour-client"]["ingress"][0]["ports"], server["neighbour-client"]["egress"]) == (
        ports,
        [],
    )
    assert (client["neighbour-server"]["egress"][0]["ports"], client["neighbour-server"]["ingress"]) == (
        ports,
        [],
    )
    assert set(policies(made, "stranger")) == ALWAYS


@pytest.mark.parametrize("others", [["server"], []], ids=["forgotten", "gone"])
def test_a_retired_tenant_may_name_neighbours_that_do_not_name_it(build: Build, others: list[str]) -> None:
    leaving = {**closed("client", neighbours={"server": {"ports": [{"port": 80}]}}), "state": "retired"}
    made = build(leaving, *(closed(name) for name in others), network=NETWORK)
    assert set(policies(made, "client")) == ALWAYS


FLOORS: dict[str, tuple[dict[str, Any], str, str]] = {
    "calico": ({"calico": {}}, "GlobalNetworkPolicy", "GlobalNetworkPolicy"),
    "admin": ({"policy_api": "AdminNetworkPolicy"}, "AdminNetworkPolicy", "BaselineAdminNetworkPolicy"),
    "cluster": ({"policy_api": "ClusterNetworkPolicy"}, "ClusterNetworkPolicy", "ClusterNetworkPolicy"),
}


@pytest.mark.parametrize("engine", FLOORS)
def test_every_tenant_is_isolated_before_anybody_is_let_in(build: Build, engine: str) -> None:
    network, isolation, floor = FLOORS[engine]
    made = build(closed("vision"), closed("speech"), network=NETWORK | network)
    assert {"tenancy-vision", "tenancy-speech"} <= set(made.of(isolation))
    floors = {each.metadata["name"] for each in made.of(floor).values()} - {
        "tenancy-vision",
        "tenancy-speech",
    }
    assert floors == ({"default"} if engine == "admin" else {"tenancy-default-deny"})
    assert f"{floor} tenancy-default-deny" in made["Namespace vision"].depends_on
    claimed = {(kind, name) for _, kind, name in made["Claims trial"].inputs["objects"]}
    assert {(isolation, "tenancy-vision"), (isolation, "tenancy-speech"), (floor, *floors)} <= claimed


def test_a_cluster_without_a_policy_engine_is_warned_of(build: Build) -> None:
    made = build(closed("vision"), network=NETWORK)
    assert [warning.partition(":")[0] for warning in made.warnings] == ["No network floor"]
    assert not [
        each for each in made.made.values() if each.kind.endswith("NetworkPolicy") and "tenancy-" in each.name
    ]


def calico(made: Program, name: str) -> Any:
    return made.of("GlobalNetworkPolicy")[name].spec


def test_calico_isolation_only_denies_and_stands_before_the_tenants_policies(build: Build) -> None:
    made = build(
        closed("vision", neighbours={"speech": {"ports": [{"port": 80}]}}),
        closed("speech", neighbours={"vision": {}}),
        closed("web"),
        network=NETWORK | {"calico": {}},
    )
    isolation = calico(made, "tenancy-vision")
    # Kubernetes NetworkPolicies have order 1000.
    assert isolation["order"] < 1000 < calico(made, "tenancy-default-deny")["order"]
    assert {rule["action"] for rule in (*isolation["ingress"], *isolation["egress"])} == {"Deny"}
    assert isolation["namespaceSelector"] == "kubernetes.io/metadata.name in { 'vision' }"
    stranger = isolation["ingress"][0]["source"]["namespaceSelector"]
    known = stranger.partition("not in")[2]
    assert "'speech'" in known
    assert "'kube-system'" in known
    assert "'web'" not in known
    assert "'speech'" not in calico(made, "tenancy-web")["ingress"][0]["source"]["namespaceSelector"]
    metadata = isolation["egress"][0]["destination"]["nets"]
    assert metadata == ["169.254.169.254/32"]


def test_calico_floor_denies_what_nobody_opened(build: Build) -> None:
    floor = calico(build(network=NETWORK | {"calico": {}}), "tenancy-default-deny")
    for side in ("ingress", "egress"):
        assert floor[side][-1] == {"action": "Deny"}
        assert {rule["action"] for rule in floor[side][:-1]} == {"Allow"}
    assert floor["ingress"][0]["source"] == {"nets": ["10.65.0.0/24"]}
    assert all(rule["destination"]["ports"] == [53] for rule in floor["egress"][:-1])
    assert "'kube-system'" in floor["namespaceSelector"].partition("not in")[2]


def test_calico_by_its_own_crds_has_the_tier_in_its_names(build: Build) -> None:
    made = build(closed("vision"), network=NETWORK | {"calico": {"api_version": "crd.projectcalico.org/v1"}})
    names = {"default.tenancy-vision", "default.tenancy-default-deny"}
    assert set(made.of("GlobalNetworkPolicy")) == names
    assert names < {name for _, _, name in made["Claims trial"].inputs["objects"]}


@pytest.mark.parametrize(
    ("api", "version", "allow"),
    [("AdminNetworkPolicy", "v1alpha1", "Allow"), ("ClusterNetworkPolicy", "v1alpha2", "Accept")],
)
def test_the_upstream_apis_in_their_own_words(build: Build, api: str, version: str, allow: str) -> None:
    made = build(closed("vision"), network=NETWORK | {"policy_api": api})
    isolation = made.of(api)["tenancy-vision"]
    assert isolation.inputs["apiVersion"] == f"policy.networking.k8s.io/{version}"
    assert isolation.spec["subject"] == {
        "namespaces": {
            "matchExpressions": [
                {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["vision"]}
            ]
        }
    }
    cluster = api == "ClusterNetworkPolicy"
    assert isolation.spec.get("tier") == ("Admin" if cluster else None)
    assert {rule["action"] for rule in isolation.spec["egress"]} == {"Pass", "Deny"}
    floor = made[
        f"{'ClusterNetworkPolicy' if cluster else 'BaselineAdminNetworkPolicy'} tenancy-default-deny"
    ]
    assert floor.spec.get("tier") == ("Baseline" if cluster else None)
    assert floor.spec["egress"][0]["action"] == allow
    assert floor.spec["egress"][-1]["action"] == "Deny"
    ported = floor.spec["egress"][0]
    assert ported.get("protocols" if cluster else "ports")
    assert ("ports" if cluster else "protocols") not in ported


@given(st.ip_addresses(v=4).map(str), st.integers(0, 32), st.integers(0, 32))
def test_a_cidr_lies_within_the_wider_ones_of_its_own_address(address: str, one: int, other: int) -> None:
    from ipaddress import ip_network

    narrow, wide = (
        str(ip_network(f"{address}/{n}", strict=False)) for n in (max(one, other), min(one, other))
    )
    assert within(narrow, wide)
    assert within(wide, narrow) == (one == other)
    assert not within(narrow, "::/0")
