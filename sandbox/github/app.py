"""The ASGI application: from a request to a route, and from its answer to the response."""

import asyncio
import hashlib
import json
import logging
import re
import traceback
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route as AsgiRoute
from starlette.routing import compile_path

from sandbox.github import admin
from sandbox.github.api import ApiError, Call, Json, Reply, Route, Viewer, forbidden, not_found
from sandbox.github.hub import Hub, authenticate
from sandbox.github.limits import Fault, Window, fault_error
from sandbox.github.routes import (
    codespaces,
    collaborators,
    contents,
    issues,
    organizations,
    pulls,
    rates,
    repositories,
    teams,
)
from sandbox.github.store import Store

PREFIX = "/api/v3"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]
MODULES = (organizations, repositories, teams, collaborators, codespaces, contents, issues, pulls, rates)
ROUTES: list[Route] = [route for module in MODULES for route in module.ROUTES]
_MATCHERS: list[tuple[Route, re.Pattern[str]]] = [(route, compile_path(route.path)[0]) for route in ROUTES]
_TEAM_BY_ID = re.compile(r"/organizations/(\d+)/team/(\d+)(/.*)?")
_ORGANIZATION_BY_ID = re.compile(r"/organizations/(\d+)(/.*)?")
_REPOSITORY_BY_ID = re.compile(r"/repositories/(\d+)(/.*)?")

log = logging.getLogger("sandbox.github")


@dataclass
class _Exchange:
    """One request on its way through the emulator."""

    request: Request
    path: str
    viewer: Viewer = field(default_factory=Viewer)
    window: Window | None = None
    route: Route | None = None
    fault: Fault | None = None

    @property
    def login(self) -> str:
        return self.viewer.user.login if self.viewer.user else ""

    @property
    def method(self) -> str:
        return "GET" if self.request.method == "HEAD" else self.request.method


def build(hub: Hub) -> Starlette:
    """Return the application that serves `hub`."""

    async def api(request: Request) -> Response:
        full = str(request.scope["path"])  # request.url would take an encoded "?" in it for a query
        exchange = _Exchange(request, full.removeprefix(PREFIX).rstrip("/") or "/")
        reply = await _answer(hub, exchange)
        response = Response(status_code=500) if reply is None else _response(exchange, reply)
        status = 0 if reply is None else response.status_code
        hub.note(request.method, quote(full), status, exchange.login or None)
        if reply is None and request.client is not None:
            hub.drop((request.client.host, request.client.port))
        return response

    async def healthz(request: Request) -> Response:  # noqa: ARG001 - Starlette's form
        return PlainTextResponse("ok\n")

    routes = [
        AsgiRoute("/healthz", healthz),
        *admin.routes(hub),
        AsgiRoute(PREFIX + "{path:path}", api, methods=METHODS),
    ]
    return Starlette(routes=routes)


async def _answer(hub: Hub, exchange: _Exchange) -> Reply | None:
    """Return the reply, None where a fault breaks the connection."""
    try:
        headers = exchange.request.headers
        exchange.viewer = authenticate(hub.store, headers)
        exchange.window = hub.limits.window(exchange.login, hub.store.now())
        if not headers.get("user-agent"):
            raise forbidden("Request forbidden by administrative rules. Please set a User-Agent header.")
        fault = exchange.fault = hub.limits.fault(exchange.method, exchange.path)
        if fault is not None:
            await asyncio.sleep(fault.delay)
            if fault.drop == "before":
                return None
            error = fault_error(fault, exchange.window, exchange.login)
            if error is not None:
                raise error
        if exchange.path != "/rate_limit":
            hub.limits.take(exchange.login, hub.store.now())
        reply = _perform(hub, exchange, await exchange.request.body())
    except ApiError as error:
        reply = Reply(error.status, error.body(exchange.route.docs if exchange.route else ""), error.headers)
    except Exception as error:  # the emulator goes on; values may be secret and are not logged
        frames = "".join(traceback.format_tb(error.__traceback__))
        log.error("%s in %s %s\n%s", type(error).__name__, exchange.method, exchange.path, frames)
        reply = Reply(500, ApiError(500, "Server Error").body(""))
    return None if exchange.fault is not None and exchange.fault.drop == "after" else reply


