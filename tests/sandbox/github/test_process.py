"""The emulator as a process: its files, restarts, and what it must not write down."""

import json
import socket
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import urllib3

from sandbox.github.client import read_tokens
from tests.sandbox.github.api import Api
from tests.sandbox.github.conftest import Emulator, free_port, start
from tests.sandbox.github.description import Description


def run(port: int, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox.github", "--port", str(port), "--data", str(data)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_survives_a_restart(tmp_path: Path, description: Description) -> None:
    first = start(tmp_path / "data")
    tokens = first.tokens
    api = Api(f"{first.url}/api/v3", description, tokens.admin)
    api.put_secret("/repos/acme/vision", "WORD", "hunter2")
    key = api.get("/repos/acme/vision/codespaces/secrets/public-key").json
    added = first.sandbox.add_token("more", "ada", ["repo"])
    first.sandbox.advance_clock(1000)
    first.stop()

    second = start(tmp_path / "data")
    try:
        assert second.tokens == tokens
        api = replace(api, root=f"{second.url}/api/v3", token=added)
        assert api.get("/repos/acme/vision/codespaces/secrets/WORD").status == 200
        assert api.get("/repos/acme/vision/codespaces/secrets/public-key").json == key
        assert second.sandbox.open_repository_secret("acme", "vision", "WORD") == "hunter2"
    finally:
        second.stop()


def test_killed_in_the_middle_keeps_what_was_answered(tmp_path: Path, description: Description) -> None:
    first = start(tmp_path / "data")
    api = Api(f"{first.url}/api/v3", description, first.tokens.admin)
    api.put_secret("/repos/acme/vision", "WORD", "hunter2")
    first.process.kill()
    first.process.wait()
    second = start(tmp_path / "data")
    try:
        assert second.sandbox.open_repository_secret("acme", "vision", "WORD") == "hunter2"
    finally:
        second.stop()


def test_nothing_private_is_written_in_clear(admin: Api, emulator: Emulator, repository: str) -> None:
    admin.put_secret(repository, "WORD", "hunter2-in-clear")
    admin.get(repository, {"word": "hunter2-in-clear"})
    admin.send("POST", f"{repository}/issues", b'{"title": 1, "body": "hunter2-in-clear"')
    assert admin.token is not None
    state = (emulator.data / "state.json").read_text()
    log = emulator.log.read_text()
    assert f"/api/v3{repository}" in log
    for text in (state, log):
        assert "hunter2-in-clear" not in text
        assert admin.token not in text


def test_files_are_for_the_owner_only(emulator: Emulator) -> None:
    assert stat.S_IMODE(emulator.data.stat().st_mode) == 0o700
    for name in ("state.json", "tokens.json"):
        assert stat.S_IMODE((emulator.data / name).stat().st_mode) == 0o600


def test_tokens_are_made_anew_for_each_folder(emulator: Emulator, tmp_path: Path) -> None:
    other = start(tmp_path / "data")
    other.stop()
    tokens = json.loads((tmp_path / "data" / "tokens.json").read_text())
    assert set(tokens) == {"admin", "reader", "outsider"}
    assert len(set(tokens.values())) == 3
    assert read_tokens(tmp_path / "data").admin != emulator.tokens.admin


def test_only_on_loopback(emulator: Emulator) -> None:
    port = int(emulator.url.rpartition(":")[2])
    addresses = {str(info[4][0]) for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in addresses - {"127.0.0.1"}:
        with socket.socket() as client:
            client.settimeout(5)
            assert client.connect_ex((address, port)) != 0
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    own = [address for address in listening if address.endswith(f":{port:04X}")]
    assert "0100007F" in {address.partition(":")[0] for address in own}
    assert "00000000" not in {address.partition(":")[0] for address in own}


def test_health_needs_no_token(emulator: Emulator) -> None:
    assert urllib3.request("GET", f"{emulator.url}/healthz").status == 200


def test_port_in_use(emulator: Emulator, tmp_path: Path) -> None:
    port = int(emulator.url.rpartition(":")[2])
    done = run(port, tmp_path / "data")
    assert done.returncode == 1
    assert f"--port {port}: Address already in use; choose a free port" in done.stderr


def test_folder_in_use(emulator: Emulator) -> None:
    done = run(free_port(), emulator.data)
    assert done.returncode == 1
    assert f"--data {emulator.data}: another emulator uses this folder" in done.stderr


def test_state_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    done = run(free_port(), tmp_path)
    assert done.returncode == 1
    assert f"{tmp_path / 'state.json'}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [[], ["--port", "0"], ["--port", "x"]])
def test_wrong_arguments(arguments: list[str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "sandbox.github", *arguments, "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "--port" in done.stderr
