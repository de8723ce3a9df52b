"""Access by way of others: the pull request that asks for it, and what CI publishes of the answers."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from automation import access
from automation.access import BRANCH, AccessError, NotPublishedError, Published
from automation.github import File, GitHub, GitHubError, token

Source = Mapping[str, str]
"""Where to look: {"api", "repository"} for what CI published, or {"project"}, a folder, for the stack."""


def fetch(source: Source, stack: str, tenant: str, login: str, timeout: float = 30) -> Published:
    """What there is for one member. Raises AccessError, GitHubError."""
    return access.of_member(publication(source, stack, timeout), tenant, login)


def publication(source: Source, stack: str, timeout: float = 30) -> dict[str, Any]:
    """What is known of a stack's certificates. Raises AccessError, GitHubError."""
    if "project" in source:
        from automation import stacks as engine  # the Automation API takes a second to import

        try:
            return access.publication(engine.outputs(engine.open_stack(Path(source["project"]), stack)))
        except engine.StackFailed as failed:
            raise AccessError(str(failed)) from None
    api = GitHub(source["api"], token(os.environ), timeout=timeout)
    where = f"{access.path_of(stack)} on branch {BRANCH} of {source['repository']}"
    found = api.read(source["repository"], BRANCH, access.path_of(stack))
    if found is None:
        raise NotPublishedError(
            f"there is no {where}, or the token may not see it: CI publishes it with 'tenancy access publish'"
        )
    return access.read_publication(found.text, where)


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
    path = access.path_of(stack)
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