def _perform(hub: Hub, exchange: _Exchange, body: bytes) -> Reply:
    """Carry the request out, with no other in between, and keep what it changed."""
    path = _by_name(hub.store, exchange.path)
    exchange.route, params = _match(exchange.method, path)
    call = Call(
        store=hub.store,
        viewer=exchange.viewer,
        root=str(exchange.request.base_url).rstrip("/") + PREFIX,
        path=quote(exchange.path),
        params=params,
        query=exchange.request.query_params,
        accept=exchange.request.headers.get("accept", ""),
        json=None if exchange.method == "GET" else _parse(body),
        rate=exchange.window.show() if exchange.window else {},
    )
    reply = exchange.route.handler(call)
    if exchange.method != "GET":
        hub.store.save()
    return reply


def _match(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    for route, pattern in _MATCHERS:
        found = pattern.match(path) if route.method == method else None
        if found is not None:
            return route, found.groupdict()
    raise not_found()


def _by_name(store: Store, path: str) -> str:
    """Return a path in which ids of organisations, teams and repositories are replaced by names.

    GitHub answers to both and its own links use the ids, though its description has the names only.
    """
    team = _TEAM_BY_ID.fullmatch(path)
    organization = team or _ORGANIZATION_BY_ID.fullmatch(path)
    if organization is not None:
        number = int(organization[1])
        found = next((item for item in store.state.organizations.values() if item.id == number), None)
        if found is None:
            raise not_found()
        if team is None:
            return f"/orgs/{found.login}{organization[2] or ''}"
        own = next((item for item in found.teams.values() if item.id == int(team[2])), None)
        if own is None:
            raise not_found()
        return f"/orgs/{found.login}/teams/{own.slug}{team[3] or ''}"
    repository = _REPOSITORY_BY_ID.fullmatch(path)
    if repository is not None:
        named = store.repository_by_id(int(repository[1]))
        if named is None:
            raise not_found()
        return f"/repos/{named.full_name}{repository[2] or ''}"
    return path


def _parse(body: bytes) -> Json:
    if not body.strip():
        return None
    try:
        value: Json = json.loads(body)
    except ValueError:
        raise ApiError(400, "Problems parsing JSON") from None
    if value is not None and not isinstance(value, dict | list):
        raise ApiError(400, "Body should be a JSON object")
    return value


def _response(exchange: _Exchange, reply: Reply) -> Response:
    """Return the response with GitHub's headers; 304 where the client has it already."""
    content = reply.body if isinstance(reply.body, bytes) else _dump(reply)
    headers = _headers(exchange) | dict(reply.headers)
    status = reply.status
    if exchange.method == "GET" and status == 200:
        headers["ETag"] = f'W/"{hashlib.sha256(content).hexdigest()}"'
        headers["Cache-Control"] = "private, max-age=60, s-maxage=60"
        headers["Vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
        if _same(headers["ETag"], exchange.request.headers.get("if-none-match", "")):
            status, content = 304, b""
            if exchange.window is not None and exchange.login:
                exchange.window.used = max(exchange.window.used - 1, 0)  # a 304 is not counted
                headers |= exchange.window.headers()
    if content:
        headers.setdefault("Content-Type", "application/json; charset=utf-8")
    return Response(content, status_code=status, headers=headers)


def _dump(reply: Reply) -> bytes:
    return b"" if reply.body is None else json.dumps(reply.body, separators=(",", ":")).encode()


def _same(etag: str, known: str) -> bool:
    """Compare weakly (RFC 9110, 8.8.3.2)."""
    return known.strip() == "*" or any(
        item.strip().removeprefix("W/") == etag.removeprefix("W/") for item in known.split(",")
    )


def _headers(exchange: _Exchange) -> dict[str, str]:
    headers = {
        "X-GitHub-Media-Type": "github.v3; format=json",
        "X-GitHub-Request-Id": uuid.uuid4().hex.upper(),
        "X-GitHub-Api-Version-Selected": "2022-11-28",
    }
    if exchange.window is not None:
        headers |= exchange.window.headers()
    if exchange.viewer.user is not None:
        accepted = exchange.route.scopes if exchange.route else ()
        headers["X-OAuth-Scopes"] = ", ".join(sorted(exchange.viewer.scopes))
        headers["X-Accepted-OAuth-Scopes"] = ", ".join(accepted)
    return headers
