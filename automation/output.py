"""What commands print: tables for people, JSON for machines."""

import json
from collections.abc import Sequence

import click

FAILED = 1
"""Exit code of every command that could not do its work."""
PENDING = 3
"""Exit code where drift or a pending change was found."""
BAD_INPUT = 2
"""Exit code of every command whose input is wrong."""


def as_json(value: object) -> None:
    """Prints a value as JSON."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Columns as wide as their widest entry; numbers to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(head), *texts]) for index in range(len(head))]
    lines = [_line(head, head, widths)]
    lines += [_line(text, row, widths) for text, row in zip(texts, rows, strict=True)]
    return "\n".join(lines)


def _line(text: Sequence[str], cells: Sequence[object], widths: Sequence[int]) -> str:
    parts = [
        word.rjust(width) if isinstance(cell, (int, float)) else word.ljust(width)
        for word, cell, width in zip(text, cells, widths, strict=True)
    ]
    return "  ".join(parts).rstrip()
