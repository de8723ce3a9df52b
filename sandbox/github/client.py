"""Typed access to the emulator's `/_sandbox/…` interface, for tests and the sandbox's command."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import urllib3

from sandbox.github.hub import Seen
from sandbox.github.limits import Fault, RateLimit
from sandbox.github.store import Permission


class SandboxError(Exception):
    """The emulator refused something; the message says what and why."""


@dataclass(frozen=True)
class Tokens:
    """The tokens of the first start: of an owner of `acme`, read-only of a member, of somebody outside."""

    admin: str
    reader: str
    outsider: str


def read_tokens(data: Path) -> Tokens:
    """Return the tokens in the emulator's data folder. Raises `FileNotFoundError` before its first start."""
    values = cast("dict[str, str]", json.loads((data / "tokens.json").read_text()))
    return Tokens(values["admin"], values["reader"], values["outsider"])


class SandboxClient:
    """Uses the interface of the emulator at `url` (http://127.0.0.1:PORT) with the token `admin`.

    Every method raises `SandboxError` where the emulator refuses, and urllib3's errors where it is not there.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/") + "/_sandbox"
        self._headers = {"Authorization": f"Bearer {token}", "User-Agent": "sandbox-client"}
        self._pool = urllib3.PoolManager(retries=False, timeout=30)

    def add_user(self, login: str, name: str | None = None) -> int:
        """Make a person; return the id."""
        return self._id("users", {"login": login, "name": name})

    def add_organization(self, login: str, owner: str, default_permission: Permission = "none") -> int:
        """Make an organisation that a person owns; return the id."""
        body = {"login": login, "owner": owner, "default_permission": default_permission}
        return self._id("organizations", body)

    def add_repository(
        self, owner: str, name: str, *, private: bool = True, files: dict[str, str] | None = None
    ) -> int:
        """Make a repository, empty or with these files on `main`; return the id."""
        return self._id(
            "repositories", {"owner": owner, "name": name, "private": private, "files": files or {}}
        )

    def repositories(self) -> list[str]:
        """Return the full names (owner/name) of all repositories, oldest first."""
        return [str(item["full_name"]) for item in json.loads(self._send("GET", "repositories"))]

    def add_token(self, name: str, login: str, scopes: list[str]) -> str:
        """Make a token and return it."""
        answer = json.loads(self._send("POST", "tokens", {"name": name, "login": login, "scopes": scopes}))
        return str(answer["token"])

    def delete_token(self, name: str) -> None:
        """Revoke a token."""
        self._send("DELETE", f"tokens/{name}")

    def open_repository_secret(self, owner: str, repository: str, name: str) -> str:
        """Return what a Codespaces secret of a repository holds."""
        return self._send("GET", f"codespaces-secrets/{owner}/{repository}/{name}").decode()

    def open_organization_secret(self, organization: str, name: str) -> str:
        """Return what a Codespaces secret of an organisation holds."""
        return self._send("GET", f"codespaces-secrets/{organization}/{name}").decode()

    def add_fault(self, fault: Fault) -> None:
        """Switch a fault on; those that were added before come first."""
        self._send("POST", "faults", fault.model_dump())

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._send("DELETE", "faults")

    def set_rate_limit(self, rate: RateLimit) -> None:
        """Set the primary rate limit and forget what was used."""
        self._send("PUT", "rate-limit", rate.model_dump())

    def advance_clock(self, seconds: int) -> int:
        """Put the emulator's clock forward; return its time in Unix seconds."""
        return int(json.loads(self._send("POST", "clock", {"seconds": seconds}))["now"])

    def requests(self, since: int = 0) -> list[Seen]:
        """Return the requests after number `since`, oldest first."""
        return [Seen(**item) for item in json.loads(self._send("GET", f"requests?since={since}"))]

    def _id(self, path: str, body: Mapping[str, object]) -> int:
        return int(json.loads(self._send("POST", path, body))["id"])

    def _send(self, method: str, path: str, body: Mapping[str, object] | None = None) -> bytes:
        response = self._pool.request(
            method, f"{self._url}/{path}", headers=self._headers, body=json.dumps(body) if body else None
        )
        if response.status >= 400:
            raise SandboxError(f"{method} {self._url}/{path}: {response.status} {_message(response.data)}")
        return response.data


def _message(data: bytes) -> str:
    try:
        return str(json.loads(data)["message"])
    except (ValueError, KeyError, TypeError):
        return "no message"
