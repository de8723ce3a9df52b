"""Codespaces secrets of repositories and organisations."""

import itertools

import pytest

from sandbox.github.client import SandboxClient, SandboxError
from tests.sandbox.github.api import Api
from tests.sandbox.github.conftest import Person

ORG = "/orgs/acme/codespaces/secrets"


@pytest.fixture
def organization(sandbox: SandboxClient, counter: "itertools.count[int]") -> str:
    """A new organisation that acme-admin owns."""
    login = f"org-{next(counter)}"
    sandbox.add_organization(login, "acme-admin")
    return f"/orgs/{login}"


@pytest.fixture(scope="module")
def counter() -> "itertools.count[int]":
    return itertools.count(1)


def name_of(repository: str) -> str:
    return repository.rpartition("/")[2]


def test_stored_changed_deleted(admin: Api, sandbox: SandboxClient, repository: str) -> None:
    path = f"{repository}/codespaces/secrets/KUBECONFIG_B64"
    assert admin.put_secret(repository, "KUBECONFIG_B64", "first").status == 201
    created = admin.get(path).json
    assert sandbox.open_repository_secret("acme", name_of(repository), "KUBECONFIG_B64") == "first"

    sandbox.advance_clock(5)
    assert admin.put_secret(repository, "KUBECONFIG_B64", "second").status == 204
    changed = admin.get(path).json
    assert changed["created_at"] == created["created_at"]
    assert changed["updated_at"] > created["updated_at"]
    assert sandbox.open_repository_secret("acme", name_of(repository), "KUBECONFIG_B64") == "second"

    assert admin.delete(path).status == 204
    assert admin.get(path).status == 404
    assert admin.delete(path).status == 404
    with pytest.raises(SandboxError, match="no Codespaces secret"):
        sandbox.open_repository_secret("acme", name_of(repository), "KUBECONFIG_B64")


def test_value_is_never_answered(admin: Api, repository: str) -> None:
    admin.put_secret(repository, "WORD", "hunter2")
    assert set(admin.get(f"{repository}/codespaces/secrets/WORD").json) == {
        "name",
        "created_at",
        "updated_at",
    }


def test_listed_in_pages(admin: Api, repository: str) -> None:
    body = admin.seal(repository, "x")
    for number in range(5):
        admin.put(f"{repository}/codespaces/secrets/S{number}", body)
    first = admin.get(f"{repository}/codespaces/secrets", {"per_page": 2})
    assert first.json["total_count"] == 5
    assert [item["name"] for item in first.json["secrets"]] == ["S0", "S1"]
    assert 'page=3>; rel="last"' in first.headers["Link"]
    last = admin.get(f"{repository}/codespaces/secrets", {"per_page": 2, "page": 3})
    assert [item["name"] for item in last.json["secrets"]] == ["S4"]
    assert 'rel="next"' not in last.headers["Link"]


def test_case_of_a_name_does_not_matter(admin: Api, repository: str) -> None:
    assert admin.put_secret(repository, "token", "a").status == 201
    assert admin.put_secret(repository, "TOKEN", "b").status == 204
    assert admin.get(f"{repository}/codespaces/secrets/Token").json["name"] == "TOKEN"


@pytest.mark.parametrize("name", ["1TOKEN", "GITHUB_TOKEN", "github_x", "MY-TOKEN", "MY.TOKEN", "ÄPFEL"])
def test_names_that_github_refuses(admin: Api, repository: str, name: str) -> None:
    answer = admin.put(f"{repository}/codespaces/secrets/{name}", admin.seal(repository, "x"))
    assert answer.status == 422
    assert answer.json["errors"][0]["field"] == "name"


def test_size_limit(admin: Api, repository: str) -> None:
    assert admin.put_secret(repository, "LARGE", b"x" * 48 * 1024).status == 201
    answer = admin.put_secret(repository, "LARGER", b"x" * (48 * 1024 + 1))
    assert answer.status == 422
    assert "48 KB" in answer.json["errors"][0]["message"]


def test_hundred_for_a_repository(admin: Api, repository: str) -> None:
    body = admin.seal(repository, "x")
    for number in range(100):
        assert admin.put(f"{repository}/codespaces/secrets/S{number}", body).status == 201
    assert admin.put(f"{repository}/codespaces/secrets/ONE_MORE", body).status == 422
    assert admin.put(f"{repository}/codespaces/secrets/S7", body).status == 204


def test_another_key_is_refused(admin: Api, repository: str) -> None:
    path = f"{repository}/codespaces/secrets/X"
    own, other = admin.seal(repository, "x"), admin.seal("/repos/acme/vision", "x")
    wrong_id = admin.put(path, own | {"key_id": other["key_id"]})
    assert (wrong_id.status, wrong_id.json["errors"][0]["field"]) == (422, "key_id")
    wrong_box = admin.put(path, own | {"encrypted_value": other["encrypted_value"]})
    assert (wrong_box.status, wrong_box.json["errors"][0]["field"]) == (422, "encrypted_value")
    assert admin.put(path, own | {"encrypted_value": "not base64!"}).status == 422
    assert admin.put(path, {"key_id": own["key_id"]}).json["errors"][0]["code"] == "missing_field"
    assert admin.get(path).status == 404


