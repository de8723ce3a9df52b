"""What the commands of `tenancy kubeconfig` share: options, reading, and writing of what they made."""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import click

from kube.config import edit as documents
from kube.config import files
from kube.config.edit import KINDS, Document, Merged, Source
from kube.errors import KubeconfigError

_P = ParamSpec("_P")
_R = TypeVar("_R")
PATH = click.Path(path_type=Path, dir_okay=False)


class BadInput(click.ClickException):
    """A kubeconfig, or what was asked of it, is wrong."""

    exit_code = 2  # as for all of `tenancy`


def plain_errors(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """What is wrong with a kubeconfig is said in one line, without a traceback."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return command(*args, **kwargs)
        except KubeconfigError as error:
            raise BadInput(str(error)) from None

    return run


def output_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--output, --raw and --json."""
    options = (
        click.option(
            "--output", "-o", type=PATH, help="Write to this file (mode 0600) instead of the terminal."
        ),
        click.option("--raw", is_flag=True, help="Show keys and tokens when writing to the terminal."),
        click.option(
            "--json", "as_json", is_flag=True, help="Report what was done, without secrets, as JSON."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


input_option = click.option(
    "--kubeconfig",
    "inputs",
    type=PATH,
    multiple=True,
    help="The kubeconfig to read; may be repeated. [default: $KUBECONFIG, else ~/.kube/config]",
)


def finish(
    make: Callable[[], Merged],
    output: Path | None,
    raw: bool,
    as_json: bool,
) -> None:
    """Makes the document, with the output file locked where there is one, and shows or writes it."""
    if output is None:
        merged = make()
        shown = merged.document if raw else documents.redacted(merged.document)
        if as_json:
            print_json(report(merged, None, None))
        else:
            tell_conflicts(merged)
            click.echo(documents.dump(shown), nl=False)
        return
    with files.locked([output]):
        merged = make()
        backup = files.write(output, documents.dump(merged.document))
    if as_json:
        print_json(report(merged, output, backup))
        return
    tell_conflicts(merged)
    contexts = ", ".join(documents.names(merged.document, "context")) or "none"
    click.echo(f"wrote {output} with contexts: {contexts}" + (f"; the old one is {backup}" if backup else ""))


def report(merged: Merged, output: Path | None, backup: Path | None) -> dict[str, object]:
    """What was done, without secrets."""
    return {
        "written": str(output) if output else None,
        "backup": str(backup) if backup else None,
        "current-context": documents.current_context(merged.document),
        **{plural: documents.names(merged.document, kind) for kind, plural in KINDS.items()},
        "conflicts": [asdict(conflict) for conflict in merged.conflicts],
    }


def tell_conflicts(merged: Merged) -> None:
    """Says which entries were not taken, and what takes them."""
    for conflict in merged.conflicts:
        users = f" (contexts {', '.join(conflict.used_by)} now use the other)" if conflict.used_by else ""
        click.echo(
            f"not taken: {conflict.kind} {conflict.name!r} of {conflict.not_taken_from}, "
            f"which differs from that of {conflict.taken_from}{users}",
            err=True,
        )
    if merged.conflicts:
        click.echo(
            "To have both use --rename, to take the last one use --overwrite (merge, build).", err=True
        )


def print_json(report: object) -> None:
    """Prints a report for machines."""
    click.echo(json.dumps(report, indent=2))


def inputs_or_default(given: Sequence[Path]) -> list[Path]:
    """The files that were named, else those that kubectl would read."""
    return list(given) or files.default_paths(os.environ)


def shown(given: Sequence[Path]) -> str:
    """The files that are read, as a message names them."""
    return os.pathsep.join(map(str, inputs_or_default(given)))


def read_all(given: Sequence[Path], output: Path | None) -> Merged:
    """The inputs merged; of KUBECONFIG's files only those that exist, as for kubectl."""
    paths = [path for path in inputs_or_default(given) if given or path.exists()]
    if not paths:
        raise KubeconfigError(f"none of these kubeconfigs exists: {shown(given)}")
    return documents.merge([source(path) for path in paths], destination=folder(output))


def source(path: Path) -> Source:
    """A file, read."""
    return Source(str(path), documents.parse(files.read(path), str(path)), folder(path))


def folder(path: Path | None) -> Path | None:
    """The folder of a file."""
    return path.absolute().parent if path else None


def absolute(path: Path | None) -> str | None:
    """A path that is the same from anywhere."""
    return str(path.absolute()) if path else None


def given(body: Document) -> Document:
    """The fields that were given."""
    return {key: value for key, value in body.items() if value not in (None, False)}
