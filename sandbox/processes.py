"""Processes that go on after the command that started them: start, find again, stop.

A process is known by its number and its start, so that a number used again by another program, or after a
reboot, is never taken for it. Each also carries MARKER in its environment, by which Linux finds those that no
record names (a child of one, or one whose `up` was killed before it could write the record).
"""

import contextlib
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kube import private_files
from sandbox.layout import Layout

MARKER = "GPU_TENANCY_SANDBOX"
STOP_GRACE = 10.0  # seconds between SIGTERM and SIGKILL
KILL_GRACE = 10.0  # seconds that the kernel may take to end a killed process
POLL = 0.05  # seconds

_PROC = Path("/proc")
_INHERITED = ("HOME", "LANG", "PATH", "PYTHONPATH", "TMPDIR", "TZ", "VIRTUAL_ENV")


class ProcessError(Exception):
    """A process that did not start or ended at once; the text has the end of its log."""


@dataclass(frozen=True)
class Spec:
    """A process to run. `inputs` are files that it reads at start: when one changes it is started anew."""

    name: str
    argv: tuple[str, ...]
    port: int
    healthy: Callable[[], bool]
    inputs: tuple[Path, ...] = ()
    folder: Path = Path("/")
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def fingerprint(self) -> str:
        """Hash all that decides how it runs."""
        digest = hashlib.sha256("\0".join(self.argv).encode())
        for name, value in sorted(self.environment.items()):
            digest.update(f"\0{name}={value}".encode())
        for path in self.inputs:
            digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()


@dataclass(frozen=True)
class Record:
    """What is remembered of a started process."""

    name: str
    pid: int
    identity: str
    fingerprint: str
    port: int

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return identity(self.pid) == self.identity


@dataclass(frozen=True)
class Processes:
    """The processes of one sandbox."""

    layout: Layout

    def log(self, name: str) -> Path:
        """Tell where a process writes."""
        return self.layout.logs / f"{name}.log"

    def records(self) -> list[Record]:
        """List all processes that were started and not stopped since, alive or dead."""
        found = [self.record(path.stem) for path in sorted(self.layout.run.glob("*.process"))]
        return [record for record in found if record]

    def record(self, name: str) -> Record | None:
        """Read the record of a process; None when there is none, or it is damaged."""
        try:
            return Record(**json.loads(self._record_path(name).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def running(self, name: str) -> Record | None:
        """Tell the process of this name if it is alive."""
        record = self.record(name)
        return record if record and record.alive else None

    def start(self, spec: Spec) -> None:
        """Start a process in a session of its own, its output in its log (the previous one is kept as .1)."""
        log = self.log(spec.name)
        if log.exists():
            log.replace(log.with_name(f"{log.name}.1"))
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
            try:
                process = subprocess.Popen(
                    spec.argv,
                    cwd=spec.folder,
                    env={**inherited, **spec.environment, MARKER: str(self.layout.root)},
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise ProcessError(f"{spec.name} could not be started: {error}") from None
        process.returncode = 0  # it is meant to outlive this command: no warning when forgotten
        started = identity(process.pid)
        if started is None:
            raise self.died(spec.name)
        record = {
            "name": spec.name,
            "pid": process.pid,
            "identity": started,
            "fingerprint": spec.fingerprint(),
            "port": spec.port,
        }
        private_files.write(self._record_path(spec.name), json.dumps(record, indent=2).encode())

    def wait(self, specs: Iterable[Spec], timeout: float) -> None:
        """Wait until all are healthy. Raises ProcessError when one dies or takes longer than `timeout` s."""
        deadline = time.monotonic() + timeout
        for spec in specs:
            while not spec.healthy():
                if self.running(spec.name) is None:
                    raise self.died(spec.name)
                if time.monotonic() > deadline:
                    raise ProcessError(
                        f"{spec.name} was not ready within {timeout:.0f} s; {self.log_end(spec.name)}"
                    )
                time.sleep(POLL)

    def stop(self, names: Collection[str], grace: float = STOP_GRACE) -> None:
        """Stop processes together with their children: SIGTERM, and SIGKILL after `grace` seconds."""
        alive = [record for name in names if (record := self.running(name))]
        _end([record.pid for record in alive], grace, group=True)
        for name in names:
            self._record_path(name).unlink(missing_ok=True)

    def strays(self) -> list[int]:
        """Find processes of this sandbox that no record names (on Linux)."""
        known = {record.pid for record in self.records() if record.alive}
        marked = [pid for pid in _marked(str(self.layout.root)) if pid not in known]
        # Children of a known process share its session and end with it.
        return [pid for pid in marked if _session(pid) not in known]

    def stop_strays(self) -> None:
        """Stop processes of this sandbox that no record names."""
        _end(self.strays(), STOP_GRACE, group=False)

    def died(self, name: str) -> ProcessError:
        """Make the error that tells of a process that ended."""
        return ProcessError(f"{name} ended; {self.log_end(name)}")

    def log_end(self, name: str, lines: int = 15) -> str:
        """Show the end of a log."""
        log = self.log(name)
        text = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join([f"the last lines of {log}:", *(f"  {line[:300]}" for line in text[-lines:])])

    def _record_path(self, name: str) -> Path:
        return self.layout.run / f"{name}.process"


def identity(pid: int) -> str | None:
    """Tell what sets a running process apart from a later one of the same number; None when there is none.

    On Linux the boot and the start in clock ticks since it (proc(5), stat, fields 3, 20 and 22), elsewhere
    what ps says. A zombie is not running, unless threads of it still hold its ports.
    """
    if sys.platform == "linux":
        try:
            stat = (_PROC / str(pid) / "stat").read_text()
            boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        except OSError:
            return None
        fields = stat.rpartition(")")[2].split()
        over = fields[0] in "ZX" and int(fields[17]) <= 1
        return None if over else f"{boot}:{fields[19]}"
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    state, _, started = shown.partition(" ")
    return started.strip() if shown and not state.startswith("Z") else None


def memory(pids: Collection[int]) -> dict[int, int]:
    """Tell the resident memory of processes, in bytes."""
    if not pids:
        return {}
    command = ["ps", "-o", "pid=,rss=", "-p", ",".join(map(str, pids))]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    pairs = (line.split() for line in shown.splitlines())
    return {int(pid): int(kibibytes) * 1024 for pid, kibibytes in pairs}


def _end(pids: Collection[int], grace: float, *, group: bool) -> None:
    for pid in pids:
        _send(pid, signal.SIGTERM, group=group)
    known = {pid: identity(pid) for pid in pids}
    deadline = time.monotonic() + grace
    while left := [pid for pid in pids if known[pid] and _still(pid, known[pid])]:
        if time.monotonic() > deadline + KILL_GRACE:
            raise ProcessError(f"these processes do not end, not even by SIGKILL: {left}")
        if time.monotonic() > deadline:
            for pid in left:
                _send(pid, signal.SIGKILL, group=group)
        time.sleep(POLL)
    if group:  # children that outlived their parent
        for pid in pids:
            _send(pid, signal.SIGKILL, group=True)


def _still(pid: int, known: str | None) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # one that this very command started
    return identity(pid) == known


def _send(pid: int, number: signal.Signals, *, group: bool) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _marked(root: str) -> list[int]:
    entry = f"{MARKER}={root}".encode()
    found: list[int] = []
    for folder in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry in (folder / "environ").read_bytes().split(b"\0") and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found


def _session(pid: int) -> int:
    try:
        return os.getsid(pid)
    except OSError:
        return pid
