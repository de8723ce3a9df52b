"""Who may see and change what.

A repository that the viewer may not see is answered with 404, never 403 (GitHub, "Troubleshooting the REST
API": "404 Not Found for an existing resource"). A token's scopes only take away from what its person may do.
"""

from collections.abc import Iterator

from sandbox.github.api import Call, Viewer, forbidden, not_found, unauthenticated
from sandbox.github.store import PERMISSIONS, Organization, Permission, Repository, Store, Team, User


def at_least(one: Permission, other: Permission) -> bool:
    """Tell whether `one` includes `other`."""
    return PERMISSIONS.index(one) >= PERMISSIONS.index(other)


def strongest(permissions: Iterator[Permission]) -> Permission:
    """Return the one that includes all others, `none` for an empty list."""
    best: Permission = "none"
    for item in permissions:
        if at_least(item, best):
            best = item
    return best


def granted(store: Store, repository: Repository, user: User) -> Permission:
    """Return what somebody may do by ownership, organisation, team or as a collaborator."""
    return strongest(_grants(store, repository, user))


def effective(store: Store, repository: Repository, user: User | None) -> Permission:
    """Return what somebody may do in the end: a public repository may be read by all."""
    base: Permission = "none" if repository.private else "pull"
    if user is None:
        return base
    return strongest(iter((base, granted(store, repository, user))))


def _grants(store: Store, repository: Repository, user: User) -> Iterator[Permission]:
    if repository.owner == user.login:
        yield "admin"
    yield repository.collaborators.get(user.login, "none")
    organization = store.organization(repository.owner)
    role = organization.members.get(user.login) if organization else None
    if organization is None or role is None:
        return
    yield "admin" if role == "admin" else organization.default_permission
    for team in organization.teams.values():
        if user.login in team.members:
            for item in with_parents(organization, team):
                yield item.repositories.get(repository.id, "none")


def with_parents(organization: Organization, team: Team) -> Iterator[Team]:
    """Yield a team and those above it, whose repositories it inherits."""
    by_id = {item.id: item for item in organization.teams.values()}
    current: Team | None = team
    while current is not None:
        yield current
        current = by_id.get(current.parent_id) if current.parent_id else None


def can_see(store: Store, viewer: Viewer, repository: Repository) -> bool:
    """Tell whether the viewer may know that this repository exists."""
    if not repository.private:
        return True
    return viewer.has("repo") and at_least(effective(store, repository, viewer.user), "pull")


def repository(call: Call, need: Permission = "pull", *, even_archived: bool = False) -> Repository:
    """Return the repository that the path names.

    Raises 404 where the viewer may not see it, 401 or 403 where more than reading is needed and lacking.
    """
    found = call.store.repository(call.params["owner"], call.params["repo"])
    if found is None or not can_see(call.store, call.viewer, found):
        raise not_found()
    if need == "pull":
        return found
    user = call.user()
    scope = "repo" if found.private or need == "admin" else "public_repo"
    if not call.viewer.has(scope) or not at_least(effective(call.store, found, user), need):
        if need == "admin":
            raise forbidden("Must have admin rights to Repository.")
        raise forbidden("Must have push access to repository")
    if found.settings.archived and not even_archived:
        raise forbidden("Repository was archived so is read-only.")
    return found


def organization(call: Call) -> Organization:
    """Return the organisation that the path names, 404 where there is none."""
    found = call.store.organization(call.params["org"])
    if found is None:
        raise not_found()
    return found


def is_member(call: Call, found: Organization) -> bool:
    """Tell whether the viewer belongs to the organisation and the token may show it."""
    user = call.viewer.user
    return user is not None and user.login in found.members and call.viewer.has("read:org")


def owned_organization(call: Call, scope: str = "admin:org") -> Organization:
    """Return the organisation that the path names for one of its owners.

    Raises 401 without a token, 403 for others and for a token without `scope`.
    """
    found = organization(call)
    if call.viewer.user is None:
        raise unauthenticated()
    if found.members.get(call.viewer.user.login) != "admin" or not call.viewer.has(scope):
        raise forbidden("You must be an organization owner and the token needs the scope " + scope + ".")
    return found
