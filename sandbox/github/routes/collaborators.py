"""Collaborators of a repository and their invitations."""

from typing import Literal, TypeAlias

from pydantic import BaseModel

from sandbox.github import access, render
from sandbox.github.api import (
    Call,
    Handler,
    JsonObject,
    Reply,
    created,
    forbidden,
    not_found,
    page_reply,
    routes,
)
from sandbox.github.store import PERMISSIONS, Invitation, Permission, Repository, User

Grantable: TypeAlias = Literal["pull", "triage", "push", "maintain", "admin"]


class Grant(BaseModel):
    """The body of PUT …/collaborators/LOGIN."""

    permission: Grantable = "push"


def list_collaborators(call: Call) -> Reply:
    """GET …/collaborators: all who have been granted anything."""
    found = access.repository(call, "push", even_archived=True)
    kind = call.choice("affiliation", "all", ("all", "direct", "outside"))
    wanted = call.choice("permission", "pull", PERMISSIONS[1:])
    people = [
        person
        for person in call.store.state.users.values()
        if _counts(call, found, person, kind)
        and access.granted(call.store, found, person) != "none"
        and (
            "permission" not in call.query
            or render.ROLE_NAMES[access.granted(call.store, found, person)]
            == render.ROLE_NAMES[_permission(wanted)]
        )
    ]
    return page_reply(call, people, lambda person: _collaborator(call, found, person))


def check_collaborator(call: Call) -> Reply:
    """GET …/collaborators/LOGIN: 204 or 404."""
    found = access.repository(call, "push", even_archived=True)
    person = call.store.user(call.params["username"])
    if person is None or access.granted(call.store, found, person) == "none":
        raise not_found()
    return Reply(204)


def put_collaborator(call: Call) -> Reply:
    """PUT …/collaborators/LOGIN: 204 for a member or somebody who has access, else 201 and an invitation."""
    found = access.repository(call, "admin")
    person = call.store.user(call.params["username"])
    if person is None:
        raise not_found()
    permission = call.body(Grant).permission
    organization = call.store.organization(found.owner)
    member = organization is not None and person.login in organization.members
    if member or person.login in found.collaborators:
        found.collaborators[person.login] = permission
        return Reply(204)
    found.invitations = [item for item in found.invitations if item.invitee != person.login]
    invitation = Invitation(
        id=call.store.new_id(),
        invitee=person.login,
        inviter=call.user().login,
        permission=permission,
        created_at=call.store.now(),
    )
    found.invitations.append(invitation)
    return created(render.invitation(call, found, invitation))


def delete_collaborator(call: Call) -> Reply:
    """DELETE …/collaborators/LOGIN; an invitation goes too."""
    found = access.repository(call, "admin")
    name = call.params["username"]
    found.collaborators.pop(name, None)
    found.invitations = [item for item in found.invitations if item.invitee != name]
    return Reply(204)


def get_permission(call: Call) -> Reply:
    """GET …/collaborators/LOGIN/permission."""
    found = access.repository(call, "push", even_archived=True)
    person = call.store.user(call.params["username"])
    if person is None:
        raise not_found()
    level = access.effective(call.store, found, person)
    body: JsonObject = {
        "permission": render.BASE_ROLES[level],
        "role_name": render.ROLE_NAMES[level],
        "user": _collaborator(call, found, person),
    }
    return Reply(200, body)


def list_invitations(call: Call) -> Reply:
    """GET …/invitations."""
    found = access.repository(call, "admin", even_archived=True)
    return page_reply(call, found.invitations, lambda item: render.invitation(call, found, item))


def update_invitation(call: Call) -> Reply:
    """PATCH …/invitations/ID; its body uses the role names."""
    found = access.repository(call, "admin")
    invitation = _invitation(call, found)
    names: dict[str, Permission] = {
        name: level for level, name in render.ROLE_NAMES.items() if level != "none"
    }
    body = call.body(ChangedInvitation)
    if body.permissions is not None:
        invitation.permission = names[body.permissions]
    return Reply(200, render.invitation(call, found, invitation))


class ChangedInvitation(BaseModel):
    """The body of PATCH …/invitations/ID."""

    permissions: Literal["read", "write", "maintain", "triage", "admin"] | None = None


def delete_invitation(call: Call) -> Reply:
    """DELETE …/invitations/ID."""
    found = access.repository(call, "admin")
    found.invitations.remove(_invitation(call, found))
    return Reply(204)


def list_own_invitations(call: Call) -> Reply:
    """GET /user/repository_invitations."""
    own = _own_invitations(call)
    return page_reply(call, own, lambda item: render.invitation(call, item[0], item[1]))


def accept_invitation(call: Call) -> Reply:
    """PATCH /user/repository_invitations/ID."""
    found, invitation = _own_invitation(call)
    found.collaborators[invitation.invitee] = invitation.permission
    found.invitations.remove(invitation)
    return Reply(204)


def decline_invitation(call: Call) -> Reply:
    """DELETE /user/repository_invitations/ID."""
    found, invitation = _own_invitation(call)
    found.invitations.remove(invitation)
    return Reply(204)


def _counts(call: Call, found: Repository, person: User, kind: str) -> bool:
    organization = call.store.organization(found.owner)
    member = organization is not None and person.login in organization.members
    direct = person.login in found.collaborators
    return kind == "all" or (direct and (kind == "direct" or not member))


def _permission(name: str) -> Permission:
    return next(item for item in PERMISSIONS if item == name)


def _collaborator(call: Call, found: Repository, person: User) -> JsonObject:
    level = access.effective(call.store, found, person)
    return render.user(call, person) | {
        "permissions": render.permissions(level),
        "role_name": render.ROLE_NAMES[level],
    }


def _invitation(call: Call, found: Repository) -> Invitation:
    number = call.number("invitation_id")
    invitation = next((item for item in found.invitations if item.id == number), None)
    if invitation is None:
        raise not_found()
    return invitation


def _own_invitations(call: Call) -> list[tuple[Repository, Invitation]]:
    user = call.user()
    if not call.viewer.has("repo") and not call.viewer.has("repo:invite"):
        raise forbidden("The token needs the scope repo or repo:invite.")
    return [
        (repository, invitation)
        for repository in call.store.state.repositories.values()
        for invitation in repository.invitations
        if invitation.invitee == user.login
    ]


def _own_invitation(call: Call) -> tuple[Repository, Invitation]:
    number = call.number("invitation_id")
    for found, invitation in _own_invitations(call):
        if invitation.id == number:
            return found, invitation
    raise not_found()


_REPOSITORY = "/repos/{owner}/{repo}"
_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", _REPOSITORY + "/collaborators", list_collaborators),
    ("GET", _REPOSITORY + "/collaborators/{username}", check_collaborator),
    ("PUT", _REPOSITORY + "/collaborators/{username}", put_collaborator),
    ("DELETE", _REPOSITORY + "/collaborators/{username}", delete_collaborator),
    ("GET", _REPOSITORY + "/collaborators/{username}/permission", get_permission),
    ("GET", _REPOSITORY + "/invitations", list_invitations),
    ("PATCH", _REPOSITORY + "/invitations/{invitation_id}", update_invitation),
    ("DELETE", _REPOSITORY + "/invitations/{invitation_id}", delete_invitation),
    ("GET", "/user/repository_invitations", list_own_invitations),
    ("PATCH", "/user/repository_invitations/{invitation_id}", accept_invitation),
    ("DELETE", "/user/repository_invitations/{invitation_id}", decline_invitation),
)
ROUTES = routes("", "collaborators/collaborators", ("repo",), _TABLE)
