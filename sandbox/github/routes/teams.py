"""Teams of an organisation: members and repositories."""

from collections.abc import Iterator
from typing import Literal, TypeAlias

from pydantic import BaseModel

from sandbox.github import access, render
from sandbox.github.api import (
    ApiError,
    Call,
    Handler,
    JsonObject,
    Reply,
    created,
    forbidden,
    invalid,
    not_found,
    page_reply,
    routes,
)
from sandbox.github.store import Organization, Permission, Repository, Team, TeamRole, slug

Privacy: TypeAlias = Literal["secret", "closed"]
Notifications: TypeAlias = Literal["notifications_enabled", "notifications_disabled"]


class NewTeam(BaseModel):
    """The body of POST /orgs/ORG/teams."""

    name: str
    description: str | None = None
    privacy: Privacy | None = None
    notification_setting: Notifications = "notifications_enabled"
    permission: Literal["pull", "push"] = "pull"
    parent_team_id: int | None = None
    maintainers: list[str] = []


class ChangedTeam(BaseModel):
    """The body of PATCH; only what is given changes."""

    name: str = ""
    description: str | None = None
    privacy: Privacy = "secret"
    notification_setting: Notifications = "notifications_enabled"
    permission: Literal["pull", "push", "admin"] = "pull"
    parent_team_id: int | None = None


class MembershipChange(BaseModel):
    """The body of PUT …/memberships/LOGIN."""

    role: TeamRole = "member"


class RepositoryGrant(BaseModel):
    """The body of PUT …/repos/OWNER/REPO; without a permission the team's own is used."""

    permission: Permission | None = None


def list_teams(call: Call) -> Reply:
    """GET /orgs/ORG/teams: for members; secret teams show to owners and their members only."""
    found = _organization(call)
    teams = [item for item in found.teams.values() if _visible(call, found, item)]
    return page_reply(call, teams, lambda item: render.team(call, found, item))


def create_team(call: Call) -> Reply:
    """POST /orgs/ORG/teams."""
    found = access.owned_organization(call, "write:org")
    body = call.body(NewTeam)
    if not slug(body.name) or slug(body.name) in found.teams:
        raise invalid("Team", "name", "Name must be unique for this org", "already_exists")
    _check_parent(found, None, body.parent_team_id)
    team = call.store.add_team(found, body.name)
    team.description = body.description
    team.privacy = body.privacy or ("closed" if body.parent_team_id else "secret")
    team.notification_setting = body.notification_setting
    team.permission = body.permission
    team.parent_id = body.parent_team_id
    team.members = {name: "maintainer" for name in body.maintainers if name in found.members}
    return created(render.full_team(call, found, team))


def get_team(call: Call) -> Reply:
    """GET /orgs/ORG/teams/SLUG."""
    found, team = _team(call)
    return Reply(200, render.full_team(call, found, team))


def update_team(call: Call) -> Reply:
    """PATCH /orgs/ORG/teams/SLUG."""
    found, team = _managed_team(call)
    body = call.body(ChangedTeam)
    given = body.model_dump(exclude_unset=True)
    _check_parent(found, team, given.get("parent_team_id"))
    if "name" in given and body.name != team.name:
        if not slug(body.name) or (slug(body.name) != team.slug and slug(body.name) in found.teams):
            raise invalid("Team", "name", "Name must be unique for this org", "already_exists")
        del found.teams[team.slug]
        team.name, team.slug = body.name, slug(body.name)
        found.teams[team.slug] = team
    if "parent_team_id" in given:
        team.parent_id = body.parent_team_id
    if "description" in given:
        team.description = body.description
    if "privacy" in given:
        team.privacy = body.privacy
    if "notification_setting" in given:
        team.notification_setting = body.notification_setting
    if "permission" in given:
        team.permission = body.permission
    team.updated_at = call.store.now()
    return Reply(200, render.full_team(call, found, team))


def delete_team(call: Call) -> Reply:
    """DELETE /orgs/ORG/teams/SLUG, with the teams below it."""
    found, team = _managed_team(call)
    gone = [item.slug for item in found.teams.values() if team in access.with_parents(found, item)]
    for name in gone:
        del found.teams[name]
    return Reply(204)


def list_members(call: Call) -> Reply:
    """GET …/members, those of child teams included."""
    found, team = _team(call)
    role = call.choice("role", "all", ("all", "member", "maintainer"))
    logins = {name: None for name, own in _members(found, team) if role in ("all", own)}
    people = [person for name in logins if (person := call.store.user(name))]
    return page_reply(call, people, lambda item: render.user(call, item))


def get_membership(call: Call) -> Reply:
    """GET …/memberships/LOGIN."""
    _, team = _team(call)
    return Reply(200, _membership(call, team, call.params["username"]))


def put_membership(call: Call) -> Reply:
    """PUT …/memberships/LOGIN. Somebody outside becomes a member of the organisation, at once."""
    found, team = _managed_team(call)
    person = call.store.user(call.params["username"])
    if person is None:
        raise not_found()
    role = call.body(MembershipChange).role
    found.members.setdefault(person.login, "member")
    # GitHub shows owners as maintainers of every team that they are in.
    team.members[person.login] = "maintainer" if found.members[person.login] == "admin" else role
    return Reply(200, _membership(call, team, person.login))


def delete_membership(call: Call) -> Reply:
    """DELETE …/memberships/LOGIN."""
    _, team = _managed_team(call)
    if team.members.pop(call.params["username"], None) is None:
        raise not_found()
    return Reply(204)


