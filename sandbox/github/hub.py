"""Everything that a running emulator holds, and who a request comes from."""

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sandbox.github.api import ApiError, Viewer
from sandbox.github.limits import Limits
from sandbox.github.store import Store

log = logging.getLogger("sandbox.github")


@dataclass(frozen=True)
class Seen:
    """A request that was answered; never its body or its token.

    `path` is percent-encoded and without the query; `status` 0 says that the connection was dropped.
    """

    number: int
    method: str
    path: str
    status: int
    login: str | None


def _refuse_to_drop(client: tuple[str, int]) -> None:
    raise RuntimeError(f"the server cannot drop the connection of {client}")


@dataclass
class Hub:
    """The state, the limits, and the requests seen. `drop` breaks the connection of a client's address."""

    store: Store
    drop: Callable[[tuple[str, int]], None] = _refuse_to_drop
    limits: Limits = field(default_factory=Limits)
    seen: deque[Seen] = field(default_factory=lambda: deque[Seen](maxlen=10_000))
    count: int = 0

    def note(self, method: str, path: str, status: int, login: str | None) -> None:
        """Remember and log a request."""
        self.count += 1
        self.seen.append(Seen(self.count, method, path, status, login))
        log.info("%s %s %s", method, path, status or "dropped")


def authenticate(store: Store, headers: Mapping[str, str]) -> Viewer:
    """Return who sends these headers; 401 for a token that does not exist (not for none at all)."""
    kind, _, value = headers.get("authorization", "").partition(" ")
    if not kind:
        return Viewer()
    token = store.token(value.strip()) if kind.lower() in ("bearer", "token") else None
    user = store.user(token.login) if token else None
    if token is None or user is None:
        raise ApiError(401, "Bad credentials")
    return Viewer(user, token.name, frozenset(token.scopes))
