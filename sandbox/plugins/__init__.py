"""Provider plugins and language host: the official ones, else stand-ins that behave like them."""

import os
import shlex
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sandbox.layout import REPOSITORY
from sandbox.plugins import official
from sandbox.plugins.official import STAND_IN_MARKER, PluginsError, wanted_plugins

__all__ = ["PluginSet", "PluginsError", "choose", "install"]

# Runs a module as -m does, found in this checkout wherever it is started and whatever is installed.
_LAUNCHER = (
    "import runpy, sys; sys.path.insert(0, {checkout!r}); "
    "runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
)

# Executable and module of each stand-in that is part of this package.
_MODULES = {
    "pulumi-language-python": "sandbox.plugins.language",
    "pulumi-resource-pulumi-python": "sandbox.plugins.dynamic",
    "pulumi-resource-kubernetes": "sandbox.plugins.kubernetes",
    "pulumi-resource-tls": "sandbox.plugins.tls",
}
_GITHUB = "pulumi-resource-github"  # built from Go by the toolchain


@dataclass(frozen=True)
class PluginSet:
    """Which plugins the sandbox uses, and one line for people that says so and why."""

    kind: Literal["official", "standin"]
    line: str


def choose(mode: str | None) -> PluginSet:
    """Official plugins where the machine has or can have them, else stand-ins.

    `mode` is the value of SANDBOX_PLUGINS: "official" or "standin" to insist, nothing to leave the choice;
    only then may this ask Pulumi's servers for missing plugins, for at most 20 s and once a day. Raises
    PluginsError for another mode, and for "official" when something is missing.
    """
    if mode not in (None, "", "official", "standin"):
        raise PluginsError(
            f"SANDBOX_PLUGINS is {mode!r}: it must be 'official', 'standin', or not set at all for official "
            "plugins where there are any"
        )
    if mode == "standin":
        return PluginSet("standin", "Plugins: stand-ins, because SANDBOX_PLUGINS=standin says so.")
    missing = official.missing()
    if missing and mode == "official":
        raise PluginsError(official.complaint(missing))
    if missing:
        missing = official.try_to_install(missing)
    if missing:
        names = ", ".join(plugin.executable for plugin in missing)
        return PluginSet("standin", f"Plugins: stand-ins, because this machine lacks the official {names}.")
    return PluginSet("official", "Plugins: the official ones of this machine.")


def install(plugin_set: PluginSet, folder: Path, python: Path, home: Path | None = None) -> None:
    """Writes the stand-ins' executables into the folder, or removes them when official plugins are used.

    `python` is the interpreter that runs them; it has what this package needs. With `home` they are entered
    in the plugin cache of that PULUMI_HOME too: there the engine finds them without the warning that it gives
    for each plugin on PATH, so the folder then has no need to be on PATH.
    """
    if plugin_set.kind == "official":
        _remove(folder, home)
        return
    from sandbox.toolchain import (
        ensure,
    )  # the plugins themselves, which import this package, need no toolchain

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / STAND_IN_MARKER).touch(mode=0o600)
    for name, module in _MODULES.items():
        code = _LAUNCHER.format(checkout=str(REPOSITORY), module=module)
        # -P: the program's folder, in which plugins are started, is no place to look for their modules.
        command = shlex.join((str(python), "-P", "-u", "-c", code))
        _write_executable(folder / name, f'#!/bin/sh\nexec {command} "$@"\n')
    _link(folder / _GITHUB, ensure([_GITHUB])[_GITHUB].absolute())
    if home:
        _enter_in_cache(folder.absolute(), home)


def _enter_in_cache(folder: Path, home: Path) -> None:
    plugins = wanted_plugins()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    (home / STAND_IN_MARKER).touch(mode=0o600)
    for plugin in plugins:
        entry = home / "plugins" / plugin.cache_entry
        entry.mkdir(mode=0o700, parents=True, exist_ok=True)
        (entry / STAND_IN_MARKER).touch(mode=0o600)
        _link(entry / plugin.executable, folder / plugin.executable)
    _remove_entries(home, keep={plugin.cache_entry for plugin in plugins})


def _remove(folder: Path, home: Path | None) -> None:
    for name in (*_MODULES, _GITHUB, STAND_IN_MARKER):
        (folder / name).unlink(missing_ok=True)
    if home:
        (home / STAND_IN_MARKER).unlink(missing_ok=True)
        _remove_entries(home, keep=set())


def _remove_entries(home: Path, keep: set[str]) -> None:
    for marker in list(home.glob(f"plugins/*/{STAND_IN_MARKER}")):
        if marker.parent.name not in keep:
            shutil.rmtree(marker.parent)


def _link(path: Path, target: Path) -> None:
    """Makes or moves a link, which never lacks meanwhile: an engine may start the plugin at any moment."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(target)
    temporary.replace(path)


def _write_executable(path: Path, content: str) -> None:
    """Writes the file whole, for the same reason."""
    with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        file.write(content)
    Path(file.name).chmod(0o700)
    Path(file.name).replace(path)
