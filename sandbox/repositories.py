"""Repositories on the emulated GitHub, for tenants of one's own."""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from urllib3.exceptions import HTTPError

from sandbox.github.client import SandboxClient, SandboxError, read_tokens
from sandbox.layout import Layout
from sandbox.processes import Processes

# What GitHub takes: letters, digits and single hyphens in an owner's name; also . - _ in a repository's.
_FULL_NAME = re.compile(r"([A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})/([A-Za-z0-9._-]{1,100})")


class RepositoryNameError(ValueError):
    """A name that no repository can have."""


class RepositoriesError(Exception):
    """The emulator does not run, or refused something; the text says what and why."""


@dataclass(frozen=True)
class Repository:
    """A repository that was asked for. `new` tells whether it was made now."""

    full_name: str
    new: bool


def add(layout: Layout, full_names: Sequence[str], *, private: bool = True) -> list[Repository]:
    """Make repositories, each with a first commit; those that exist are left as they are.

    Raises RepositoryNameError, before anything is made, or RepositoriesError.
    """
    wanted = dict.fromkeys(_parse(full_name) for full_name in full_names)
    with _emulator(layout) as client:
        there = {name.lower(): name for name in client.repositories()}
        return [_add(client, there, owner, name, private=private) for owner, name in wanted]


def names(layout: Layout) -> list[str]:
    """List all repositories as owner/name. Raises RepositoriesError."""
    with _emulator(layout) as client:
        return sorted(client.repositories())


def _add(client: SandboxClient, there: dict[str, str], owner: str, name: str, *, private: bool) -> Repository:
    known = there.get(f"{owner}/{name}".lower())  # case does not matter, as on GitHub
    if known is not None:
        return Repository(known, new=False)
    # A first commit: without a branch there is nothing that a pull request could be opened against.
    client.add_repository(owner, name, private=private, files={"README.md": f"# {name}\n"})
    return Repository(f"{owner}/{name}", new=True)


def _parse(full_name: str) -> tuple[str, str]:
    found = _FULL_NAME.fullmatch(full_name)
    if found is None or found[2] in (".", ".."):
        raise RepositoryNameError(f"{full_name!r} is not the name of a repository, such as acme/robots")
    return found[1], found[2]


@contextmanager
def _emulator(layout: Layout) -> Generator[SandboxClient]:
    running = Processes(layout).running("github")
    if running is None:
        raise RepositoriesError("the GitHub emulator does not run: python -m sandbox up")
    try:
        token = read_tokens(layout.github).admin
        yield SandboxClient(f"http://127.0.0.1:{running.port}", token)
    except (SandboxError, HTTPError, OSError) as error:
        raise RepositoriesError(str(error)) from None
