"""Kubeconfig files: read, locked as kubectl locks them, and replaced whole."""

import os
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from kube import private_files
from kube.errors import KubeconfigError

_PATIENCE = 2.0  # seconds to wait for another program's lock; kubectl does not wait at all


def default_paths(environment: Mapping[str, str]) -> list[Path]:
    """The files that kubectl would read: those of KUBECONFIG, each once, else ~/.kube/config."""
    if named := environment.get("KUBECONFIG"):
        return [Path(part) for part in dict.fromkeys(named.split(os.pathsep)) if part]
    return [Path(environment.get("HOME") or Path.home()) / ".kube" / "config"]


def read(path: Path) -> str:
    """The file's text.

    Raises:
        KubeconfigError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KubeconfigError(f"{path}: no such kubeconfig") from None
    except UnicodeDecodeError:
        raise KubeconfigError(f"{path}: not a kubeconfig: UTF-8 text is wanted") from None
    except OSError as error:
        raise KubeconfigError(f"{path}: cannot be read: {error.strerror}") from None


def write(path: Path, text: str) -> Path | None:
    """Replaces the file, readable by its owner only; returns the copy of the old content beside it, if any.

    A link stays a link: the file that it names is replaced. Readers see the old or the new, never a part.

    Raises:
        KubeconfigError: it cannot be written.
    """
    target = path.resolve()
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        backup = None
        if target.exists():
            backup = target.with_name(f"{target.name}.bak")
            private_files.write(backup, target.read_bytes())
        private_files.write(target, text)
    except OSError as error:
        raise KubeconfigError(f"{path}: cannot be written: {error.strerror}") from None
    return backup


@contextmanager
def locked(paths: Iterable[Path], patience: float = _PATIENCE) -> Generator[None]:
    """Holds kubectl's lock on each file: a file of the same name with `.lock` at its end.

    Raises:
        KubeconfigError: another program holds a lock for longer than `patience` seconds.
    """
    with ExitStack() as held:
        # In one order for all programs, as kubectl does, so that two never wait for each other.
        for target in sorted({path.resolve() for path in paths}):
            lock = target.with_name(f"{target.name}.lock")
            _take(lock, time.monotonic() + patience)
            held.callback(lock.unlink, missing_ok=True)
        yield


def _take(lock: Path, deadline: float) -> None:
    try:
        lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KubeconfigError(f"{lock.parent}: cannot be made: {error.strerror}") from None
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            if time.monotonic() >= deadline:
                raise KubeconfigError(
                    f"{lock}: another program is changing this kubeconfig; if none is, delete the lock"
                ) from None
            time.sleep(0.05)
        except OSError as error:
            raise KubeconfigError(f"{lock}: cannot be made: {error.strerror}") from None
        else:
            return