def test_only_administrators_change(admin: Api, person: Person, repository: str) -> None:
    for permission, listed in (("pull", 403), ("push", 200)):
        admin.put(f"{repository}/collaborators/{person.login}", {"permission": permission})
        for invitation in person.api.get("/user/repository_invitations").json:
            person.api.patch(f"/user/repository_invitations/{invitation['id']}")
        assert person.api.get(f"{repository}/codespaces/secrets/public-key").status == 200
        assert person.api.get(f"{repository}/codespaces/secrets").status == listed
        refused = person.api.put_secret(repository, "X", "x")
        assert (refused.status, refused.message) == (403, "Must have admin rights to Repository.")
        assert person.api.delete(f"{repository}/codespaces/secrets/X").status == 403


def test_private_repository_is_hidden(reader: Api, outsider: Api, anonymous: Api, repository: str) -> None:
    for api in (reader, outsider, anonymous):
        assert api.get(f"{repository}/codespaces/secrets").status == 404
        assert api.get(f"{repository}/codespaces/secrets/public-key").status == 404
        body = {"encrypted_value": "", "key_id": ""}
        assert api.put(f"{repository}/codespaces/secrets/X", body).status == 404


def test_archived_repository_is_read_only(admin: Api, repository: str) -> None:
    admin.put_secret(repository, "X", "x")
    body = admin.seal(repository, "y")
    admin.patch(repository, {"archived": True})
    assert admin.put(f"{repository}/codespaces/secrets/X", body).status == 403
    assert admin.get(f"{repository}/codespaces/secrets/X").status == 200


def test_of_an_organization(admin: Api, sandbox: SandboxClient, organization: str) -> None:
    path = f"{organization}/codespaces/secrets/WORD"
    assert admin.put_secret(organization, "WORD", "first", visibility="all").status == 201
    assert admin.put_secret(organization, "WORD", "second", visibility="private").status == 204
    assert admin.get(path).json["visibility"] == "private"
    assert admin.get(f"{organization}/codespaces/secrets").json["total_count"] == 1
    assert sandbox.open_organization_secret(organization.rpartition("/")[2], "word") == "second"
    assert admin.put_secret(organization, "OTHER", "x").status == 422
    assert admin.delete(path).status == 204
    assert admin.delete(path).status == 404


def test_selected_repositories(admin: Api, sandbox: SandboxClient, organization: str) -> None:
    login = organization.rpartition("/")[2]
    one, two = (sandbox.add_repository(login, name) for name in ("one", "two"))
    path = f"{organization}/codespaces/secrets/WORD"
    body = {"visibility": "selected", "selected_repository_ids": [one]}
    assert admin.put_secret(organization, "WORD", "x", **body).status == 201
    assert admin.get(path).json["selected_repositories_url"].endswith("/WORD/repositories")

    def selected() -> list[str]:
        return [item["name"] for item in admin.get(f"{path}/repositories").json["repositories"]]

    assert selected() == ["one"]
    assert admin.put(f"{path}/repositories/{two}").status == 204
    assert selected() == ["one", "two"]
    assert admin.delete(f"{path}/repositories/{one}").status == 204
    assert selected() == ["two"]
    assert admin.put(f"{path}/repositories", {"selected_repository_ids": [one]}).status == 204
    assert selected() == ["one"]
    assert admin.delete(f"/repos/{login}/one").status == 204
    assert selected() == []
    assert admin.put(f"{path}/repositories/{one}").status == 404


def test_selection_needs_its_visibility(admin: Api, sandbox: SandboxClient, organization: str) -> None:
    number = sandbox.add_repository(organization.rpartition("/")[2], "one")
    body = {"visibility": "all", "selected_repository_ids": [number]}
    assert admin.put_secret(organization, "WORD", "x", **body).status == 422
    admin.put_secret(organization, "WORD", "x", visibility="all")
    path = f"{organization}/codespaces/secrets/WORD/repositories"
    raw = admin.send_raw("PUT", f"{path}/{number}")
    assert raw.status == 409
    elsewhere = sandbox.add_repository("acme", f"elsewhere-{number}")
    body = {"visibility": "selected", "selected_repository_ids": [elsewhere]}
    assert admin.put_secret(organization, "WORD", "x", **body).status == 404


def test_organization_secrets_are_for_owners(reader: Api, outsider: Api, anonymous: Api) -> None:
    for api, status in ((reader, 403), (outsider, 403), (anonymous, 401)):
        assert api.get(ORG).status == status
        assert api.get(f"{ORG}/public-key").status == status
        assert api.delete(f"{ORG}/X").status == status
    assert outsider.get("/orgs/nobody/codespaces/secrets").status == 404
