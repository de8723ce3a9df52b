"""Files, commits, branches and references of a repository."""

import base64
import binascii
from typing import Annotated, TypeAlias

from pydantic import BaseModel, Field

from sandbox.github import access, render
from sandbox.github.api import (
    ApiError,
    Call,
    Handler,
    JsonObject,
    Reply,
    created,
    invalid,
    not_found,
    page_reply,
    routes,
)
from sandbox.github.git import Commit, timestamp
from sandbox.github.store import Repository, User, email

Sha: TypeAlias = Annotated[str, Field(pattern="^[0-9a-f]{40}$")]


class Person(BaseModel):
    """Author or committer of a commit."""

    name: str
    email: str


class FileChange(BaseModel):
    """The body of DELETE …/contents/PATH. `sha` is the blob that is there now."""

    message: str
    sha: str | None = None
    branch: str | None = None
    author: Person | None = None
    committer: Person | None = None


class FileContent(FileChange):
    """The body of PUT …/contents/PATH, `content` in Base64."""

    content: str


class NewRef(BaseModel):
    """The body of POST …/git/refs."""

    ref: Annotated[str, Field(pattern="^refs/heads/.+")]
    sha: Sha


class MovedRef(BaseModel):
    """The body of PATCH …/git/refs/REF."""

    sha: Sha
    force: bool = False


def get_contents(call: Call) -> Reply:
    """GET …/contents/PATH: a file, a folder, or the bytes where `…raw` is accepted."""
    found = access.repository(call)
    ref = call.query.get("ref") or found.default_branch
    sha = found.git.resolve(ref)
    if sha is None:
        docs = "repos/contents#get-repository-content"
        raise ApiError(404, f"No commit found for the ref {ref}", docs=docs)
    path = call.params.get("path", "").strip("/")
    tree = found.git.commits[sha].tree
    if path in tree:
        if "raw" in call.accept:
            return Reply(200, found.git.blob(tree[path]), {"Content-Type": "application/vnd.github.raw"})
        return Reply(200, _file(call, found, path, tree[path], ref, content=True))
    names = {name[len(path) :].lstrip("/").split("/")[0]: name for name in tree if _below(path, name)}
    if not names:
        raise not_found()
    prefix = f"{path}/" if path else ""
    entries = [
        _file(call, found, prefix + name, tree[prefix + name], ref, content=False)
        if prefix + name in tree
        else _folder(call, found, prefix + name, ref)
        for name in sorted(names)
    ]
    return Reply(200, entries)


def put_contents(call: Call) -> Reply:
    """PUT …/contents/PATH: 201 for a new file, 200 for a changed one, 409 where `sha` is another."""
    found = access.repository(call, "push")
    body = call.body(FileContent)
    try:
        data = base64.b64decode("".join(body.content.split()), validate=True)
    except binascii.Error:
        raise ApiError(422, "content is not valid Base64") from None
    path, old = _expected(call, found, body)
    if old is not None and body.sha is None:
        raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    blob = found.git.add_blob(data)
    sha = _commit(call, found, body, path, blob)
    show = _file(call, found, path, blob, _branch(found, body), content=False)
    return Reply(200 if old else 201, {"content": show, "commit": _git_commit(call, found, sha)})


