"""Tables that fit the terminal; plain columns where there is none, which scripts can cut."""

import sys
from collections.abc import Sequence

import click

from automation import plain

Rows = Sequence[Sequence[object]]


def show_table(head: Sequence[str], rows: Rows) -> None:
    """Prints a table to standard output; numbers stand to the right. NO_COLOR is honoured."""
    if sys.stdout.isatty():
        _draw(head, rows)
    else:
        click.echo(plain.table(head, rows))


def _draw(head: Sequence[str], rows: Rows) -> None:
    # Only people wait for the import.
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, title in enumerate(head):
        numbers = plain.is_numeric([row[index] for row in rows])
        table.add_column(title, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(plain.cell(value)) for value in row))
    Console(highlight=False).print(table)