def list_repositories(call: Call) -> Reply:
    """GET …/repos."""
    found, team = _team(call)
    items = [item for item in call.store.repositories_of(found.login) if item.id in team.repositories]
    return page_reply(call, items, lambda item: _team_repository(call, found, team, item))


def get_repository(call: Call) -> Reply:
    """GET …/repos/OWNER/REPO: 204, or the repository where `…repository+json` is accepted."""
    found, team = _team(call)
    repository = _repository(call)
    if repository.id not in team.repositories:
        raise not_found()
    if "repository" not in call.accept:
        return Reply(204)
    return Reply(200, _team_repository(call, found, team, repository))


def put_repository(call: Call) -> Reply:
    """PUT …/repos/OWNER/REPO."""
    found, team = _managed_team(call)
    repository = _repository(call)
    if repository.owner != found.login:
        raise ApiError(422, "Validation Failed")
    team.repositories[repository.id] = call.body(RepositoryGrant).permission or team.permission
    return Reply(204)


def delete_repository(call: Call) -> Reply:
    """DELETE …/repos/OWNER/REPO."""
    _, team = _managed_team(call)
    team.repositories.pop(_repository(call).id, None)
    return Reply(204)


def list_of_repository(call: Call) -> Reply:
    """GET /repos/OWNER/REPO/teams, each with what it may do there."""
    repository = access.repository(call)
    found = call.store.organization(repository.owner)
    teams = [item for item in found.teams.values() if repository.id in item.repositories] if found else []

    def show(item: Team) -> JsonObject:
        level = item.repositories[repository.id]
        body = render.team(call, found, item) if found else {}
        return body | {"permission": level, "permissions": render.permissions(level)}

    return page_reply(call, teams, show)


def _organization(call: Call) -> Organization:
    found = access.organization(call)
    call.user()
    if not access.is_member(call, found):
        raise forbidden("You must be a member of the organization and the token needs read:org.")
    return found


def _team(call: Call) -> tuple[Organization, Team]:
    found = access.organization(call)
    team = found.teams.get(call.params["team_slug"].lower())
    if team is None or not access.is_member(call, found) or not _visible(call, found, team):
        raise not_found()
    return found, team


def _managed_team(call: Call) -> tuple[Organization, Team]:
    """Return the team for an owner or a maintainer of it; 403 for other members."""
    found, team = _team(call)
    user = call.user()
    in_charge = found.members.get(user.login) == "admin" or team.members.get(user.login) == "maintainer"
    if not in_charge or not call.viewer.has("write:org"):
        raise forbidden("You must be an owner or team maintainer and the token needs write:org.")
    return found, team


def _visible(call: Call, found: Organization, team: Team) -> bool:
    user = call.user()
    return team.privacy == "closed" or user.login in team.members or found.members[user.login] == "admin"


def _members(found: Organization, team: Team) -> Iterator[tuple[str, TeamRole]]:
    for item in found.teams.values():
        if team in access.with_parents(found, item):
            yield from item.members.items()


def _membership(call: Call, team: Team, name: str) -> JsonObject:
    person = call.store.user(name)
    role = team.members.get(person.login) if person else None
    if person is None or role is None:
        raise not_found()
    url = f"{call.root}/orgs/{call.params['org']}/teams/{team.slug}/memberships/{person.login}"
    return {"url": url, "role": role, "state": "active"}


def _repository(call: Call) -> Repository:
    return access.repository(call)


def _team_repository(call: Call, found: Organization, team: Team, repository: Repository) -> JsonObject:
    """minimal-repository and team-repository have these two in common."""
    level = access.strongest(
        item.repositories.get(repository.id, "none") for item in access.with_parents(found, team)
    )
    body = render.repository(call, repository)
    del body["has_discussions"]  # team-repository is the one form without it
    return body | {"permissions": render.permissions(level), "role_name": render.ROLE_NAMES[level]}


def _check_parent(found: Organization, team: Team | None, number: int | None) -> None:
    if number is None:
        return
    parent = next((item for item in found.teams.values() if item.id == number), None)
    if parent is None or (team is not None and team in access.with_parents(found, parent)):
        raise invalid(
            "Team", "parent_team_id", "The parent team does not exist or is below this team", "invalid"
        )


_TEAM = "/orgs/{org}/teams/{team_slug}"
_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/orgs/{org}/teams", list_teams),
    ("POST", "/orgs/{org}/teams", create_team),
    ("GET", _TEAM, get_team),
    ("PATCH", _TEAM, update_team),
    ("DELETE", _TEAM, delete_team),
    ("GET", _TEAM + "/members", list_members),
    ("GET", _TEAM + "/memberships/{username}", get_membership),
    ("PUT", _TEAM + "/memberships/{username}", put_membership),
    ("DELETE", _TEAM + "/memberships/{username}", delete_membership),
    ("GET", _TEAM + "/repos", list_repositories),
    ("GET", _TEAM + "/repos/{owner}/{repo}", get_repository),
    ("PUT", _TEAM + "/repos/{owner}/{repo}", put_repository),
    ("DELETE", _TEAM + "/repos/{owner}/{repo}", delete_repository),
    ("GET", "/repos/{owner}/{repo}/teams", list_of_repository),
)
ROUTES = routes("", "teams/teams", ("read:org",), _TABLE)