def delete_contents(call: Call) -> Reply:
    """DELETE …/contents/PATH."""
    found = access.repository(call, "push")
    body = call.body(FileChange)
    path, old = _expected(call, found, body)
    if old is None:
        raise not_found()
    if body.sha is None:
        raise ApiError(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    sha = _commit(call, found, body, path, None)
    return Reply(200, {"content": None, "commit": _git_commit(call, found, sha)})


def list_branches(call: Call) -> Reply:
    """GET …/branches."""
    found = access.repository(call)

    def show(name: str) -> JsonObject:
        sha = found.git.branches[name]
        url = f"{render.repository_url(call, found)}/commits/{sha}"
        return {"name": name, "commit": {"sha": sha, "url": url}, "protected": False}

    return page_reply(call, sorted(found.git.branches), show)


def get_branch(call: Call) -> Reply:
    """GET …/branches/NAME."""
    found = access.repository(call)
    name = call.params["branch"]
    sha = found.git.branches.get(name)
    if sha is None:
        raise ApiError(404, "Branch not found", docs="branches/branches#get-a-branch")
    url = f"{render.repository_url(call, found)}/branches/{name}"
    body: JsonObject = {
        "name": name,
        "commit": show_commit(call, found, sha),
        "_links": {"self": url, "html": f"{render.site(call)}/{found.full_name}/tree/{name}"},
        "protected": False,
        "protection": {"enabled": False},
        "protection_url": f"{url}/protection",
    }
    return Reply(200, body)


def get_commit(call: Call) -> Reply:
    """GET …/commits/REF, with the files that it changed."""
    found = access.repository(call)
    sha = found.git.resolve(call.params["ref"])
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {call.params['ref']}", docs="commits/commits")
    parents = found.git.commits[sha].parents
    files = show_changes(call, found, parents[0] if parents else None, sha)
    additions, deletions = count(files, "additions"), count(files, "deletions")
    stats: JsonObject = {
        "additions": additions,
        "deletions": deletions,
        "total": additions + deletions,
    }
    return Reply(200, show_commit(call, found, sha) | {"stats": stats, "files": files})


def get_ref(call: Call) -> Reply:
    """GET …/git/ref/heads/NAME."""
    found = access.repository(call)
    name = _branch_of_ref(call, found)
    return Reply(200, _ref(call, found, name))


def list_matching_refs(call: Call) -> Reply:
    """GET …/git/matching-refs/PREFIX."""
    found = access.repository(call)
    prefix = call.params["ref"].removeprefix("heads/")
    names = sorted(name for name in found.git.branches if name.startswith(prefix))
    return Reply(200, [_ref(call, found, name) for name in names])


def create_ref(call: Call) -> Reply:
    """POST …/git/refs: branches only."""
    found = access.repository(call, "push")
    body = call.body(NewRef)
    name = body.ref.removeprefix("refs/heads/")
    if body.sha not in found.git.commits:
        raise ApiError(422, "Object does not exist", docs="git/refs#create-a-reference")
    if name in found.git.branches:
        raise ApiError(422, "Reference already exists", docs="git/refs#create-a-reference")
    found.git.branches[name] = body.sha
    return created(_ref(call, found, name))


def update_ref(call: Call) -> Reply:
    """PATCH …/git/refs/heads/NAME: 422 unless it is a fast-forward or forced."""
    found = access.repository(call, "push")
    docs = "git/refs#update-a-reference"
    name = call.params["ref"].removeprefix("heads/")
    body = call.body(MovedRef)
    old = found.git.branches.get(name)
    if old is None:
        raise ApiError(422, "Reference does not exist", docs=docs)
    if body.sha not in found.git.commits:
        raise ApiError(422, "Object does not exist", docs=docs)
    if not body.force and old not in found.git.ancestors(body.sha):
        raise ApiError(422, "Update is not a fast forward", docs=docs)
    _move(call, found, name, body.sha)
    return Reply(200, _ref(call, found, name))


def delete_ref(call: Call) -> Reply:
    """DELETE …/git/refs/heads/NAME."""
    found = access.repository(call, "push")
    name = call.params["ref"].removeprefix("heads/")
    docs = "git/refs#delete-a-reference"
    if name not in found.git.branches:
        raise ApiError(422, "Reference does not exist", docs=docs)
    if name == found.default_branch:
        raise ApiError(422, "Cannot delete the default branch", docs=docs)
    sha = found.git.branches.pop(name)
    for issue in found.issues.values():
        if issue.pull is not None and issue.state == "open" and issue.pull.head == name:
            issue.pull.head_sha = sha
            issue.state, issue.closed_at, issue.closed_by = "closed", call.store.now(), call.user().login
    return Reply(204)


def show_commit(call: Call, found: Repository, sha: str) -> JsonObject:
    """Commit, without stats and files."""
    commit = found.git.commits[sha]
    url = f"{render.repository_url(call, found)}/commits/{sha}"
    person = _person(commit)
    git_url = f"{render.repository_url(call, found)}/git"
    account = next((item for item in call.store.state.users.values() if email(item) == commit.email), None)
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": url,
        "html_url": f"{render.site(call)}/{found.full_name}/commit/{sha}",
        "comments_url": f"{url}/comments",
        "author": render.user(call, account) if account else None,
        "committer": render.user(call, account) if account else None,
        "commit": {
            "url": f"{git_url}/commits/{sha}",
            "message": commit.message,
            "author": person,
            "committer": person,
            "comment_count": 0,
            "tree": {"sha": commit.tree_sha, "url": f"{git_url}/trees/{commit.tree_sha}"},
            "verification": _unsigned(),
        },
        "parents": [_parent(call, found, parent) for parent in commit.parents],
    }


