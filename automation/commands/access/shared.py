"""Options, errors and look-ups that the commands of `tenancy access` have in common."""

import os
from pathlib import Path

import click

from automation import plain, project
from automation.github import GitHub, GitHubError, repository_of
from automation.laptop.errors import AccessError
from automation.tenant_file import TenantFileError
from kube.kubeconfig import KubeconfigError
from model import InvalidConfiguration, Stack, load

plain_errors = plain.reporting(
    failed=(AccessError, GitHubError), bad_input=(KubeconfigError, TenantFileError)
)
"""What went wrong is said in one line."""

stack = click.option(
    "--stack",
    shell_complete=project.complete_stack,
    help="The cluster's stack. May be left out where there is only one.",
)
stacks = click.option(
    "--stack",
    "names",
    multiple=True,
    shell_complete=project.complete_stack,
    help="Stack; may be repeated. May be left out where there is only one.",
)
login = click.option("--login", help="GitHub login. [default: $GITHUB_USER, else that of the token]")
repository = click.option(
    "--repository",
    metavar="OWNER/NAME",
    help="The platform's repository. [default: that of the git remote origin]",
)
from_stack = click.option(
    "--from-stack", is_flag=True, help="Read the stack's own outputs instead of what CI published."
)
json = click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")


def chosen(stack: str | None) -> tuple[Path, str]:
    """The project's folder, and the stack that was asked for or is the only one."""
    root = project.root()
    (name,) = project.choose(root, (stack,) if stack else ())
    return root, name


def load_stack(root: Path, stack: str) -> Stack:
    """All files of a stack. Raises click.ClickException with everything that is wrong."""
    try:
        return load(root, stack)
    except InvalidConfiguration as error:
        raise plain.BadInput(str(error)) from None


def tenant_path(root: Path, stack: str, tenant: str) -> Path:
    """The tenant's file in this checkout. Raises click.UsageError where there is none."""
    folder = root / "tenants" / stack
    path = folder / f"{tenant}.yaml"
    if path.parent != folder or not path.is_file():
        known = ", ".join(sorted(found.stem for found in folder.glob("*.yaml"))) or "none"
        raise click.UsageError(f"stack {stack!r} has no tenant {tenant!r}; it has: {known}")
    return path


def platform_repository(root: Path, given: str | None) -> str:
    """The repository of the platform, owner/name."""
    found = given or repository_of(root)
    if not found or found.count("/") != 1:
        raise click.UsageError("which repository is the platform's? --repository OWNER/NAME")
    return found


def source(root: Path, repository: str | None, *, from_stack: bool) -> dict[str, str]:
    """Where to look for certificates: the stack, or an API and a repository where CI published them."""
    if from_stack:
        return {"project": str(root)}
    return {"api": GitHub.of(os.environ).root, "repository": platform_repository(root, repository)}
