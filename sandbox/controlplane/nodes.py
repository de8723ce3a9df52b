"""Pools of fake nodes: what a pool may say, and the Kubernetes objects that it becomes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from kube import JsonObject

POOL_LABEL = "node.tenancy.dev/pool"
FAKE_NODE = ("kwok.x-k8s.io/node", "fake")  # the annotation of nodes that kwok plays

_DNS_LABEL = r"^[a-z0-9]([-a-z0-9]{0,56}[a-z0-9])?$"  # leaves room for the node's number
_QUANTITY = r"^\d+(\.\d+)?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$"
_MAX_DEVICES = 128  # of one ResourceSlice (resource.k8s.io/v1, ResourceSliceMaxDevices)

Quantity = Annotated[str, Field(pattern=_QUANTITY, coerce_numbers_to_str=True)]


class PoolsError(ValueError):
    """A pool file that cannot be used."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Taint(_Model):
    """A taint of all nodes of a pool."""

    key: str
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"]


class Devices(_Model):
    """Devices that each node offers by dynamic resource allocation: a ResourceSlice, and a DeviceClass.

    The DeviceClass is named like the driver, as NVIDIA's driver does.
    """

    driver: str = "gpu.nvidia.com"
    count: int = Field(ge=1, le=_MAX_DEVICES)
    attributes: dict[str, bool | int | str] = {}
    capacity: dict[str, Quantity] = {}


class Pool(_Model):
    """Nodes that are all alike. `resources` are counts of extended resources, such as `nvidia.com/gpu`."""

    name: str = Field(pattern=_DNS_LABEL)
    nodes: int = Field(ge=0, le=500)
    cpu: Quantity = "16"
    memory: Quantity = "64Gi"
    ephemeral_storage: Quantity = "1Ti"
    pods: int = Field(default=110, ge=1)
    resources: dict[str, Annotated[int, Field(ge=0)]] = {}
    labels: dict[str, str] = {}
    taints: tuple[Taint, ...] = ()
    devices: Devices | None = None

    @field_validator("resources")
    @classmethod
    def _extended(cls, resources: dict[str, int]) -> dict[str, int]:
        for name in resources:
            if "/" not in name:
                raise ValueError(f"{name!r} is not an extended resource such as nvidia.com/gpu")
        return resources


class Pools(_Model):
    """All fake nodes of a sandbox."""

    pools: tuple[Pool, ...]

    @field_validator("pools")
    @classmethod
    def _unique(cls, pools: tuple[Pool, ...]) -> tuple[Pool, ...]:
        names = [pool.name for pool in pools]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two pools have the same name: {', '.join(twice)}")
        return pools


_GPU_TAINT = Taint(key="nvidia.com/gpu", value="present", effect="NoSchedule")
_A100 = {
    "nvidia.com/gpu.present": "true",
    "nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB",
    "nvidia.com/gpu.memory": "81920",
    "nvidia.com/gpu.count": "8",
}

DEFAULT_POOLS = Pools(
    pools=(
        Pool(
            name="a100",
            nodes=2,
            cpu="128",
            memory="1Ti",
            resources={"nvidia.com/gpu": 8},
            labels=_A100,
            taints=(_GPU_TAINT,),
        ),
        Pool(
            name="a100-mig",
            nodes=1,
            cpu="128",
            memory="1Ti",
            resources={"nvidia.com/mig-1g.10gb": 7, "nvidia.com/mig-3g.40gb": 2},
            labels={**_A100, "nvidia.com/mig.strategy": "mixed"},
            # Softer than the other pool's: admission gives pods a toleration for the resource that they ask
            # for, which here is not nvidia.com/gpu.
            taints=(_GPU_TAINT.model_copy(update={"effect": "PreferNoSchedule"}),),
        ),
        Pool(name="cpu", nodes=1, cpu="32", memory="128Gi"),
    )
)


def read_pools(path: Path) -> Pools:
    """Read a pool file. Raises PoolsError that names the file, the key and what is wrong."""
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        raise PoolsError(f"{path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PoolsError(f"{path}: not YAML: {error}") from None
    try:
        return Pools.model_validate(content)
    except ValidationError as error:
        raise PoolsError("\n".join(f"{path}: {line}" for line in _problems(error))) from None


def _problems(error: ValidationError) -> Iterator[str]:
    for each in error.errors(include_url=False):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in each["loc"])
        yield f"{where.removeprefix('.') or 'the file'}: {each['msg']} (found {each['input']!r})"


def node_names(pools: Pools) -> set[str]:
    """List the names of all nodes."""
    return {name for pool in pools.pools for name in _names(pool)}


def node_objects(pools: Pools) -> Iterator[JsonObject]:
    """Make the Node objects, with their capacity in `status`."""
    for pool in pools.pools:
        capacity = {
            "cpu": pool.cpu,
            "memory": pool.memory,
            "ephemeral-storage": pool.ephemeral_storage,
            "pods": str(pool.pods),
        }
        capacity |= {name: str(count) for name, count in pool.resources.items()}
        for name in _names(pool):
            labels = {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                **pool.labels,
                POOL_LABEL: pool.name,
            }
            yield {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {"name": name, "labels": labels, "annotations": dict([FAKE_NODE])},
                "spec": {"taints": [taint.model_dump() for taint in pool.taints]},
                "status": {"capacity": capacity, "allocatable": capacity},
            }


def device_classes(pools: Pools) -> Iterator[JsonObject]:
    """Make a DeviceClass for each driver."""
    for driver in sorted({pool.devices.driver for pool in pools.pools if pool.devices}):
        yield {
            "apiVersion": "resource.k8s.io/v1",
            "kind": "DeviceClass",
            "metadata": {"name": driver},
            "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{driver}'"}}]},
        }


def resource_slices(pools: Pools, uids: dict[str, str]) -> Iterator[JsonObject]:
    """Make a ResourceSlice for each node that offers devices; `uids` are the nodes', which own them."""
    for pool in pools.pools:
        if pool.devices is None:
            continue
        for name in _names(pool):
            owner = {"apiVersion": "v1", "kind": "Node", "name": name, "uid": uids[name]}
            yield {
                "apiVersion": "resource.k8s.io/v1",
                "kind": "ResourceSlice",
                "metadata": {"name": f"{name}-{pool.devices.driver}", "ownerReferences": [owner]},
                "spec": {
                    "driver": pool.devices.driver,
                    "nodeName": name,
                    "pool": {"name": name, "generation": 1, "resourceSliceCount": 1},
                    "devices": [_device(pool.devices, number) for number in range(pool.devices.count)],
                },
            }


def _device(devices: Devices, number: int) -> JsonObject:
    device: JsonObject = {"name": f"gpu-{number}"}
    if devices.attributes:
        device["attributes"] = {key: _attribute(value) for key, value in devices.attributes.items()}
    if devices.capacity:
        device["capacity"] = {key: {"value": value} for key, value in devices.capacity.items()}
    return device


def _attribute(value: bool | int | str) -> JsonObject:
    if isinstance(value, bool):
        return {"bool": value}
    return {"int": value} if isinstance(value, int) else {"string": value}


def _names(pool: Pool) -> list[str]:
    return [f"{pool.name}-{number}" for number in range(pool.nodes)]
