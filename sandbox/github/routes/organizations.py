"""Organisations, their members, and people."""

from pydantic import BaseModel

from sandbox.github import access, render
from sandbox.github.api import Call, Handler, JsonObject, Reply, forbidden, not_found, page_reply, routes
from sandbox.github.store import Organization, OrgRole


class MembershipChange(BaseModel):
    """The body of PUT /orgs/ORG/memberships/LOGIN."""

    role: OrgRole = "member"


def get_organization(call: Call) -> Reply:
    """GET /orgs/ORG."""
    return Reply(200, render.organization(call, access.organization(call)))


def list_own_organizations(call: Call) -> Reply:
    """GET /user/orgs."""
    person = call.user()
    if not call.viewer.has("read:org") and not call.viewer.has("user"):
        raise forbidden("You need at least read:org scope or user scope to list your organizations.")
    found = [item for item in call.store.state.organizations.values() if person.login in item.members]
    return page_reply(call, found, lambda item: render.simple_organization(call, item))


def list_members(call: Call) -> Reply:
    """GET /orgs/ORG/members. Those who are not members see none, because nobody is a public member."""
    found = access.organization(call)
    role = call.choice("role", "all", ("all", "admin", "member"))
    logins = [name for name, own in found.members.items() if role in ("all", own)]
    people = [person for name in logins if (person := call.store.user(name))]
    return page_reply(
        call, people if access.is_member(call, found) else [], lambda item: render.user(call, item)
    )


def check_member(call: Call) -> Reply:
    """GET /orgs/ORG/members/LOGIN: 204 or 404, and 302 to the public members for those outside."""
    found = access.organization(call)
    if not access.is_member(call, found):
        url = f"{call.root}/orgs/{found.login}/public_members/{call.params['username']}"
        return Reply(302, None, {"Location": url})
    if call.params["username"] not in found.members:
        raise not_found()
    return Reply(204)


def get_membership(call: Call) -> Reply:
    """GET /orgs/ORG/memberships/LOGIN."""
    found = access.organization(call)
    call.user()
    if not access.is_member(call, found):
        raise forbidden("You must be a member of the organization and the token needs read:org.")
    return Reply(200, _membership(call, found, call.params["username"]))


def put_membership(call: Call) -> Reply:
    """PUT /orgs/ORG/memberships/LOGIN. Unlike on GitHub the person is a member at once."""
    found = access.owned_organization(call)
    person = call.store.user(call.params["username"])
    if person is None:
        raise not_found()
    found.members[person.login] = call.body(MembershipChange).role
    return Reply(200, _membership(call, found, person.login))


def delete_membership(call: Call) -> Reply:
    """DELETE /orgs/ORG/memberships/LOGIN; teams lose the person too."""
    found = access.owned_organization(call)
    if found.members.pop(call.params["username"], None) is None:
        raise not_found()
    for team in found.teams.values():
        team.members.pop(call.params["username"], None)
    return Reply(204)


def get_user(call: Call) -> Reply:
    """GET /users/LOGIN, for people only."""
    person = call.store.user(call.params["username"])
    if person is None:
        raise not_found()
    return Reply(200, render.full_user(call, person))


def get_own_user(call: Call) -> Reply:
    """GET /user."""
    return Reply(200, render.full_user(call, call.user()))


def _membership(call: Call, found: Organization, name: str) -> JsonObject:
    role = found.members.get(name)
    if role is None:
        raise not_found()
    url = f"{call.root}/orgs/{found.login}"
    return {
        "url": f"{url}/memberships/{name}",
        "state": "active",
        "role": role,
        "organization_url": url,
        "organization": render.simple_organization(call, found),
        "user": render.login(call, name),
        "permissions": {"can_create_repository": role == "admin"},
    }


_ORGANIZATIONS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/orgs/{org}", get_organization),
    ("GET", "/user/orgs", list_own_organizations),
    ("GET", "/orgs/{org}/members", list_members),
    ("GET", "/orgs/{org}/members/{username}", check_member),
    ("GET", "/orgs/{org}/memberships/{username}", get_membership),
    ("PUT", "/orgs/{org}/memberships/{username}", put_membership),
    ("DELETE", "/orgs/{org}/memberships/{username}", delete_membership),
)
_USERS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/user", get_own_user),
    ("GET", "/users/{username}", get_user),
)
ROUTES = routes("", "orgs/orgs", ("read:org",), _ORGANIZATIONS) + routes("", "users/users", (), _USERS)
