"""Contents, branches, references, pull requests, issues and comments."""

import base64
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.github.git import Git
from tests.sandbox.github.api import Answer, Api
from tests.sandbox.github.conftest import Person


def put_file(
    api: Api, repository: str, path: str, text: str, sha: str | None = None, branch: str | None = None
) -> Answer:
    body = {
        "message": f"Write {path}",
        "content": base64.b64encode(text.encode()).decode(),
        "sha": sha,
        "branch": branch,
    }
    given = {name: value for name, value in body.items() if value is not None}
    return api.put(f"{repository}/contents/{path}", given)


def make_branch(api: Api, repository: str, name: str) -> str:
    sha = api.get(f"{repository}/git/ref/heads/main").json["object"]["sha"]
    made = api.post(f"{repository}/git/refs", {"ref": f"refs/heads/{name}", "sha": sha})
    assert made.status == 201
    return str(sha)


def text_of(answer: Answer) -> str:
    return base64.b64decode(answer.json["content"]).decode()


def test_file_written_changed_deleted(admin: Api, repository: str) -> None:
    first = put_file(admin, repository, "tenants/dev/vision.yaml", "gpus: 1\n")
    assert first.status == 201
    path = f"{repository}/contents/tenants/dev/vision.yaml"
    shown = admin.get(path)
    assert (shown.json["name"], shown.json["size"], text_of(shown)) == ("vision.yaml", 8, "gpus: 1\n")

    sha = shown.json["sha"]
    assert put_file(admin, repository, "tenants/dev/vision.yaml", "x").status == 422
    assert put_file(admin, repository, "tenants/dev/vision.yaml", "x", "0" * 40).status == 409
    assert put_file(admin, repository, "new.txt", "x", "0" * 40).status == 409
    changed = put_file(admin, repository, "tenants/dev/vision.yaml", "gpus: 2\n", sha)
    assert changed.status == 200
    assert text_of(admin.get(path)) == "gpus: 2\n"
    old = admin.get(path, {"ref": first.json["commit"]["sha"]})
    assert text_of(old) == "gpus: 1\n"

    new = changed.json["content"]["sha"]
    assert admin.delete(path, {"message": "x", "sha": sha}).status == 409
    assert admin.delete(path, {"message": "x"}).status == 422
    assert admin.delete(path, {"message": "x", "sha": new}).json["content"] is None
    assert admin.get(path).status == 404
    assert admin.delete(path, {"message": "x", "sha": new}).status == 409


def test_folders(admin: Api, repository: str) -> None:
    put_file(admin, repository, "docs/deep/b.md", "b\n")
    shown = admin.get(f"{repository}/contents/docs").json
    assert [(item["name"], item["type"]) for item in shown] == [("a.md", "file"), ("deep", "dir")]
    top = f"{repository}/contents/"
    root = admin.send("GET", top, described_as=f"{top}.").json
    assert [item["path"] for item in root] == ["README.md", "docs"]
    assert put_file(admin, repository, "docs", "x").status == 422
    assert put_file(admin, repository, "docs//x", "x").status == 422


def test_names_that_need_encoding(admin: Api, repository: str) -> None:
    put_file(admin, repository, "a%3Fb%20%23%C3%A4.txt", "odd\n")
    shown = admin.get(f"{repository}/contents/a%3Fb%20%23%C3%A4.txt")
    assert (shown.json["path"], text_of(shown)) == ("a?b #ä.txt", "odd\n")


def test_raw_file(admin: Api, repository: str) -> None:
    raw = admin.send_raw(
        "GET", f"{repository}/contents/README.md", headers={"Accept": "application/vnd.github.raw"}
    )
    assert (raw.status, raw.data) == (200, b"# Read me\n")
    assert raw.headers["Content-Type"].startswith("application/vnd.github.raw")


def test_workflows_need_their_scope(admin: Api, person: Person, repository: str) -> None:
    admin.put(f"{repository}/collaborators/{person.login}", {"permission": "push"})
    for invitation in person.api.get("/user/repository_invitations").json:
        person.api.patch(f"/user/repository_invitations/{invitation['id']}")
    assert put_file(person.api, repository, "x.txt", "x").status == 201
    assert put_file(person.api, repository, ".github/workflows/x.yaml", "x").status == 404
    assert put_file(admin, repository, ".github/workflows/x.yaml", "x").status == 201


def test_empty_repository_gets_its_first_commit(admin: Api) -> None:
    admin.post("/orgs/acme/repos", {"name": "empty", "private": True})
    assert admin.get("/repos/acme/empty/contents/README.md").status == 404
    assert admin.get("/repos/acme/empty/branches").json == []
    assert put_file(admin, "/repos/acme/empty", "a.txt", "a").status == 201
    assert [item["name"] for item in admin.get("/repos/acme/empty/branches").json] == ["main"]


