"""A client of the emulated API that holds every response against GitHub's description."""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from nacl.public import PublicKey, SealedBox

from tests.sandbox.github.description import Description

RATE_HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Used", "X-RateLimit-Reset")


@dataclass(frozen=True)
class Answer:
    """A response; `json` is None where there is no body."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.data) if self.data else None

    @property
    def message(self) -> str:
        return str(self.json["message"])


@dataclass
class Api:
    """Somebody's access to the emulated API at `root` (`http://…/api/v3`); no token: anonymous."""

    root: str
    description: Description
    token: str | None = field(default=None, repr=False)
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=30))

    def get(self, path: str, query: Mapping[str, object] | None = None, **headers: str) -> Answer:
        return self.send("GET", path + (f"?{urlencode(query)}" if query else ""), None, headers)

    def post(self, path: str, body: object = None) -> Answer:
        return self.send("POST", path, body)

    def put(self, path: str, body: object = None) -> Answer:
        return self.send("PUT", path, body)

    def patch(self, path: str, body: object = None) -> Answer:
        return self.send("PATCH", path, body)

    def delete(self, path: str, body: object = None) -> Answer:
        return self.send("DELETE", path, body)

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        described_as: str | None = None,
    ) -> Answer:
        """Send a request and check the response. `described_as`: the path that the description has for it."""
        raw = self.send_raw(method, path, body if isinstance(body, bytes) else _dump(body), headers)
        plain = urlsplit(described_as or path).path
        content_type = raw.headers.get("Content-Type", "")
        if raw.status == 304:
            assert not raw.data
            self.description.operation(method, plain)
        else:
            self.description.check(method, plain, raw.status, raw.data, content_type)
        check_headers(raw)
        return raw

    def send_raw(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request without any check of the response."""
        url = path if path.startswith("http") else self.root + path
        all_headers = {"User-Agent": "tests", "Accept": "application/vnd.github+json"}
        if self.token is not None:
            all_headers["Authorization"] = f"Bearer {self.token}"
        names = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        response = self.pool.request(method, url, body=body, headers=all_headers | names, redirect=False)
        return Answer(response.status, response.headers, response.data)

    def seal(self, of: str, plain: str | bytes) -> dict[str, str]:
        """Return the body of PUT for a secret of `of` (`/repos/OWNER/REPO` or `/orgs/ORG`)."""
        key = self.get(f"{of}/codespaces/secrets/public-key").json
        return sealed(key, plain)

    def put_secret(self, of: str, name: str, plain: str | bytes, **more: object) -> Answer:
        """Store a secret as the provider does."""
        return self.put(f"{of}/codespaces/secrets/{name}", self.seal(of, plain) | more)


def sealed(key: Mapping[str, str], plain: str | bytes) -> dict[str, str]:
    """Seal a value for a public key as the API returns it."""
    data = plain.encode() if isinstance(plain, str) else plain
    box = SealedBox(PublicKey(_decode(key["key"])))
    return {"encrypted_value": b64encode(box.encrypt(data)).decode(), "key_id": key["key_id"]}


def check_headers(answer: Answer) -> None:
    """What GitHub sends with everything."""
    assert answer.headers["X-GitHub-Request-Id"]
    assert answer.headers["X-GitHub-Media-Type"] == "github.v3; format=json"
    if answer.status != 401:
        assert all(answer.headers[name].isdecimal() for name in RATE_HEADERS)
    if answer.status >= 400:
        assert answer.json["documentation_url"].startswith("https://docs.github.com/rest")
        assert answer.json["status"] == str(answer.status)


def _dump(body: object) -> bytes | None:
    return None if body is None else json.dumps(body).encode()


def _decode(text: str) -> bytes:
    return b64decode(text, validate=True)
