"""Rate limits, and the faults that a test switches on.

Statuses and headers are those of GitHub, "Rate limits for the REST API": 403 or 429 with
`x-ratelimit-remaining: 0` for the primary limit, 403 or 429 with `retry-after` for a secondary one.
"""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from http.client import responses
from typing import Literal, Self, TypeAlias

from pydantic import BaseModel, Field, model_validator

from sandbox.github.api import ApiError, JsonObject

_DOCS = "using-the-rest-api/rate-limits-for-the-rest-api"

Limited: TypeAlias = Literal[403, 429]


class RateLimit(BaseModel, extra="forbid"):
    """Requests per `window` seconds for a person, and for all who come without a token."""

    limit: int = Field(default=5000, ge=0)
    anonymous: int = Field(default=60, ge=0)
    window: int = Field(default=3600, ge=1)
    status: Limited = 403


class Fault(BaseModel, extra="forbid"):
    """What goes wrong with the next `count` requests (None: all) that fit `method` and `path`.

    `path` is a pattern as in a shell for the path below `/api/v3`. Before anything else the answer waits
    `delay` seconds. Then one of: `status` (with GitHub's error body), `limit` (a rate limit that is hit), or
    `drop`: the connection is broken `before` or `after` the request has been carried out.
    """

    path: str = "*"
    method: str | None = None
    count: int | None = Field(default=1, ge=1)
    delay: float = Field(default=0, ge=0, le=600)
    status: int | None = Field(default=None, ge=400, le=599)
    limit: Literal["primary", "secondary"] | None = None
    limit_status: Limited = 403
    retry_after: int = Field(default=60, ge=0)
    drop: Literal["before", "after"] | None = None

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        chosen = [name for name in ("status", "limit", "drop") if getattr(self, name) is not None]
        if len(chosen) > 1 or not (chosen or self.delay):
            raise ValueError("give one of status, limit and drop, or only a delay")
        return self

    def fits(self, method: str, path: str) -> bool:
        """Tell whether a request is meant."""
        return self.method in (None, method) and fnmatchcase(path, self.path)


@dataclass
class Window:
    """What one person has used of the limit until `reset` (Unix seconds)."""

    limit: int
    reset: int
    used: int = 0

    @property
    def remaining(self) -> int:
        """Return how many requests are left."""
        return max(self.limit - self.used, 0)

    def headers(self) -> dict[str, str]:
        """Return GitHub's headers."""
        return {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Used": str(min(self.used, self.limit)),
            "X-RateLimit-Reset": str(self.reset),
            "X-RateLimit-Resource": "core",
        }

    def show(self) -> JsonObject:
        """rate-limit."""
        return {
            "limit": self.limit,
            "remaining": self.remaining,
            "used": min(self.used, self.limit),
            "reset": self.reset,
        }


@dataclass
class Limits:
    """The rate limit, who has used how much of it (by login, "" for no token), and the faults."""

    rate: RateLimit = field(default_factory=RateLimit)
    windows: dict[str, Window] = field(default_factory=dict[str, Window])
    faults: list[Fault] = field(default_factory=list[Fault])

    def set_rate(self, rate: RateLimit) -> None:
        """Begin anew with another limit."""
        self.rate = rate
        self.windows.clear()

    def window(self, login: str, now: int) -> Window:
        """Return the current window of somebody."""
        window = self.windows.get(login)
        if window is None or now >= window.reset:
            limit = self.rate.limit if login else self.rate.anonymous
            window = self.windows[login] = Window(limit, now + self.rate.window)
        return window

    def take(self, login: str, now: int) -> Window:
        """Count one request. Raises the 403 or 429 of GitHub if there was none left."""
        window = self.window(login, now)
        if window.remaining == 0:
            raise primary_exceeded(window, login, self.rate.status)
        window.used += 1
        return window

    def fault(self, method: str, path: str) -> Fault | None:
        """Return the first fault that fits, and count it."""
        for fault in self.faults:
            if fault.fits(method, path):
                if fault.count is not None:
                    fault.count -= 1
                    if fault.count == 0:
                        self.faults.remove(fault)
                return fault
        return None


def primary_exceeded(window: Window, login: str, status: Limited) -> ApiError:
    """Return the error of somebody who has used up the limit."""
    who = f"user {login}" if login else "your address"
    headers = window.headers() | {"X-RateLimit-Remaining": "0", "X-RateLimit-Used": str(window.limit)}
    return ApiError(
        status, f"API rate limit exceeded for {who}.", docs=f"{_DOCS}#primary-rate-limit", headers=headers
    )


def secondary_exceeded(status: Limited, retry_after: int) -> ApiError:
    """Return the error of somebody who asks too much at once."""
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    docs = "overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
    return ApiError(status, message, docs=docs, headers={"Retry-After": str(retry_after)})


def fault_error(fault: Fault, window: Window, login: str) -> ApiError | None:
    """Return the error that a fault asks for, None for one that only waits or drops."""
    if fault.limit == "primary":
        return primary_exceeded(window, login, fault.limit_status)
    if fault.limit == "secondary":
        return secondary_exceeded(fault.limit_status, fault.retry_after)
    if fault.status is not None:
        return ApiError(fault.status, responses.get(fault.status, "Error"))
    return None