def show_changes(call: Call, found: Repository, before: str | None, after: str) -> list[JsonObject]:
    """Return a list of diff-entry, with whole lines counted and no patch."""
    git = found.git
    entries: list[JsonObject] = []
    for path, (old, new) in git.changes(before, after).items():
        old_lines = git.blob(old).splitlines() if old else []
        new_lines = git.blob(new).splitlines() if new else []
        additions = sum(line not in old_lines for line in new_lines)
        deletions = sum(line not in new_lines for line in old_lines)
        page = f"{render.site(call)}/{found.full_name}"
        entries.append(
            {
                "sha": new or old,
                "filename": path,
                "status": "modified" if old and new else "added" if new else "removed",
                "additions": additions,
                "deletions": deletions,
                "changes": additions + deletions,
                "blob_url": f"{page}/blob/{after}/{path}",
                "raw_url": f"{page}/raw/{after}/{path}",
                "contents_url": f"{render.repository_url(call, found)}/contents/{path}?ref={after}",
            }
        )
    return entries


def count(entries: list[JsonObject], name: str) -> int:
    """Return the sum of a number over the entries of `show_changes`."""
    return sum(value for entry in entries if isinstance(value := entry[name], int))


def commit_as(call: Call, found: Repository, tree: dict[str, str], parents: list[str], message: str) -> str:
    """Keep a commit by the viewer and return its hash. No branch moves."""
    user = call.user()
    return found.git.add_commit(tree, parents, message, user.name, email(user), call.store.now())


def _expected(call: Call, found: Repository, body: FileChange) -> tuple[str, str | None]:
    """Return the path and the blob that is there; 409 where the body expects another one."""
    path = call.params["path"].strip("/")
    branch = _branch(found, body)
    head = found.git.branches.get(branch)
    if head is None and found.git.branches:
        raise ApiError(404, f"Branch {branch} not found", docs="repos/contents")
    tree = found.git.commits[head].tree if head else {}
    old = tree.get(path)
    if not path or any(part in ("", ".", "..", ".git") for part in path.split("/")):
        raise ApiError(422, "path contains a malformed path component", docs="repos/contents")
    if any(_below(path, name) for name in tree):
        raise invalid("Contents", "path", "path is a folder", "invalid")
    if body.sha is not None and body.sha != old:
        at = f"{path} does not match {body.sha}"
        raise ApiError(409, at, docs="repos/contents#create-or-update-file-contents")
    if path.startswith(".github/workflows/") and not call.viewer.has("workflow"):
        raise not_found()
    return path, old


def _commit(call: Call, found: Repository, body: FileChange, path: str, blob: str | None) -> str:
    branch = _branch(found, body)
    head = found.git.branches.get(branch)
    tree = dict(found.git.commits[head].tree) if head else {}
    if blob is None:
        del tree[path]
    else:
        tree[path] = blob
    user: User = call.user()
    person = body.author or body.committer or Person(name=user.name, email=email(user))
    parents = [head] if head else []
    sha = found.git.add_commit(tree, parents, body.message, person.name, person.email, call.store.now())
    _move(call, found, branch, sha)
    return sha


def _move(call: Call, found: Repository, branch: str, sha: str) -> None:
    found.git.branches[branch] = sha
    found.pushed_at = found.updated_at = call.store.now()


def _branch(found: Repository, body: FileChange) -> str:
    return (body.branch or found.default_branch).removeprefix("refs/heads/")


