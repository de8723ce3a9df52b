"""Stacks made up by hypothesis: valid ones, with everything in them that makes objects."""

import json
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

import model

Strategy = st.SearchStrategy[Any]

NAMES = ("ant", "bee", "cat", "dog")
_labels = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
_texts = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x17F, exclude_categories=("C", "Z")), min_size=1
)
_sizes = st.tuples(st.integers(1, 900), st.sampled_from(["Mi", "Gi", "Ti", "M", "G"])).map(
    lambda size: f"{size[0]}{size[1]}"
)
_ports: Strategy = st.lists(
    st.tuples(
        st.sampled_from([22, 53, 80, 443, 5432, 8080, 60_000]),
        st.sampled_from([None, 0, 1, 700]),
        st.sampled_from(["TCP", "TCP", "UDP", "SCTP"]),
    ).map(lambda port: _port(*port)),
    min_size=1,
    max_size=3,
    unique_by=str,
)
# Nested in each other, public, private, and around private ranges.
_CIDRS = (
    "8.0.0.0/8",
    "8.8.8.0/24",
    "8.8.8.8/32",
    "10.60.0.0/16",
    "10.60.9.0/28",
    "172.0.0.0/8",
    "192.168.77.0/24",
    "2001:4860::/32",
    "2001:4860:4860::8888/128",
    "fd12:3456::/32",
)
_WIDE = ("8.0.0.0/8", "172.0.0.0/8", "2001:4860::/32", "fd12:3456::/32")
_egress: Strategy = st.dictionaries(
    _labels,
    st.fixed_dictionaries(
        {
            "cidrs": st.lists(st.sampled_from(_CIDRS), min_size=1, max_size=3, unique=True),
            "ports": _ports,
            "reason": _texts,
        }
    ),
    max_size=4,
)
_quota: Strategy = st.fixed_dictionaries(
    {
        "objects": st.fixed_dictionaries(
            {"persistent_volume_claims": st.just(9), "resource_claims": st.just(9)},
            optional={"pods": st.integers(50, 300), "node_ports": st.just(1)},
        )
    },
    optional={
        "cpu": st.integers(8, 5000),
        "memory": st.integers(32, 9000).map(lambda size: f"{size}Gi"),
        "storage": st.dictionaries(st.sampled_from(["standard", "fast"]), _sizes),
        "other": st.dictionaries(
            st.sampled_from(["count/ingresses.networking.k8s.io", "requests.example.com/fpga"]),
            st.integers(0, 50),
        ),
    },
)
_accounts: Strategy = st.dictionaries(
    _labels,
    st.sampled_from([{}, {"role": "developer"}, {"role": "viewer"}, {"watches": True}]),
    max_size=3,
)
_tenant: Strategy = st.fixed_dictionaries(
    {
        "profile": st.sampled_from(["research", "sandbox", "web", "confidential"]),
        "description": _texts,
        "owner": st.just("owner@example.com"),
        "credentials": st.just({"kind": "client-certificate"}),
        "quota": _quota,
    },
    optional={
        "accelerators": st.dictionaries(
            st.sampled_from(["a100", "mig-1g", "shared", "l40s"]), st.integers(0, 3)
        ),
        "namespaces": st.dictionaries(
            _labels, st.fixed_dictionaries({"share": st.integers(5, 45)}), max_size=2
        ),
        "shared_folders": st.fixed_dictionaries(
            {},
            optional={
                "datasets": st.just("read-only"),
                "scratch": st.sampled_from(["read-only", "read-write"]),
            },
        ),
        "service_accounts": _accounts,
        "members": st.dictionaries(
            _labels, st.just({"role": "developer", "oidc_groups": ["crew"]}), max_size=1
        ),
        "labels": st.dictionaries(_labels, _labels, max_size=2),
        "priorities": st.just({"batch": {"pods": 5, "cpu": 1, "memory": "1Gi"}}),
        "state": st.sampled_from(["active", "active", "frozen", "retired"]),
    },
)
_network: Strategy = st.fixed_dictionaries(
    {},
    optional={
        "internet": st.booleans(),
        "api_server": st.booleans(),
        "egress": _egress,
        "load_balancer_ports": _ports,
    },
)
_ENGINES: tuple[dict[str, Any], ...] = (
    {"calico": {}},
    {"policy_api": "ClusterNetworkPolicy"},
    {"policy_api": "AdminNetworkPolicy"},
)


