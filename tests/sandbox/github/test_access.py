"""Tokens, scopes, and what is hidden from whom."""

from dataclasses import replace

import pytest

from sandbox.github.client import SandboxClient, SandboxError
from tests.sandbox.github.api import Api
from tests.sandbox.github.conftest import Emulator, Person

PRIVATE = "/repos/acme/vault"


def test_unknown_token(admin: Api) -> None:
    answer = replace(admin, token="ghp_nonsense").get("/orgs/acme")
    assert (answer.status, answer.message) == (401, "Bad credentials")


def test_revoked_token(admin: Api, sandbox: SandboxClient) -> None:
    api = replace(admin, token=sandbox.add_token("short-lived", "ada", ["repo"]))
    assert api.get("/user").status == 200
    sandbox.delete_token("short-lived")
    assert api.get("/user").status == 401


def test_without_a_token(anonymous: Api) -> None:
    assert anonymous.get("/repos/acme/website").status == 200
    assert anonymous.get(PRIVATE).status == 404
    assert anonymous.get("/user").status == 401
    assert anonymous.post("/repos/acme/website/issues", {"title": "x"}).status == 401
    assert "X-OAuth-Scopes" not in anonymous.get("/orgs/acme").headers


def test_without_a_user_agent(admin: Api) -> None:
    answer = admin.send("GET", "/orgs/acme", headers={"User-Agent": ""})
    assert answer.status == 403
    assert "User-Agent" in answer.message


@pytest.mark.parametrize("scheme", ["Bearer", "token", "bearer"])
def test_both_forms_of_authorization(admin: Api, scheme: str) -> None:
    anonymous = replace(admin, token=None)
    answer = anonymous.send("GET", "/user", headers={"Authorization": f"{scheme} {admin.token}"})
    assert answer.json["login"] == "acme-admin"


def test_scopes_are_told(admin: Api, reader: Api) -> None:
    answer = reader.get("/orgs/acme")
    assert answer.headers["X-OAuth-Scopes"] == "read:org"
    wanted = admin.get("/repos/acme/vision/codespaces/secrets").headers["X-Accepted-OAuth-Scopes"]
    assert wanted == "repo"


@pytest.mark.parametrize("path", [PRIVATE, f"{PRIVATE}/contents/README.md", f"{PRIVATE}/collaborators"])
def test_private_repository_does_not_exist_for_others(outsider: Api, reader: Api, path: str) -> None:
    assert outsider.get(path).status == 404
    assert reader.get(path).status == 404


def test_scope_only_takes_away(admin: Api, sandbox: SandboxClient) -> None:
    """Ada may push to acme/vision; a token without `repo` does not even show it."""
    full = replace(admin, token=sandbox.add_token("ada-full", "ada", ["repo"]))
    none = replace(admin, token=sandbox.add_token("ada-none", "ada", []))
    assert full.get("/repos/acme/vision").json["permissions"]["push"] is True
    assert none.get("/repos/acme/vision").status == 404
    assert full.get(PRIVATE).status == 404


def test_public_repository_needs_push_access_to_change(outsider: Api) -> None:
    body = {"message": "x", "content": "eA=="}
    assert outsider.get("/repos/acme/website/contents/README.md").status == 200
    answer = outsider.put("/repos/acme/website/contents/x.txt", body)
    assert (answer.status, answer.message) == (403, "Must have push access to repository")
    secret = outsider.put_secret("/repos/acme/website", "X", "x")
    assert (secret.status, secret.message) == (403, "Must have admin rights to Repository.")


def test_default_permission_of_members(admin: Api, sandbox: SandboxClient, person: Person) -> None:
    sandbox.add_organization("open-org", "acme-admin", default_permission="pull")
    sandbox.add_repository("open-org", "inner")
    assert person.api.get("/repos/open-org/inner").status == 404
    admin.put(f"/orgs/open-org/memberships/{person.login}", {"role": "member"})
    assert person.api.get("/repos/open-org/inner").json["permissions"]["pull"] is True
    assert person.api.get("/repos/open-org/inner").json["permissions"]["push"] is False


def test_unknown_addresses(admin: Api) -> None:
    for path in ("/nonsense", "/repos/acme", "/organizations/1", "/repositories/1", "/organizations/x"):
        raw = admin.send_raw("GET", path)
        assert (raw.status, raw.message) == (404, "Not Found")
    assert admin.send_raw("DELETE", "/orgs/acme").status == 404


def test_bodies_that_are_no_json(admin: Api, repository: str) -> None:
    path = f"{repository}/issues"
    broken = admin.send("POST", path, b"{")
    assert (broken.status, broken.message) == (400, "Problems parsing JSON")
    assert admin.send("POST", path, b"1").status == 400
    missing = admin.send("POST", path, b"{}")
    assert (missing.status, missing.json["errors"][0]["field"]) == (422, "title")


def test_case_of_names_does_not_matter(admin: Api) -> None:
    assert admin.get("/orgs/ACME").json["login"] == "acme"
    assert admin.get("/repos/Acme/VISION").json["full_name"] == "acme/vision"


def test_administration_is_guarded(emulator: Emulator) -> None:
    for token, message in (
        (emulator.tokens.outsider, "the token admin is needed"),
        ("ghp_nonsense", "Bad credentials"),
    ):
        with pytest.raises(SandboxError, match=message):
            SandboxClient(emulator.url, token).requests()
    with pytest.raises(SandboxError, match="no token admin that could be revoked"):
        emulator.sandbox.delete_token("admin")


def test_administration_tells_what_is_wrong(sandbox: SandboxClient) -> None:
    with pytest.raises(SandboxError, match="there is no user nobody"):
        sandbox.add_token("x", "nobody", [])
    with pytest.raises(SandboxError, match="acme/vision exists already"):
        sandbox.add_repository("acme", "vision")
    with pytest.raises(SandboxError, match="there is no organization or user nobody"):
        sandbox.add_repository("nobody", "x")
    with pytest.raises(SandboxError, match="the account acme exists already"):
        sandbox.add_organization("acme", "ada")
    with pytest.raises(SandboxError, match="seconds: Input should be greater than or equal to 0"):
        sandbox.advance_clock(-1)
