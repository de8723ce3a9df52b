"""Bring a sandbox up, take it down, tell how it is."""

import fcntl
import json
import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from kube import private_files
from sandbox import plugins, toolchain
from sandbox.controlplane import settings as remembered
from sandbox.controlplane.commands import PROGRAMS, ControlPlane
from sandbox.controlplane.start import STOP_ORDER, TOOLS, assemble, run, start
from sandbox.layout import PASSPHRASE, REPOSITORY, Layout
from sandbox.ports import Ports, is_listening
from sandbox.processes import Processes, Spec, memory
from sandbox.toolchain.progress import Progress

CONTROL_PLANE = "control-plane"
GITHUB = "github"
SERVICES = (CONTROL_PLANE, GITHUB)


@dataclass(frozen=True)
class Options:
    """What `up` may be told; None leaves what was said before, or the default."""

    services: Sequence[str] = SERVICES
    pools: Path | None = None
    client_signer: bool | None = None
    signing_duration: str | None = None
    crds: Sequence[Path] = field(default=())


@dataclass(frozen=True)
class ProcessStatus:
    """How one process is.

    `state` is running, dead, deaf (it runs, but its port does not answer), or missing (`up` did not come to
    start it). `pid` is 0 when it is missing.
    """

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
    if layout.passphrase.read_text().strip() != PASSPHRASE:
        progress.note(
            f"{layout.passphrase} is of a sandbox before stack dev had a salt in git: make clean, or remove "
            f"{layout.root}, where Pulumi calls the passphrase incorrect"
        )
    with _lock(layout, progress):
        processes = Processes(layout)
        processes.stop_strays()
        _expect(layout, options.services)
        whole = set(options.services) == set(SERVICES)
        chosen = plugins.choose(os.environ.get("SANDBOX_PLUGINS")) if whole else None
        tools = toolchain.ensure(_tools(options.services, chosen))
        _link(layout, tools)
        if CONTROL_PLANE in options.services:
            _control_plane(layout, options, tools, processes, progress)
        if GITHUB in options.services:
            _github(layout, processes, progress)
        if chosen:
            plugins.install(chosen, layout.plugins, Path(sys.executable), layout.pulumi_home)
            progress.note(chosen.line)


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
        _services_file(layout).unlink(missing_ok=True)


def status(layout: Layout) -> list[ProcessStatus]:
    """Tell how each process is that `up` started."""
    processes = Processes(layout)
    records = {record.name: record for record in processes.records()}
    alive = {name for name, record in records.items() if record.alive}
    resident = memory([records[name].pid for name in alive])
    ports = Ports(layout.run / "ports.json").all()
    found: list[ProcessStatus] = []
    for name in sorted(records.keys() | _expected(layout)):
        record, log = records.get(name), processes.log(name)
        if record is None:
            found.append(ProcessStatus(name, "missing", 0, ports.get(name, 0), 0, log))
        elif name not in alive:
            found.append(ProcessStatus(name, "dead", record.pid, record.port, 0, log))
        else:
            state = "running" if is_listening(record.port) else "deaf"
            size = resident.get(record.pid, 0)
            found.append(ProcessStatus(name, state, record.pid, record.port, size, log))
    return found


def _tools(services: Sequence[str], chosen: plugins.PluginSet | None) -> list[str]:
    """List all programs that are needed, so that people see from the start how many there are to build."""
    names = list(TOOLS) if CONTROL_PLANE in services else []
    if chosen:
        names.append("pulumi")
        names += ["pulumi-resource-github"] if chosen.kind == "standin" else []
    return names


def _control_plane(
    layout: Layout, options: Options, tools: dict[str, Path], processes: Processes, progress: Progress
) -> None:
    settings = remembered.remembered(
        layout, client_signer=options.client_signer, signing_duration=options.signing_duration
    )
    pools = remembered.remembered_pools(layout, options.pools)
    with progress.step("starting the control plane", "the control plane is ready"):
        plane: ControlPlane = assemble(layout, tools, settings, processes)
        start(plane, pools, options.crds, processes, progress)


def _github(layout: Layout, processes: Processes, progress: Progress) -> None:
    running = processes.running(GITHUB) is not None
    port = Ports(layout.run / "ports.json").settle({GITHUB: running})[GITHUB]
    command = (sys.executable, "-m", "sandbox.github", "--port", str(port), "--data", str(layout.github))
    spec = Spec(
        GITHUB, command, port, lambda: _answers(f"http://127.0.0.1:{port}/healthz"), folder=REPOSITORY
    )
    with progress.step("starting the GitHub emulator", "the GitHub emulator is ready"):
        run(processes, [spec], progress)


def _services_file(layout: Layout) -> Path:
    return layout.run / "services.json"


def _expect(layout: Layout, services: Sequence[str]) -> None:
    """Remember what `up` was asked for, so that `status` tells when it was cut short."""
    private_files.write(_services_file(layout), json.dumps(sorted({*services, *_services(layout)})))


def _expected(layout: Layout) -> set[str]:
    services = _services(layout)
    return {*(PROGRAMS if CONTROL_PLANE in services else ()), *((GITHUB,) if GITHUB in services else ())}


def _services(layout: Layout) -> list[str]:
    try:
        return [str(service) for service in json.loads(_services_file(layout).read_text())]
    except (OSError, ValueError, TypeError):
        return []


def _link(layout: Layout, tools: dict[str, Path]) -> None:
    for name, path in tools.items():
        link = layout.bin / name
        # A plugin on PATH would win over the one in Pulumi's own cache.
        if path.is_dir() or name.startswith("pulumi-resource-"):
            link.unlink(missing_ok=True)
            continue
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
