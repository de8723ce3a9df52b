"""Issues and their comments. GitHub counts pull requests among the issues."""

from typing import Literal, TypeAlias, cast

from pydantic import BaseModel, Field, RootModel, model_validator

from sandbox.github import access, render
from sandbox.github.api import (
    ApiError,
    Call,
    Handler,
    JsonObject,
    Reply,
    created,
    not_found,
    page_reply,
    routes,
)
from sandbox.github.git import timestamp
from sandbox.github.store import Comment, Issue, Repository

StateReason: TypeAlias = Literal["completed", "reopened", "not_planned", "duplicate"]


class Label(BaseModel):
    """A label, where it is not given as a bare name."""

    name: str


class NewIssue(BaseModel):
    """The body of POST …/issues."""

    title: str
    body: str | None = None
    labels: list[str | Label] = Field(default_factory=list[str | Label])
    assignees: list[str] = []


class ChangedIssue(BaseModel):
    """The body of PATCH …/issues/NUMBER; only what is given changes."""

    title: str = ""
    body: str | None = None
    state: Literal["open", "closed"] = "open"
    state_reason: StateReason | None = None
    labels: list[str | Label] = Field(default_factory=list[str | Label])
    assignees: list[str] = []


class CommentBody(BaseModel):
    """The body of POST and PATCH for comments."""

    body: str = Field(min_length=1)


class Labels(RootModel[list[str]]):
    """The body of POST …/labels: a list, or an object with the list in `labels`."""

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, value: object) -> object:
        return cast("dict[str, object]", value).get("labels") if isinstance(value, dict) else value


def list_issues(call: Call) -> Reply:
    """GET …/issues, newest first, pull requests included."""
    found = access.repository(call)
    state = call.choice("state", "open", ("open", "closed", "all"))
    labels = [name for name in call.query.get("labels", "").split(",") if name]
    items = [
        item
        for item in reversed(found.issues.values())
        if state in ("all", item.state) and all(name in item.labels for name in labels)
    ]
    return page_reply(call, items, lambda item: show_issue(call, found, item))


def create_issue(call: Call) -> Reply:
    """POST …/issues: for everybody who may read; labels and assignees need push access."""
    found = access.repository(call)
    user = call.user()
    body = call.body(NewIssue)
    if not found.settings.has_issues:
        raise ApiError(410, "Issues are disabled for this repo")
    issue = add_issue(call, found, body.title, body.body)
    if access.at_least(access.effective(call.store, found, user), "triage"):
        issue.labels = _names(body.labels)
        issue.assignees = body.assignees
    return created(show_issue(call, found, issue))


def get_issue(call: Call) -> Reply:
    """GET …/issues/NUMBER."""
    found, issue = _issue(call)
    return Reply(200, show_issue(call, found, issue))


def update_issue(call: Call) -> Reply:
    """PATCH …/issues/NUMBER: for its author and those with push access."""
    found, issue = _writable_issue(call)
    body = call.body(ChangedIssue)
    given = body.model_fields_set
    if "title" in given:
        issue.title = body.title
    if "body" in given:
        issue.body = body.body
    if "labels" in given:
        issue.labels = _names(body.labels)
    if "assignees" in given:
        issue.assignees = body.assignees
    if "state" in given:
        set_state(call, issue, body.state, body.state_reason)
    issue.updated_at = call.store.now()
    return Reply(200, show_issue(call, found, issue))


def list_comments(call: Call) -> Reply:
    """GET …/issues/NUMBER/comments."""
    found, issue = _issue(call)
    return page_reply(call, issue.comments, lambda item: _show_comment(call, found, issue, item))


def create_comment(call: Call) -> Reply:
    """POST …/issues/NUMBER/comments: for everybody who may read."""
    found, issue = _issue(call)
    user = call.user()
    body = call.body(CommentBody)
    now = call.store.now()
    comment = Comment(
        id=call.store.new_id(), login=user.login, body=body.body, created_at=now, updated_at=now
    )
    issue.comments.append(comment)
    issue.updated_at = now
    return created(_show_comment(call, found, issue, comment))


def get_comment(call: Call) -> Reply:
    """GET …/issues/comments/ID."""
    found, issue, comment = _comment(call)
    return Reply(200, _show_comment(call, found, issue, comment))


def update_comment(call: Call) -> Reply:
    """PATCH …/issues/comments/ID: for its author and those with push access."""
    found, issue, comment = _writable_comment(call)
    comment.body = call.body(CommentBody).body
    comment.updated_at = call.store.now()
    return Reply(200, _show_comment(call, found, issue, comment))


def delete_comment(call: Call) -> Reply:
    """DELETE …/issues/comments/ID."""
    _, issue, comment = _writable_comment(call)
    issue.comments.remove(comment)
    return Reply(204)


def add_labels(call: Call) -> Reply:
    """POST …/issues/NUMBER/labels."""
    found, issue = _writable_issue(call)
    issue.labels = list(dict.fromkeys([*issue.labels, *call.body(Labels).root]))
    return Reply(200, [_label(call, found, name) for name in issue.labels])


def add_issue(call: Call, found: Repository, title: str, text: str | None) -> Issue:
    """Keep a new issue by the viewer under the repository's next number."""
    now = call.store.now()
    number = max(found.issues, default=0) + 1
    issue = Issue(
        id=call.store.new_id(),
        number=number,
        login=call.user().login,
        title=title,
        body=text,
        created_at=now,
        updated_at=now,
    )
    found.issues[number] = issue
    return issue


