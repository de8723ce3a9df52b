"""The folder of built programs, shared by all checkouts of one user."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sandbox.toolchain.progress import Progress

TAIL = 20  # lines of a failed step's log to show


class ToolchainError(Exception):
    """A program that could not be found or built; the text says why and what helps."""


def default_folder() -> Path:
    """Tell where programs are kept: below XDG_CACHE_HOME, else ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    # The XDG base directory specification says that a relative path is to be ignored.
    home = Path(base) if base and Path(base).is_absolute() else Path.home() / ".cache"
    return home / "gpu-tenancy" / "toolchain"


def last_lines(log: Path) -> str:
    """Show the end of a log, and where the rest is."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join([f"the last lines of {log}:", *(f"  {line}" for line in lines[-TAIL:])])


@dataclass(frozen=True)
class Cache:
    """Entries are folders that appear whole, by a rename, or not at all."""

    folder: Path

    def entry(self, key: str) -> Path:
        """Tell where an entry is or would be."""
        return self.folder / key

    def log(self, name: str) -> Path:
        """Tell where the log of a step goes; the folder is made."""
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        return logs / f"{name}.log"

    @contextmanager
    def lock(self, name: str, progress: Progress) -> Generator[None]:
        """Hold the lock of one program, waiting for other runs that hold it."""
        locks = self.folder / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with (locks / name).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                with progress.step(f"waiting for another run that builds {name}"):
                    fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def scratch(self, name: str) -> Generator[Path]:
        """Make a folder to build in, and clear those that killed runs left. Needs the lock."""
        for left in self.folder.glob(f".{name}.*"):
            shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=self.folder))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def publish(self, scratch: Path, entry: Path) -> None:
        """Make a finished folder an entry."""
        if entry.exists():  # an entry without its program: somebody tidied by hand
            shutil.rmtree(entry)
        scratch.chmod(0o755)
        scratch.rename(entry)
