"""Where the project is, and which of its stacks a command is about."""

import subprocess
from pathlib import Path

import click

from model.layout import stacks


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
    """The stacks that were asked for, each once; else the selected one, else the only one.

    Raises click.UsageError.
    """
    known = stacks(root)
    _refuse_unknown(names, known)
    if names:
        return tuple(dict.fromkeys(names))
    if len(known) == 1:
        return known
    selected = _selected(root)
    if selected in known:
        return (selected,)
    if not known:
        raise click.UsageError("there are no stacks; a stack is a Pulumi.<stack>.yaml and tenants/<stack>/")
    raise click.UsageError(f"which stack? --stack is one of: {', '.join(known)}; or set TENANCY_STACK")


def choose_or_all(root: Path, names: tuple[str, ...]) -> tuple[str, ...]:
    """The stacks that were asked for, each once; else all of them. Raises click.UsageError."""
    known = stacks(root)
    _refuse_unknown(names, known)
    if not known:
        raise click.UsageError("there are no stacks; a stack is a Pulumi.<stack>.yaml and tenants/<stack>/")
    return tuple(dict.fromkeys(names or known))


def chosen(stack: str | None) -> tuple[Path, str]:
    """The project's folder and one stack: the one asked for, else as `choose`. Raises click.UsageError."""
    folder = root()
    (name,) = choose(folder, (stack,) if stack else ())
    return folder, name


def tenant_file(root: Path, stack: str, tenant: str) -> Path:
    """The file of a tenant. Raises click.UsageError where the stack has none of the name."""
    path = root / "tenants" / stack / f"{tenant}.yaml"
    known = tenants(root, stack)
    if tenant not in known:
        raise click.UsageError(
            f"stack {stack!r} has no tenant {tenant!r}; it has: {', '.join(known) or 'none'}"
        )
    return path


def tenants(root: Path, stack: str) -> tuple[str, ...]:
    """The names of a stack's tenants, by their files."""
    return tuple(sorted(path.stem for path in (root / "tenants" / stack).glob("*.yaml") if path.is_file()))


def complete_stack(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of stacks for the shell to complete."""
    try:
        return [name for name in stacks(root()) if name.startswith(incomplete)]
    except click.UsageError:
        return []


def complete_tenant(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of tenants for the shell to complete: of the stack given before, else of all stacks."""
    try:
        folder = root()
    except click.UsageError:
        return []
    given: str | None = context.params.get("stack")
    found = {name for stack in ([given] if given else stacks(folder)) for name in tenants(folder, stack)}
    return sorted(name for name in found if name.startswith(incomplete))


def _refuse_unknown(names: tuple[str, ...], known: tuple[str, ...]) -> None:
    for name in names:
        if name not in known:
            raise click.UsageError(f"there is no stack {name!r}; known: {', '.join(known) or 'none'}")


def _selected(root: Path) -> str | None:
    """The stack of `pulumi stack select`; None without one, or without the CLI or its backend."""
    try:
        done = subprocess.run(
            ["pulumi", "stack", "--show-name", "--non-interactive"],
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
