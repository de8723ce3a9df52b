"""The JSON of each thing, in the shape of GitHub's OpenAPI description (schema names in the docstrings)."""

from sandbox.github.access import effective
from sandbox.github.api import Call, JsonObject
from sandbox.github.git import timestamp
from sandbox.github.store import (
    PERMISSIONS,
    Invitation,
    Organization,
    Permission,
    Repository,
    Team,
    User,
)

# The classic names of the five roles: "permission" against "role_name" in the API.
ROLE_NAMES: dict[Permission, str] = {
    "none": "none",
    "pull": "read",
    "triage": "triage",
    "push": "write",
    "maintain": "maintain",
    "admin": "admin",
}
BASE_ROLES: dict[Permission, str] = {**ROLE_NAMES, "triage": "read", "maintain": "write"}

_USER_LINKS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_LINKS = {
    "archive_url": "/{archive_format}{/ref}",
    "assignees_url": "/assignees{/user}",
    "blobs_url": "/git/blobs{/sha}",
    "branches_url": "/branches{/branch}",
    "collaborators_url": "/collaborators{/collaborator}",
    "comments_url": "/comments{/number}",
    "commits_url": "/commits{/sha}",
    "compare_url": "/compare/{base}...{head}",
    "contents_url": "/contents/{+path}",
    "contributors_url": "/contributors",
    "deployments_url": "/deployments",
    "downloads_url": "/downloads",
    "events_url": "/events",
    "forks_url": "/forks",
    "git_commits_url": "/git/commits{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "hooks_url": "/hooks",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "issues_url": "/issues{/number}",
    "keys_url": "/keys{/key_id}",
    "labels_url": "/labels{/name}",
    "languages_url": "/languages",
    "merges_url": "/merges",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "pulls_url": "/pulls{/number}",
    "releases_url": "/releases{/id}",
    "stargazers_url": "/stargazers",
    "statuses_url": "/statuses/{sha}",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "tags_url": "/tags",
    "teams_url": "/teams",
    "trees_url": "/git/trees{/sha}",
}


def site(call: Call) -> str:
    """Return the address of the pages for people; nothing answers there."""
    return call.root.removesuffix("/api/v3")


def repository_url(call: Call, repository: Repository) -> str:
    """Return the address of a repository in the API."""
    return f"{call.root}/repos/{repository.full_name}"


def account(call: Call, number: int, login: str, kind: str) -> JsonObject:
    """simple-user: a person or an organisation."""
    url = f"{call.root}/users/{login}"
    return {
        "login": login,
        "id": number,
        "node_id": f"{'O' if kind == 'Organization' else 'U'}_{number}",
        "avatar_url": f"{site(call)}/avatars/{number}",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{site(call)}/{login}",
        **{name: url + tail for name, tail in _USER_LINKS.items()},
        "type": kind,
        "user_view_type": "public",
        "site_admin": False,
    }


def user(call: Call, person: User) -> JsonObject:
    """simple-user."""
    return account(call, person.id, person.login, "User")


def login(call: Call, name: str) -> JsonObject | None:
    """nullable-simple-user: null for an account that is gone."""
    person = call.store.user(name)
    if person is not None:
        return user(call, person)
    owner = call.store.organization(name)
    return account(call, owner.id, owner.login, "Organization") if owner else None


def full_user(call: Call, person: User) -> JsonObject:
    """public-user, or private-user for people who look at themselves."""
    own = call.viewer.user is not None and call.viewer.user.id == person.id and call.viewer.has("read:user")
    body: JsonObject = user(call, person) | {
        "name": person.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": sum(not item.private for item in call.store.repositories_of(person.login)),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": timestamp(person.created_at),
        "updated_at": timestamp(person.created_at),
    }
    if own:
        private = sum(item.private for item in call.store.repositories_of(person.login))
        body |= {
            "user_view_type": "private",
            "private_gists": 0,
            "total_private_repos": private,
            "owned_private_repos": private,
            "disk_usage": 0,
            "collaborators": 0,
            "two_factor_authentication": True,
        }
    return body


def simple_organization(call: Call, found: Organization) -> JsonObject:
    """organization-simple."""
    url = f"{call.root}/orgs/{found.login}"
    return {
        "login": found.login,
        "id": found.id,
        "node_id": f"O_{found.id}",
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"{site(call)}/avatars/{found.id}",
        "description": found.description,
    }


def organization(call: Call, found: Organization) -> JsonObject:
    """organization-full, without what only owners see."""
    repositories = list(call.store.repositories_of(found.login))
    return simple_organization(call, found) | {
        "name": found.name,
        "html_url": f"{site(call)}/{found.login}",
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": sum(not item.private for item in repositories),
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "type": "Organization",
        "created_at": timestamp(found.created_at),
        "updated_at": timestamp(found.updated_at),
        "archived_at": None,
    }


