"""Pools of fake nodes."""

from pathlib import Path

import pytest

from sandbox.controlplane.nodes import (
    DEFAULT_POOLS,
    POOL_LABEL,
    Pools,
    PoolsError,
    node_objects,
    read_pools,
    resource_slices,
)

POOLS = """
pools:
- name: h100
  nodes: 2
  cpu: 64
  resources: {nvidia.com/gpu: 8}
  labels: {nvidia.com/gpu.product: NVIDIA-H100-80GB-HBM3}
  taints: [{key: nvidia.com/gpu, value: present, effect: NoSchedule}]
- name: dra
  nodes: 1
  devices: {count: 2, attributes: {productName: H100, index: 3}, capacity: {memory: 80Gi}}
"""


def pools_file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pools.yaml"
    path.write_text(text)
    return path


def test_the_default_pools() -> None:
    nodes = {node["metadata"]["name"]: node for node in node_objects(DEFAULT_POOLS)}
    assert sorted(nodes) == ["a100-0", "a100-1", "a100-mig-0", "cpu-0"]
    assert nodes["a100-0"]["status"]["allocatable"]["nvidia.com/gpu"] == "8"
    assert nodes["a100-0"]["metadata"]["labels"][POOL_LABEL] == "a100"
    assert nodes["a100-mig-0"]["status"]["capacity"]["nvidia.com/mig-1g.10gb"] == "7"
    assert nodes["cpu-0"]["spec"]["taints"] == []


def test_a_pool_file_becomes_nodes(tmp_path: Path) -> None:
    first, _, last = node_objects(read_pools(pools_file(tmp_path, POOLS)))
    assert first["metadata"]["name"] == "h100-0"
    capacity = first["status"]["capacity"]
    assert {key: capacity[key] for key in ("cpu", "memory", "pods", "nvidia.com/gpu")} == {
        "cpu": "64",
        "memory": "64Gi",
        "pods": "110",
        "nvidia.com/gpu": "8",
    }
    assert first["spec"]["taints"] == [{"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}]
    assert last["metadata"]["name"] == "dra-0"


def test_devices_become_resource_slices_owned_by_their_node(tmp_path: Path) -> None:
    (found,) = resource_slices(read_pools(pools_file(tmp_path, POOLS)), {"dra-0": "uid-of-dra-0"})
    assert found["metadata"]["ownerReferences"][0]["uid"] == "uid-of-dra-0"
    assert found["spec"]["nodeName"] == "dra-0"
    assert found["spec"]["devices"][1] == {
        "name": "gpu-1",
        "attributes": {"productName": {"string": "H100"}, "index": {"int": 3}},
        "capacity": {"memory": {"value": "80Gi"}},
    }


def test_pools_survive_being_remembered(tmp_path: Path) -> None:
    pools = read_pools(pools_file(tmp_path, POOLS))
    assert Pools.model_validate(pools.model_dump(mode="json")) == pools


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pools: [{name: a, nodes: 1, gpus: 8}]", r"pools\[0\]\.gpus: Extra inputs are not permitted"),
        ("pools: [{name: A_1, nodes: 1}]", r"pools\[0\]\.name: .*pattern.*'A_1'"),
        ("pools: [{name: a}]", r"pools\[0\]\.nodes: Field required"),
        ("pools: [{name: a, nodes: -1}]", r"pools\[0\]\.nodes: .*greater than or equal to 0"),
        ("pools: [{name: a, nodes: 1, resources: {gpu: 8}}]", r"'gpu' is not an extended resource"),
        ("pools: [{name: a, nodes: 1, memory: lots}]", r"pools\[0\]\.memory: .*pattern.*'lots'"),
        ("pools: [{name: a, nodes: 1}, {name: a, nodes: 2}]", "two pools have the same name: a"),
        (
            "pools: [{name: a, nodes: 1, taints: [{key: k, effect: Never}]}]",
            r"taints\[0\]\.effect: .*NoSchedule",
        ),
        ("[]", "the file: "),
        ("a: [", "not YAML"),
    ],
)
def test_a_bad_pool_file_is_one_clear_error(tmp_path: Path, text: str, message: str) -> None:
    path = pools_file(tmp_path, text)
    with pytest.raises(PoolsError, match=message) as raised:
        read_pools(path)
    assert str(raised.value).startswith(f"{path}: ")