def test_references(admin: Api, repository: str) -> None:
    sha = make_branch(admin, repository, "feature/one")
    body = {"ref": "refs/heads/feature/one", "sha": sha}
    assert admin.post(f"{repository}/git/refs", body).message == "Reference already exists"
    assert admin.post(f"{repository}/git/refs", body | {"sha": "0" * 40}).status == 422
    assert admin.post(f"{repository}/git/refs", body | {"ref": "feature/two"}).status == 422
    assert admin.get(f"{repository}/git/ref/heads/nonsense").status == 404
    matching = admin.get(f"{repository}/git/matching-refs/heads/feature").json
    assert [item["ref"] for item in matching] == ["refs/heads/feature/one"]
    assert admin.get(f"{repository}/branches/feature/one").json["commit"]["sha"] == sha
    assert admin.get(f"{repository}/branches/nonsense").message == "Branch not found"

    new = put_file(admin, repository, "x.txt", "x", branch="feature/one").json["commit"]["sha"]
    ref = f"{repository}/git/refs/heads/feature/one"
    assert admin.get(f"{repository}/contents/x.txt").status == 404
    assert admin.get(f"{repository}/contents/x.txt", {"ref": "feature/one"}).status == 200
    assert admin.patch(ref, {"sha": sha}).message == "Update is not a fast forward"
    assert admin.patch(ref, {"sha": sha, "force": True}).json["object"]["sha"] == sha
    assert admin.patch(ref, {"sha": new}).json["object"]["sha"] == new
    assert admin.patch(ref, {"sha": "0" * 40}).status == 422
    assert put_file(admin, repository, "y", "y", branch="nonsense").status == 404

    raw = admin.send_raw("DELETE", ref)
    assert raw.status == 204
    assert admin.send_raw("DELETE", ref).status == 422
    assert admin.send_raw("DELETE", f"{repository}/git/refs/heads/main").status == 422


def test_commits(admin: Api, repository: str) -> None:
    sha = put_file(admin, repository, "docs/a.md", "a\nb\n", "78981922613b2afb6025042ff6bd878ac1994e85").json[
        "commit"
    ]["sha"]
    shown = admin.get(f"{repository}/commits/{sha}").json
    assert [(item["filename"], item["additions"]) for item in shown["files"]] == [("docs/a.md", 1)]
    assert admin.get(f"{repository}/commits/main").json["sha"] == sha
    assert shown["author"]["login"] == "acme-admin"
    assert admin.get(f"{repository}/commits/nonsense").status == 422


@pytest.fixture
def pull(admin: Api, repository: str) -> str:
    """An open pull request that changes one file; the path in the API."""
    make_branch(admin, repository, "request")
    put_file(admin, repository, "tenants/ada.yaml", "csr: x\n", branch="request")
    made = admin.post(f"{repository}/pulls", {"title": "Access", "head": "request", "base": "main"})
    assert made.status == 201
    return f"{repository}/pulls/{made.json['number']}"


def test_pull_request(admin: Api, repository: str, pull: str) -> None:
    shown = admin.get(pull).json
    assert (shown["state"], shown["merged"], shown["mergeable"], shown["changed_files"]) == (
        "open",
        False,
        True,
        1,
    )
    assert [item["filename"] for item in admin.get(f"{pull}/files").json] == ["tenants/ada.yaml"]
    assert len(admin.get(f"{pull}/commits").json) == shown["commits"] == 1
    assert len(admin.get(f"{repository}/pulls", {"head": "acme:request"}).json) == 1
    assert admin.get(f"{repository}/pulls", {"head": "acme:other"}).json == []
    assert admin.get(f"{repository}/pulls", {"state": "closed"}).json == []
    assert admin.get(f"{pull}/merge").status == 404
    again = admin.post(f"{repository}/pulls", {"title": "x", "head": "acme:request", "base": "main"})
    assert again.json["errors"][0]["message"] == "A pull request already exists for acme:request."
    edited = admin.patch(pull, {"title": "New", "body": "b"}).json
    assert (edited["title"], edited["body"], edited["state"]) == ("New", "b", "open")
    assert admin.get(f"{repository}/pulls/999").status == 404


def test_pull_request_needs_branches_that_differ(admin: Api, repository: str) -> None:
    make_branch(admin, repository, "same")
    body = {"title": "x", "head": "same", "base": "main"}
    assert admin.post(f"{repository}/pulls", body).status == 422
    assert admin.post(f"{repository}/pulls", body | {"head": "nonsense"}).status == 422
    assert admin.post(f"{repository}/pulls", body | {"base": "nonsense"}).status == 422


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
def test_merged(admin: Api, repository: str, pull: str, method: str, parents: int) -> None:
    put_file(admin, repository, "meanwhile.txt", "x")
    head = admin.get(pull).json["head"]["sha"]
    wrong = admin.put(f"{pull}/merge", {"merge_method": method, "sha": "0" * 40})
    assert wrong.status == 409
    merged = admin.put(f"{pull}/merge", {"merge_method": method, "sha": head})
    assert merged.json["merged"] is True
    assert text_of(admin.get(f"{repository}/contents/tenants/ada.yaml")) == "csr: x\n"
    assert admin.get(f"{repository}/contents/meanwhile.txt").status == 200
    assert len(admin.get(f"{repository}/commits/{merged.json['sha']}").json["parents"]) == parents
    shown = admin.get(pull).json
    assert (shown["merged"], shown["state"], shown["merged_by"]["login"]) == (True, "closed", "acme-admin")
    assert admin.get(f"{pull}/merge").status == 204
    assert [item["filename"] for item in admin.get(f"{pull}/files").json] == ["tenants/ada.yaml"]
    assert admin.put(f"{pull}/merge", {"merge_method": method}).status == 405
    assert admin.patch(pull, {"state": "open"}).status == 422


