"""Rate limits, conditional requests, pages, and faults."""

import re
from collections.abc import Iterator

import pytest
import urllib3

from sandbox.github.client import SandboxClient
from sandbox.github.limits import Fault, RateLimit
from tests.sandbox.github.api import Api
from tests.sandbox.github.conftest import Person


@pytest.fixture
def rates(sandbox: SandboxClient) -> Iterator[SandboxClient]:
    yield sandbox
    sandbox.set_rate_limit(RateLimit())


def test_counted_and_told(admin: Api, rates: SandboxClient) -> None:
    rates.set_rate_limit(RateLimit(limit=100))
    headers = admin.get("/orgs/acme").headers
    assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("100", "99")
    assert (headers["X-RateLimit-Used"], headers["X-RateLimit-Resource"]) == ("1", "core")
    told = admin.get("/rate_limit").json
    assert told["rate"]["remaining"] == told["resources"]["core"]["remaining"] == 99


@pytest.mark.parametrize("status", [403, 429])
def test_primary_limit(admin: Api, person: Person, anonymous: Api, rates: SandboxClient, status: int) -> None:
    rates.set_rate_limit(
        RateLimit.model_validate({"limit": 2, "anonymous": 1, "window": 60, "status": status})
    )
    for _ in range(2):
        assert admin.get("/orgs/acme").status == 200
    refused = admin.get("/orgs/acme")
    assert refused.status == status
    assert refused.message.startswith("API rate limit exceeded for user acme-admin")
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    reset = int(refused.headers["X-RateLimit-Reset"])

    assert person.api.get("/orgs/acme").status == 200
    assert anonymous.get("/orgs/acme").status == 200
    assert anonymous.get("/orgs/acme").status == status
    assert admin.get("/rate_limit").json["rate"]["remaining"] == 0

    assert rates.advance_clock(60) >= reset
    assert admin.get("/orgs/acme").status == 200


def test_secondary_limit(admin: Api, sandbox: SandboxClient) -> None:
    sandbox.add_fault(Fault(path="/orgs/*", limit="secondary", limit_status=429, retry_after=7))
    refused = admin.get("/orgs/acme")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "7")
    assert "secondary rate limit" in refused.message
    # how go-github tells it from the primary one
    assert refused.json["documentation_url"].endswith("secondary-rate-limits")
    assert admin.get("/orgs/acme").status == 200


def test_primary_limit_as_a_fault(admin: Api, sandbox: SandboxClient) -> None:
    sandbox.add_fault(Fault(limit="primary"))
    refused = admin.get("/orgs/acme")
    assert (refused.status, refused.headers["X-RateLimit-Remaining"]) == (403, "0")
    assert admin.get("/orgs/acme").status == 200


def test_unchanged_answers_are_not_counted(admin: Api, rates: SandboxClient, repository: str) -> None:
    first = admin.get(repository)
    rates.set_rate_limit(RateLimit(limit=10))
    again = admin.get(repository, If_None_Match=first.headers["ETag"])
    assert (again.status, again.headers["X-RateLimit-Remaining"]) == (304, "10")
    assert again.headers["ETag"] == first.headers["ETag"]
    admin.patch(repository, {"description": "new"})
    assert admin.get(repository, If_None_Match=first.headers["ETag"]).status == 200


def test_pages(admin: Api, sandbox: SandboxClient) -> None:
    sandbox.add_organization("paged", "acme-admin")
    for number in range(5):
        sandbox.add_repository("paged", f"r{number}")
    names: list[str] = []
    path = "/orgs/paged/repos?per_page=2"
    while path:
        answer = admin.get(path)
        names += [item["name"] for item in answer.json]
        following = re.search(r'<([^>]+)>; rel="next"', answer.headers.get("Link", ""))
        path = following[1].removeprefix(admin.root) if following else ""
    assert names == ["r0", "r1", "r2", "r3", "r4"]


def test_fault_with_a_status(admin: Api, sandbox: SandboxClient) -> None:
    sandbox.add_fault(Fault(path="/repos/acme/vision/*", method="GET", status=503, count=2))
    assert admin.get("/repos/acme/speech/branches").status == 200
    assert [admin.get("/repos/acme/vision/branches").status for _ in range(3)] == [503, 503, 200]


def test_fault_until_it_is_cleared(admin: Api, sandbox: SandboxClient) -> None:
    sandbox.add_fault(Fault(status=500, count=None))
    assert [admin.get("/orgs/acme").status for _ in range(5)] == [500] * 5
    sandbox.clear_faults()
    assert admin.get("/orgs/acme").status == 200


def test_connection_dropped_before(admin: Api, sandbox: SandboxClient, repository: str) -> None:
    body = admin.seal(repository, "x")
    sandbox.add_fault(Fault(method="PUT", drop="before"))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        admin.put(f"{repository}/codespaces/secrets/X", body)
    assert admin.get(f"{repository}/codespaces/secrets/X").status == 404


def test_connection_dropped_after(admin: Api, sandbox: SandboxClient, repository: str) -> None:
    body = admin.seal(repository, "x")
    sandbox.add_fault(Fault(method="PUT", drop="after"))
    with pytest.raises(urllib3.exceptions.ProtocolError):
        admin.put(f"{repository}/codespaces/secrets/X", body)
    assert admin.get(f"{repository}/codespaces/secrets/X").status == 200
    path = f"/api/v3{repository}/codespaces/secrets/X"
    assert (path, 0) in [(seen.path, seen.status) for seen in sandbox.requests()]


def test_delay(admin: Api, sandbox: SandboxClient) -> None:
    """The client gives up first; what it asked for is done all the same."""
    sandbox.add_fault(Fault(method="GET", path="/orgs/acme", delay=600))
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        urllib3.request(
            "GET",
            f"{admin.root}/orgs/acme",
            headers={"Authorization": f"Bearer {admin.token}"},
            timeout=0.2,
            retries=False,
        )
    assert admin.get("/orgs/acme").status == 200


@pytest.mark.parametrize("fault", [{}, {"status": 500, "drop": "after"}, {"status": 200}, {"nonsense": 1}])
def test_faults_that_make_no_sense(fault: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="Fault"):
        Fault.model_validate(fault)


def test_requests_are_listed(admin: Api, sandbox: SandboxClient) -> None:
    before = sandbox.requests()[-1].number
    admin.get("/orgs/acme", {"word": "hunter2"})
    (seen,) = sandbox.requests(before)
    assert (seen.method, seen.path, seen.status) == ("GET", "/api/v3/orgs/acme", 200)
    assert seen.login == "acme-admin"
