"""The few operations of GitHub's REST API that requests for access need. Tokens are never shown."""

import base64
import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from automation.errors import TenancyError

_PUBLIC = "https://api.github.com"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class GitHubError(TenancyError):
    """GitHub refused, or is not there; the message says what was asked and what it said."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class File:
    """A text file of a repository; `sha` is that of its blob, wanted to replace it."""

    text: str
    sha: str


def api_root(base_url: str | None) -> str:
    """Where the REST API is: the base URL of github.com itself; of GitHub Enterprise Server, `api/v3/` below.

    Raises:
        GitHubError: a token would travel unencrypted.
    """
    base = (base_url or _PUBLIC).rstrip("/")
    parts = urlsplit(base)
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
        raise GitHubError(f"GITHUB_BASE_URL is {base!r}; it must begin with https://")
    return base if parts.hostname == "api.github.com" else f"{base}/api/v3"


def token(environment: Mapping[str, str]) -> str | None:
    """The person's token: GITHUB_TOKEN, GH_TOKEN, or that of the `gh` command where it is logged in."""
    given = environment.get("GITHUB_TOKEN") or environment.get("GH_TOKEN")
    if given or environment.get("GITHUB_BASE_URL"):
        return given or None
    try:
        done = subprocess.run(
            ["gh", "auth", "token"], capture_output=True, text=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def repository_of(folder: Path) -> str | None:
    """The repository, owner/name, that the git remote `origin` of a checkout leads to."""
    done = subprocess.run(
        ["git", "-C", str(folder), "remote", "get-url", "origin"], capture_output=True, text=True, check=False
    )
    found = re.search(r"[/:]([^/:\s]+/[^/:\s]+?)(?:\.git)?/?$", done.stdout.strip())
    return found[1] if done.returncode == 0 and found else None


class GitHub:
    """One API, as one person or as nobody. Every method raises GitHubError."""

    def __init__(self, root: str, token: str | None, *, timeout: float = 30) -> None:
        self.root = root
        self._headers = {"Accept": "application/vnd.github+json", "User-Agent": "tenancy"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        retries = urllib3.Retry(
            2, backoff_factor=0.2, status_forcelist=(502, 503, 504), raise_on_status=False
        )
        self._pool = urllib3.PoolManager(retries=retries, timeout=timeout)

    @classmethod
    def of(cls, environment: Mapping[str, str], *, timeout: float = 30) -> "GitHub":
        """The API of GITHUB_BASE_URL with the token of the environment."""
        root = api_root(environment.get("GITHUB_BASE_URL"))
        return cls(root, token(environment), timeout=timeout)

    def login(self) -> str:
        """Who the token belongs to."""
        return str(self._json("GET", "/user")["login"])

    def default_branch(self, repository: str) -> str:
        """Name of the branch that pull requests go to."""
        return str(self._json("GET", f"/repos/{repository}")["default_branch"])

    def head(self, repository: str, branch: str) -> str | None:
        """The commit of a branch; None where there is no such branch."""
        try:
            return str(
                self._json("GET", f"/repos/{repository}/git/ref/heads/{_quoted(branch)}")["object"]["sha"]
            )
        except GitHubError as error:
            if error.status == 404:
                return None
            raise

    def create_branch(self, repository: str, branch: str, sha: str) -> None:
        """Make a branch that begins at a commit."""
        self._json("POST", f"/repos/{repository}/git/refs", {"ref": f"refs/heads/{branch}", "sha": sha})

    def read(self, repository: str, branch: str, path: str) -> File | None:
        """A file of a branch; None where there is none, or nothing that the token may see."""
        address = f"/repos/{repository}/contents/{_quoted(path)}?ref={_quoted(branch)}"
        try:
            found = self._json("GET", address)
            # Files of more than 1 MB come without their content.
            if found.get("encoding") == "base64":
                data = base64.b64decode(found["content"])
            else:
                data = self._send("GET", address, accept="application/vnd.github.raw+json")
        except GitHubError as error:
            if error.status == 404:
                return None
            raise
        return File(data.decode(), str(found["sha"]))

    def write(
        self, repository: str, branch: str, path: str, text: str, *, message: str, replaces: str | None
    ) -> None:
        """Commit a file to a branch. `replaces` is the sha of the blob that is there; None for a new file."""
        body = {
            "message": message,
            "branch": branch,
            "content": base64.b64encode(text.encode()).decode(),
            **({"sha": replaces} if replaces else {}),
        }
        self._json("PUT", f"/repos/{repository}/contents/{_quoted(path)}", body)

    def open_pull(self, repository: str, *, head: str, base: str, title: str, body: str) -> str:
        """Open a pull request between two branches, or find the one that is open; return its page."""
        wanted = {"title": title, "head": head, "base": base, "body": body}
        try:
            return str(self._json("POST", f"/repos/{repository}/pulls", wanted)["html_url"])
        except GitHubError as error:
            if error.status != 422:
                raise
            owner = repository.partition("/")[0]
            query = f"state=open&base={_quoted(base)}&head={owner}:{_quoted(head)}"
            found = self._json("GET", f"/repos/{repository}/pulls?{query}")
            if not found:
                raise
            return str(found[0]["html_url"])

    def _json(self, method: str, path: str, body: object = None) -> Any:
        try:
            return json.loads(self._send(method, path, body))
        except ValueError:
            raise GitHubError(f"{method} {self.root}{path}: the answer is not JSON") from None

    def _send(self, method: str, path: str, body: object = None, accept: str | None = None) -> bytes:
        headers = {**self._headers, **({"Accept": accept} if accept else {})}
        data = None if body is None else json.dumps(body)
        what = f"{method} {self.root}{path}"
        try:
            response = self._pool.request(method, f"{self.root}{path}", headers=headers, body=data)
        except urllib3.exceptions.HTTPError as error:
            raise GitHubError(f"{what}: {_cause(error)}") from None
        if response.status >= 400:
            raise GitHubError(f"{what}: {response.status} {_message(response.data)}", response.status)
        return response.data


def _quoted(text: str) -> str:
    return quote(text, safe="/")


def _cause(error: urllib3.exceptions.HTTPError) -> str:
    """What went wrong, without the addresses of objects."""
    reason = getattr(error, "reason", None) or error
    return str(reason).rpartition(">: ")[2].rpartition("): ")[2]


def _message(data: bytes) -> str:
    try:
        body: Any = json.loads(data)
        details = [str(item["message"]) for item in body.get("errors", []) if "message" in item]
        return "; ".join([str(body["message"]), *details])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "without a message"
