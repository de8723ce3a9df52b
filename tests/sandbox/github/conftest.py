"""One emulator for each test session; every test makes what it needs under names of its own."""

import itertools
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import urllib3

from sandbox.github.client import SandboxClient, Tokens, read_tokens
from tests.sandbox.github.api import Api
from tests.sandbox.github.description import Description, fetch


@dataclass
class Emulator:
    """A running emulator."""

    process: subprocess.Popen[bytes]
    url: str
    data: Path
    log: Path

    @property
    def tokens(self) -> Tokens:
        return read_tokens(self.data)

    @property
    def sandbox(self) -> SandboxClient:
        return SandboxClient(self.url, self.tokens.admin)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def start(data: Path) -> Emulator:
    """Start an emulator and wait until it serves."""
    port, log = free_port(), data.with_suffix(".log")
    command = [sys.executable, "-m", "sandbox.github", "--port", str(port), "--data", str(data)]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    emulator = Emulator(process, f"http://127.0.0.1:{port}", data, log)
    deadline = time.monotonic() + 60
    while not _serves(emulator.url):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise RuntimeError(f"the emulator did not come up: {log.read_text()}")
        time.sleep(0.05)
    return emulator


def _serves(url: str) -> bool:
    try:
        return urllib3.request("GET", f"{url}/healthz", retries=False, timeout=5).status == 200
    except urllib3.exceptions.HTTPError:
        return False


@pytest.fixture(scope="session")
def description() -> Description:
    return Description(fetch())


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    running = start(tmp_path_factory.mktemp("github") / "data")
    yield running
    running.stop()


@pytest.fixture
def sandbox(emulator: Emulator) -> Iterator[SandboxClient]:
    client = emulator.sandbox
    yield client
    client.clear_faults()


@pytest.fixture(scope="session")
def admin(emulator: Emulator, description: Description) -> Api:
    """The owner of acme."""
    return Api(f"{emulator.url}/api/v3", description, emulator.tokens.admin)


@pytest.fixture
def reader(admin: Api, emulator: Emulator) -> Api:
    """Ada, a member of acme, with a token that may only read the organisation."""
    return replace(admin, token=emulator.tokens.reader)


@pytest.fixture
def outsider(admin: Api, emulator: Emulator) -> Api:
    """Mallory, who does not belong to acme."""
    return replace(admin, token=emulator.tokens.outsider)


@pytest.fixture
def anonymous(admin: Api) -> Api:
    return replace(admin, token=None)


_numbers = itertools.count(1)


@pytest.fixture
def repository(sandbox: SandboxClient) -> str:
    """A new private repository of acme with a README; the path in the API."""
    name = f"repository-{next(_numbers)}"
    sandbox.add_repository("acme", name, files={"README.md": "# Read me\n", "docs/a.md": "a\n"})
    return f"/repos/acme/{name}"


@pytest.fixture
def person(sandbox: SandboxClient, admin: Api) -> "Person":
    """A new person outside acme with a token of the scope repo."""
    login = f"person-{next(_numbers)}"
    sandbox.add_user(login)
    return Person(login, replace(admin, token=sandbox.add_token(f"{login}-repo", login, ["repo"])))


@dataclass(frozen=True)
class Person:
    """Somebody and what they use the API with."""

    login: str
    api: Api