def test_conflict(admin: Api, repository: str, pull: str) -> None:
    put_file(admin, repository, "tenants/ada.yaml", "csr: other\n")
    shown = admin.get(pull).json
    assert (shown["mergeable"], shown["mergeable_state"]) == (False, "dirty")
    assert admin.put(f"{pull}/merge").status == 405
    assert text_of(admin.get(f"{repository}/contents/tenants/ada.yaml")) == "csr: other\n"


def test_method_that_the_repository_forbids(admin: Api, repository: str, pull: str) -> None:
    admin.patch(repository, {"allow_squash_merge": False, "delete_branch_on_merge": True})
    refused = admin.put(f"{pull}/merge", {"merge_method": "squash"})
    assert (refused.status, refused.message) == (405, "Squash merges are not allowed on this repository.")
    assert admin.put(f"{pull}/merge", {"merge_method": "merge"}).status == 200
    assert admin.get(f"{repository}/branches/request").status == 404


def test_branch_deleted_closes_the_pull_request(admin: Api, repository: str, pull: str) -> None:
    assert admin.send_raw("DELETE", f"{repository}/git/refs/heads/request").status == 204
    shown = admin.get(pull).json
    assert (shown["state"], shown["merged"], shown["changed_files"]) == ("closed", False, 1)


def test_comments(admin: Api, person: Person, repository: str, pull: str) -> None:
    issue = pull.replace("/pulls/", "/issues/")
    made = admin.post(f"{issue}/comments", {"body": "preview: 3 to create"})
    assert made.status == 201
    path = f"{repository}/issues/comments/{made.json['id']}"
    assert admin.patch(path, {"body": "preview: none"}).json["body"] == "preview: none"
    assert [item["body"] for item in admin.get(f"{issue}/comments").json] == ["preview: none"]
    assert admin.post(f"{issue}/comments", {"body": ""}).status == 422
    assert person.api.get(f"{issue}/comments").status == 404
    assert admin.get(path).json["user"]["login"] == "acme-admin"
    assert admin.delete(path).status == 204
    assert admin.get(path).status == 404


def test_issues(admin: Api, repository: str, pull: str) -> None:
    made = admin.post(f"{repository}/issues", {"title": "Drift", "labels": ["drift", {"name": "auto"}]})
    assert (made.status, made.json["number"]) == (201, 2)
    path = f"{repository}/issues/2"
    assert [item["name"] for item in made.json["labels"]] == ["drift", "auto"]
    assert admin.post(f"{path}/labels", ["drift", "urgent"]).status == 200
    assert [item["name"] for item in admin.get(path).json["labels"]] == ["drift", "auto", "urgent"]
    both = admin.get(f"{repository}/issues").json
    assert [(item["number"], "pull_request" in item) for item in both] == [(2, False), (1, True)]
    assert len(admin.get(f"{repository}/issues", {"labels": "drift"}).json) == 1
    closed = admin.patch(path, {"state": "closed", "state_reason": "not_planned"}).json
    assert (closed["state"], closed["state_reason"], closed["title"]) == ("closed", "not_planned", "Drift")
    assert len(admin.get(f"{repository}/issues", {"state": "closed"}).json) == 1
    assert admin.patch(path, {"state": "open"}).json["closed_at"] is None
    admin.patch(repository, {"has_issues": False})
    assert admin.post(f"{repository}/issues", {"title": "x"}).status == 410


def test_hashes_are_those_of_git(tmp_path: Path) -> None:
    """git itself makes the same blobs, trees and commits."""
    assert shutil.which("git"), "this test needs git on PATH"
    files = {"a.txt": "a\n", "a/b.txt": "b\n", "a-c": "c\n", "z/y/x": "x\n"}
    own = Git()
    tree = {path: own.add_blob(text.encode()) for path, text in files.items() if path != "a.txt"}
    sha = own.add_commit(tree, [], "First\n", "Ada", "ada@example.org", 1_700_000_000)

    def git(*arguments: str) -> str:
        person = {"NAME": "Ada", "EMAIL": "ada@example.org", "DATE": "1700000000 +0000"}
        env = {f"GIT_{who}_{key}": value for who in ("AUTHOR", "COMMITTER") for key, value in person.items()}
        env |= {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
        done = subprocess.run(
            ["git", *arguments], cwd=tmp_path, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "-q")
    for path in tree:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(files[path])
    git("add", ".")
    git("commit", "-q", "-m", "First")
    assert git("rev-parse", "HEAD") == sha
    assert git("rev-parse", "HEAD^{tree}") == own.commits[sha].tree_sha
