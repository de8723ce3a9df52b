"""`/_sandbox/…`: what a test may do that GitHub does not offer. Needs the token `admin` of tokens.json."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TypeAlias, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.github.api import ApiError, Json
from sandbox.github.hub import Hub, authenticate
from sandbox.github.limits import Fault, RateLimit
from sandbox.github.routes.codespaces import open_secret
from sandbox.github.store import OWNER_TOKEN, Permission

Body = TypeVar("Body", bound=BaseModel)


class NewUser(BaseModel, extra="forbid"):
    """A person to make."""

    login: str
    name: str | None = None


class NewOrganization(BaseModel, extra="forbid"):
    """An organisation to make."""

    login: str
    owner: str
    default_permission: Permission = "none"


class NewRepository(BaseModel, extra="forbid"):
    """A repository to make; `files` (path to text) are its first commit on `main`, none leaves it empty."""

    owner: str
    name: str
    private: bool = True
    files: dict[str, str] = {}


class NewToken(BaseModel, extra="forbid"):
    """A classic token to make, with GitHub's scopes."""

    name: str
    login: str
    scopes: list[str]


class Advance(BaseModel, extra="forbid"):
    """Seconds to put the clock forward."""

    seconds: int = Field(ge=0)


class AdminError(Exception):
    """An error for whoever uses this interface."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


Action: TypeAlias = Callable[[Hub, Request, bytes], Json | bytes]


def add_user(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """POST users."""
    new = _read(NewUser, body)
    if hub.store.user(new.login) or hub.store.organization(new.login):
        raise AdminError(409, f"the account {new.login} exists already")
    return {"id": hub.store.add_user(new.login, new.name).id}


def add_organization(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """POST organizations."""
    new = _read(NewOrganization, body)
    if hub.store.user(new.login) or hub.store.organization(new.login):
        raise AdminError(409, f"the account {new.login} exists already")
    owner = hub.store.user(new.owner)
    if owner is None:
        raise AdminError(404, f"there is no user {new.owner}")
    organization = hub.store.add_organization(new.login, owner.login)
    organization.default_permission = new.default_permission
    return {"id": organization.id}


def add_repository(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """POST repositories."""
    new = _read(NewRepository, body)
    organization, user = hub.store.organization(new.owner), hub.store.user(new.owner)
    if organization is not None:
        boss = next(name for name, role in organization.members.items() if role == "admin")
        owner, user = organization.login, hub.store.user(boss)
    else:
        owner = user.login if user else ""
    if user is None:
        raise AdminError(404, f"there is no organization or user {new.owner}")
    if hub.store.repository(owner, new.name):
        raise AdminError(409, f"the repository {owner}/{new.name} exists already")
    made = hub.store.add_repository(owner, new.name, private=new.private, author=user, files=new.files)
    return {"id": made.id}


def list_repositories(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """GET repositories: all there are, also of those that the token's owner has no part in."""
    return [{"full_name": each.full_name} for each in hub.store.state.repositories.values()]


def add_token(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """POST tokens: the only answer that holds a token."""
    new = _read(NewToken, body)
    user = hub.store.user(new.login)
    if user is None:
        raise AdminError(404, f"there is no user {new.login}")
    if any(token.name == new.name for token in hub.store.state.tokens.values()):
        raise AdminError(409, f"the token {new.name} exists already")
    return {"token": hub.store.add_token(new.name, user.login, new.scopes)}


def delete_token(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """DELETE tokens/NAME: it is revoked."""
    name = str(request.path_params["name"])
    tokens = hub.store.state.tokens
    gone = [key for key, token in tokens.items() if token.name == name and name != OWNER_TOKEN]
    if not gone:
        raise AdminError(404, f"there is no token {name} that could be revoked")
    for key in gone:
        del tokens[key]
    return None


def open_repository_secret(hub: Hub, request: Request, body: bytes) -> bytes:  # noqa: ARG001
    """GET codespaces-secrets/OWNER/REPO/NAME: what the secret holds."""
    owner, name, secret = (str(request.path_params[key]) for key in ("owner", "repo", "name"))
    found = hub.store.repository(owner, name)
    if found is None or secret.upper() not in found.codespaces.secrets:
        raise AdminError(404, f"there is no Codespaces secret {secret} of {owner}/{name}")
    return open_secret(found.codespaces, secret)


def open_organization_secret(hub: Hub, request: Request, body: bytes) -> bytes:  # noqa: ARG001
    """GET codespaces-secrets/ORG/NAME: what the secret holds."""
    owner, secret = str(request.path_params["org"]), str(request.path_params["name"])
    found = hub.store.organization(owner)
    if found is None or secret.upper() not in found.codespaces.secrets:
        raise AdminError(404, f"there is no Codespaces secret {secret} of {owner}")
    return open_secret(found.codespaces, secret)


def add_fault(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """POST faults."""
    hub.limits.faults.append(_read(Fault, body))
    return None


def clear_faults(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """DELETE faults."""
    hub.limits.faults.clear()
    return None


def set_rate_limit(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """PUT rate-limit: everybody begins anew."""
    hub.limits.set_rate(_read(RateLimit, body))
    return None


def advance_clock(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """POST clock: the emulator's time goes on by so many seconds."""
    hub.store.state.clock_offset += _read(Advance, body).seconds
    return {"now": hub.store.now()}


def list_requests(hub: Hub, request: Request, body: bytes) -> Json:  # noqa: ARG001
    """GET requests?since=N: those after number N, of at most 10,000 kept."""
    since = request.query_params.get("since", "0")
    if not since.isdecimal():
        raise AdminError(422, "since has to be a number")
    return [asdict(seen) for seen in hub.seen if seen.number > int(since)]


_ACTIONS: tuple[tuple[str, str, Action], ...] = (
    ("POST", "/users", add_user),
    ("POST", "/organizations", add_organization),
    ("GET", "/repositories", list_repositories),
    ("POST", "/repositories", add_repository),
    ("POST", "/tokens", add_token),
    ("DELETE", "/tokens/{name}", delete_token),
    ("GET", "/codespaces-secrets/{owner}/{repo}/{name}", open_repository_secret),
    ("GET", "/codespaces-secrets/{org}/{name}", open_organization_secret),
    ("POST", "/faults", add_fault),
    ("DELETE", "/faults", clear_faults),
    ("PUT", "/rate-limit", set_rate_limit),
    ("POST", "/clock", advance_clock),
    ("GET", "/requests", list_requests),
)


def routes(hub: Hub) -> list[Route]:
    """Return the routes of this interface."""
    return [
        Route("/_sandbox" + path, _endpoint(hub, action), methods=[method])
        for method, path, action in _ACTIONS
    ]


def _endpoint(hub: Hub, action: Action) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            if authenticate(hub.store, request.headers).token != OWNER_TOKEN:
                raise AdminError(403, "the token admin is needed")
            result = action(hub, request, await request.body())
        except (AdminError, ApiError) as error:
            return JSONResponse({"message": str(error)}, status_code=error.status)
        if request.method != "GET":
            hub.store.save()
        if isinstance(result, bytes):
            return Response(result, media_type="application/octet-stream")
        return JSONResponse(result) if result is not None else Response(status_code=204)

    return endpoint


def _read(model: type[Body], body: bytes) -> Body:
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in details)
        raise AdminError(422, f"{model.__name__}: {wrong}") from None
