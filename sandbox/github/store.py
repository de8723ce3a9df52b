"""What exists on the emulated GitHub, and the file that it is kept in.

Everything is in memory; `Store.save` writes the whole state to `state.json` (0600, replaced atomically)
before a changing request is answered. Tokens are kept as hashes only; `tokens.json` holds the three
tokens that a first start makes.
"""

import fcntl
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal, TypeAlias

from nacl.public import PrivateKey
from pydantic import BaseModel, Field

from kube import private_files
from sandbox.github.git import Git

Permission: TypeAlias = Literal["none", "pull", "triage", "push", "maintain", "admin"]
Visibility: TypeAlias = Literal["all", "private", "selected"]
OrgRole: TypeAlias = Literal["admin", "member"]
TeamRole: TypeAlias = Literal["maintainer", "member"]

PERMISSIONS: tuple[Permission, ...] = ("none", "pull", "triage", "push", "maintain", "admin")
SEED_ORGANIZATION = "acme"
OWNER_TOKEN = "admin"  # noqa: S105 - the name of the token that opens /_sandbox


class User(BaseModel):
    """A person's account."""

    id: int
    login: str
    name: str
    created_at: int


class Token(BaseModel):
    """A classic personal access token. `scopes` as in GitHub's `X-OAuth-Scopes`."""

    name: str
    login: str
    scopes: list[str]


class Secret(BaseModel):
    """A Codespaces secret as it was received: a libsodium sealed box in Base64. Times are Unix seconds.

    `visibility` and `selected_repository_ids` belong to an organisation's secrets only.
    """

    name: str
    encrypted_value: str
    created_at: int
    updated_at: int
    visibility: Visibility = "private"
    selected_repository_ids: list[int] = []


class Vault(BaseModel):
    """The Codespaces secrets of one repository or organisation with the key pair that they are sealed for."""

    key_id: str
    private_key: str  # hex
    secrets: dict[str, Secret] = {}

    def key(self) -> PrivateKey:
        """Return the private half, with its public half in `.public_key`."""
        return PrivateKey(bytes.fromhex(self.private_key))


class Team(BaseModel):
    """A team. `repositories` maps a repository's id to what the team may do there."""

    id: int
    name: str
    slug: str
    description: str | None = None
    privacy: Literal["secret", "closed"] = "secret"
    notification_setting: Literal["notifications_enabled", "notifications_disabled"] = "notifications_enabled"
    permission: Permission = "pull"
    parent_id: int | None = None
    created_at: int
    updated_at: int
    members: dict[str, TeamRole] = {}
    repositories: dict[int, Permission] = {}


class Organization(BaseModel):
    """An organisation. `default_permission` is what every member may do in each of its repositories."""

    id: int
    login: str
    name: str
    description: str | None = None
    created_at: int
    updated_at: int
    default_permission: Permission = "none"
    members: dict[str, OrgRole] = {}
    teams: dict[str, Team] = {}
    codespaces: Vault


class Invitation(BaseModel):
    """An invitation of somebody outside the organisation to one repository, until it is accepted."""

    id: int
    invitee: str
    inviter: str
    permission: Permission
    created_at: int


class Comment(BaseModel):
    """A comment on an issue or pull request."""

    id: int
    login: str
    body: str
    created_at: int
    updated_at: int


class Pull(BaseModel):
    """What makes an issue a pull request. Commits are kept by hash, so that a deleted branch does no harm."""

    id: int
    head: str
    head_sha: str
    base: str
    base_sha: str
    draft: bool = False
    merged_at: int | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None


class Issue(BaseModel):
    """An issue; GitHub counts pull requests among them."""

    id: int
    number: int
    login: str
    title: str
    body: str | None = None
    labels: list[str] = []
    assignees: list[str] = []
    state: Literal["open", "closed"] = "open"
    state_reason: Literal["completed", "reopened", "not_planned", "duplicate"] | None = None
    created_at: int
    updated_at: int
    closed_at: int | None = None
    closed_by: str | None = None
    comments: list[Comment] = []
    pull: Pull | None = None


