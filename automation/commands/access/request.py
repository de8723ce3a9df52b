"""`tenancy access request`: the key, and the pull request with its certificate request."""

import os
import shlex
from pathlib import Path

import click

from automation import github, plain, tenant_file
from automation.commands.access import shared
from automation.github import GitHub, GitHubError
from automation.laptop import folder, identity, remote


@click.command()
@click.argument("tenant")
@shared.stack
@shared.login
@click.option(
    "--role",
    type=click.Choice(["admin", "developer", "viewer"]),
    help="Role to ask for. [default: the member's, or developer]",
)
@click.option("--renew-key", is_flag=True, help="Make another key; the old one works until the next pull.")
@click.option(
    "--pull-request/--no-pull-request",
    default=None,
    help="Open a pull request, or change the file in this checkout. [default: the first, given a token]",
)
@shared.repository
@shared.json
@shared.plain_errors
def request(
    tenant: str,
    stack: str | None,
    login: str | None,
    role: str | None,
    renew_key: bool,
    pull_request: bool | None,
    repository: str | None,
    as_json: bool,
) -> None:
    """Make a key, and ask for its certificate in the tenant's file. Access begins when that is merged.

    Run again it asks for the same key.
    """
    root, name = shared.chosen(stack)
    path = shared.tenant_path(root, name, tenant)
    api = GitHub.of(os.environ)
    has_token = github.token(os.environ) is not None
    if pull_request and not has_token:
        raise click.UsageError("--pull-request needs a token in GITHUB_TOKEN, or gh that is logged in")
    person = _who(login, api)
    kept = folder.of_member(os.environ, name, tenant, person)
    csr = kept.ask(tenant, person, renew_key=renew_key)
    branch = identity.branch_of(csr, tenant, person)
    shown = path.relative_to(root).as_posix()
    title = f"Access to {tenant} for {person}"
    if pull_request or (pull_request is None and has_token):
        page = remote.propose(
            api,
            shared.platform_repository(root, repository),
            branch,
            shown,
            title,
            lambda text: _ask(text, person, csr, role),
        )
        told = page and f"opened {page}"
    else:
        text = path.read_text()
        changed = _ask(text, person, csr, role)
        path.write_text(changed)
        page = None
        told = (
            None if changed == text else f"changed {shown}; go on with:\n{_git(root, shown, branch, title)}"
        )
    if as_json:
        plain.as_json(
            {"key": str(kept.path), "file": shown, "pull_request": page, "changed": told is not None}
        )
        return
    click.echo(f"the key is in {kept.path}; it stays there")
    click.echo(told or f"{shown} has this request already")
    click.echo(f"once it is merged and applied: tenancy access pull {tenant} --stack {name}")


def _who(login: str | None, api: GitHub) -> str:
    found = login or os.environ.get("GITHUB_USER")
    if not found:
        try:
            found = api.login()
        except GitHubError as error:
            if error.status != 401:
                raise
            raise click.UsageError("who are you on GitHub? --login LOGIN, or GITHUB_USER") from None
    return found


def _ask(text: str, login: str, csr: str, role: str | None) -> str:
    return tenant_file.with_request(text, login, csr, role)


def _git(root: Path, shown: str, branch: str, title: str) -> str:
    """The commands that bring a changed file to where it can be reviewed."""
    commands = (
        ("git", "-C", str(root), "switch", "--create", branch),
        ("git", "-C", str(root), "commit", "--message", title, "--", shown),
        ("git", "-C", str(root), "push", "--set-upstream", "origin", branch),
    )
    return "\n".join(f"  {shlex.join(command)}" for command in commands)
