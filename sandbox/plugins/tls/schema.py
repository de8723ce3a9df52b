"""The tls resources' properties: types, defaults and what a change means, from the provider's Go schemas."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sandbox.plugins.tls import certificates, keys
from sandbox.plugins.values import UNKNOWN, Properties, Value, has_unknown, plain

Kind: TypeAlias = Literal["string", "integer", "boolean", "strings", "subject"]
Change: TypeAlias = Literal["ADD", "DELETE", "UPDATE"]

_ALLOWED_USES = (*certificates.KEY_USAGES, *certificates.EXTENDED_KEY_USAGES)


@dataclass(frozen=True)
class Input:
    """One input property.

    `replaces`: a change makes a new resource. `write_only`: never in state; its version tells of a change.
    """

    kind: Kind
    required: bool = False
    default: str | int | bool | None = None
    allowed: tuple[str, ...] = ()
    replaces: bool = True
    secret: bool = False
    write_only: bool = False


@dataclass(frozen=True)
class Resource:
    """One resource type: its inputs and the outputs that creating it computes."""

    inputs: dict[str, Input]
    computed: tuple[str, ...]
    secret_outputs: frozenset[str] = frozenset()
    key_property: str | None = None  # the private key: exactly one of it and its write-only twin is given


def _key_inputs(name: str) -> dict[str, Input]:
    return {
        name: Input("string", secret=True),
        f"{name}Wo": Input("string", secret=True, write_only=True),
        f"{name}WoVersion": Input("integer"),
    }


_NAMES = {
    "dnsNames": Input("strings"),
    "ipAddresses": Input("strings"),
    "uris": Input("strings"),
    "subject": Input("subject"),
}
_PROFILE = {
    "validityPeriodHours": Input("integer", required=True),
    "allowedUses": Input("strings", required=True, allowed=_ALLOWED_USES),
    "earlyRenewalHours": Input("integer", default=0, replaces=False),
    "isCaCertificate": Input("boolean", default=False),
    "maxPathLength": Input("integer"),
    "setSubjectKeyId": Input("boolean", default=False),
}
_CERTIFICATE = ("certPem", "readyForRenewal", "validityStartTime", "validityEndTime")

PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
CERT_REQUEST = "tls:index/certRequest:CertRequest"
SELF_SIGNED_CERT = "tls:index/selfSignedCert:SelfSignedCert"
LOCALLY_SIGNED_CERT = "tls:index/locallySignedCert:LocallySignedCert"

RESOURCES: dict[str, Resource] = {
    PRIVATE_KEY: Resource(
        {
            "algorithm": Input("string", required=True, allowed=keys.ALGORITHMS),
            "rsaBits": Input("integer", default=2048),
            "ecdsaCurve": Input("string", default="P224", allowed=tuple(keys.CURVES)),
        },
        (
            "privateKeyPem",
            "privateKeyPemPkcs8",
            "privateKeyOpenssh",
            "publicKeyPem",
            "publicKeyOpenssh",
            "publicKeyFingerprintMd5",
            "publicKeyFingerprintSha256",
        ),
        secret_outputs=frozenset({"privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh"}),
    ),
    CERT_REQUEST: Resource(
        _key_inputs("privateKeyPem") | _NAMES,
        ("keyAlgorithm", "certRequestPem"),
        key_property="privateKeyPem",
    ),
    SELF_SIGNED_CERT: Resource(
        _key_inputs("privateKeyPem")
        | _NAMES
        | _PROFILE
        | {"setAuthorityKeyId": Input("boolean", default=False)},
        ("keyAlgorithm", *_CERTIFICATE),
        key_property="privateKeyPem",
    ),
    LOCALLY_SIGNED_CERT: Resource(
        _key_inputs("caPrivateKeyPem")
        | _PROFILE
        | {"caCertPem": Input("string", required=True), "certRequestPem": Input("string", required=True)},
        ("caKeyAlgorithm", *_CERTIFICATE),
        key_property="caPrivateKeyPem",
    ),
}


def failures(resource: Resource, inputs: Properties) -> Iterator[tuple[str, str]]:
    """Property and reason of each input that cannot be used; values of secrets are never part of a reason."""
    for name in inputs:
        if name not in resource.inputs and not name.startswith("__"):
            yield name, f"there is no such property; known are {', '.join(sorted(resource.inputs))}"
    for name, declared in resource.inputs.items():
        value = plain(inputs.get(name))
        if value is None:
            if declared.required:
                yield name, "is required"
        elif not has_unknown(value) and (reason := _fault(declared, value)):
            yield name, reason
    yield from _key_failures(resource, inputs)


def _key_failures(resource: Resource, inputs: Properties) -> Iterator[tuple[str, str]]:
    key = resource.key_property
    if not key:
        return
    if (inputs.get(key) is None) == (inputs.get(f"{key}Wo") is None):
        yield key, f"exactly one of {key} and {key}Wo must be set"
    if (inputs.get(f"{key}Wo") is None) != (inputs.get(f"{key}WoVersion") is None):
        yield f"{key}Wo", f"{key}Wo and {key}WoVersion are set together"


def _fault(declared: Input, value: Value) -> str | None:
    match declared.kind:
        case "string" if not isinstance(value, str):
            return "must be a string"
        case "integer" if not _is_count(value):
            return "must be a whole number, 0 or more"
        case "boolean" if not isinstance(value, bool):
            return "must be true or false"
        case "strings" if not _are_strings(value):
            return "must be a list of strings"
        case "subject":
            return _subject_fault(value)
        case _:
            return _not_allowed(declared, value)


def _subject_fault(value: Value) -> str | None:
    if not isinstance(value, dict):
        return "must be an object"
    if unknown := sorted(set(value) - set(certificates.SUBJECT_KEYS)):
        return f"has no key {unknown[0]!r}; known are {', '.join(certificates.SUBJECT_KEYS)}"
    for key, item in value.items():
        if not (_are_strings(item) if key == "streetAddresses" else isinstance(item, str)):
            return f"{key} must be {'a list of strings' if key == 'streetAddresses' else 'a string'}"
    return None


def _not_allowed(declared: Input, value: Value) -> str | None:
    if not declared.allowed:
        return None
    given = value if isinstance(value, list) else [value]
    wrong = [item for item in given if item not in declared.allowed]
    return f"{wrong[0]!r} is none of {', '.join(sorted(declared.allowed))}" if wrong else None


def _is_count(value: Value) -> bool:
    # A program's numbers may come as strings, as from configuration; the bridge converts them too.
    if isinstance(value, str):
        return value.isdecimal()
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _are_strings(value: Value) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def with_defaults(resource: Resource, inputs: Properties) -> Properties:
    """What state holds of the inputs: with defaults, without write-only values, secrets as they came."""
    filled: Properties = {}
    for name, declared in resource.inputs.items():
        value = inputs.get(name)
        if value is None:
            value = declared.default
        if value is not None and not declared.write_only:
            is_text = declared.kind == "integer" and isinstance(value, str) and value != UNKNOWN
            filled[name] = int(str(value)) if is_text else value
    return filled


def changes(resource: Resource, state: Properties, inputs: Properties) -> dict[str, Change]:
    """Path and kind of each difference between the state of a resource and new inputs.

    Time plays no part: unlike Terraform, Pulumi's provider does not replace a certificate whose early renewal
    has begun (pulumi-tls issue 39).
    """
    wanted = with_defaults(resource, inputs)
    found: dict[str, Change] = {}
    for name, declared in resource.inputs.items():
        if not declared.write_only:
            found |= dict(_differences(name, plain(state.get(name)), plain(wanted.get(name))))
    return found


def replacing(resource: Resource, paths: Iterable[str]) -> list[str]:
    """Those of the top-level properties in the paths whose change makes a new resource."""
    names = {path.split(".")[0].split("[")[0] for path in paths}
    return sorted(name for name in names if resource.inputs[name].replaces)


def _differences(path: str, old: Value, new: Value) -> Iterator[tuple[str, Change]]:
    old, new = _nothing_if_empty(old), _nothing_if_empty(new)
    if old == new:
        return
    if old is None or new is None:
        yield path, "ADD" if old is None else "DELETE"
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _differences(f"{path}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            left = old[index] if index < len(old) else None
            right = new[index] if index < len(new) else None
            yield from _differences(f"{path}[{index}]", left, right)
    else:
        yield path, "UPDATE"


def _nothing_if_empty(value: Value) -> Value:
    return None if value in ([], {}) else value
