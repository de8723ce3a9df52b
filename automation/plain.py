"""What commands print without more than click: JSON for machines, plain columns for people."""

import json
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec, TypeVar

import click

from automation.errors import BadInputError

_P = ParamSpec("_P")
_R = TypeVar("_R")


def reporting(*bad_input: type[Exception]) -> Callable[[Callable[_P, _R]], Callable[_P, _R]]:
    """A decorator of commands: these errors of other packages mean bad input, and are said in one line."""

    def around(command: Callable[_P, _R]) -> Callable[_P, _R]:
        @wraps(command)
        def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            try:
                return command(*args, **kwargs)
            except bad_input as error:
                raise BadInputError(str(error)) from None

        return run

    return around


def as_json(value: object) -> None:
    """Prints a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest entry, numbers to the right; see `cell`."""
    texts = [[cell(value) for value in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(head), *texts]) for index in range(len(head))]
    right = [is_numeric([row[index] for row in rows]) for index in range(len(head))]
    return "\n".join(_line(row, widths, right) for row in [head, *texts])


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = zip(row, widths, right, strict=True)
    return "  ".join(text.rjust(width) if end else text.ljust(width) for text, width, end in cells).rstrip()


def is_numeric(column: Sequence[object]) -> bool:
    """Whether a column holds numbers alone."""
    return bool(column) and all(
        isinstance(value, (int, float)) and not isinstance(value, bool) for value in column
    )


def cell(value: object) -> str:
    """A value as a table shows it: nothing for None, yes and no for booleans."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