def _port(port: int, length: int | None, protocol: str) -> dict[str, Any]:
    ends = {} if length is None else {"end_port": port + length}
    return {"port": port, "protocol": protocol, **ends}


def _cluster(engine: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "drawn",
        "pools": {"gpu": {"labels": {"pool": "gpu"}}},
        "accelerators": {
            "a100": {"resource": "nvidia.com/gpu", "total": 16, "pool": "gpu"},
            "mig-1g": {"resource": "nvidia.com/mig-1g.10gb", "total": 16, "pool": "gpu"},
            "shared": {"resource": "nvidia.com/gpu.shared", "total": 16, "pool": "gpu", "time_sliced": True},
            "l40s": {"device_class": "l40s.example.com", "total": 16, "pool": "gpu"},
        },
        "shared_folders": {
            "datasets": {"nfs": {"server": "nfs.example.com", "path": "/datasets"}},
            "scratch": {
                "csi": {"driver": "nfs.csi.k8s.io", "volume_handle": "scratch"},
                "modes": ["read-only", "read-write"],
            },
        },
        "storage_classes": ["standard", "fast"],
        "priority_classes": {"batch": {"value": 10, "description": "Can wait"}},
        "network": {
            "pod_cidrs": ["10.244.0.0/16", "fd00:244::/48"],
            "service_cidrs": ["10.96.0.0/16"],
            "dns": {"service_ip": "10.96.0.10/32", "node_local": "169.254.20.10/32"},
            "load_balancer_subnets": ["10.65.0.0/24"],
            "api_server": {"cidrs": ["10.66.0.4/32"], "port": 6443},
            **engine,
        },
        "credentials": {
            "kinds": ["client-certificate", "token", "oidc"],
            "oidc": {"issuer": "https://login.example.com"},
        },
        "profiles": {name: {"codespaces": {"enabled": False}} for name in ("research", "sandbox")},
    }


def _confidential(tenant: dict[str, Any], network: dict[str, Any]) -> None:
    """Takes away what confidential data forbids."""
    network["internet"] = False
    tenant.pop("accelerators", None)
    egress = network.get("egress", {})
    for opening in egress.values():
        opening["cidrs"] = [cidr for cidr in opening["cidrs"] if cidr not in _WIDE] or ["10.60.9.0/28"]


@st.composite
def stacks(draw: st.DrawFn) -> model.Stack:
    """A valid stack of up to four tenants, some of them neighbours."""
    names = NAMES[: draw(st.integers(2, 4))]
    tenants: dict[str, Any] = {name: draw(_tenant) for name in names}
    networks: dict[str, Any] = {name: {**draw(_network), "neighbours": {}} for name in names}
    for name in names:
        if tenants[name]["profile"] == "confidential":
            _confidential(tenants[name], networks[name])
    lively = [name for name in names if tenants[name].get("state") != "retired"]
    for one, other in pairwise(lively):
        if draw(st.booleans()):
            networks[one]["neighbours"][other] = {"ports": draw(_ports)}
            networks[other]["neighbours"][one] = draw(st.sampled_from([{}, {"ports": [{"port": 8443}]}]))
    return _loaded(
        {name: {"name": name, **tenants[name], "network": networks[name]} for name in names},
        draw(st.sampled_from(_ENGINES)),
    )


def _loaded(tenants: dict[str, Any], engine: dict[str, Any]) -> model.Stack:
    with TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tenants" / "drawn").mkdir(parents=True)
        for name, fields in tenants.items():
            # JSON is YAML without its traps.
            text = json.dumps(fields, ensure_ascii=False)
            (root / "tenants" / "drawn" / f"{name}.yaml").write_text(text, "utf-8")
        try:
            return model.load(root, "drawn", _cluster(engine))
        except model.InvalidConfiguration:
            assume(False)
            raise
