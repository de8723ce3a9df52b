"""Find a program on PATH or in the cache, else build it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.toolchain.cache import Cache, ToolchainError, default_folder, last_lines
from sandbox.toolchain.catalogue import (
    CATALOGUE,
    Artefact,
    ModuleFiles,
    Program,
    Version,
    go_directive,
    parse_version,
    show_version,
)
from sandbox.toolchain.golang import environment, find_go, target
from sandbox.toolchain.progress import Progress, Step

BUILD_FLAGS = ("-trimpath", "-buildvcs=false", "-v")
_SOURCES = ("*.go", "go.mod", "go.sum", "*.sh", "*.json")


@dataclass(frozen=True)
class Toolchain:
    """Finds and builds what a catalogue names."""

    catalogue: Mapping[str, Artefact] = field(default_factory=lambda: CATALOGUE)
    cache: Cache = field(default_factory=lambda: Cache(default_folder()))
    progress: Progress = field(default_factory=Progress)

    def ensure(self, names: Iterable[str]) -> dict[str, Path]:
        """Tell where each program (or folder of files) is; build what is missing, one after the other.

        Raises:
            ToolchainError: an unknown name, no Go to be had, or a build that failed.
        """
        wanted = [self._artefact(name) for name in dict.fromkeys(names)]
        found = {artefact.name: self._find(artefact) for artefact in wanted}
        missing = [artefact for artefact in wanted if found[artefact.name] is None]
        if missing:
            go = find_go(max(go_directive(each.module) for each in missing), self.cache, self.progress)
            minutes = sum(each.minutes for each in missing if isinstance(each, Program))
            if minutes:
                count = sum(isinstance(each, Program) for each in missing)
                self.progress.note(
                    f"{count} of the programs must be built from pinned Go modules, about "
                    f"{_minutes(minutes)} on two cores; they are kept in {self.cache.folder}"
                )
        else:
            go = Path()
        for number, artefact in enumerate(missing, start=1):
            found[artefact.name] = self._make(artefact, go, f"[{number}/{len(missing)}]")
        return {name: path for name, path in found.items() if path is not None}

    def _artefact(self, name: str) -> Artefact:
        try:
            return self.catalogue[name]
        except KeyError:
            known = ", ".join(sorted(self.catalogue))
            raise ToolchainError(f"{name!r} is not a program of the sandbox; known are {known}") from None

    def _find(self, artefact: Artefact) -> Path | None:
        if isinstance(artefact, ModuleFiles):
            entry = self.cache.entry(key(artefact))
            return entry if entry.is_dir() else None
        built = self._built(artefact)
        # One on PATH comes first even when one is built: it is what the user chose.
        return self._on_path(artefact, quiet=built is not None) or built

    def _built(self, program: Program) -> Path | None:
        path = self.cache.entry(key(program)) / program.name
        return path if os.access(path, os.X_OK) else None

    def _on_path(self, program: Program, *, quiet: bool) -> Path | None:
        rule = program.on_path
        if rule is None:
            return None
        pinned = program.version
        seen: set[Path] = set()  # /bin is often /usr/bin by another name
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            candidate = shutil.which(program.name, path=folder) if folder else None
            if candidate is None or Path(candidate).resolve() in seen or self._is_ours(Path(candidate)):
                continue
            seen.add(Path(candidate).resolve())
            version = _ask_version(Path(candidate), rule.arguments, rule.pattern)
            if version is not None and rule.fits(version, pinned):
                return Path(candidate)
            if not quiet:
                shown = show_version(version) if version else "of an unknown version"
                self.progress.note(f"{candidate} is {shown}, not {rule.wanted(pinned)}: it is not used")
        return None

    def _is_ours(self, candidate: Path) -> bool:
        """Tell whether it is a link into the cache: the sandbox's own bin folder may be on PATH."""
        return candidate.resolve().is_relative_to(self.cache.folder.resolve())

    def _make(self, artefact: Artefact, go: Path, position: str) -> Path:
        with self.cache.lock(artefact.name, self.progress):
            entry = self.cache.entry(key(artefact))
            if isinstance(artefact, ModuleFiles):
                if not entry.is_dir():
                    self._copy_files(artefact, go, entry)
                return entry
            built = self._built(artefact)  # by the run that held the lock
            if built is None:
                self._build(artefact, go, entry, position)
            return entry / artefact.name

    def _build(self, program: Program, go: Path, entry: Path, position: str) -> None:
        version = program.version
        shown = f"{program.name} {show_version(version)}"
        log = self.cache.log(program.name)
        text = f"{position} building {shown} (about {_minutes(program.minutes)})"
        with (
            self.progress.step(text, f"{position} built {shown}") as step,
            self.cache.scratch(program.name) as scratch,
        ):
            output = scratch / program.name
            if program.script:
                command = ["sh", program.script, str(output), show_version(version)]
            else:
                command = [str(go), "build", *BUILD_FLAGS, "-ldflags", linker_flags(program, version)]
                command += ["-o", str(output), program.package]
            _run(command, program.module, environment(go), log, step, shown)
            if not os.access(output, os.X_OK):
                raise ToolchainError(f"building {shown} left no program; {last_lines(log)}")
            self.cache.publish(scratch, entry)

    def _copy_files(self, files: ModuleFiles, go: Path, entry: Path) -> None:
        log = self.cache.log(files.name)
        with (
            self.progress.step(f"fetching {files.name} of {files.go_module}"),
            self.cache.scratch(files.name) as scratch,
        ):
            done = subprocess.run(
                [go, "mod", "download", "-json", files.go_module],
                cwd=files.module,
                env=environment(go),
                capture_output=True,
                text=True,
                check=False,
            )
            log.write_text(done.stdout + done.stderr)
            if done.returncode != 0:
                raise ToolchainError(f"{files.go_module} could not be fetched; {last_lines(log)}")
            source = Path(json.loads(done.stdout)["Dir"])
            for path in files.paths:
                _copy(source / path, scratch / path)
            self.cache.publish(scratch, entry)


