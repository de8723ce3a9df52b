"""`python -m sandbox repo`: repositories for tenants of one's own."""

from pathlib import Path

import pytest

from sandbox.layout import Layout
from sandbox.repositories import RepositoriesError, RepositoryNameError, add, names
from tests.conftest import Sandbox


@pytest.mark.e2e
def test_a_repository_is_made_and_listed(cluster: Sandbox) -> None:
    shown = cluster.sandbox("repo", "add", "acme/fresh-1", "Acme/vision").stdout
    assert shown == "acme/fresh-1: made\nacme/vision: is there already\n"
    assert cluster.sandbox("repo", "add", "acme/fresh-1").stdout == "acme/fresh-1: is there already\n"
    listed = cluster.sandbox("repo", "list").stdout.splitlines()
    assert listed == sorted(listed)
    assert {"acme/fresh-1", "acme/vision", "acme/website"} <= set(listed)


@pytest.mark.e2e
def test_it_takes_codespaces_secrets_and_pull_requests(cluster: Sandbox) -> None:
    """What a tenant's repository is for: a 404 on its public key was how the first own tenant ended."""
    cluster.sandbox("repo", "add", "acme/fresh-2")
    address = cluster.env["GITHUB_BASE_URL"].rstrip("/") + "/api/v3/repos/acme/fresh-2"
    curl = ("curl", "-sS", "-f", "-H", f"Authorization: Bearer {cluster.env['GITHUB_TOKEN']}")
    assert "key_id" in cluster.run(*curl, f"{address}/codespaces/secrets/public-key").stdout
    assert '"name":"main"' in cluster.run(*curl, f"{address}/branches/main").stdout.replace(" ", "")
    assert '"private":true' in cluster.run(*curl, address).stdout.replace(" ", "")


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("acme",), 2, "'acme' is not the name of a repository, such as acme/robots"),
        (("acme/fine", "acme/a b"), 2, "'acme/a b' is not the name"),
        (("nobody/robots",), 1, "there is no organization or user nobody"),
        ((), 2, "Missing argument"),
    ],
)
def test_what_cannot_be_made_is_refused(
    cluster: Sandbox, arguments: tuple[str, ...], code: int, message: str
) -> None:
    before = cluster.sandbox("repo", "list").stdout
    refused = cluster.sandbox("repo", "add", *arguments, check=False)
    assert refused.returncode == code
    assert message in refused.stderr
    assert cluster.sandbox("repo", "list").stdout == before


def test_without_an_emulator_it_says_what_to_do(tmp_path: Path) -> None:
    for ask in (lambda: add(Layout(tmp_path), ["acme/robots"]), lambda: names(Layout(tmp_path))):
        with pytest.raises(RepositoriesError, match="does not run: python -m sandbox up"):
            ask()


@pytest.mark.parametrize(
    "name", ["", "/", "acme/", "/robots", "acme/robots/x", "-a/b", "a--b/c", "acme/..", "acme/é"]
)
def test_names_that_no_repository_has(tmp_path: Path, name: str) -> None:
    with pytest.raises(RepositoryNameError):
        add(Layout(tmp_path), [name])
