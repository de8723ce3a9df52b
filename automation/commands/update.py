"""`tenancy preview` and `tenancy up`: what would change, and changing it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from automation import output, project
from model import InvalidConfiguration, load


def _options(command: Callable[..., None]) -> Callable[..., None]:
    stack = click.option(
        "--stack",
        "names",
        multiple=True,
        shell_complete=project.complete_stack,
        help="Stack to work on; may be repeated. May be left out where there is only one.",
    )
    json = click.option("--json", "json_output", is_flag=True, help="Print a report for machines.")
    refresh = click.option(
        "--refresh", is_flag=True, help="Compare with the cluster and GitHub, not only with the state."
    )
    return stack(json(refresh(command)))


@click.command()
@_options
@click.pass_context
def preview(context: click.Context, names: tuple[str, ...], json_output: bool, refresh: bool) -> None:
    """Show what an update would change. Exits with 3 where something would."""
    outcomes = _each(context, names, json_output, "preview", refresh=refresh)
    if any(outcome["changes"] for outcome in outcomes):
        context.exit(output.PENDING)


@click.command()
@_options
@click.pass_context
def up(context: click.Context, names: tuple[str, ...], json_output: bool, refresh: bool) -> None:
    """Make the cluster and GitHub what the files ask for."""
    _each(context, names, json_output, "up", refresh=refresh)


def _each(
    context: click.Context, names: tuple[str, ...], json_output: bool, operation: str, *, refresh: bool
) -> list[dict[str, Any]]:
    root = project.root()
    chosen = project.choose(root, names)
    report_invalid(context, root, chosen)
    reports = [_one(root, name, operation, refresh=refresh, quiet=json_output) for name in chosen]
    if json_output:
        output.as_json({"stacks": reports})
    if any(report["error"] for report in reports):
        context.exit(output.FAILED)
    return reports


def report_invalid(context: click.Context, root: Path, names: tuple[str, ...]) -> None:
    """Ends the command with all problems of the stacks' files, before anything is touched."""
    problems = [problem for name in names for problem in _problems(root, name)]
    if problems:
        click.echo("\n".join(problems), err=True)
        context.exit(output.BAD_INPUT)


def _problems(root: Path, name: str) -> list[str]:
    try:
        load(root, name)
    except InvalidConfiguration as error:
        return [str(problem) for problem in error.problems]
    return []


def _one(root: Path, name: str, operation: str, *, refresh: bool, quiet: bool) -> dict[str, Any]:
    """Runs one stack's operation; a failure is part of the report, so that the others still run."""
    from automation import stacks as engine  # the Automation API takes a second to import

    say: Callable[[str], None] | None = None if quiet else click.echo
    try:
        stack = engine.open_stack(root, name, create=operation == "up")
        run = engine.up if operation == "up" else engine.preview
        outcome = run(stack, say=say, refresh=refresh)
        if operation == "up" and not quiet:
            click.echo(tenants_table(engine.outputs(stack)))
    except engine.StackFailed as failed:
        click.echo(f"{name}: {failed}", err=True)
        return {"stack": name, "error": str(failed), "changes": {}, "steps": [], "warnings": []}
    return {
        "stack": name,
        "error": None,
        "changes": outcome.changes,
        "steps": outcome.steps,
        "warnings": outcome.warnings,
    }


def tenants_table(outputs: dict[str, Any]) -> str:
    """The tenants of a stack's outputs, a line each."""
    rows = [
        (
            name,
            tenant["state"],
            tenant["profile"],
            ", ".join(tenant["namespaces"]),
            ", ".join(f"{count} {key}" for key, count in tenant["accelerators"].items()) or "none",
            tenant["repository"] or "",
        )
        for name, tenant in sorted(outputs.get("tenants", {}).items())
    ]
    return output.table(("TENANT", "STATE", "PROFILE", "NAMESPACES", "ACCELERATORS", "REPOSITORY"), rows)
