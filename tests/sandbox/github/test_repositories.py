"""Organisations, people, repositories, teams and collaborators."""

from typing import Any

import pytest

from sandbox.github.client import SandboxClient
from tests.sandbox.github.api import Api
from tests.sandbox.github.conftest import Person


def names(answer: list[dict[str, Any]]) -> list[str]:
    """The names of people or things in a list."""
    return [str(item.get("login") or item["name"]) for item in answer]


def test_organization_and_people(admin: Api, reader: Api, outsider: Api) -> None:
    assert admin.get("/orgs/acme").json["type"] == "Organization"
    assert admin.get("/orgs/nobody").status == 404
    assert admin.get("/user").json["user_view_type"] == "private"
    assert reader.get("/user").json["user_view_type"] == "public"
    assert admin.get("/users/mallory").json["login"] == "mallory"
    assert admin.get("/users/nobody").status == 404
    assert [item["login"] for item in reader.get("/user/orgs").json] == ["acme"]
    assert outsider.get("/user/orgs").status == 403


def test_members(admin: Api, outsider: Api, person: Person, sandbox: SandboxClient) -> None:
    sandbox.add_organization("members", "acme-admin")
    path = f"/orgs/members/memberships/{person.login}"
    assert admin.get(path).status == 404
    assert admin.put(path, {"role": "member"}).json["role"] == "member"
    assert names(admin.get("/orgs/members/members").json) == ["acme-admin", person.login]
    assert names(admin.get("/orgs/members/members", {"role": "admin"}).json) == ["acme-admin"]
    assert admin.get("/orgs/members/members", {"role": "x"}).status == 422
    assert admin.get(f"/orgs/members/members/{person.login}").status == 204
    assert admin.get("/orgs/members/members/mallory").status == 404
    assert outsider.get("/orgs/members/members").json == []
    redirect = outsider.get(f"/orgs/members/members/{person.login}")
    assert redirect.status == 302
    assert redirect.headers["Location"].endswith(f"/orgs/members/public_members/{person.login}")
    assert outsider.get(path).status == 403
    assert outsider.put(path, {"role": "admin"}).status == 403
    assert admin.put(path, {"role": "boss"}).status == 422
    assert admin.delete(path).status == 204
    assert admin.delete(path).status == 404


def test_repository_made_changed_deleted(admin: Api, outsider: Api) -> None:
    body = {"name": "fresh", "visibility": "private", "auto_init": True, "has_wiki": False}
    made = admin.post("/orgs/acme/repos", body)
    assert made.status == 201
    assert made.headers["Location"] == f"{admin.root}/repos/acme/fresh"
    assert (made.json["private"], made.json["has_wiki"], made.json["default_branch"]) == (True, False, "main")
    assert admin.post("/orgs/acme/repos", body).status == 422
    assert outsider.post("/orgs/acme/repos", {"name": "x"}).status == 403
    assert admin.post("/orgs/acme/repos", {"name": "a b"}).status == 422

    changed = admin.patch("/repos/acme/fresh", {"description": "new", "name": "renamed", "private": False})
    assert (changed.json["full_name"], changed.json["visibility"]) == ("acme/renamed", "public")
    assert changed.json["has_wiki"] is False
    assert admin.get("/repos/acme/fresh").status == 404
    assert admin.patch("/repos/acme/renamed", {"default_branch": "nonsense"}).status == 422
    assert outsider.patch("/repos/acme/renamed", {"description": "x"}).status == 403

    assert admin.put("/repos/acme/renamed/topics", {"names": ["Gpu"]}).json == {"names": ["gpu"]}
    assert admin.get("/repos/acme/renamed/topics").json == {"names": ["gpu"]}
    assert admin.delete("/repos/acme/renamed").status == 204
    assert admin.get("/repos/acme/renamed").status == 404


