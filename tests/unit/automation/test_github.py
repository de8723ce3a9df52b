"""Where GitHub is, and which repository."""

import subprocess
from pathlib import Path

import pytest

from automation.github import GitHubError, api_root, repository_of


def test_where_the_api_is() -> None:
    assert api_root(None) == "https://api.github.com"
    assert api_root("https://api.github.com/") == "https://api.github.com"
    assert api_root("https://github.example.com/") == "https://github.example.com/api/v3"
    assert api_root("http://127.0.0.1:8080/") == "http://127.0.0.1:8080/api/v3"
    with pytest.raises(GitHubError, match="must begin with https"):
        api_root("http://github.example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "git@github.com:acme/platform.git",
        "https://github.com/acme/platform",
        "https://token@github.com/acme/platform.git/",
        "ssh://git@github.example.com:22/acme/platform.git",
    ],
)
def test_the_repository_of_a_checkout(tmp_path: Path, url: str) -> None:
    for command in (["git", "init", "-q"], ["git", "remote", "add", "origin", url]):
        subprocess.run(command, cwd=tmp_path, check=True)
    assert repository_of(tmp_path) == "acme/platform"
