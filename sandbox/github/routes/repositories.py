"""Repositories themselves."""

import re
from typing import Literal

from pydantic import BaseModel

from sandbox.github import access, render
from sandbox.github.api import (
    Call,
    Handler,
    Reply,
    created,
    forbidden,
    invalid,
    not_found,
    page_reply,
    routes,
)
from sandbox.github.store import Repository, Settings

NAME = re.compile(r"[A-Za-z0-9._-]{1,100}")


class NewRepository(BaseModel):
    """The body of POST /orgs/ORG/repos; other keys are `Settings`."""

    name: str
    private: bool = False
    visibility: Literal["public", "private"] | None = None
    auto_init: bool = False


class ChangedRepository(BaseModel):
    """The body of PATCH /repos/…; other keys are `Settings`."""

    name: str | None = None
    private: bool | None = None
    visibility: Literal["public", "private"] | None = None
    default_branch: str | None = None


class Topics(BaseModel):
    """The body of PUT …/topics."""

    names: list[str]


def get_repository(call: Call) -> Reply:
    """GET /repos/OWNER/REPO."""
    return Reply(200, render.full_repository(call, access.repository(call)))


def list_of_organization(call: Call) -> Reply:
    """GET /orgs/ORG/repos: those that the viewer may see."""
    found = access.organization(call)
    kind = call.choice("type", "all", ("all", "public", "private", "forks", "sources", "member"))
    items = [
        item
        for item in call.store.repositories_of(found.login)
        if access.can_see(call.store, call.viewer, item)
        and (kind not in ("public", "private") or item.private == (kind == "private"))
        and kind != "forks"
    ]
    return page_reply(call, items, lambda item: render.repository(call, item))


def create_in_organization(call: Call) -> Reply:
    """POST /orgs/ORG/repos: for owners."""
    found = access.organization(call)
    user = call.user()
    body, settings = call.body(NewRepository), call.body(Settings)
    private = body.private if body.visibility is None else body.visibility == "private"
    if found.members.get(user.login) != "admin":
        raise forbidden("You need admin access to the organization before adding a repository to it.")
    if not call.viewer.has("repo" if private else "public_repo"):
        raise forbidden("Must have admin rights to Repository.")
    if not NAME.fullmatch(body.name):
        raise invalid("Repository", "name", "name may hold letters, digits, '.', '-' and '_'", "invalid")
    if call.store.repository(found.login, body.name):
        raise invalid("Repository", "name", "name already exists on this account")
    files = {"README.md": f"# {body.name}\n"} if body.auto_init else None
    repository = call.store.add_repository(found.login, body.name, private=private, author=user, files=files)
    repository.settings = settings
    return created(render.full_repository(call, repository))


def update_repository(call: Call) -> Reply:
    """PATCH /repos/OWNER/REPO."""
    found = access.repository(call, "admin", even_archived=True)
    body = call.body(ChangedRepository)
    if body.default_branch is not None and body.default_branch != found.default_branch:
        if body.default_branch not in found.git.branches:
            raise invalid("Repository", "default_branch", "The branch does not exist", "invalid")
        found.default_branch = body.default_branch
    if body.visibility is not None:
        found.private = body.visibility == "private"
    elif body.private is not None:
        found.private = body.private
    given = call.body(Settings).model_dump(exclude_unset=True)
    found.settings = found.settings.model_copy(update=given)
    found.updated_at = call.store.now()
    if body.name is not None and body.name != found.name:
        _rename(call, found, body.name)
    return Reply(200, render.full_repository(call, found))


def delete_repository(call: Call) -> Reply:
    """DELETE /repos/OWNER/REPO: the token needs the scope delete_repo."""
    found = access.repository(call, "admin", even_archived=True)
    if not call.viewer.has("delete_repo"):
        raise forbidden("Must have admin rights to Repository.")
    del call.store.state.repositories[found.full_name.lower()]
    for organization in call.store.state.organizations.values():
        for team in organization.teams.values():
            team.repositories.pop(found.id, None)
        for secret in organization.codespaces.secrets.values():
            secret.selected_repository_ids = [
                item for item in secret.selected_repository_ids if item != found.id
            ]
    return Reply(204)


def get_topics(call: Call) -> Reply:
    """GET …/topics."""
    return Reply(200, {"names": list(access.repository(call).topics)})


def put_topics(call: Call) -> Reply:
    """PUT …/topics."""
    found = access.repository(call, "admin")
    found.topics = [name.lower() for name in call.body(Topics).names]
    return Reply(200, {"names": list(found.topics)})


def get_alerts(call: Call) -> Reply:
    """GET …/vulnerability-alerts: 404 says that they are off."""
    access.repository(call, "admin", even_archived=True)
    raise not_found()


def _rename(call: Call, found: Repository, name: str) -> None:
    if not NAME.fullmatch(name) or call.store.repository(found.owner, name):
        raise invalid("Repository", "name", "name already exists on this account or is not allowed")
    del call.store.state.repositories[found.full_name.lower()]
    found.name = name
    call.store.state.repositories[found.full_name.lower()] = found


_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/orgs/{org}/repos", list_of_organization),
    ("POST", "/orgs/{org}/repos", create_in_organization),
    ("GET", "/repos/{owner}/{repo}", get_repository),
    ("PATCH", "/repos/{owner}/{repo}", update_repository),
    ("DELETE", "/repos/{owner}/{repo}", delete_repository),
    ("GET", "/repos/{owner}/{repo}/topics", get_topics),
    ("PUT", "/repos/{owner}/{repo}/topics", put_topics),
    ("GET", "/repos/{owner}/{repo}/vulnerability-alerts", get_alerts),
)
ROUTES = routes("", "repos/repos", ("repo",), _TABLE)
