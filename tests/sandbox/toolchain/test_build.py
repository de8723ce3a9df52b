"""Finding and building, tried on a small Go module of its own and on programs that only print a version."""

import fcntl
import io
import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.toolchain.build import Toolchain, key, linker_flags
from sandbox.toolchain.cache import Cache, ToolchainError
from sandbox.toolchain.catalogue import CATALOGUE, ModuleFiles, OnPath, Program, go_directive, pinned_version
from sandbox.toolchain.progress import Progress

GO_MOD = """module example.test/hello

go 1.21

require example.test/dependency v1.4.2

replace example.test/dependency => ./dependency
"""
MAIN = """package main

import (
	"fmt"

	"example.test/dependency"
)

var version string

func main() { fmt.Println("hello", version, dependency.Name) }
"""


def write(path: Path, text: str, *, executable: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if executable:
        path.chmod(0o755)
    return path


@pytest.fixture
def program(tmp_path: Path) -> Program:
    module = tmp_path / "module"
    write(module / "go.mod", GO_MOD)
    write(module / "go.sum", "")
    write(module / "main.go", MAIN)
    write(module / "dependency/go.mod", "module example.test/dependency\n\ngo 1.21\n")
    write(module / "dependency/name.go", 'package dependency\n\nconst Name = "friend"\n')
    return Program(
        "hello",
        module=module,
        package=".",
        pinned_by="example.test/dependency",
        minutes=0.1,
        stamps=(("main.version", "v{version}"),),
        on_path=OnPath(
            ("--version",),
            r"hello v(\d+\.\d+\.\d+)",
            fits=lambda found, pinned: found >= pinned,
            wanted=lambda pinned: "1.4.2 or newer",
        ),
    )


class Tools(Toolchain):
    """A toolchain of one program, with its own cache, and what it says."""

    def __init__(self, tmp_path: Path, *artefacts: Program | ModuleFiles) -> None:
        super().__init__(
            {artefact.name: artefact for artefact in artefacts},
            Cache(tmp_path / "cache"),
            Progress(Console(file=io.StringIO(), width=500)),
        )

    @property
    def said(self) -> str:
        output = self.progress.console.file
        assert isinstance(output, io.StringIO)
        return output.getvalue()


def without_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave a PATH on which any build must fail."""
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")


def test_builds_once_with_the_pinned_version_in_the_program(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = Tools(tmp_path, program)
    built = tools.ensure(["hello"])["hello"]
    answer = subprocess.run([built], capture_output=True, text=True, check=True)
    assert answer.stdout == "hello v1.4.2 friend\n"

    without_go(monkeypatch, tmp_path)
    assert tools.ensure(["hello"])["hello"] == built


def test_other_sources_sums_or_flags_are_another_entry(program: Program) -> None:
    keys = {key(program)}
    write(program.module / "go.sum", "example.test/other v1.0.0 h1:x\n")
    keys.add(key(program))
    write(program.module / "main.go", MAIN.replace("hello", "bye"))
    keys.add(key(program))
    keys.add(key(replace(program, stamps=())))
    keys.add(key(replace(program, package="./cmd")))
    assert len(keys) == 5


def test_a_program_on_path_is_used_when_it_fits(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_go(monkeypatch, tmp_path)
    old = write(tmp_path / "old/hello", "#!/bin/sh\necho hello v1.4.1\n", executable=True)
    new = write(tmp_path / "new/hello", "#!/bin/sh\necho hello v1.10.0\n", executable=True)
    monkeypatch.setenv("PATH", f"{old.parent}:{new.parent}:/bin")
    tools = Tools(tmp_path, program)
    assert tools.ensure(["hello"])["hello"] == new
    assert f"{old} is 1.4.1, not 1.4.2 or newer" in tools.said


def test_one_program_under_two_names_of_its_folder_is_named_once(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on most Linux systems, where /bin is a link to /usr/bin."""
    without_go(monkeypatch, tmp_path)
    old = write(tmp_path / "usr/bin/hello", "#!/bin/sh\necho hello v1.4.1\n", executable=True)
    (tmp_path / "bin").symlink_to(old.parent)
    monkeypatch.setenv("PATH", f"{old.parent}:{tmp_path / 'bin'}:/bin")
    tools = Tools(tmp_path, program)
    with pytest.raises(ToolchainError):  # there is no Go to build one
        tools.ensure(["hello"])
    assert tools.said.count("is 1.4.1, not 1.4.2 or newer: it is not used") == 1


@pytest.mark.parametrize("script", ["echo nonsense", "exit 1", "echo hello v1.4.1"])
def test_a_program_on_path_that_does_not_fit_is_built(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    found = write(tmp_path / "bin/hello", f"#!/bin/sh\n{script}\n", executable=True)
    monkeypatch.setenv("PATH", f"{found.parent}:{os.environ['PATH']}")
    tools = Tools(tmp_path, program)
    assert tools.ensure(["hello"])["hello"].is_relative_to(tools.cache.folder)


def test_links_into_the_cache_are_not_taken_for_the_users_own_programs(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tools = Tools(tmp_path, program)
    outdated = write(
        tools.cache.folder / "hello-1.4.3-0/hello", "#!/bin/sh\necho hello v1.4.3\n", executable=True
    )
    link = tmp_path / "bin/hello"
    link.parent.mkdir()
    link.symlink_to(outdated)
    monkeypatch.setenv("PATH", f"{link.parent}:{os.environ['PATH']}")
    assert tools.ensure(["hello"])["hello"] == tools.cache.entry(key(program)) / "hello"


def test_a_failed_build_shows_the_end_of_its_log_and_leaves_nothing(program: Program, tmp_path: Path) -> None:
    write(program.module / "main.go", MAIN.replace("version,", "undefinedName,"))
    tools = Tools(tmp_path, program)
    with pytest.raises(ToolchainError) as raised:
        tools.ensure(["hello"])
    assert "building hello 1.4.2 failed" in str(raised.value)
    assert "undefinedName" in str(raised.value)
    assert str(tools.cache.log("hello")) in str(raised.value)
    assert sorted(path.name for path in tools.cache.folder.iterdir()) == ["locks", "logs"]

    write(program.module / "main.go", MAIN)
    assert tools.ensure(["hello"])["hello"].exists()


def test_what_a_killed_build_left_is_cleared(program: Program, tmp_path: Path) -> None:
    tools = Tools(tmp_path, program)
    left = write(tools.cache.folder / ".hello.abc/hello", "half a program")
    entry_without_program = tools.cache.entry(key(program))
    entry_without_program.mkdir()
    assert tools.ensure(["hello"])["hello"].stat().st_mode & stat.S_IXUSR
    assert not left.parent.exists()


def test_modules_that_go_sum_does_not_know_are_refused(program: Program, tmp_path: Path) -> None:
    write(
        program.module / "go.mod",
        GO_MOD.replace("replace", "require golang.org/x/text v0.14.0\n\nreplace"),
    )
    main = MAIN.replace('"fmt"', '"fmt"\n\t_ "golang.org/x/text/language"')
    write(program.module / "main.go", main)
    with pytest.raises(ToolchainError, match=r"missing go\.sum entry"):
        Tools(tmp_path, program).ensure(["hello"])


def test_a_second_run_waits_for_the_first_and_builds_nothing(program: Program, tmp_path: Path) -> None:
    tools = Tools(tmp_path, program)
    locks = tools.cache.folder / "locks"
    locks.mkdir(parents=True)
    code = (
        "import sys; from pathlib import Path; from tests.sandbox.toolchain.test_build import second_run; "
        "second_run(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    with (locks / "hello").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(
            [sys.executable, "-c", code, str(program.module), str(tools.cache.folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert second.stderr is not None
        assert second.stdout is not None
        lines: list[str] = []
        while not any("waiting for another run that builds hello" in line for line in lines):
            line = second.stderr.readline()
            assert line, f"it did not wait: {lines}"
            lines.append(line)
        built = write(tools.cache.entry(key(plain(program.module))) / "hello", "#!/bin/sh\n", executable=True)
    out, rest = second.communicate(timeout=60)
    assert out.strip() == str(built)
    assert "] building hello" not in "".join(lines) + rest


def plain(module: Path) -> Program:
    return Program("hello", module=module, package=".", pinned_by="example.test/dependency", minutes=0.1)


def second_run(module: Path, cache: Path) -> None:
    """What another process does in the test above."""
    print(Toolchain({"hello": plain(module)}, Cache(cache)).ensure(["hello"])["hello"])  # noqa: T201


def test_a_script_builds_in_place_of_go(program: Program, tmp_path: Path) -> None:
    write(program.module / "build.sh", 'set -eu\ngo version\ngo build -o "$1" .\n')
    tools = Tools(tmp_path, replace(program, script="build.sh"))
    answer = subprocess.run([tools.ensure(["hello"])["hello"]], capture_output=True, text=True, check=True)
    assert answer.stdout == "hello  friend\n"


def test_a_plugin_takes_the_version_of_its_python_package(program: Program, tmp_path: Path) -> None:
    """The engine asks for the version that the package names, and `plugin ls` shows it."""
    script = 'set -eu\ngo build -ldflags "-X main.version=$2" -o "$1" .\n'
    write(program.module / "build.sh", script)
    tools = Tools(tmp_path, replace(program, script="build.sh", released_as="pulumi-github"))
    version = metadata.version("pulumi-github")
    built = tools.ensure(["hello"])["hello"]
    answer = subprocess.run([built], capture_output=True, text=True, check=True)
    assert answer.stdout == f"hello {version} friend\n"
    assert f"building hello {version} " in tools.said
    assert built.parent.name.startswith(f"hello-{version}-")


def test_a_plugin_of_a_package_that_is_not_installed_is_an_error(program: Program, tmp_path: Path) -> None:
    tools = Tools(tmp_path, replace(program, released_as="no-such-package"))
    with pytest.raises(ToolchainError, match="no-such-package, which hello is the plugin of, is not"):
        tools.ensure(["hello"])


def test_the_github_plugin_is_one_of_its_python_package() -> None:
    plugin = CATALOGUE["pulumi-resource-github"]
    assert ".".join(map(str, plugin.version)) == metadata.version("pulumi-github")


def test_engine_and_sdk_are_of_one_version() -> None:
    assert ".".join(map(str, CATALOGUE["pulumi"].version)) == metadata.version("pulumi")


def test_files_of_a_module_outlive_the_module_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stages = CATALOGUE["kwok-stages"]
    assert isinstance(stages, ModuleFiles)
    tools = Tools(tmp_path, stages)
    folder = tools.ensure(["kwok-stages"])["kwok-stages"]
    ready = folder / "kustomize/stage/pod/fast/pod-ready.yaml"
    assert "kind: Stage" in ready.read_text()
    shutil.copyfile(ready, ready.with_suffix(".copy"))  # not read-only as in the module cache

    without_go(monkeypatch, tmp_path)
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "wiped"))
    assert tools.ensure(["kwok-stages"])["kwok-stages"] == folder


def test_an_unknown_program_is_named_with_those_that_are_known(tmp_path: Path, program: Program) -> None:
    with pytest.raises(ToolchainError, match="'etdc' is not a program of the sandbox; known are hello"):
        Tools(tmp_path, program).ensure(["etdc"])


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_artefact_is_pinned_with_checksums(name: str) -> None:
    artefact = CATALOGUE[name]
    pinned_by = artefact.pinned_by if isinstance(artefact, Program) else artefact.go_module
    version = pinned_version(artefact.module, pinned_by)
    shown = "v" + ".".join(map(str, version))
    sums = (artefact.module / "go.sum").read_text()
    assert re.search(rf"^{re.escape(f'{pinned_by} {shown}')}\S* h1:", sums, re.MULTILINE)
    assert go_directive(artefact.module) >= (1, 21, 0)


def test_kubernetes_programs_carry_their_version() -> None:
    kubectl = CATALOGUE["kubectl"]
    assert isinstance(kubectl, Program)
    flags = linker_flags(kubectl, (1, 36, 3))
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in flags
    assert "-X k8s.io/component-base/version.gitMinor=36" in flags


@pytest.mark.parametrize(
    ("name", "answer", "fits"),
    [
        ("kubectl", "Client Version: v1.32.4-dispatcher", False),
        ("kubectl", "Client Version: v1.35.0", True),
        ("kubectl", "Client Version: v1.40.1+k3s1", True),
        ("kubectl", "Client Version: v2.0.0", False),
        ("pulumi", "v3.258.9", False),
        ("pulumi", "v3.259.0", True),
        ("pulumi", "v3.300.0", True),
        ("pulumi", "v4.0.0", False),
        ("kube-apiserver", "Kubernetes v1.36.9", True),
        ("kube-apiserver", "Kubernetes v1.37.0", False),
        ("etcd", "etcd Version: 3.6.99\nGit SHA: abc", True),
        ("etcd", "etcd Version: 3.5.30\nGit SHA: abc", False),
        ("kwok", "kwok version v0.8.1 go1.26.8 (linux/amd64)", True),
        ("kwok", "kwok version v0.7.0 go1.26.8 (linux/amd64)", False),
    ],
)
def test_which_versions_on_path_fit(
    name: str, answer: str, fits: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = write(tmp_path / "bin" / name, f"#!/bin/sh\nprintf '{answer}\\n'\n", executable=True)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    artefact = CATALOGUE[name]
    assert isinstance(artefact, Program)
    # A build of it, so that an unfit one on PATH leads here and not to minutes of building.
    tools = Tools(tmp_path, artefact)
    built = write(tools.cache.entry(key(artefact)) / name, "", executable=True)
    assert tools.ensure([name])[name] == (script if fits else built)
