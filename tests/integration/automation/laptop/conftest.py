"""The platform's repository on an emulated GitHub, beside a laptop."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import pytest

from automation.github import GitHub, api_root
from automation.laptop import publication, remote
from sandbox.github.client import SandboxClient, Tokens, read_tokens
from tests.sandbox.github.conftest import Emulator, start
from tests.unit.automation.laptop.conftest import Laptop, authority, laptop

__all__ = ["authority", "laptop"]


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[Emulator]:
    running = start(tmp_path_factory.mktemp("github") / "data")
    yield running
    running.stop()


@dataclass
class Platform:
    """The platform's repository on GitHub."""

    api: GitHub
    repository: str
    tokens: Tokens

    def file(self, path: str, branch: str = "main") -> str:
        found = self.api.read(self.repository, branch, path)
        assert found is not None
        return found.text

    def publish(self, stack: str, outputs: dict[str, Any]) -> bool:
        text = publication.render(publication.from_outputs(outputs))
        return remote.publish(self.api, self.repository, stack, text)

    def call(self, method: str, path: str, body: object = None) -> Any:
        return self.api._json(method, f"/repos/{self.repository}{path}", body)  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def platform(
    laptop: Laptop, emulator: Emulator, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Platform:
    """The checkout's files are on its main branch; the laptop has a token and knows where GitHub is."""
    tokens = read_tokens(emulator.data)
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:90]
    files = {
        path.relative_to(laptop.project).as_posix(): path.read_text()
        for path in laptop.project.rglob("*.yaml")
    }
    SandboxClient(emulator.url, tokens.admin).add_repository("acme", name, files=files)
    monkeypatch.setenv("GITHUB_BASE_URL", f"{emulator.url}/")
    monkeypatch.setenv("GITHUB_TOKEN", tokens.admin)
    return Platform(GitHub(api_root(emulator.url), tokens.admin), f"acme/{name}", tokens)
