"""A request as the routes see it, what they answer, and GitHub's errors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar, cast
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from sandbox.github.store import Store, User

Json: TypeAlias = bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"] | None
JsonObject: TypeAlias = dict[str, Json]

DOCS = "https://docs.github.com/rest"
# A scope implies those after it (GitHub, "Scopes for OAuth apps", normalized scopes).
IMPLIED: dict[str, tuple[str, ...]] = {
    "repo": ("public_repo",),
    "admin:org": ("write:org", "read:org"),
    "write:org": ("read:org",),
    "user": ("read:user",),
}

Body = TypeVar("Body", bound=BaseModel)
Item = TypeVar("Item")


@dataclass(frozen=True)
class Viewer:
    """Who asks: nobody in particular (`user` None), or a person with a token of these scopes."""

    user: User | None = None
    token: str | None = None
    scopes: frozenset[str] = frozenset()

    def has(self, scope: str) -> bool:
        """Tell whether the token has this scope, by name or by implication."""
        return scope in self.scopes or any(scope in IMPLIED.get(own, ()) for own in self.scopes)


class ApiError(Exception):
    """An answer of GitHub's that is an error. `docs` is where it points to, below `DOCS`."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        docs: str = "",
        errors: Sequence[JsonObject] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.docs = docs
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self, docs: str) -> JsonObject:
        """Return the JSON body; `docs` is used where the error names none itself."""
        url = "/".join(part for part in (DOCS, self.docs or docs) if part)
        body: JsonObject = {
            "message": self.message,
            "documentation_url": url,
            "status": str(self.status),
        }
        if self.errors:
            body["errors"] = list(self.errors)
        return body


def not_found() -> ApiError:
    """404, also for what the viewer may not know of."""
    return ApiError(404, "Not Found")


def unauthenticated() -> ApiError:
    """401 for a request without a token that needs one."""
    return ApiError(401, "Requires authentication")


def forbidden(message: str) -> ApiError:
    """403 with GitHub's sentence."""
    return ApiError(403, message)


def invalid(resource: str, name: str, message: str, code: str = "custom") -> ApiError:
    """422 about one field; `code` is missing, missing_field, invalid, already_exists or custom."""
    error: JsonObject = {"resource": resource, "field": name, "code": code, "message": message}
    return ApiError(422, "Validation Failed", errors=[error])


@dataclass(frozen=True)
class Call:
    """One request. `root` is the address of the API, without a slash at its end; `rate` a rate-limit."""

    store: Store
    viewer: Viewer
    root: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    accept: str
    json: Json
    rate: JsonObject

    def body(self, model: type[Body]) -> Body:
        """Return the request's body as `model`, 422 where it does not fit."""
        try:
            return model.model_validate({} if self.json is None else self.json)
        except ValidationError as error:
            raise _invalid_body(model, error) from None

    def user(self) -> User:
        """Return who asks, 401 where that is nobody."""
        if self.viewer.user is None:
            raise unauthenticated()
        return self.viewer.user

    def number(self, name: str) -> int:
        """Return a number in the path, 404 where it is none."""
        try:
            return int(self.params[name])
        except ValueError:
            raise not_found() from None

    def choice(self, name: str, default: str, allowed: Sequence[str]) -> str:
        """Return a query parameter that has to be one of `allowed`, else 422."""
        value = self.query.get(name, default)
        if value not in allowed:
            raise invalid("Search", name, f"{name} must be one of {', '.join(allowed)}", "invalid")
        return value


@dataclass(frozen=True)
class Reply:
    """What a route answers. `body` None means that there is none; bytes are sent as they are."""

    status: int = 200
    body: Json | bytes = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


Handler: TypeAlias = Callable[[Call], Reply]


@dataclass(frozen=True)
class Route:
    """One operation of the API. `scopes` is what GitHub reports in `X-Accepted-OAuth-Scopes`.

    `template` is written as in GitHub's description; `{path}` and `{ref}` may hold slashes.
    """

    method: str
    template: str
    handler: Handler
    docs: str
    scopes: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Return the template as Starlette writes it."""
        greedy = self.template
        for name in ("{path}", "{ref}", "{branch}"):
            greedy = greedy.replace(name, name[:-1] + ":path}")
        return greedy


def routes(
    prefix: str, docs: str, scopes: tuple[str, ...], table: Sequence[tuple[str, str, Handler]]
) -> list[Route]:
    """Return the routes below one address: method, rest of the template, handler."""
    return [Route(method, prefix + rest, handler, docs, scopes) for method, rest, handler in table]


def created(body: JsonObject) -> Reply:
    """201, with the address of what was made where it has one."""
    url = body.get("url")
    return Reply(201, body, {"Location": url} if isinstance(url, str) else {})


def page_of(call: Call, items: Sequence[Item]) -> tuple[Sequence[Item], dict[str, str]]:
    """Return the page that the query asks for and the `Link` header that leads to the others."""
    size = min(max(_whole(call.query.get("per_page"), 30), 1), 100)
    page = max(_whole(call.query.get("page"), 1), 1)
    last = max(-(-len(items) // size), 1)
    others: list[tuple[str, int]] = []
    if page > 1:
        others += [("prev", min(page - 1, last)), ("first", 1)]
    if page < last:
        others += [("next", page + 1), ("last", last)]
    links = [f'<{_page_url(call, number)}>; rel="{name}"' for name, number in others]
    start = (page - 1) * size
    return items[start : start + size], {"Link": ", ".join(links)} if links else {}


def page_reply(call: Call, items: Sequence[Item], render: Callable[[Item], JsonObject]) -> Reply:
    """Answer with one page of a list."""
    chosen, headers = page_of(call, items)
    return Reply(200, [render(item) for item in chosen], headers)


def _page_url(call: Call, number: int) -> str:
    query = {name: value for name, value in call.query.items() if name != "page"} | {"page": str(number)}
    return f"{call.root}{call.path}?{urlencode(query)}"


def _whole(text: str | None, default: int) -> int:
    return int(text) if text and text.isdecimal() else default


def _invalid_body(model: type[BaseModel], error: ValidationError) -> ApiError:
    errors: list[JsonObject] = []
    for item in error.errors(include_input=False, include_url=False):
        missing = item["type"] == "missing"
        name = ".".join(str(part) for part in cast("tuple[object, ...]", item["loc"]))
        errors.append(
            {
                "resource": model.__name__,
                "field": name,
                "code": "missing_field" if missing else "invalid",
                "message": f"{name} wasn't supplied" if missing else item["msg"],
            }
        )
    return ApiError(422, "Validation Failed", errors=errors)
