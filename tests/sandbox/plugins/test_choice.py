"""Which plugins are chosen, and what is installed for them."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from sandbox import environment, toolchain
from sandbox.layout import Layout
from sandbox.plugins import PluginsError, PluginSet, choose, install
from sandbox.plugins.official import STAND_IN_MARKER, Plugin, wanted_plugins

STAND_INS = PluginSet("standin", "")
OFFICIAL = PluginSet("official", "")


class Machine:
    """A machine of which a test says what is installed."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin = root / "bin"
        self.home = root / "home" / ".pulumi"
        self.asked = root / "asked"
        self.bin.mkdir(parents=True)
        for name in os.environ:
            if name.startswith("PULUMI_"):
                monkeypatch.delenv(name)
        monkeypatch.setenv("PATH", str(self.bin))
        monkeypatch.setenv("HOME", str(root / "home"))
        monkeypatch.setenv("XDG_CACHE_HOME", str(root / "cache"))
        self.cache = root / "cache"
        monkeypatch.setattr(toolchain, "ensure", self._ensure)

    def _ensure(self, names: list[str]) -> Mapping[str, Path]:
        return {name: self.bin / name for name in names}

    def executable(self, path: Path, script: str = "exit 0") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def has_release(self) -> None:
        """Pulumi's own release, with a pulumi that writes down what it is asked and refuses."""
        for plugin in bundled():
            self.executable(self.bin / plugin.executable)
        self.pulumi_does("exit 1")

    def pulumi_does(self, script: str) -> None:
        self.executable(self.bin / "pulumi", f'echo "$@" >> {self.asked}\n{script}')

    def has_cached(self, version: str | None = None) -> None:
        for plugin in separate():
            entry = self.home / "plugins" / f"resource-{plugin.name}-v{version or plugin.version}"
            self.executable(entry / plugin.executable)

    def questions(self) -> list[str]:
        return self.asked.read_text().splitlines() if self.asked.exists() else []


def bundled() -> list[Plugin]:
    return [plugin for plugin in wanted_plugins() if plugin.bundled]


def separate() -> list[Plugin]:
    return [plugin for plugin in wanted_plugins() if not plugin.bundled]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_official_plugins_are_preferred(machine: Machine) -> None:
    machine.has_release()
    machine.has_cached()
    assert choose(None).kind == "official"
    assert choose("official").kind == "official"
    assert machine.questions() == []


def test_plugins_on_path_count_and_so_do_newer_ones(machine: Machine) -> None:
    machine.has_release()
    machine.has_cached("99.0.0")
    assert choose(None).kind == "official"
    for plugin in separate():
        machine.executable(machine.bin / plugin.executable)
    machine.home.rename(machine.home.with_name("elsewhere"))
    assert choose(None).kind == "official"


def test_stand_ins_when_there_is_nothing(machine: Machine) -> None:
    chosen = choose(None)
    assert chosen.kind == "standin"
    assert "lacks the official pulumi-language-python," in chosen.line
    assert "\n" not in chosen.line


def test_insisting_on_stand_ins(machine: Machine) -> None:
    machine.has_release()
    machine.has_cached()
    assert choose("standin").kind == "standin"


def test_insisting_on_official_names_what_is_missing(machine: Machine) -> None:
    machine.has_release()
    with pytest.raises(PluginsError) as caught:
        choose("official")
    for plugin in separate():
        assert f"pulumi plugin install resource {plugin.name} v{plugin.version}" in str(caught.value)
    assert "pulumi-language-python" not in str(caught.value)


def test_older_plugins_do_not_count(machine: Machine) -> None:
    machine.has_release()
    machine.has_cached("0.1.0")
    with pytest.raises(PluginsError):
        choose("official")


def test_a_wrong_mode_is_refused(machine: Machine) -> None:
    with pytest.raises(PluginsError, match="SANDBOX_PLUGINS is 'offical': it must be 'official', 'standin'"):
        choose("offical")


def test_missing_plugins_are_asked_for_and_a_refusal_is_remembered_for_a_day(machine: Machine) -> None:
    machine.has_release()
    first = separate()[0]
    assert choose(None).kind == "standin"
    assert machine.questions() == [f"plugin install resource {first.name} v{first.version}"]
    assert choose(None).kind == "standin"
    assert len(machine.questions()) == 1
    long_ago = time.time() - 25 * 60 * 60
    os.utime(machine.cache / "gpu-tenancy" / "plugins-refused.json", (long_ago, long_ago))
    assert choose(None).kind == "standin"
    assert len(machine.questions()) == 2


