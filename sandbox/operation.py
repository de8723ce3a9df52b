"""Bring a sandbox up, take it down, tell how it is."""

import fcntl
import json
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from sandbox import plugins, toolchain
from sandbox.controlplane import settings as remembered
from sandbox.controlplane.commands import ControlPlane
from sandbox.controlplane.start import STOP_ORDER, TOOLS, assemble, run, start
from sandbox.layout import REPOSITORY, Layout
from sandbox.ports import Ports, is_listening
from sandbox.processes import Processes, Spec, memory
from sandbox.toolchain.progress import Progress

CONTROL_PLANE = "control-plane"
GITHUB = "github"
PARTS = (CONTROL_PLANE, GITHUB)


@dataclass(frozen=True)
class Options:
    """What `up` may be told; None leaves what was said before, or the default."""

    parts: Sequence[str] = PARTS
    pools: Path | None = None
    client_signer: bool | None = None
    signing_duration: str | None = None
    crds: Sequence[Path] = field(default=())


@dataclass(frozen=True)
class ProcessStatus:
    """How one process is: `state` is running, dead, or deaf (it runs, but its port does not answer)."""

    name: str
    state: str
    pid: int
    port: int
    memory: int  # bytes resident
    log: Path


def up(layout: Layout, options: Options, progress: Progress) -> None:
    """Start what does not run as it should. Running it again does no harm.

    Raises ToolchainError, PluginsError, ProcessError, ObjectsError, PoolsError, SettingsError or KubeError.
    """
    layout.create()
    with _lock(layout, progress):
        processes = Processes(layout)
        processes.stop_strays()
        if CONTROL_PLANE in options.parts:
            _control_plane(layout, options, processes, progress)
        if GITHUB in options.parts:
            _github(layout, processes, progress)
        if set(options.parts) == set(PARTS):
            _engine(layout, progress)


def down(layout: Layout, progress: Progress) -> None:
    """Stop all processes, their children too. Raises ProcessError when one cannot be stopped."""
    if not layout.run.is_dir():
        return
    with _lock(layout, progress):
        processes = Processes(layout)
        names = {record.name for record in processes.records()}
        for step in ((GITHUB, *STOP_ORDER[0]), *STOP_ORDER[1:], tuple(names)):
            processes.stop([name for name in step if name in names])
        processes.stop_strays()


def restart(layout: Layout, name: str, progress: Progress) -> None:
    """Stop one process and start what is missing. Raises as `up` does."""
    with _lock(layout, progress):
        Processes(layout).stop([name])
    up(layout, Options(), progress)


def status(layout: Layout) -> list[ProcessStatus]:
    """Tell how each process is that `up` started."""
    records = Processes(layout).records()
    alive = {record.name for record in records if record.alive}
    resident = memory([record.pid for record in records if record.name in alive])
    found: list[ProcessStatus] = []
    for record in records:
        state = "dead"
        if record.name in alive:
            state = "running" if is_listening(record.port) else "deaf"
        log = Processes(layout).log(record.name)
        size = resident.get(record.pid, 0)
        found.append(ProcessStatus(record.name, state, record.pid, record.port, size, log))
    return found


def _control_plane(layout: Layout, options: Options, processes: Processes, progress: Progress) -> None:
    settings = remembered.remembered(
        layout, client_signer=options.client_signer, signing_duration=options.signing_duration
    )
    pools = remembered.remembered_pools(layout, options.pools)
    tools = toolchain.ensure(TOOLS)
    _link(layout, {name: path for name, path in tools.items() if path.is_file()})
    with progress.step("starting the control plane", "the control plane is ready"):
        plane: ControlPlane = assemble(layout, tools, settings, processes)
        start(plane, pools, options.crds, processes, progress)


def _github(layout: Layout, processes: Processes, progress: Progress) -> None:
    if find_spec("sandbox.github.__main__") is None:
        return
    running = processes.running(GITHUB) is not None
    port = Ports(layout.run / "ports.json").settle({GITHUB: running})[GITHUB]
    command = (sys.executable, "-m", "sandbox.github", "--port", str(port), "--data", str(layout.github))
    spec = Spec(
        GITHUB, command, port, lambda: _answers(f"http://127.0.0.1:{port}/healthz"), folder=REPOSITORY
    )
    with progress.step("starting the GitHub emulator", "the GitHub emulator is ready"):
        run(processes, [spec], progress)


def _engine(layout: Layout, progress: Progress) -> None:
    chosen = plugins.choose(os.environ.get("SANDBOX_PLUGINS"))
    _link(layout, toolchain.ensure(["pulumi"]))
    plugins.install(chosen, layout.plugins, Path(sys.executable), layout.pulumi_home)
    progress.note(chosen.line)


def _link(layout: Layout, programs: dict[str, Path]) -> None:
    for name, path in programs.items():
        link = layout.bin / name
        temporary = layout.bin / f".{name}.{os.getpid()}"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(path)
        temporary.replace(link)


def _answers(url: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=2) as answer:
            return answer.status == 200
    except (URLError, OSError, ValueError):
        return False


@contextmanager
def _lock(layout: Layout, progress: Progress) -> Generator[None]:
    """Let one `up` or `down` at a time work on a sandbox."""
    with os.fdopen(os.open(layout.run / "lock", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with progress.step(f"waiting for another run that starts or stops {layout.root}"):
                fcntl.flock(file, fcntl.LOCK_EX)
        yield


def as_json(found: list[ProcessStatus]) -> str:
    """Write a status for machines; memory in bytes."""
    return json.dumps([{**vars(each), "log": str(each.log)} for each in found], indent=2)
