"""Options, errors and look-ups that the commands of `tenancy access` have in common."""

import os
from pathlib import Path

import click

from automation import loading, plain, project
from automation.commands import shared
from automation.github import GitHub, repository_of
from kube.errors import KubeconfigError

plain_errors = plain.reporting(KubeconfigError)
"""What is wrong with a kubeconfig is said in one line."""

stack = shared.stack_option
stacks = shared.stacks_option
login = click.option("--login", help="GitHub login. [default: $GITHUB_USER, else that of the token]")
repository = click.option(
    "--repository",
    metavar="OWNER/NAME",
    help="The platform's repository. [default: that of the git remote origin]",
)
from_stack = click.option(
    "--from-stack", is_flag=True, help="Read the stack's own outputs instead of what CI published."
)
json = shared.json_option


chosen = project.chosen
tenant_path = project.tenant_file
load_stack = loading.loaded


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
