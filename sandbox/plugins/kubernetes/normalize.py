"""Bring inputs to the form in which the API server will give them back, so that equal things compare equal.

The official provider sends objects of the SDK's kinds through Go's types and back (provider/provider.go,
normalizeInputs; clients/unstructured.go, Normalize). What that changes is done here by hand: quantities
become canonical, empty optional fields vanish, a Secret's stringData moves to data.
"""

import base64
import binascii
import re
from copy import deepcopy
from fractions import Fraction
from math import ceil
from typing import Any, cast

from kube.types import JsonObject
from sandbox.plugins.kubernetes.objects import READ_ONLY_METADATA, is_crd, is_known
from sandbox.plugins.kubernetes.values import has_unknown

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY = {suffix: 1024**power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), start=1)}
_QUANTITY = re.compile(r"(-?)(0|[1-9]\d*)(?:\.(\d*))?(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]?)")

# Fields of the built-in kinds that map names to quantities, and those that are one.
_QUANTITY_MAPS = frozenset(
    {
        "capacity",
        "default",
        "defaultRequest",
        "hard",
        "limits",
        "max",
        "maxLimitRequestRatio",
        "min",
        "overhead",
        "requests",
    }
)
_QUANTITIES = frozenset({"divisor", "sizeLimit"})
# Go leaves out an empty map; an empty object stays where Go has a struct (podSelector, emptyDir).
_MAPS = _QUANTITY_MAPS | {
    "annotations",
    "binaryData",
    "data",
    "labels",
    "matchLabels",
    "nodeSelector",
    "parameters",
    "selector",
    "stringData",
    "volumeAttributes",
}
# `false` and "" vanish where Go has no pointer.
_PLAIN_BOOLEANS = frozenset(
    {
        "globalDefault",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "publishNotReadyAddresses",
        "readOnly",
        "stdin",
        "stdinOnce",
        "suspended",
        "tty",
        "unschedulable",
    }
)
_PLAIN_STRINGS = frozenset({"apiGroup", "reason", "serviceAccountName", "subPath", "value", "volumeName"})
_OPAQUE_KINDS = frozenset({"ConfigMap", "CustomResourceDefinition", "Secret"})


def normalize(obj: JsonObject) -> JsonObject:
    """Give the normal form of inputs; one that is not wholly known only loses its read-only metadata."""
    result = deepcopy(obj)
    if is_known(result) and not has_unknown(result):
        kind = result.get("kind")
        if kind == "Secret":
            _normalize_secret(result)
        elif is_crd(result):
            _normalize_crd(result)
        if kind not in _OPAQUE_KINDS:
            _normalize_fields(result, str(kind))
    metadata = result.get("metadata")
    if isinstance(metadata, dict):
        for key in READ_ONLY_METADATA:
            cast("JsonObject", metadata).pop(key, None)
    return result


def _normalize_secret(obj: JsonObject) -> None:
    data: JsonObject = obj.get("data") or {}
    for key, value in data.items():
        try:
            data[key] = base64.b64encode(base64.b64decode(value, validate=False)).decode()
        except (binascii.Error, ValueError, TypeError):
            continue  # the server will refuse it, in its own words
    strings: JsonObject = obj.get("stringData") or {}
    if strings:
        data |= {key: base64.b64encode(str(value).encode()).decode() for key, value in strings.items()}
        obj["data"] = data
        del obj["stringData"]


def _normalize_crd(obj: JsonObject) -> None:
    spec = obj.get("spec")
    if isinstance(spec, dict) and cast("JsonObject", spec).get("preserveUnknownFields") is False:
        del cast("JsonObject", spec)["preserveUnknownFields"]
    obj.pop("status", None)


def _normalize_fields(obj: JsonObject, kind: str) -> None:
    for key in list(obj):
        value = obj[key]
        if _is_left_out(kind, key, value):
            del obj[key]
        elif key in _QUANTITY_MAPS and isinstance(value, dict):
            quantities = cast("JsonObject", value)
            obj[key] = {name: canonical(quantity) for name, quantity in quantities.items()}
        elif key in _QUANTITIES:
            obj[key] = canonical(value)
        elif isinstance(value, dict):
            _normalize_fields(cast("JsonObject", value), kind)
        elif isinstance(value, list):
            for item in cast("list[Any]", value):
                if isinstance(item, dict):
                    _normalize_fields(cast("JsonObject", item), kind)


def _is_left_out(kind: str, key: str, value: Any) -> bool:
    if value == [] and isinstance(value, list):
        return not (key == "rules" and kind in ("Role", "ClusterRole"))
    if value == {} and isinstance(value, dict):
        return key in _MAPS and not (key == "selector" and kind != "Service")
    if value is False:
        return key in _PLAIN_BOOLEANS
    if value == "":
        # A claim's storageClassName is a pointer: there "" means no class.
        return key in _PLAIN_STRINGS or (key == "storageClassName" and kind == "PersistentVolume")
    return False


def canonical(quantity: Any) -> Any:
    """Write a quantity as Kubernetes does (apimachinery, api/resource, Quantity): 1000m is 1, 1024Mi is 1Gi.

    What is no quantity stays as it is, for the server to refuse; so does one with an exponent.
    """
    if isinstance(quantity, int | float) and not isinstance(quantity, bool):
        quantity = str(quantity)
    if not isinstance(quantity, str) or not (match := _QUANTITY.fullmatch(quantity)):
        return quantity
    sign, whole, decimals, suffix = match.groups(default="")
    value = Fraction(f"{sign}{whole}.{decimals or '0'}")
    if suffix in _BINARY:
        value *= _BINARY[suffix]
        return _decimal(value) if abs(value) < 1024 else _binary(ceil(value))
    return _decimal(value * Fraction(10) ** _DECIMAL[suffix])


def _binary(number: int) -> str:
    for suffix, factor in reversed(_BINARY.items()):
        if number % factor == 0:
            return f"{number // factor}{suffix}"
    return str(number)


def _decimal(value: Fraction) -> str:
    nano = ceil(value * 10**9)
    if nano == 0:
        return "0"
    power = -9
    while power < 18 and nano % 1000 == 0:
        nano //= 1000
        power += 3
    return f"{nano}{_DECIMAL_SUFFIX[power]}"