class Settings(BaseModel):
    """What `PATCH /repos/…` may change and the API shows again under the same name."""

    description: str | None = None
    homepage: str | None = None
    has_issues: bool = True
    has_projects: bool = True
    has_wiki: bool = True
    has_discussions: bool = False
    has_downloads: bool = True
    is_template: bool = False
    archived: bool = False
    allow_squash_merge: bool = True
    allow_merge_commit: bool = True
    allow_rebase_merge: bool = True
    allow_auto_merge: bool = False
    allow_update_branch: bool = False
    delete_branch_on_merge: bool = False
    web_commit_signoff_required: bool = False
    squash_merge_commit_title: Literal["PR_TITLE", "COMMIT_OR_PR_TITLE"] = "COMMIT_OR_PR_TITLE"
    squash_merge_commit_message: Literal["PR_BODY", "COMMIT_MESSAGES", "BLANK"] = "COMMIT_MESSAGES"
    merge_commit_title: Literal["PR_TITLE", "MERGE_MESSAGE"] = "MERGE_MESSAGE"
    merge_commit_message: Literal["PR_BODY", "PR_TITLE", "BLANK"] = "PR_TITLE"


class Repository(BaseModel):
    """A repository of an organisation or a user."""

    id: int
    owner: str
    name: str
    private: bool = True
    default_branch: str = "main"
    topics: list[str] = []
    settings: Settings = Settings()
    created_at: int
    updated_at: int
    pushed_at: int
    collaborators: dict[str, Permission] = {}
    invitations: list[Invitation] = []
    codespaces: Vault
    git: Git = Field(default_factory=Git)
    issues: dict[int, Issue] = {}

    @property
    def full_name(self) -> str:
        """`owner/name`, as GitHub writes it."""
        return f"{self.owner}/{self.name}"


class State(BaseModel):
    """Everything that survives a restart. Keys of accounts and repositories are in lower case."""

    next_id: int = 1001
    clock_offset: int = 0
    users: dict[str, User] = {}
    organizations: dict[str, Organization] = {}
    repositories: dict[str, Repository] = {}
    tokens: dict[str, Token] = {}


