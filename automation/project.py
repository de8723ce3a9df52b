"""Where the project is, and which stacks it has."""

from pathlib import Path

import click

from model import stacks


def root() -> Path:
    """The nearest folder at or above the working directory that holds Pulumi.yaml.

    Raises click.UsageError where there is none.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "Pulumi.yaml").is_file():
            return folder
    raise click.UsageError(f"there is no Pulumi.yaml in {here} or above; go to the project's folder")


def choose(root: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """The stacks that were asked for, each once, or the only one. Raises click.UsageError."""
    known = stacks(root)
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no stack {name!r}; known: {', '.join(known) or 'none'}")
    if not names and len(known) != 1:
        raise click.UsageError(f"which stack? --stack is one of: {', '.join(known)}")
    return tuple(dict.fromkeys(names or known))


def names(root: Path) -> tuple[str, ...]:
    """The names of all stacks of the project."""
    return stacks(root)


def complete_stack(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of stacks for the shell to complete."""
    try:
        return [name for name in stacks(root()) if name.startswith(incomplete)]
    except click.UsageError:
        return []
