"""`tenancy access revoke` and `publish`: what the platform's people and CI do about access."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from automation import plain, project, tenant_file
from automation.commands.access import shared
from automation.github import GitHub
from automation.laptop import publication, remote
from automation.laptop.publication import BRANCH


@click.command()
@click.argument("tenant")
@shared.stack
@click.option("--member", "logins", multiple=True, help="Whose laptop to shut out; may be repeated.")
@click.option("--remove", is_flag=True, help="Take the member out of the tenant altogether.")
@click.option("--codespaces", is_flag=True, help="Make the credential that the repositories hold worthless.")
@click.option("--all", "everything", is_flag=True, help="Every laptop, and what the repositories hold.")
@shared.json
@shared.plain_errors
def revoke(
    tenant: str,
    stack: str | None,
    logins: tuple[str, ...],
    remove: bool,
    codespaces: bool,
    everything: bool,
    as_json: bool,
) -> None:
    """Take access back: change the tenant's file in this checkout. It holds from the next `tenancy up` on."""
    if not (logins or codespaces or everything):
        raise click.UsageError("what is to be revoked? --member LOGIN, --codespaces, or --all")
    if remove and not logins:
        raise click.UsageError("--remove goes with --member LOGIN")
    root, name = shared.chosen(stack)
    path = shared.tenant_path(root, name, tenant)
    text = path.read_text()
    there = tenant_file.members(text)
    chosen = [_member(there, login, path) for login in logins]
    done: list[str] = []
    for login in dict.fromkeys([*chosen, *(there if everything else ())]):
        if remove and login in chosen:
            text = tenant_file.without_member(text, login)
            done.append(f"{login} is no member any more")
        elif there[login].get("csr") is not None:
            text = tenant_file.without_request(text, login)
            done.append(f"the laptop of {login} is shut out")
        elif login in chosen:
            raise click.UsageError(f"{login} has no laptop access to {tenant}; --remove ends the membership")
    if codespaces or everything:
        generation = _generation(root, name, tenant) + 1
        text = tenant_file.with_generation(text, generation)
        done.append(f"the repositories get another credential (credentials.generation: {generation})")
    path.write_text(text)
    shown = path.relative_to(root).as_posix()
    if as_json:
        plain.as_json({"file": shown, "done": done, "next": f"tenancy up --stack {name}"})
        return
    click.echo("\n".join(done) or f"nothing of {tenant} is out there")
    click.echo(f"it holds once {shown} is applied: tenancy up --stack {name}")


@click.command()
@shared.stacks
@shared.repository
@shared.json
@shared.plain_errors
def publish(names: tuple[str, ...], repository: str | None, as_json: bool) -> None:
    """Publish the issued certificates on the branch tenancy-certificates; for CI, after `tenancy up`.

    One file and one commit for each stack, and none where nothing changed. Certificates are public; those of
    members who are gone, go.
    """
    root = project.root()
    target = shared.platform_repository(root, repository)
    api = GitHub.of(os.environ)
    reports: list[dict[str, Any]] = []
    for name in project.choose(root, names):
        published = remote.published({"project": str(root)}, name)
        changed = remote.publish(api, target, name, publication.render(published))
        count = sum(len(tenant["certificates"]) for tenant in published["tenants"].values())
        reports.append({"stack": name, "certificates": count, "changed": changed})
    if as_json:
        plain.as_json({"repository": target, "branch": BRANCH, "stacks": reports})
        return
    for report in reports:
        done = "published" if report["changed"] else "unchanged"
        click.echo(
            f"{report['stack']}: {report['certificates']} certificates, {done} in {target}, branch {BRANCH}"
        )


def _member(there: Mapping[str, Any], login: str, path: Path) -> str:
    found = next((known for known in there if known.lower() == login.lower()), None)
    if found is None:
        raise click.UsageError(f"{path.name} has no member {login!r}; it has: {', '.join(there) or 'none'}")
    return found


def _generation(root: Path, stack: str, tenant: str) -> int:
    """The generation in force, which a profile may have set."""
    found = next(one for one in shared.load_stack(root, stack).tenants if one.name == tenant)
    return int(found.credentials.generation)