def test_deleting_needs_its_scope(person: Person, admin: Api, sandbox: SandboxClient) -> None:
    sandbox.add_repository(person.login, "own")
    own = f"/repos/{person.login}/own"
    assert person.api.get(own).json["permissions"]["admin"] is True
    assert person.api.delete(own).status == 403
    assert admin.get(own).status == 404


def test_list_shows_what_may_be_seen(admin: Api, outsider: Api) -> None:
    assert {"vision", "speech", "vault", "website"} <= set(names(admin.get("/orgs/acme/repos").json))
    assert names(outsider.get("/orgs/acme/repos").json) == ["website"]
    assert names(admin.get("/orgs/acme/repos", {"type": "public"}).json) == ["website"]
    assert admin.get("/orgs/acme/repos", {"type": "x"}).status == 422


def test_addresses_with_ids(admin: Api) -> None:
    repository = admin.get("/repos/acme/vision").json
    same = admin.send("GET", f"/repositories/{repository['id']}", described_as="/repos/acme/vision")
    assert same.json["full_name"] == "acme/vision"
    number = admin.get("/orgs/acme").json["id"]
    by_id = admin.send("GET", f"/organizations/{number}", described_as="/orgs/acme")
    assert by_id.json["login"] == "acme"
    team = admin.get("/orgs/acme/teams/vision").json
    path = team["url"].removeprefix(admin.root)
    same = admin.send("GET", path + "/repos", described_as="/orgs/acme/teams/vision/repos")
    assert names(same.json) == ["vision"]


@pytest.fixture
def team(admin: Api, repository: str) -> str:
    """A new team of acme; the path in the API."""
    made = admin.post("/orgs/acme/teams", {"name": f"Team of {repository[12:]}", "privacy": "secret"})
    assert made.status == 201
    return f"/orgs/acme/teams/{made.json['slug']}"


def test_team_made_changed_deleted(admin: Api, reader: Api, team: str) -> None:
    assert admin.post("/orgs/acme/teams", {"name": admin.get(team).json["name"]}).status == 422
    assert reader.post("/orgs/acme/teams", {"name": "x"}).status == 403
    assert reader.get(team).status == 404
    assert admin.patch(team, {"privacy": "closed", "description": "d"}).json["privacy"] == "closed"
    assert reader.get(team).json["description"] == "d"
    assert admin.get(team).json["description"] == "d"
    assert reader.patch(team, {"description": "x"}).status == 403
    renamed = admin.patch(team, {"name": "New " + team.rpartition("-")[2]}).json
    assert admin.get(team).status == 404
    assert admin.delete(f"/orgs/acme/teams/{renamed['slug']}").status == 204
    assert admin.get(f"/orgs/acme/teams/{renamed['slug']}").status == 404


def test_teams_are_for_members(outsider: Api, anonymous: Api, reader: Api) -> None:
    assert outsider.get("/orgs/acme/teams").status == 403
    assert outsider.get("/orgs/acme/teams/vision").status == 404
    assert anonymous.get("/orgs/acme/teams").status == 401
    assert {"vision", "speech"} <= set(names(reader.get("/orgs/acme/teams").json))


def test_team_gives_access(admin: Api, person: Person, repository: str, team: str) -> None:
    grant = f"{team}{repository}".replace("/repos/", "/repos/", 1)
    member = f"{team}/memberships/{person.login}"
    assert admin.get(member).status == 404
    assert admin.put(member, {"role": "member"}).json == {
        "url": f"{admin.root}{member}",
        "role": "member",
        "state": "active",
    }
    assert names(admin.get(f"{team}/members").json) == [person.login]
    assert admin.get(f"{team}/members", {"role": "maintainer"}).json == []
    assert person.api.get(repository).status == 404

    assert admin.put(grant, {"permission": "push"}).status == 204
    assert person.api.get(repository).json["permissions"]["push"] is True
    assert admin.get(grant).status == 204
    accept = "application/vnd.github.v3.repository+json"
    assert admin.get(grant, Accept=accept).json["role_name"] == "write"
    assert names(admin.get(f"{team}/repos").json) == [repository.rpartition("/")[2]]
    (shown,) = admin.get(f"{repository}/teams").json
    assert shown["permission"] == "push"

    assert admin.delete(grant).status == 204
    assert admin.get(grant).status == 404
    assert person.api.get(repository).status == 404
    assert admin.delete(member).status == 204
    assert admin.delete(member).status == 404