def _branch_of_ref(call: Call, found: Repository) -> str:
    name = call.params["ref"].removeprefix("heads/")
    if not call.params["ref"].startswith("heads/") or name not in found.git.branches:
        raise ApiError(404, "Not Found", docs="git/refs#get-a-reference")
    return name


def _below(folder: str, path: str) -> bool:
    return not folder or path.startswith(folder + "/")


def _file(call: Call, found: Repository, path: str, sha: str, ref: str, *, content: bool) -> JsonObject:
    data = found.git.blob(sha)
    body = _entry(call, found, path, ref) | {
        "type": "file",
        "sha": sha,
        "size": len(data),
        "download_url": f"{render.site(call)}/raw/{found.full_name}/{ref}/{path}",
        "git_url": f"{render.repository_url(call, found)}/git/blobs/{sha}",
    }
    body["_links"] = {"self": body["url"], "git": body["git_url"], "html": body["html_url"]}
    if content:
        body |= {"content": base64.encodebytes(data).decode(), "encoding": "base64"}
    return body


def _folder(call: Call, found: Repository, path: str, ref: str) -> JsonObject:
    sha = found.git.resolve(ref) or ""
    body = _entry(call, found, path, ref) | {
        "type": "dir",
        "sha": sha,
        "size": 0,
        "git_url": f"{render.repository_url(call, found)}/git/trees/{sha}",
    }
    body["_links"] = {"self": body["url"], "git": body["git_url"], "html": body["html_url"]}
    return body


def _entry(call: Call, found: Repository, path: str, ref: str) -> JsonObject:
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "url": f"{render.repository_url(call, found)}/contents/{path}?ref={ref}",
        "html_url": f"{render.site(call)}/{found.full_name}/blob/{ref}/{path}",
        "download_url": None,
    }


def _ref(call: Call, found: Repository, name: str) -> JsonObject:
    sha = found.git.branches[name]
    url = f"{render.repository_url(call, found)}/git"
    return {
        "ref": f"refs/heads/{name}",
        "node_id": f"REF_{found.id}_{name}",
        "url": f"{url}/refs/heads/{name}",
        "object": {"type": "commit", "sha": sha, "url": f"{url}/commits/{sha}"},
    }


def _git_commit(call: Call, found: Repository, sha: str) -> JsonObject:
    commit = found.git.commits[sha]
    url = f"{render.repository_url(call, found)}/git"
    return {
        "sha": sha,
        "node_id": f"C_{sha}",
        "url": f"{url}/commits/{sha}",
        "html_url": f"{render.site(call)}/{found.full_name}/commit/{sha}",
        "author": _person(commit),
        "committer": _person(commit),
        "message": commit.message,
        "tree": {"sha": commit.tree_sha, "url": f"{url}/trees/{commit.tree_sha}"},
        "parents": [_parent(call, found, parent) for parent in commit.parents],
        "verification": _unsigned(),
    }


def _person(commit: Commit) -> JsonObject:
    return {"name": commit.name, "email": commit.email, "date": timestamp(commit.date)}


def _parent(call: Call, found: Repository, sha: str) -> JsonObject:
    return {
        "sha": sha,
        "url": f"{render.repository_url(call, found)}/commits/{sha}",
        "html_url": f"{render.site(call)}/{found.full_name}/commit/{sha}",
    }


def _unsigned() -> JsonObject:
    return {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


_REPOSITORY = "/repos/{owner}/{repo}"
_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/contents", get_contents),
    ("GET", "/contents/{path}", get_contents),
    ("PUT", "/contents/{path}", put_contents),
    ("DELETE", "/contents/{path}", delete_contents),
    ("GET", "/branches", list_branches),
    ("GET", "/branches/{branch}", get_branch),
    ("GET", "/commits/{ref}", get_commit),
    ("GET", "/git/ref/{ref}", get_ref),
    ("GET", "/git/matching-refs/{ref}", list_matching_refs),
    ("POST", "/git/refs", create_ref),
    ("PATCH", "/git/refs/{ref}", update_ref),
    ("DELETE", "/git/refs/{ref}", delete_ref),
)
ROUTES = routes(_REPOSITORY, "repos/contents", ("repo",), _TABLE)
