"""Processes that outlive their starter, tried on small programs."""

import os
import signal
import socket
import subprocess
import sys
from base64 import b64decode
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

from sandbox.layout import REPOSITORY, Layout, current
from sandbox.ports import Ports, is_free
from sandbox.processes import MARKER, ProcessError, Processes, Spec, identity, memory

SLEEP = "import time; time.sleep(600)"
STUBBORN = (
    "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "open(sys.argv[1], 'w').close(); time.sleep(600)"
)
PARENT = (
    "import subprocess, sys, time; "
    "child = subprocess.Popen(['sleep', '600'], start_new_session=True); "
    "open(sys.argv[1], 'w').write(f'{child.pid}\\n'); time.sleep(600)"
)


@pytest.fixture
def processes(tmp_path: Path):
    layout = Layout(tmp_path / "sandbox")
    layout.create()
    made = Processes(layout)
    yield made
    made.stop([record.name for record in made.records()], grace=0.1)
    made.stop_strays()


def spec(code: str, *arguments: str, name: str = "sleeper", healthy: bool = True) -> Spec:
    return Spec(name, (sys.executable, "-c", code, *arguments), 1, lambda: healthy)


def pid_of(processes: Processes, name: str = "sleeper") -> int:
    record = processes.running(name)
    assert record
    return record.pid


def wait_for(path: Path) -> str:
    for _ in range(2000):
        if path.exists() and (path.stat().st_size or path.suffix == ".touched"):
            return path.read_text()
        os.sched_yield()
        subprocess.run(["sleep", "0.01"], check=True)
    pytest.fail(f"{path} did not appear")


def test_a_started_process_is_found_again_in_a_session_of_its_own(processes: Processes) -> None:
    processes.start(spec(SLEEP))
    again = Processes(processes.layout)
    pid = pid_of(again)
    assert os.getsid(pid) == pid
    assert memory([pid])[pid] > 1024 * 1024


def test_a_stopped_process_is_gone_and_forgotten(processes: Processes) -> None:
    processes.start(spec(SLEEP))
    pid = pid_of(processes)
    processes.stop(["sleeper"])
    assert identity(pid) is None
    assert processes.records() == []


def test_a_process_that_ignores_sigterm_is_killed(processes: Processes, tmp_path: Path) -> None:
    ready = tmp_path / "ready.touched"
    processes.start(spec(STUBBORN, str(ready)))
    wait_for(ready)
    pid = pid_of(processes)
    processes.stop(["sleeper"], grace=0.2)
    assert identity(pid) is None


def test_a_number_used_again_is_not_taken_for_the_process(processes: Processes, tmp_path: Path) -> None:
    """As after a reboot, or once the numbers have wrapped round: the record names another's process."""
    stranger = subprocess.Popen([sys.executable, "-c", STUBBORN, str(tmp_path / "ready.touched")])
    try:
        wait_for(tmp_path / "ready.touched")  # so that the other one starts in a later tick of the clock
        processes.start(spec(SLEEP))
        record = processes.running("sleeper")
        assert record
        path = processes.layout.run / "sleeper.process"
        content = path.read_text().replace(f'"pid": {record.pid}', f'"pid": {stranger.pid}')
        path.write_text(content)
        assert processes.running("sleeper") is None
        processes.stop(["sleeper"])
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_zombie_is_not_running(processes: Processes) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert identity(child.pid) is None
    child.wait()


@pytest.mark.skipif(sys.platform != "linux", reason="strays are found by /proc")
def test_strays_are_found_by_their_mark(processes: Processes, tmp_path: Path) -> None:
    """The child left its parent's session, and the parent was killed."""
    file = tmp_path / "child"
    processes.start(spec(PARENT, str(file)))
    child = int(wait_for(file))
    os.kill(pid_of(processes), signal.SIGKILL)
    elsewhere = subprocess.Popen(
        [sys.executable, "-c", SLEEP], env={**os.environ, MARKER: "/another/sandbox"}
    )
    try:
        assert processes.strays() == [child]
        processes.stop_strays()
        assert identity(child) is None
        assert elsewhere.poll() is None
    finally:
        elsewhere.kill()
        elsewhere.wait()


