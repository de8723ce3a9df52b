"""Pull requests between branches of one repository (no forks, no reviews)."""

from typing import Literal

from pydantic import BaseModel

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
from sandbox.github.git import MergeConflictError, timestamp
from sandbox.github.routes import contents, issues
from sandbox.github.store import Issue, Pull, Repository


class NewPull(BaseModel):
    """The body of POST …/pulls. `head` may be written OWNER:BRANCH."""

    title: str
    head: str
    base: str
    body: str | None = None
    draft: bool = False


class ChangedPull(BaseModel):
    """The body of PATCH …/pulls/NUMBER; only what is given changes."""

    title: str = ""
    body: str | None = None
    state: Literal["open", "closed"] = "open"
    base: str = ""


class Merge(BaseModel):
    """The body of PUT …/merge. `sha` is what the head has to be."""

    commit_title: str | None = None
    commit_message: str | None = None
    sha: str | None = None
    merge_method: Literal["merge", "squash", "rebase"] = "merge"


def list_pulls(call: Call) -> Reply:
    """GET …/pulls, newest first; `head` is written OWNER:BRANCH."""
    found = access.repository(call)
    state = call.choice("state", "open", ("open", "closed", "all"))
    head = call.query.get("head", "").rpartition(":")[2]
    base = call.query.get("base", "")
    pulls = [
        (issue, issue.pull)
        for issue in reversed(found.issues.values())
        if issue.pull is not None
        and state in ("all", issue.state)
        and head in ("", issue.pull.head)
        and base in ("", issue.pull.base)
    ]
    return page_reply(call, pulls, lambda item: _show(call, found, item[0], item[1]))


def create_pull(call: Call) -> Reply:
    """POST …/pulls: for those who may push the head branch."""
    found = access.repository(call, "push")
    body = call.body(NewPull)
    head = body.head.removeprefix(f"{found.owner}:")
    git = found.git
    for name, value in (("head", head), ("base", body.base)):
        if value not in git.branches:
            raise invalid("PullRequest", name, f"{name} is not a branch", "invalid")
    if not git.changes(git.merge_base(git.branches[head], git.branches[body.base]), git.branches[head]):
        raise invalid("PullRequest", "head", f"No commits between {body.base} and {head}")
    if any(
        item.pull and item.state == "open" and (item.pull.head, item.pull.base) == (head, body.base)
        for item in found.issues.values()
    ):
        message = f"A pull request already exists for {found.owner}:{head}."
        raise invalid("PullRequest", "head", message)
    issue = issues.add_issue(call, found, body.title, body.body)
    issue.pull = Pull(
        id=call.store.new_id(),
        head=head,
        head_sha=git.branches[head],
        base=body.base,
        base_sha=git.branches[body.base],
        draft=body.draft,
    )
    return created(_show_full(call, found, issue, issue.pull))


def get_pull(call: Call) -> Reply:
    """GET …/pulls/NUMBER."""
    found, issue, pull = _pull(call)
    return Reply(200, _show_full(call, found, issue, pull))


def update_pull(call: Call) -> Reply:
    """PATCH …/pulls/NUMBER: for its author and those with push access."""
    found, issue, pull = _pull(call)
    if call.user().login != issue.login:
        access.repository(call, "push")
    body = call.body(ChangedPull)
    given = body.model_fields_set
    if "base" in given and body.base not in found.git.branches:
        raise invalid("PullRequest", "base", "base is not a branch", "invalid")
    if "state" in given and body.state == "open" and pull.merged_at is not None:
        raise invalid("PullRequest", "state", "state cannot be changed. The pull request is merged.")
    if "title" in given:
        issue.title = body.title
    if "body" in given:
        issue.body = body.body
    if "base" in given:
        pull.base = body.base
    if "state" in given:
        issues.set_state(call, issue, body.state)
    issue.updated_at = call.store.now()
    return Reply(200, _show_full(call, found, issue, pull))


def list_files(call: Call) -> Reply:
    """GET …/pulls/NUMBER/files."""
    found, issue, pull = _pull(call)
    return page_reply(call, _files(call, found, issue, pull), lambda item: item)


