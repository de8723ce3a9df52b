from pathlib import Path

import pytest
import yaml

from automation import tenant_file
from automation.laptop import identity
from automation.tenant_file import TenantFileError

FILES = sorted((Path(__file__).parents[3] / "tenants").glob("*/*.yaml"))
CSR = identity.make_request(identity.make_key(), "vision", "ada")
OTHER = identity.make_request(identity.make_key(), "vision", "ada")

COMMENTED = """\
# Ours since March.
name: vision   # as on the door
profile: research

members:
  # leads the team
  ada:
    role: admin  # until June
  # came later

  # and stays
  grace: {role: developer}

# who pays
owner: vision@example.com
"""


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_there_and_back_for_every_tenant(path: Path) -> None:
    text = path.read_text()
    for login in tenant_file.members(text):
        asked = tenant_file.with_request(text, login, CSR, None)
        assert tenant_file.without_request(asked, login) == text
    asked = tenant_file.with_request(text, "newcomer", CSR, None)
    assert yaml.safe_load(asked)["members"]["newcomer"] == {"role": "developer", "csr": CSR}
    assert tenant_file.without_member(asked, "newcomer") == text


def test_only_the_lines_it_is_about_change() -> None:
    asked = tenant_file.with_request(COMMENTED, "ada", CSR, None)
    block = "".join(f"      {line}\n" for line in ["", *CSR.splitlines()][1:])
    assert asked == COMMENTED.replace("# until June\n", f"# until June\n    csr: |\n{block}")


def test_another_request_replaces_the_first() -> None:
    once = tenant_file.with_request(COMMENTED, "ada", CSR, None)
    again = tenant_file.with_request(once, "ada", OTHER, None)
    assert again == tenant_file.with_request(COMMENTED, "ada", OTHER, None)


def test_a_request_for_the_same_key_changes_nothing() -> None:
    key = identity.make_key()
    once = tenant_file.with_request(COMMENTED, "ada", identity.make_request(key, "vision", "ada"), None)
    request = identity.make_request(key, "vision", "ada")
    assert request not in once, "each signature is another"
    assert tenant_file.with_request(once, "ada", request, None) == once


def test_a_role_is_asked_for() -> None:
    asked = tenant_file.with_request(COMMENTED, "ada", CSR, "viewer")
    assert yaml.safe_load(asked)["members"]["ada"] == {"role": "viewer", "csr": CSR}


def test_a_login_is_found_whatever_its_case() -> None:
    asked = tenant_file.with_request(COMMENTED, "ADA", CSR, None)
    assert set(yaml.safe_load(asked)["members"]) == {"ada", "grace"}


@pytest.mark.parametrize("login", ["on", "null", "123", "0x1f", "1e3"])
def test_logins_that_look_like_something_else(login: str) -> None:
    asked = tenant_file.with_request(COMMENTED, login, CSR, None)
    assert set(yaml.safe_load(asked)["members"]) == {"ada", "grace", login}
    assert f'  "{login}":\n' in asked


def test_an_unusual_layout_keeps_its_comments() -> None:
    asked = tenant_file.with_request(COMMENTED, "grace", CSR, None)
    assert yaml.safe_load(asked)["members"]["grace"] == {"role": "developer", "csr": CSR}
    for comment in ("# Ours since March.", "# as on the door", "# leads the team", "# who pays"):
        assert comment in asked


def test_members_where_there_were_none() -> None:
    asked = tenant_file.with_request("name: vision\nprofile: research", "ada", CSR, "admin")
    assert asked.startswith(
        "name: vision\nprofile: research\n\nmembers:\n  ada:\n    role: admin\n    csr: |\n"
    )


def test_generation() -> None:
    raised = tenant_file.with_generation(COMMENTED, 1)
    assert raised == COMMENTED + "\ncredentials:\n  generation: 1\n"
    assert tenant_file.with_generation(raised, 2) == raised.replace("generation: 1", "generation: 2")


@pytest.mark.parametrize("text", ["a: [", "- a", "text", ""])
def test_what_is_no_tenants_file(text: str) -> None:
    with pytest.raises(TenantFileError, match="tenancy validate"):
        tenant_file.members(text)