def test_a_process_that_ends_at_once_shows_the_end_of_its_log(processes: Processes) -> None:
    failing = spec("print('no such flag: --x'); raise SystemExit(2)", healthy=False)
    with pytest.raises(ProcessError, match=r"(?s)sleeper ended.*no such flag: --x"):
        processes.start(failing)
        processes.wait([failing], timeout=60)


def test_a_process_that_does_not_get_ready_is_an_error(processes: Processes) -> None:
    late = spec(SLEEP, healthy=False)
    processes.start(late)
    with pytest.raises(ProcessError, match="not ready within 0 s"):
        processes.wait([late], timeout=0.1)


def test_the_log_of_the_run_before_is_kept(processes: Processes) -> None:
    for word in ("first", "second"):
        failing = spec(f"print('{word}')", healthy=False)
        with pytest.raises(ProcessError):
            processes.start(failing)
            processes.wait([failing], timeout=60)
    log = processes.log("sleeper")
    assert log.read_text() == "second\n"
    assert log.with_name("sleeper.log.1").read_text() == "first\n"
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_changed_input_changes_the_fingerprint(tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text("a")
    one = replace(spec(SLEEP), inputs=(file,))
    before = one.fingerprint()
    file.write_text("b")
    assert one.fingerprint() != before
    assert replace(one, argv=("x",)).fingerprint() != one.fingerprint()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}'])
def test_a_damaged_record_is_no_record(processes: Processes, content: str) -> None:
    (processes.layout.run / "sleeper.process").write_text(content)
    assert processes.running("sleeper") is None
    assert processes.records() == []


def test_secrets_of_the_shell_are_not_inherited(
    processes: Processes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    file = tmp_path / "names"
    code = "import os, sys, time; open(sys.argv[1], 'w').write(' '.join(os.environ)); time.sleep(600)"
    processes.start(spec(code, str(file)))
    assert "AWS_SECRET_ACCESS_KEY" not in wait_for(file).split()


def test_ports_stay_the_same(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    first = ports.settle({"a": False, "b": False})
    assert first["a"] != first["b"]
    assert ports.settle({"b": False, "a": False}) == first


def test_a_port_that_something_else_took_is_replaced(tmp_path: Path) -> None:
    ports = Ports(tmp_path / "ports.json")
    first = ports.settle({"a": False, "b": False})
    with socket.create_server(("127.0.0.1", first["a"])):
        assert not is_free(first["a"])
        assert ports.settle({"a": True, "b": False}) == first  # it is a's own process that listens
        second = ports.settle({"a": False, "b": False})
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]


@pytest.mark.parametrize("content", ["", "[]", '{"a": null}', '{"a": "x"}'])
def test_damaged_ports_are_chosen_anew(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ports.json"
    path.write_text(content)
    assert is_free(Ports(path).settle({"a": False})["a"])


def test_the_folder_is_private_and_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    layout = current({"SANDBOX_DIR": "some where"})
    assert layout.root == tmp_path / "some where"
    layout.create()
    assert layout.passphrase.stat().st_mode & 0o777 == 0o600
    folders = [layout.root, *(path for path in layout.root.iterdir() if path.is_dir())]
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    layout.passphrase.write_text("of an older sandbox, for which its states are encrypted")
    layout.create()
    assert layout.passphrase.read_text() == "of an older sandbox, for which its states are encrypted"


def test_the_salt_of_stack_dev_is_for_the_passphrase(tmp_path: Path) -> None:
    """So that no run has a salt to add. Format: pulumi's pkg/secrets/passphrase and config/crypt.go."""
    layout = Layout(tmp_path)
    layout.create()
    described = yaml.safe_load((REPOSITORY / "Pulumi.dev.yaml").read_text())
    salt, _, nonce, text = (described["encryptionsalt"].removeprefix("v1:")).split(":")
    derivation = PBKDF2HMAC(hashes.SHA256(), length=32, salt=b64decode(salt), iterations=1_000_000)
    key = AESGCM(derivation.derive(layout.passphrase.read_bytes()))
    assert key.decrypt(b64decode(nonce), b64decode(text), None) == b"pulumi"


def test_a_record_holds_no_command_line(processes: Processes) -> None:
    processes.start(spec(SLEEP))
    record = processes.record("sleeper")
    assert record
    assert sorted(asdict(record)) == ["fingerprint", "identity", "name", "pid", "port"]