def key(artefact: Artefact) -> str:
    """Name the cache entry: the program, its version, and a hash of all that decides what is built."""
    digest = hashlib.sha256()
    sources = {path for pattern in _SOURCES for path in artefact.module.rglob(pattern)}
    for path in sorted(sources):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(artefact.module)} {content}\n".encode())
    version = artefact.version
    if isinstance(artefact, Program):
        how = [
            *BUILD_FLAGS,
            linker_flags(artefact, version),
            artefact.package,
            artefact.script or "",
            *target(),
        ]
    else:
        how = [artefact.go_module, *artefact.paths]
    digest.update("\n".join(how).encode())
    return f"{artefact.name}-{show_version(version)}-{digest.hexdigest()[:12]}"


def linker_flags(program: Program, version: Version) -> str:
    """Make the value of -ldflags: no symbol tables, and the version where the program looks for it."""
    values = {"version": show_version(version), "major": version[0], "minor": version[1]}
    stamps = (f"-X {variable}={value.format(**values)}" for variable, value in program.stamps)
    return " ".join(["-s -w", *stamps])


def _minutes(minutes: float) -> str:
    return f"{minutes:.0f} min" if minutes >= 1 else f"{minutes * 60:.0f} s"


def _ask_version(program: Path, arguments: tuple[str, ...], pattern: str) -> Version | None:
    try:
        answer = subprocess.run(
            [program, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
            stdin=subprocess.DEVNULL,
            env={**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", "KUBECONFIG": os.devnull},
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(pattern, answer.stdout, re.MULTILINE)
    return parse_version(match[1]) if match else None


def _run(
    command: list[str], folder: Path, environment: dict[str, str], log: Path, step: Step, shown: str
) -> None:
    """Run a build with its output in a log. Raises ToolchainError with the log's end when it fails."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while True:
                try:
                    process.wait(1)
                    break
                except subprocess.TimeoutExpired:
                    step.tick(_detail(log))
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        raise ToolchainError(f"building {shown} failed; {last_lines(log)}")


def _detail(log: Path) -> str:
    """Say how far a build is: `go build -v` names each package as it starts on it."""
    lines = log.read_text(errors="replace").splitlines()
    return f"{len(lines)} steps, at {lines[-1][:60]}" if lines else ""


def _copy(source: Path, destination: Path) -> None:
    """Copy without the module cache's read-only modes."""
    if source.is_dir():
        for below in sorted(source.iterdir()):
            _copy(below, destination / below.name)
        return
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, destination)