def test_child_team_inherits(admin: Api, person: Person, repository: str, team: str) -> None:
    parent = admin.get(team).json
    child = admin.post("/orgs/acme/teams", {"name": "c" + parent["name"], "parent_team_id": parent["id"]})
    assert (child.json["parent"]["slug"], child.json["privacy"]) == (parent["slug"], "closed")
    path = f"/orgs/acme/teams/{child.json['slug']}"
    admin.put(f"{path}/memberships/{person.login}")
    admin.put(f"{team}{repository}", {"permission": "pull"})
    assert person.api.get(repository).status == 200
    assert names(admin.get(f"{team}/members").json) == [person.login]
    assert admin.patch(team, {"parent_team_id": child.json["id"]}).status == 422
    assert admin.delete(team).status == 204
    assert admin.get(path).status == 404


def test_member_becomes_collaborator_at_once(admin: Api, repository: str) -> None:
    path = f"{repository}/collaborators/grace"
    assert admin.get(path).status == 404
    assert admin.put(path, {"permission": "triage"}).status == 204
    assert admin.get(path).status == 204
    shown = admin.get(f"{path}/permission").json
    assert (shown["permission"], shown["role_name"]) == ("read", "triage")
    assert set(names(admin.get(f"{repository}/collaborators").json)) == {"acme-admin", "grace"}
    assert names(admin.get(f"{repository}/collaborators", {"affiliation": "direct"}).json) == ["grace"]
    assert admin.get(f"{repository}/collaborators", {"affiliation": "outside"}).json == []
    assert names(admin.get(f"{repository}/collaborators", {"permission": "triage"}).json) == ["grace"]
    assert admin.delete(path).status == 204
    assert admin.get(path).status == 404


def test_outsider_is_invited(admin: Api, person: Person, repository: str) -> None:
    path = f"{repository}/collaborators/{person.login}"
    assert admin.put(f"{repository}/collaborators/nobody").status == 404
    assert admin.put(path, {"permission": "boss"}).status == 422
    invitation = admin.put(path, {"permission": "push"})
    assert (invitation.status, invitation.json["permissions"]) == (201, "write")
    assert person.api.get(repository).status == 404
    assert [item["id"] for item in admin.get(f"{repository}/invitations").json] == [invitation.json["id"]]
    changed = admin.patch(f"{repository}/invitations/{invitation.json['id']}", {"permissions": "read"})
    assert changed.json["permissions"] == "read"

    own = f"/user/repository_invitations/{invitation.json['id']}"
    assert admin.patch(own).status == 404
    assert len(person.api.get("/user/repository_invitations").json) == 1
    assert person.api.patch(own).status == 204
    assert person.api.get(repository).json["permissions"]["push"] is False
    assert person.api.get(repository).json["permissions"]["pull"] is True
    assert person.api.patch(own).status == 404
    assert names(admin.get(f"{repository}/collaborators", {"affiliation": "outside"}).json) == [person.login]
    assert person.api.get(f"{repository}/collaborators").status == 403
    assert admin.put(path, {"permission": "admin"}).status == 204
    assert person.api.get(repository).json["permissions"]["admin"] is True


def test_invitation_refused_or_taken_back(admin: Api, person: Person, repository: str) -> None:
    path = f"{repository}/collaborators/{person.login}"
    first = admin.put(path).json["id"]
    assert person.api.delete(f"/user/repository_invitations/{first}").status == 204
    second = admin.put(path).json["id"]
    assert admin.delete(f"{repository}/invitations/{second}").status == 204
    assert admin.delete(f"{repository}/invitations/{second}").status == 404
    assert person.api.get("/user/repository_invitations").json == []