class Store:
    """The state, its file, its clock and its counters.

    `folder` is made if it is missing (0700). Raises `BlockingIOError` if another emulator uses it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock(folder / "lock")
        self._file = folder / "state.json"
        if self._file.exists():
            self.state = State.model_validate_json(self._file.read_bytes())
        else:
            self.state = State()
            tokens = _seed(self)
            private_files.write(folder / "tokens.json", json.dumps(tokens, indent=2) + "\n")
            self.save()

    def save(self) -> None:
        """Write the state; a reader sees the old file or the new one, never a part."""
        private_files.write(self._file, self.state.model_dump_json())

    def now(self) -> int:
        """Return Unix seconds by the emulator's clock, which tests can put forward."""
        return int(time.time()) + self.state.clock_offset

    def new_id(self) -> int:
        """Return a number that nothing here has had before."""
        number = self.state.next_id
        self.state.next_id += 1
        return number

    def add_user(self, login: str, name: str | None = None) -> User:
        """Make an account."""
        user = User(id=self.new_id(), login=login, name=name or login, created_at=self.now())
        self.state.users[login.lower()] = user
        return user

    def add_organization(self, login: str, owner: str) -> Organization:
        """Make an organisation that `owner` administers."""
        organization = Organization(
            id=self.new_id(),
            login=login,
            name=login,
            created_at=self.now(),
            updated_at=self.now(),
            members={owner: "admin"},
            codespaces=self._vault(),
        )
        self.state.organizations[login.lower()] = organization
        return organization

    def add_repository(
        self, owner: str, name: str, *, private: bool, author: User, files: dict[str, str] | None = None
    ) -> Repository:
        """Make a repository; with `files` (path to text) it has a first commit, otherwise it is empty."""
        now = self.now()
        repository = Repository(
            id=self.new_id(),
            owner=owner,
            name=name,
            private=private,
            created_at=now,
            updated_at=now,
            pushed_at=now,
            codespaces=self._vault(),
        )
        if files:
            git = repository.git
            tree = {path: git.add_blob(text.encode()) for path, text in files.items()}
            sha = git.add_commit(tree, [], "Initial commit", author.name, email(author), now)
            git.branches[repository.default_branch] = sha
        self.state.repositories[repository.full_name.lower()] = repository
        return repository

    def add_team(self, organization: Organization, name: str) -> Team:
        """Make a team without members."""
        now = self.now()
        team = Team(id=self.new_id(), name=name, slug=slug(name), created_at=now, updated_at=now)
        organization.teams[team.slug] = team
        return team

    def add_token(self, name: str, login: str, scopes: list[str]) -> str:
        """Make a token and return it; only its hash is kept."""
        token = "ghp_" + secrets.token_urlsafe(27)
        self.state.tokens[_hash(token)] = Token(name=name, login=login, scopes=scopes)
        return token

    def token(self, value: str) -> Token | None:
        """Return what is known of this token, None where there is no such token."""
        return self.state.tokens.get(_hash(value))

    def organization(self, login: str) -> Organization | None:
        """Return an organisation; case does not matter, as on GitHub."""
        return self.state.organizations.get(login.lower())

    def user(self, login: str) -> User | None:
        """Return a person; case does not matter, as on GitHub."""
        return self.state.users.get(login.lower())

    def repository(self, owner: str, name: str) -> Repository | None:
        """Return a repository; case does not matter, as on GitHub."""
        return self.state.repositories.get(f"{owner}/{name}".lower())

    def repository_by_id(self, number: int) -> Repository | None:
        """Return the repository with this id."""
        return next((item for item in self.state.repositories.values() if item.id == number), None)

    def repositories_of(self, owner: str) -> Iterator[Repository]:
        """Yield the repositories of an organisation or a user, oldest first."""
        return (item for item in self.state.repositories.values() if item.owner == owner)

    def _vault(self) -> Vault:
        key = PrivateKey.generate()
        return Vault(key_id=str(568250167242549743 + self.new_id()), private_key=bytes(key).hex())


def email(user: User) -> str:
    """Return the address that GitHub gives to people who hide theirs."""
    return f"{user.id}+{user.login}@users.noreply.github.com"


def slug(name: str) -> str:
    """Return a team's name as it stands in addresses."""
    words = "".join(c if c.isalnum() or c in "_-" else " " for c in name.lower()).split()
    return "-".join(words)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _lock(path: Path) -> IO[str]:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def _seed(store: Store) -> dict[str, str]:
    """Fill an empty store and return the tokens by name."""
    boss = store.add_user("acme-admin", "Acme Admin")
    for login, name in (("ada", "Ada"), ("grace", "Grace"), ("mallory", "Mallory")):
        store.add_user(login, name)
    acme = store.add_organization(SEED_ORGANIZATION, boss.login)
    acme.members |= {"ada": "member", "grace": "member"}
    for name, private in (("vision", True), ("speech", True), ("vault", True), ("website", False)):
        store.add_repository(
            acme.login, name, private=private, author=boss, files={"README.md": f"# {name}\n"}
        )
    for name, member in (("vision", "ada"), ("speech", "grace")):
        team = store.add_team(acme, name)
        team.privacy = "closed"
        team.members[member] = "maintainer"
        repository = store.repository(acme.login, name)
        if repository is not None:
            team.repositories[repository.id] = "push"
    owner_scopes = ["admin:org", "delete_repo", "repo", "user", "workflow"]
    return {
        OWNER_TOKEN: store.add_token(OWNER_TOKEN, boss.login, owner_scopes),
        "reader": store.add_token("reader", "ada", ["read:org"]),
        "outsider": store.add_token("outsider", "mallory", ["repo"]),
    }
