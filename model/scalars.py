"""The scalar types and vocabularies that the models share, each with an error a person can act on."""

import re
from collections.abc import Callable
from datetime import timedelta
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from model import quantity


class Model(BaseModel):
    """A frozen part of the configuration: unknown keys are errors, booleans and numbers are never guessed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=False, use_attribute_docstrings=True)


def _dns_label(text: str) -> str:
    if not re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", text) or len(text) > 63:
        raise ValueError(
            f"{text!r} is not a DNS label; use at most 63 lower-case letters, digits and '-', "
            "starting with a letter and ending with a letter or digit"
        )
    return text


def _dns_name(text: str) -> str:
    label = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
    if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*", text):
        raise ValueError(f"{text!r} is not a DNS name; use lower-case letters, digits, '-' and '.'")
    return text


BEHAVIOURS = (
    "cluster-scope",
    "admin-labels",
    "capabilities",
    "run-as-root",
    "privileged",
    "privilege-escalation",
    "quota-edits",
    "other-tenants",
    "escalate-bind",
    "host-path",
    "node-ports",
    "host-network",
    "host-pid",
    "host-ipc",
    "resource-quota",
    "object-quota",
    "image-pull-policy",
    "role-bindings",
    "network-policies",
)
"""The 19 behaviours of the Kubernetes multi-tenancy benchmark, by which exemptions go."""


def _no_control_characters(text: str) -> str:
    """Refuses what a reader cannot see: control, bidirectional and zero-width characters."""
    for character in text:
        if character in "\t\n":
            continue
        if not character.isprintable() or character in "\u200b\u200c\u200d\u2060\ufeff":
            raise ValueError(f"holds the invisible character U+{ord(character):04X}; remove it")
    return text


def _cidr(text: str) -> str:
    try:
        if re.fullmatch(r"[0-9a-fA-F:.]+/[0-9]{1,3}", text) is None:
            raise ValueError("an address, a slash and the length of the prefix are wanted")
        network = ip_network(text, strict=True)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a CIDR such as 10.0.0.0/16 or 10.1.2.3/32: {error}") from error
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        four = IPv4Network((int(network.network_address) & (2**32 - 1), network.prefixlen - 96))
        raise ValueError(f"{text!r} is an address of IPv4 in other clothes; write {four}")
    if str(network) != text:
        raise ValueError(f"{text!r} can be written in several ways; write {network}")
    return text


_MAPPED = IPv6Network("::ffff:0:0/96")


def _repository(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}", text):
        raise ValueError(f"{text!r} is not a GitHub repository; write owner/name")
    return text


def _login(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}", text):
        raise ValueError(f"{text!r} is not a GitHub login; use at most 39 letters, digits and single hyphens")
    return text


_DURATION = re.compile(r"(\d{1,5})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """The length of a duration such as `90s`, `30m`, `12h` or `30d`. Raises ValueError."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration; write a whole number with s, m, h or d, such as 12h")
    return timedelta(seconds=int(match.group(1)) * _SECONDS[match.group(2)])


def _duration_text(text: str) -> str:
    duration(text)
    return text


