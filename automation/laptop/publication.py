"""What CI publishes of the certificates that a cluster issued. All of it is public."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from automation.laptop.errors import AccessError, NotPublishedError

BRANCH = "tenancy-certificates"
"""The branch of the platform's repository that holds what CI published."""


@dataclass(frozen=True)
class Published:
    """What a member needs beside the own key. All of it is public."""

    cluster: str
    server: str
    certificate_authority: str | None
    """PEM; None where the system's own authorities vouch for the server."""
    namespaces: tuple[str, ...]
    """The tenant's namespaces, the main one first."""
    certificate: str
    """PEM."""


def path_of(stack: str) -> str:
    """The published file of a stack: one for all its members, so that publishing is one commit."""
    return f"certificates/{stack}.json"


def from_outputs(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """What is published of a stack's outputs: its cluster, and the members who have a certificate.

    {"cluster": {"cluster", "server", "certificate_authority"},
     "tenants": {tenant: {"namespaces": […], "certificates": {login: {"certificate", "not_after"}}}}}
    """
    if not {"cluster", "tenants", "certificates"} <= set(outputs):
        raise AccessError("the stack has no outputs yet; it was never applied")
    endpoint = outputs["cluster"]
    tenants = {
        tenant: {
            "namespaces": list(outputs["tenants"][tenant]["namespaces"]),
            "certificates": {
                login: {key: issued[key] for key in ("certificate", "not_after")}
                for login, issued in sorted(members.items())
            },
        }
        for tenant, members in sorted(outputs["certificates"].items())
        if members
    }
    keys = ("cluster", "server", "certificate_authority")
    return {"cluster": {key: endpoint.get(key) for key in keys}, "tenants": tenants}


def render(published: Mapping[str, Any]) -> str:
    """The published file: a line for each fact, so that a change is easy to read."""
    return json.dumps(published, indent=2) + "\n"


def parse(text: str, source: str) -> dict[str, Any]:
    """The published file, read. Raises AccessError where it is something else."""
    try:
        found: Any = json.loads(text)
        return {"cluster": dict(found["cluster"]), "tenants": dict(found["tenants"])}
    except (ValueError, KeyError, TypeError):
        raise AccessError(f"{source} is not what 'tenancy access publish' writes") from None


def of_member(published: Mapping[str, Any], tenant: str, login: str) -> Published:
    """What was published for a member.

    Raises:
        NotPublishedError: there is no certificate.
    """
    found = published["tenants"].get(tenant, {"certificates": {}})
    issued = next(
        (found["certificates"][one] for one in found["certificates"] if one.lower() == login.lower()), None
    )
    if issued is None:
        raise NotPublishedError(
            f"no certificate of {login!r} for tenant {tenant!r} is published: the request is not merged and "
            "applied yet, was revoked, or the tenant is frozen"
        )
    endpoint = published["cluster"]
    return Published(
        cluster=endpoint["cluster"],
        server=endpoint["server"],
        certificate_authority=endpoint.get("certificate_authority") or None,
        namespaces=tuple(found["namespaces"]),
        certificate=issued["certificate"],
    )