def set_state(
    call: Call, issue: Issue, state: Literal["open", "closed"], reason: StateReason | None = None
) -> None:
    """Open or close an issue or pull request."""
    if state == issue.state:
        return
    issue.state = state
    closing = state == "closed"
    issue.closed_at = call.store.now() if closing else None
    issue.closed_by = call.user().login if closing else None
    issue.state_reason = reason or ("completed" if closing else "reopened")


def show_issue(call: Call, found: Repository, issue: Issue) -> JsonObject:
    """Issue."""
    url = f"{render.repository_url(call, found)}/issues/{issue.number}"
    page = f"{render.site(call)}/{found.full_name}"
    assignees = show_people(call, issue.assignees)
    body: JsonObject = {
        "id": issue.id,
        "node_id": f"I_{issue.id}",
        "url": url,
        "repository_url": render.repository_url(call, found),
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{page}/issues/{issue.number}",
        "number": issue.number,
        "state": issue.state,
        "state_reason": issue.state_reason,
        "title": issue.title,
        "body": issue.body,
        "user": render.login(call, issue.login),
        "labels": [_label(call, found, name) for name in issue.labels],
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "locked": False,
        "active_lock_reason": None,
        "comments": len(issue.comments),
        "created_at": timestamp(issue.created_at),
        "updated_at": timestamp(issue.updated_at),
        "closed_at": timestamp(issue.closed_at) if issue.closed_at else None,
        "closed_by": render.login(call, issue.closed_by) if issue.closed_by else None,
        "author_association": association(call, found, issue.login),
    }
    if issue.pull is not None:
        pull_url = f"{render.repository_url(call, found)}/pulls/{issue.number}"
        page_url = f"{page}/pull/{issue.number}"
        body["html_url"] = page_url
        body["pull_request"] = {
            "url": pull_url,
            "html_url": page_url,
            "diff_url": f"{page_url}.diff",
            "patch_url": f"{page_url}.patch",
            "merged_at": timestamp(issue.pull.merged_at) if issue.pull.merged_at else None,
        }
    return body


def show_labels(call: Call, found: Repository, issue: Issue) -> list[JsonObject]:
    """Return the labels of an issue."""
    return [_label(call, found, name) for name in issue.labels]


def show_people(call: Call, logins: list[str]) -> list[JsonObject]:
    """Return those of the accounts that exist."""
    return [person for name in logins if (person := render.login(call, name))]


def association(call: Call, found: Repository, name: str) -> str:
    """author-association of somebody with a repository."""
    organization = call.store.organization(found.owner)
    if found.owner == name:
        return "OWNER"
    if organization is not None and name in organization.members:
        return "MEMBER"
    return "COLLABORATOR" if name in found.collaborators else "NONE"


def _names(labels: list[str | Label]) -> list[str]:
    return [item if isinstance(item, str) else item.name for item in labels]


def _label(call: Call, found: Repository, name: str) -> JsonObject:
    return {
        "id": found.id,
        "node_id": f"LA_{found.id}_{name}",
        "url": f"{render.repository_url(call, found)}/labels/{name}",
        "name": name,
        "description": None,
        "color": "ededed",
        "default": False,
    }


def _issue(call: Call) -> tuple[Repository, Issue]:
    found = access.repository(call)
    issue = found.issues.get(call.number("issue_number"))
    if issue is None:
        raise not_found()
    return found, issue


def _writable_issue(call: Call) -> tuple[Repository, Issue]:
    found, issue = _issue(call)
    if call.user().login != issue.login:
        access.repository(call, "triage")
    return found, issue


def _comment(call: Call) -> tuple[Repository, Issue, Comment]:
    found = access.repository(call)
    number = call.number("comment_id")
    for issue in found.issues.values():
        for comment in issue.comments:
            if comment.id == number:
                return found, issue, comment
    raise not_found()


def _writable_comment(call: Call) -> tuple[Repository, Issue, Comment]:
    found, issue, comment = _comment(call)
    if call.user().login != comment.login:
        access.repository(call, "push")
    return found, issue, comment


def _show_comment(call: Call, found: Repository, issue: Issue, comment: Comment) -> JsonObject:
    url = render.repository_url(call, found)
    kind = "issues" if issue.pull is None else "pull"
    page = f"{render.site(call)}/{found.full_name}/{kind}/{issue.number}"
    return {
        "id": comment.id,
        "node_id": f"IC_{comment.id}",
        "url": f"{url}/issues/comments/{comment.id}",
        "html_url": f"{page}#issuecomment-{comment.id}",
        "issue_url": f"{url}/issues/{issue.number}",
        "body": comment.body,
        "user": render.login(call, comment.login),
        "created_at": timestamp(comment.created_at),
        "updated_at": timestamp(comment.updated_at),
        "author_association": association(call, found, comment.login),
    }


_REPOSITORY = "/repos/{owner}/{repo}"
_TABLE: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/issues", list_issues),
    ("POST", "/issues", create_issue),
    # before /issues/{issue_number}/comments, so that "comments" is not taken for a number
    ("GET", "/issues/comments/{comment_id}", get_comment),
    ("PATCH", "/issues/comments/{comment_id}", update_comment),
    ("DELETE", "/issues/comments/{comment_id}", delete_comment),
    ("GET", "/issues/{issue_number}", get_issue),
    ("PATCH", "/issues/{issue_number}", update_issue),
    ("GET", "/issues/{issue_number}/comments", list_comments),
    ("POST", "/issues/{issue_number}/comments", create_comment),
    ("POST", "/issues/{issue_number}/labels", add_labels),
)
ROUTES = routes(_REPOSITORY, "issues/issues", ("repo",), _TABLE)