def permissions(level: Permission) -> JsonObject:
    """Return the five booleans that GitHub shows for a level."""
    rank = PERMISSIONS.index(level)
    return {name: rank >= PERMISSIONS.index(name) for name in PERMISSIONS if name != "none"}


def repository(call: Call, found: Repository) -> JsonObject:
    """minimal-repository, which is also what the larger forms begin with."""
    url = repository_url(call, found)
    settings = found.settings
    open_issues = sum(item.state == "open" for item in found.issues.values())
    page = f"{site(call)}/{found.full_name}"
    return {
        "id": found.id,
        "node_id": f"R_{found.id}",
        "name": found.name,
        "full_name": found.full_name,
        "private": found.private,
        "visibility": "private" if found.private else "public",
        "owner": login(call, found.owner),
        "html_url": page,
        "description": settings.description,
        "homepage": settings.homepage,
        "fork": False,
        "url": url,
        **{name: url + tail for name, tail in _REPOSITORY_LINKS.items()},
        "git_url": f"git://{page.partition('://')[2]}.git",
        "ssh_url": f"git@{site(call).partition('://')[2]}:{found.full_name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "language": None,
        "license": None,
        "size": 0,
        "default_branch": found.default_branch,
        "topics": list(found.topics),
        "archived": settings.archived,
        "disabled": False,
        "is_template": settings.is_template,
        "has_issues": settings.has_issues,
        "has_projects": settings.has_projects,
        "has_wiki": settings.has_wiki,
        "has_pages": False,
        "has_downloads": settings.has_downloads,
        "has_discussions": settings.has_discussions,
        "web_commit_signoff_required": settings.web_commit_signoff_required,
        "open_issues": open_issues,
        "open_issues_count": open_issues,
        "forks": 0,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers": 0,
        "watchers_count": 0,
        "created_at": timestamp(found.created_at),
        "updated_at": timestamp(found.updated_at),
        "pushed_at": timestamp(found.pushed_at),
        "permissions": permissions(effective(call.store, found, call.viewer.user)),
    }


def repository_with_settings(call: Call, found: Repository) -> JsonObject:
    """Repository, as pull requests show it."""
    settings = found.settings
    return repository(call, found) | {
        "allow_squash_merge": settings.allow_squash_merge,
        "allow_merge_commit": settings.allow_merge_commit,
        "allow_rebase_merge": settings.allow_rebase_merge,
        "allow_auto_merge": settings.allow_auto_merge,
        "allow_update_branch": settings.allow_update_branch,
        "delete_branch_on_merge": settings.delete_branch_on_merge,
        "squash_merge_commit_title": settings.squash_merge_commit_title,
        "squash_merge_commit_message": settings.squash_merge_commit_message,
        "merge_commit_title": settings.merge_commit_title,
        "merge_commit_message": settings.merge_commit_message,
        "allow_forking": False,
    }


def full_repository(call: Call, found: Repository) -> JsonObject:
    """full-repository."""
    return repository_with_settings(call, found) | {"network_count": 0, "subscribers_count": 0}


def simple_team(call: Call, found: Organization, item: Team) -> JsonObject:
    """team-simple."""
    url = f"{call.root}/organizations/{found.id}/team/{item.id}"
    return {
        "id": item.id,
        "node_id": f"T_{item.id}",
        "name": item.name,
        "slug": item.slug,
        "description": item.description,
        "privacy": item.privacy,
        "notification_setting": item.notification_setting,
        "permission": item.permission,
        "url": url,
        "html_url": f"{site(call)}/orgs/{found.login}/teams/{item.slug}",
        "members_url": f"{url}/members{{/member}}",
        "repositories_url": f"{url}/repos",
        "type": "organization",
        "organization_id": found.id,
    }


def team(call: Call, found: Organization, item: Team) -> JsonObject:
    """Team, with its parent."""
    parent = next((other for other in found.teams.values() if other.id == item.parent_id), None)
    return simple_team(call, found, item) | {
        "parent": simple_team(call, found, parent) if parent else None,
    }


def full_team(call: Call, found: Organization, item: Team) -> JsonObject:
    """team-full."""
    return team(call, found, item) | {
        "members_count": len(item.members),
        "repos_count": len(item.repositories),
        "created_at": timestamp(item.created_at),
        "updated_at": timestamp(item.updated_at),
        "organization": organization(call, found),
    }


def invitation(call: Call, found: Repository, item: Invitation) -> JsonObject:
    """repository-invitation."""
    return {
        "id": item.id,
        "node_id": f"RI_{item.id}",
        "repository": repository(call, found),
        "invitee": login(call, item.invitee),
        "inviter": login(call, item.inviter),
        "permissions": ROLE_NAMES[item.permission],
        "created_at": timestamp(item.created_at),
        "expired": False,
        "url": f"{call.root}/user/repository_invitations/{item.id}",
        "html_url": f"{site(call)}/{found.full_name}/invitations",
    }
