"""`tenancy access status`: who has access to what."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from automation import plain, project
from automation.commands.access import shared
from automation.github import GitHubError
from automation.laptop import folder, remote
from automation.laptop.errors import AccessError
from model import credential


@click.command()
@shared.stacks
@shared.repository
@shared.from_stack
@shared.json
@shared.plain_errors
def status(names: tuple[str, ...], repository: str | None, from_stack: bool, as_json: bool) -> None:
    """Show who has access to what: members, and the credential of each tenant's repositories."""
    root = project.root()
    rows: list[dict[str, Any]] = []
    for name in project.choose(root, names):
        published: dict[str, Any] | None = None
        try:
            source = shared.source(root, repository, from_stack=from_stack)
            published = remote.published(source, name)
        except (AccessError, GitHubError, click.UsageError) as error:
            said = error.message if isinstance(error, click.UsageError) else str(error)
            click.echo(f"{name}: what was issued is not known: {said}", err=True)
        rows += _rows(root, name, published)
    if as_json:
        plain.as_json({"access": rows})
        return
    head = ("STACK", "TENANT", "WHO", "ROLE", "CERTIFICATE", "UNTIL", "KEY HERE")
    keys = ("stack", "tenant", "who", "role", "certificate", "not_after", "key_here")
    click.echo(plain.table(head, [[row[key] for key in keys] for row in rows]))


def _rows(root: Path, stack: str, published: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """A row for each identity that is bound or waits for its certificate."""
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = []
    for tenant in shared.load_stack(root, stack).tenants:
        common = {"stack": stack, "tenant": tenant.name, "namespaces": list(tenant.namespace_names)}
        for login, member in tenant.members.items():
            subject = next((one.subject for one in credential.laptops(tenant) if one.holder == login), None)
            issued = _issued(published, tenant.name, login) if subject else None
            kept = folder.of_member(os.environ, stack, tenant.name, login)
            state = "none" if member.csr is None else "suspended" if subject is None else "requested"
            rows.append(
                common
                | {
                    "who": login,
                    "role": str(member.role),
                    "subject": subject.name if subject else None,
                    "certificate": "issued"
                    if issued
                    else "unknown"
                    if published is None and subject
                    else state,
                    "not_after": issued["not_after"] if issued else None,
                    "key_here": kept.key.exists() or kept.new_key.exists(),
                }
            )
        schedule = credential.codespaces(tenant, now)
        if schedule is not None:
            owned = dict.fromkeys(name for name in (tenant.repository, *tenant.repositories) if name)
            rows.append(
                common
                | {
                    "who": ", ".join(owned),
                    "role": str(tenant.codespaces.role),
                    "subject": schedule.current.name,
                    "certificate": str(tenant.credentials.kind),
                    "not_after": schedule.renews_at.isoformat(timespec="seconds"),
                    "key_here": False,
                }
            )
    return rows


def _issued(published: Mapping[str, Any] | None, tenant: str, login: str) -> dict[str, Any] | None:
    if published is None:
        return None
    found = published["tenants"].get(tenant, {"certificates": {}})["certificates"]
    return {name.lower(): one for name, one in found.items()}.get(login.lower())
