"""Access by way of others: the pull request that asks for it, and what CI publishes of the answers."""

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from automation.github import File, GitHub, GitHubError, token
from automation.laptop import publication
from automation.laptop.errors import AccessError, NotPublishedError
from automation.laptop.publication import BRANCH, Published

Source = Mapping[str, str]
"""Where to look: {"api", "repository"} for what CI published, or {"project"}, a folder, for the stack."""


def fetch(source: Source, stack: str, tenant: str, login: str, timeout: float = 30) -> Published:
    """What there is for one member. Raises AccessError, GitHubError."""
    return publication.of_member(published(source, stack, timeout), tenant, login)


def published(source: Source, stack: str, timeout: float = 30) -> dict[str, Any]:
    """What is known of a stack's certificates. Raises AccessError, GitHubError."""
    if "project" in source:
        return _from_stack(source["project"], stack)
    api = GitHub(source["api"], token(os.environ), timeout=timeout)
    where = f"{publication.path_of(stack)} on branch {BRANCH} of {source['repository']}"
    found = api.read(source["repository"], BRANCH, publication.path_of(stack))
    if found is None:
        raise NotPublishedError(
            f"there is no {where}, or the token may not see it: CI publishes it with 'tenancy access publish'"
        )
    return publication.parse(found.text, where)


def _from_stack(project: str, stack: str) -> dict[str, Any]:
    try:
        # By name: it takes Pulumi, which an installation for laptops does not have.
        reader = import_module("..from_stack", __package__)
    except ModuleNotFoundError:
        raise AccessError(
            "the stack itself is read by the platform's own installation of tenancy, not by that for laptops"
        ) from None
    found: dict[str, Any] = reader.published(project, stack)
    return found


def propose(
    api: GitHub, repository: str, branch: str, path: str, title: str, change: Callable[[str], str]
) -> str | None:
    """Open a pull request that changes one file; return its page, None where there is nothing to change."""
    base = api.default_branch(repository)
    old = api.read(repository, base, path)
    if old is None:
        raise AccessError(f"{path} is not on branch {base} of {repository}, or the token may not see it")
    if change(old.text) == old.text:
        return None
    if api.head(repository, branch) is not None:
        # An earlier run was interrupted, or its pull request is open.
        old = api.read(repository, branch, path) or old
    else:
        head = api.head(repository, base)
        if head is None:
            raise AccessError(f"{repository} has no branch {base}")
        api.create_branch(repository, branch, head)
    text = change(old.text)
    if text != old.text:
        api.write(repository, branch, path, text, message=title, replaces=old.sha)
    body = (
        "The key was made on a laptop and stays there; this is its certificate request, which is public. "
        "Merging this lets the cluster sign it. The certificate comes back through the branch "
        f"`{BRANCH}`, and `tenancy access pull` fetches it."
    )
    return api.open_pull(repository, head=branch, base=base, title=title, body=body)


def publish(api: GitHub, repository: str, stack: str, text: str) -> bool:
    """Whether the published file had to change. Another stack's run may commit in between: then again."""
    path = publication.path_of(stack)
    if api.head(repository, BRANCH) is None:
        base = api.default_branch(repository)
        head = api.head(repository, base)
        if head is None:
            raise AccessError(f"{repository} has no branch {base}")
        api.create_branch(repository, BRANCH, head)
    for attempt in range(5):
        old: File | None = api.read(repository, BRANCH, path)
        if old is not None and old.text == text:
            return False
        try:
            api.write(
                repository,
                BRANCH,
                path,
                text,
                message=f"Certificates of {stack}",
                replaces=old.sha if old else None,
            )
        except GitHubError as error:
            if error.status != 409 or attempt == 4:
                raise
        else:
            return True
    return True
