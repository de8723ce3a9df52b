"""The rate limit of who asks; asking does not count."""

from sandbox.github.api import Call, Handler, Reply, routes


def get_rate_limit(call: Call) -> Reply:
    """GET /rate_limit."""
    return Reply(200, {"rate": call.rate, "resources": {"core": call.rate, "search": call.rate}})


_TABLE: tuple[tuple[str, str, Handler], ...] = (("GET", "/rate_limit", get_rate_limit),)
ROUTES = routes("", "rate-limit/rate-limit", (), _TABLE)