def _text_of_number(value: Any) -> Any:
    """Lets `cpu: 64` be written without quotes; floats and booleans stay errors."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _resource_name(text: str) -> str:
    prefix, _, name = text.rpartition("/")
    if not prefix or not re.fullmatch(r"[a-zA-Z0-9]([-a-zA-Z0-9_.]{0,61}[a-zA-Z0-9])?", name):
        raise ValueError(
            f"{text!r} is not an extended resource; write vendor/resource, such as nvidia.com/gpu"
        )
    if prefix.startswith(("requests.", "limits.")):
        raise ValueError(f"{text!r} carries a quota prefix; write {text.split('.', 1)[1]!r}")
    _dns_name(prefix)
    if prefix.endswith(_QUOTA_DOMAINS):
        raise ValueError(f"{text!r} is a name that Kubernetes keeps for itself, and no extended resource")
    return text


_QUOTA_DOMAINS = ("kubernetes.io", ".storageclass.storage.k8s.io", ".deviceclass.resource.k8s.io")
"""How domains end under which a quota counts something else than an extended resource, or nothing."""


def _label_key(text: str) -> str:
    prefix, slash, name = text.rpartition("/")
    if slash:
        _dns_name(prefix)
    if not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", name):
        raise ValueError(f"{text!r} is not a label key")
    return text


def _label_value(text: str) -> str:
    if not re.fullmatch(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", text):
        raise ValueError(f"{text!r} is not a label value; use at most 63 letters, digits, '-', '_' and '.'")
    return text


def _secret_name(text: str) -> str:
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]{0,127}", text):
        raise ValueError(
            f"{text!r} is not a name for a Codespaces secret; use capitals, digits and '_', no digit first"
        )
    if text.startswith("GITHUB_"):
        raise ValueError(f"{text!r} starts with GITHUB_, which GitHub keeps for itself")
    return text


def _matching(pattern: str, told: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(text: str) -> str:
        if compiled.fullmatch(text) is None:
            raise ValueError(f"{without_user(text)!r} is not {told}")
        return text

    return check


def without_user(text: str) -> str:
    """The text without user and password of an address, so that an error repeats no secret."""
    return re.sub(r"//[^/@]*@", "//…@", text)


def shaped(pattern: str, told: str) -> Any:
    """Text of the given shape, told in words in the error; editors get the pattern from the schema.

    To be used as `Annotated[str, *shaped(…)]`; `told` follows "is not".
    """
    return (AfterValidator(_matching(pattern, told)), _schema(pattern=f"^{pattern}$"))


def _amount_schema(suffixes: str) -> Any:
    pattern = rf"^[0-9]+(\.[0-9]+)?({suffixes})?$"
    return WithJsonSchema(
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": pattern}]}
    )


def _schema(**keywords: Any) -> Any:
    """Words of JSON Schema for checks that pydantic cannot see through."""
    return Field(json_schema_extra=keywords)


DnsLabel = Annotated[
    str, AfterValidator(_dns_label), _schema(pattern="^[a-z]([-a-z0-9]*[a-z0-9])?$", maxLength=63)
]
DnsName = Annotated[str, AfterValidator(_dns_name), _schema(pattern="^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$")]
Text = Annotated[
    str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_no_control_characters)
]
Cidr = Annotated[
    str, AfterValidator(_cidr), _schema(pattern="^[0-9a-f:.]+/[0-9]{1,3}$", examples=["10.0.0.0/16"])
]
Repository = Annotated[str, AfterValidator(_repository), _schema(pattern="^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")]
Login = Annotated[str, AfterValidator(_login), _schema(pattern="^[A-Za-z0-9](-?[A-Za-z0-9])*$", maxLength=39)]
Duration = Annotated[str, AfterValidator(_duration_text), _schema(pattern="^[0-9]{1,5}[smhd]$")]
Quantity = Annotated[
    str,
    BeforeValidator(_text_of_number),
    AfterValidator(quantity.canonical),
    _amount_schema("Ki|Mi|Gi|Ti|Pi|Ei|m|k|M|G|T|P|E"),
]
"""Text in canonical form; a whole number may be written without quotes."""
Cores = Annotated[
    str, BeforeValidator(_text_of_number), AfterValidator(quantity.cores), _amount_schema("m|k")
]
"""A `Quantity` of processor cores."""
Size = Annotated[
    str,
    BeforeValidator(_text_of_number),
    AfterValidator(quantity.size),
    _amount_schema("Ki|Mi|Gi|Ti|Pi|Ei|k|M|G|T|P|E"),
]
"""A `Quantity` of bytes: 0, or at least 1Mi."""
ResourceName = Annotated[
    str, AfterValidator(_resource_name), _schema(pattern="^[a-z0-9.-]+/[A-Za-z0-9._-]+$")
]
LabelKey = Annotated[str, AfterValidator(_label_key)]
SecretName = Annotated[
    str, AfterValidator(_secret_name), _schema(pattern="^[A-Z_][A-Z0-9_]*$", maxLength=128)
]
LabelValue = Annotated[str, AfterValidator(_label_value), _schema(maxLength=63)]
Port = Annotated[int, Field(ge=1, le=65535, strict=True)]
Count = Annotated[int, Field(ge=0, le=10_000_000, strict=True)]
Flag = Annotated[bool, Field(strict=True)]
FolderPath = Annotated[str, *shaped(r"/[^\s]*", "an absolute path without spaces")]


class ClusterKind(StrEnum):
    """What a cluster is, as far as the tenancy has to care."""

    GPU = "gpu"
    EKS = "eks"
    CONFORMANT = "conformant"


class Role(StrEnum):
    """What a member may do inside the tenant's namespaces."""

    ADMIN = "admin"
    DEVELOPER = "developer"
    VIEWER = "viewer"


class State(StrEnum):
    """Where a tenant stands in its life."""

    ACTIVE = "active"
    FROZEN = "frozen"
    """No new pods, no access; data and running objects are kept."""
    RETIRED = "retired"
    """Credentials and access gone, protection lifted: deleting the file now deletes the tenant."""


class Classification(StrEnum):
    """How confidential the tenant's data is."""

    PUBLIC = "public"
    INTERNAL = "internal"
    CONFIDENTIAL = "confidential"
    PERSONAL = "personal"


class PodSecurity(StrEnum):
    """Pod Security Standards levels."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"
    PRIVILEGED = "privileged"


class Protocol(StrEnum):
    """Transport protocols of a NetworkPolicy port."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"


class FolderMode(StrEnum):
    """How a tenant may mount a shared folder."""

    READ_ONLY = "read-only"
    READ_WRITE = "read-write"


class CredentialKind(StrEnum):
    """How people and machines prove who they are to a cluster."""

    CLIENT_CERTIFICATE = "client-certificate"
    TOKEN = "token"  # noqa: S105 - the name of a kind, not a token
    OIDC = "oidc"
