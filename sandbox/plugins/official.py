"""The official plugins: whether this machine has them, and asking Pulumi's servers for them."""

import contextlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from sandbox.layout import PULUMI_HOME_MARKER

# A file in every folder that holds stand-ins, so that they are never taken for official plugins.
STAND_IN_MARKER = ".stand-ins"

_PATIENCE = 20.0  # seconds that asking for plugins may take
_DAY = 24 * 60 * 60.0  # seconds for which a refusal is remembered


class PluginsError(Exception):
    """The plugins that were asked for cannot be used; the message says why and what helps."""


@dataclass(frozen=True)
class Plugin:
    """One plugin that the program needs, at the version of its Python package."""

    kind: str  # "language" or "resource"
    name: str
    version: str
    bundled: bool  # part of Pulumi's own release, beside the pulumi program, and not to be had alone

    @property
    def executable(self) -> str:
        """The file's name, by which the engine looks for it on PATH."""
        return f"pulumi-{self.kind}-{self.name}"

    @property
    def cache_entry(self) -> str:
        """The folder's name in $PULUMI_HOME/plugins."""
        return f"{self.kind}-{self.name}-v{self.version}"


def wanted_plugins() -> list[Plugin]:
    """Every plugin that a program of this project uses."""
    pulumi = metadata.version("pulumi")
    return [
        Plugin("language", "python", pulumi, bundled=True),
        Plugin("resource", "pulumi-python", pulumi, bundled=True),
        *(
            Plugin("resource", name, metadata.version(f"pulumi-{name}"), bundled=False)
            for name in ("kubernetes", "github", "tls")
        ),
    ]


def missing() -> list[Plugin]:
    """Those of the wanted plugins that are neither on PATH nor in the plugin cache."""
    return [plugin for plugin in wanted_plugins() if not _is_there(plugin)]


def complaint(plugins: Sequence[Plugin]) -> str:
    """What is missing and how to get it."""
    lines = ["SANDBOX_PLUGINS=official, but these plugins are neither on PATH nor in the plugin cache:"]
    # In a shell with a sandbox's PULUMI_HOME the command would install into that.
    home = (
        f"PULUMI_HOME={shlex.quote(str(_home()))} " if is_sandbox_home(os.environ.get("PULUMI_HOME")) else ""
    )
    for plugin in plugins:
        remedy = (
            "comes with Pulumi's own release, https://www.pulumi.com/docs/install/"
            if plugin.bundled
            else f"{home}pulumi plugin install {plugin.kind} {plugin.name} v{plugin.version}"
        )
        lines.append(f"  {plugin.executable} {plugin.version} or newer: {remedy}")
    return "\n".join(lines)


def try_to_install(plugins: Sequence[Plugin]) -> Sequence[Plugin]:
    """Asks Pulumi's servers for the plugins, unless they refused within a day; returns what still lacks."""
    if any(plugin.bundled for plugin in plugins):
        return plugins  # without its language host no set is complete
    refusal = _Refusal(plugins)
    if refusal.is_fresh():
        return plugins
    from sandbox.toolchain import ensure  # the plugins, which import this package, need no toolchain

    _install(ensure(["pulumi"])["pulumi"], plugins)
    left = missing()
    if left:
        refusal.remember()
    return left


def _install(pulumi: Path, plugins: Sequence[Plugin]) -> None:
    deadline = time.monotonic() + _PATIENCE
    environment = os.environ | {"PULUMI_HOME": str(_home()), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    for plugin in plugins:
        command = [str(pulumi), "plugin", "install", plugin.kind, plugin.name, f"v{plugin.version}"]
        remaining = max(deadline - time.monotonic(), 0.1)
        try:
            # What it says of servers out of reach is no news to anybody: the caller looks at what is there.
            result = subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=remaining
            )
        except subprocess.TimeoutExpired:
            return
        if result.returncode:
            return


class _Refusal:
    """The memory that Pulumi's servers did not give these plugins."""

    def __init__(self, plugins: Sequence[Plugin]) -> None:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
        self._file = base / "gpu-tenancy" / "plugins-refused.json"
        self._names = sorted(plugin.cache_entry for plugin in plugins)

    def is_fresh(self) -> bool:
        with contextlib.suppress(OSError, ValueError):
            age = time.time() - self._file.stat().st_mtime
            return 0 <= age < _DAY and json.loads(self._file.read_text()) == self._names
        return False

    def remember(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=self._file.parent, delete=False) as file:
            json.dump(self._names, file)
        Path(file.name).replace(self._file)


def _is_there(plugin: Plugin) -> bool:
    return any(
        os.access(folder / plugin.executable, os.X_OK) and not (folder / STAND_IN_MARKER).exists()
        for folder in _folders(plugin)
    )


def _folders(plugin: Plugin) -> Iterator[Path]:
    """Where the engine looks for a plugin: PATH, beside itself if bundled, its cache at a fitting version."""
    yield from map(Path, os.environ.get("PATH", os.defpath).split(os.pathsep))
    if plugin.bundled:
        if pulumi := shutil.which("pulumi"):
            yield Path(pulumi).resolve().parent
        return
    prefix = f"{plugin.kind}-{plugin.name}-v"
    for entry in (_home() / "plugins").glob(f"{prefix}*"):
        if _numbers(entry.name.removeprefix(prefix)) >= _numbers(plugin.version):
            yield entry


def is_sandbox_home(home: str | None) -> bool:
    """Whether a value of PULUMI_HOME is that of a sandbox, of this one or another."""
    return bool(home) and (Path(home) / PULUMI_HOME_MARKER).exists()


def _home() -> Path:
    """The user's PULUMI_HOME: a sandbox's own, as in a shell with its environment, does not count."""
    home = os.environ.get("PULUMI_HOME")
    return Path(home) if home and not is_sandbox_home(home) else Path.home() / ".pulumi"


def _numbers(version: str) -> tuple[int, ...]:
    """Major, minor and patch; a version with anything else in these places is older than all."""
    parts = version.split("-")[0].split("+")[0].split(".")
    return tuple(map(int, parts)) if all(part.isdecimal() for part in parts) else ()
