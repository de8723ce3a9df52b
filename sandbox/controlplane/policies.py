"""CRDs of the network policy engines that a cluster of the sandbox can pose as having.

Nothing enforces the policies here: the API server takes them, refuses wrong ones, and keeps them.
"""

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from kube.types import JsonObject
from sandbox.controlplane.objects import read_crds

ARTEFACTS = ("calico-crds", "admin-network-policy-crds", "cluster-network-policy-crds")
_CALICO_V1 = "crd.projectcalico.org"
_CALICO_V3 = "projectcalico.org"
_SERVED_AS_V3 = frozenset({"GlobalNetworkPolicy", "GlobalNetworkSet", "NetworkPolicy", "NetworkSet"})


def crds(folders: Mapping[str, Path]) -> list[tuple[Path, JsonObject]]:
    """The definitions in the kept files of ARTEFACTS, each with its file.

    On a real cluster Calico's API server serves projectcalico.org/v3 from the objects of
    crd.projectcalico.org/v1, which have the same shape. Here the same schemas stand under both names.
    """
    found = list(read_crds(folders[name] for name in ARTEFACTS))
    return [*found, *((path, _as_v3(crd)) for path, crd in found if _served_as_v3(crd))]


def _served_as_v3(crd: JsonObject) -> bool:
    spec = crd["spec"]
    return spec["group"] == _CALICO_V1 and spec["names"]["kind"] in _SERVED_AS_V3


def _as_v3(crd: JsonObject) -> JsonObject:
    copied: dict[str, Any] = deepcopy(crd)
    copied["metadata"] = {"name": crd["metadata"]["name"].replace(_CALICO_V1, _CALICO_V3)}
    copied["spec"]["group"] = _CALICO_V3
    for version in copied["spec"]["versions"]:
        version["name"] = "v3"
    return copied