def list_commits(call: Call) -> Reply:
    """GET …/pulls/NUMBER/commits, oldest first."""
    found, issue, pull = _pull(call)
    return page_reply(call, _commits(found, issue, pull), lambda sha: contents.show_commit(call, found, sha))


def check_merged(call: Call) -> Reply:
    """GET …/pulls/NUMBER/merge: 204 or 404."""
    _, _, pull = _pull(call)
    if pull.merged_at is None:
        raise not_found()
    return Reply(204)


def merge_pull(call: Call) -> Reply:
    """PUT …/pulls/NUMBER/merge: 405 where it cannot be merged, 409 where the head is not `sha`."""
    found, issue, pull = _pull(call)
    access.repository(call, "push")
    body = call.body(Merge)
    head, _ = _ends(found, issue, pull)
    docs = "pulls/pulls#merge-a-pull-request"
    if body.sha is not None and body.sha != head:
        raise ApiError(409, "Head branch was modified. Review and try the merge again.", docs=docs)
    if issue.state == "closed" or pull.draft:
        raise ApiError(405, "Pull Request is not mergeable", docs=docs)
    _check_method(found, body.merge_method, docs)
    try:
        sha = _merged(call, found, issue, pull, body)
    except MergeConflictError:
        raise ApiError(405, "Pull Request is not mergeable", docs=docs) from None
    now = call.store.now()
    found.git.branches[pull.base] = sha
    found.pushed_at = now
    pull.merge_commit_sha, pull.merged_at, pull.merged_by = sha, now, call.user().login
    issues.set_state(call, issue, "closed")
    issue.updated_at = now
    if found.settings.delete_branch_on_merge and pull.head != found.default_branch:
        found.git.branches.pop(pull.head, None)
    return Reply(200, {"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def _merged(call: Call, found: Repository, issue: Issue, pull: Pull, body: Merge) -> str:
    """Make the commits of a merge and return the last. Raises `MergeConflictError`."""
    head, base = pull.head_sha, pull.base_sha
    tree = found.git.merged_tree(base, head)
    if body.merge_method == "rebase":
        return _rebase(call, found, issue, pull)
    parents = [base] if body.merge_method == "squash" else [base, head]
    return contents.commit_as(call, found, tree, parents, _message(found, issue, pull, body))


def _rebase(call: Call, found: Repository, issue: Issue, pull: Pull) -> str:
    """Put the head's commits on top of the base, which has not touched the same files; return the last."""
    sha = pull.base_sha
    for commit in _commits(found, issue, pull):
        parents = found.git.commits[commit].parents
        tree = dict(found.git.commits[sha].tree)
        for path, (_, new) in found.git.changes(parents[0] if parents else None, commit).items():
            if new is None:
                tree.pop(path, None)
            else:
                tree[path] = new
        sha = contents.commit_as(call, found, tree, [sha], found.git.commits[commit].message)
    return sha


def _check_method(found: Repository, method: str, docs: str) -> None:
    settings = found.settings
    allowed, name = {
        "merge": (settings.allow_merge_commit, "Merge commits"),
        "squash": (settings.allow_squash_merge, "Squash merges"),
        "rebase": (settings.allow_rebase_merge, "Rebase merges"),
    }[method]
    if not allowed:
        raise ApiError(405, f"{name} are not allowed on this repository.", docs=docs)


def _message(found: Repository, issue: Issue, pull: Pull, body: Merge) -> str:
    if body.merge_method == "squash":
        title, text = f"{issue.title} (#{issue.number})", body.commit_message
    else:
        title = f"Merge pull request #{issue.number} from {found.owner}/{pull.head}"
        text = body.commit_message or issue.title
    title = body.commit_title or title
    return f"{title}\n\n{text}" if text else title


def _pull(call: Call) -> tuple[Repository, Issue, Pull]:
    found = access.repository(call)
    issue = found.issues.get(call.number("pull_number"))
    if issue is None or issue.pull is None:
        raise not_found()
    return found, issue, issue.pull


def _ends(found: Repository, issue: Issue, pull: Pull) -> tuple[str, str]:
    """Return the commits of head and base: those of now while open, those of the end afterwards."""
    if issue.state == "open":
        pull.head_sha = found.git.branches.get(pull.head, pull.head_sha)
        pull.base_sha = found.git.branches.get(pull.base, pull.base_sha)
    return pull.head_sha, pull.base_sha


def _files(call: Call, found: Repository, issue: Issue, pull: Pull) -> list[JsonObject]:
    head, base = _ends(found, issue, pull)
    return contents.show_changes(call, found, found.git.merge_base(head, base), head)


def _commits(found: Repository, issue: Issue, pull: Pull) -> list[str]:
    head, base = _ends(found, issue, pull)
    known = set(found.git.ancestors(base))
    return [sha for sha in reversed(found.git.ancestors(head)) if sha not in known]


def _show(call: Call, found: Repository, issue: Issue, pull: Pull) -> JsonObject:
    """pull-request-simple."""
    url = f"{render.repository_url(call, found)}/pulls/{issue.number}"
    issue_url = f"{render.repository_url(call, found)}/issues/{issue.number}"
    page = f"{render.site(call)}/{found.full_name}/pull/{issue.number}"
    head, base = _ends(found, issue, pull)
    statuses = f"{render.repository_url(call, found)}/statuses/{head}"
    assignees = issues.show_people(call, issue.assignees)
    return {
        "id": pull.id,
        "node_id": f"PR_{pull.id}",
        "url": url,
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue_url,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{url}/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": statuses,
        "number": issue.number,
        "state": issue.state,
        "locked": False,
        "title": issue.title,
        "body": issue.body,
        "user": render.login(call, issue.login),
        "labels": issues.show_labels(call, found, issue),
        "milestone": None,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": pull.draft,
        "created_at": timestamp(issue.created_at),
        "updated_at": timestamp(issue.updated_at),
        "closed_at": timestamp(issue.closed_at) if issue.closed_at else None,
        "merged_at": timestamp(pull.merged_at) if pull.merged_at else None,
        "merge_commit_sha": pull.merge_commit_sha,
        "head": _end(call, found, pull.head, head),
        "base": _end(call, found, pull.base, base),
        "author_association": issues.association(call, found, issue.login),
        "auto_merge": None,
        "_links": {
            "self": {"href": url},
            "html": {"href": page},
            "issue": {"href": issue_url},
            "comments": {"href": f"{issue_url}/comments"},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{url}/comments{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": statuses},
        },
    }


def _show_full(call: Call, found: Repository, issue: Issue, pull: Pull) -> JsonObject:
    """pull-request."""
    files = _files(call, found, issue, pull)
    mergeable = _mergeable(found, issue, pull)
    return _show(call, found, issue, pull) | {
        "merged": pull.merged_at is not None,
        "mergeable": mergeable,
        "mergeable_state": "unknown" if mergeable is None else "clean" if mergeable else "dirty",
        "rebaseable": mergeable,
        "merged_by": render.login(call, pull.merged_by) if pull.merged_by else None,
        "comments": len(issue.comments),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(_commits(found, issue, pull)),
        "additions": contents.count(files, "additions"),
        "deletions": contents.count(files, "deletions"),
        "changed_files": len(files),
    }


def _mergeable(found: Repository, issue: Issue, pull: Pull) -> bool | None:
    if issue.state == "closed":
        return None
    head, base = _ends(found, issue, pull)
    try:
        found.git.merged_tree(base, head)
    except MergeConflictError:
        return False
    return True


def _end(call: Call, found: Repository, branch: str, sha: str) -> JsonObject:
    return {
        "label": f"{found.owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": render.login(call, found.owner),
        "repo": render.repository_with_settings(call, found),
    }


_PULL = "/repos/{owner}/{repo}/pulls"
_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", list_pulls),
    ("POST", "", create_pull),
    ("GET", "/{pull_number}", get_pull),
    ("PATCH", "/{pull_number}", update_pull),
    ("GET", "/{pull_number}/files", list_files),
    ("GET", "/{pull_number}/commits", list_commits),
    ("GET", "/{pull_number}/merge", check_merged),
    ("PUT", "/{pull_number}/merge", merge_pull),
)
ROUTES = routes(_PULL, "pulls/pulls", ("repo",), _TABLE)