def test_plugins_that_can_be_had_are_used(machine: Machine) -> None:
    machine.has_release()
    machine.pulumi_does(
        'd="$PULUMI_HOME/plugins/resource-$4-$5"; PATH=/usr/bin:/bin; mkdir -p "$d"; '
        'cp /bin/true "$d/pulumi-resource-$4"'
    )
    assert choose(None).kind == "official"
    assert len(machine.questions()) == len(separate())


def test_a_sandboxs_own_plugins_are_never_taken_for_official_ones(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a shell with the sandbox's environment."""
    machine.executable(machine.bin / "pulumi-resource-github")
    layout = Layout(tmp_path / "sandbox")
    layout.create()
    install(STAND_INS, layout.plugins, Path(sys.executable), layout.pulumi_home)
    monkeypatch.setenv("PATH", f"{layout.plugins}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PULUMI_HOME", str(layout.pulumi_home))
    with pytest.raises(PluginsError) as caught:
        choose("official")
    assert "pulumi-resource-tls" in str(caught.value)
    assert "pulumi-language-python" in str(caught.value)


def test_a_shell_that_knew_the_stand_ins_finds_the_official_plugins(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its PULUMI_HOME is still the sandbox's, where nothing is any more: it must not win."""
    machine.executable(machine.bin / "pulumi-resource-github")
    layout = Layout(tmp_path / "sandbox")
    layout.create()
    install(STAND_INS, layout.plugins, Path(sys.executable), layout.pulumi_home)
    shell = environment.variables(layout, {"PATH": ""})
    assert shell["PULUMI_HOME"] == str(layout.pulumi_home)
    assert "PULUMI_HOME" not in environment.unset(layout, shell)
    monkeypatch.setenv("PULUMI_HOME", shell["PULUMI_HOME"])

    machine.has_release()
    machine.has_cached()
    for _ in range(2):  # the first `up` and those after it
        chosen = choose("official")
        install(chosen, layout.plugins, Path(sys.executable), layout.pulumi_home)
        assert "PULUMI_HOME" not in environment.variables(layout, shell)
        assert "PULUMI_HOME" in environment.unset(layout, shell)
    assert "PULUMI_HOME" not in environment.complete(layout)
    assert "PULUMI_HOME" not in environment.unset(layout, {"PULUMI_HOME": str(machine.home)})


def test_the_remedy_installs_where_the_plugins_are_looked_for(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.has_release()
    layout = Layout(tmp_path / "sandbox")
    layout.create()
    monkeypatch.setenv("PULUMI_HOME", str(layout.pulumi_home))
    with pytest.raises(PluginsError, match=f"PULUMI_HOME={machine.home} pulumi plugin install resource tls"):
        choose("official")


def test_install_writes_executables_and_cache_entries(machine: Machine, tmp_path: Path) -> None:
    machine.executable(machine.bin / "pulumi-resource-github")
    folder, home = tmp_path / "with space" / "plugins", tmp_path / "home of pulumi"
    older = home / "plugins" / "resource-tls-v0.0.1"
    older.mkdir(parents=True)
    (older / STAND_IN_MARKER).touch()
    for _ in range(2):  # again is harmless
        install(STAND_INS, folder, Path(sys.executable), home)
    assert not older.exists()
    names = {plugin.executable for plugin in wanted_plugins()}
    assert {path.name for path in folder.iterdir() if not path.name.startswith(".")} == names
    assert folder.stat().st_mode & 0o777 == 0o700
    for plugin in wanted_plugins():
        assert os.access(folder / plugin.executable, os.X_OK)
        entry = home / "plugins" / f"{plugin.kind}-{plugin.name}-v{plugin.version}" / plugin.executable
        assert entry.resolve() == (folder / plugin.executable).resolve()


def test_install_for_official_plugins_leaves_no_stand_in(machine: Machine, tmp_path: Path) -> None:
    machine.executable(machine.bin / "pulumi-resource-github")
    folder, home = tmp_path / "plugins", tmp_path / "sandbox-home"
    install(STAND_INS, folder, Path(sys.executable), home)
    theirs = home / "plugins" / "resource-random-v4.0.0" / "pulumi-resource-random"
    machine.executable(theirs)
    install(OFFICIAL, folder, Path(sys.executable), home)
    assert list(folder.iterdir()) == []
    assert list((home / "plugins").iterdir()) == [theirs.parent]


def test_a_stand_in_announces_its_port_and_ends_with_its_input(machine: Machine, tmp_path: Path) -> None:
    machine.executable(machine.bin / "pulumi-resource-github")
    install(STAND_INS, tmp_path / "plugins", Path(sys.executable))
    process = subprocess.Popen(
        [tmp_path / "plugins" / "pulumi-resource-tls", "127.0.0.1:1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    )
    assert process.stdout
    assert 0 < int(process.stdout.readline()) < 65536
    out, err = process.communicate(timeout=60)  # closes its input
    assert (process.returncode, out, err) == (0, b"", b"")
