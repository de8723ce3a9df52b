"""What commands print without more than click: JSON for machines, plain columns for people."""

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

import click

_P = ParamSpec("_P")
_R = TypeVar("_R")
Errors = tuple[type[Exception], ...]

FAILED = 1
"""Exit code of every command that could not do its work."""
BAD_INPUT = 2
"""Exit code of every command whose input is wrong."""


class Failed(click.ClickException):
    """The work could not be done."""

    exit_code = FAILED


class BadInput(click.ClickException):
    """What was given cannot be worked on."""

    exit_code = BAD_INPUT


def reporting(failed: Errors, bad_input: Errors = ()) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """A decorator of commands: these errors are said in one line, without a traceback."""

    def around(command: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(command)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                return command(*args, **kwargs)
            except failed as error:
                raise Failed(str(error)) from None
            except bad_input as error:
                raise BadInput(str(error)) from None

        return run

    return around


def as_json(value: object) -> None:
    """Prints a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest entry; nothing for None, yes and no for booleans."""
    texts = [list(head), *([_cell(cell) for cell in row] for row in rows)]
    widths = [max(len(row[index]) for row in texts) for index in range(len(head))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        for row in texts
    )


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
