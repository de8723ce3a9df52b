"""A stack's files, loaded for a report: the stack, or all that is wrong with it."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from automation.errors import BadInputError
from model import InvalidConfiguration, Problem, Stack, load, load_beside

Loaded = Stack | tuple[Problem, ...]
"""A stack, or its problems in the order of files and lines."""


def check(root: Path, name: str) -> Loaded:
    """The stack as its files describe it, or everything that is wrong with them."""
    try:
        return load(root, name)
    except InvalidConfiguration as error:
        return error.problems


def check_all(root: Path, names: Iterable[str]) -> dict[str, Loaded]:
    """The stacks by name, each held against all others of the project too."""
    return {
        name: found if isinstance(found, Stack) else found.problems
        for name, found in load_beside(root, names).items()
    }


def loaded(root: Path, name: str) -> Stack:
    """The stack as its files describe it. Raises BadInputError with everything that is wrong with them."""
    found = check(root, name)
    if isinstance(found, Stack):
        return found
    raise BadInputError("\n".join(str(problem) for problem in found))


def as_data(problems: Sequence[Problem]) -> list[dict[str, Any]]:
    """Problems for a report in JSON: file, line, column, key, value and message of each."""
    return [asdict(problem) for problem in problems]
