"""`tenancy preview` and `tenancy up`: what would change, and changing it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from automation import cluster_check, loading, output, plain, project
from automation.commands.shared import json_option, stacks_option
from automation.errors import BAD_INPUT, FAILED, PENDING, TenancyError
from model import Problem


def _options(command: Callable[..., None]) -> Callable[..., None]:
    refresh = click.option(
        "--refresh", is_flag=True, help="Compare with the cluster and GitHub, not only with the state."
    )
    return stacks_option(json_option(refresh(command)))


@click.command()
@_options
@click.pass_context
def preview(context: click.Context, names: tuple[str, ...], as_json: bool, refresh: bool) -> None:
    """Show what an update would change. Exits with 3 where something would."""
    outcomes = _each(context, names, as_json, "preview", refresh=refresh)
    if any(outcome["changes"] for outcome in outcomes):
        context.exit(PENDING)


@click.command()
@_options
@click.pass_context
def up(context: click.Context, names: tuple[str, ...], as_json: bool, refresh: bool) -> None:
    """Make the cluster and GitHub what the files ask for."""
    _each(context, names, as_json, "up", refresh=refresh)


def _each(
    context: click.Context, names: tuple[str, ...], as_json: bool, operation: str, *, refresh: bool
) -> list[dict[str, Any]]:
    root = project.root()
    chosen = project.choose(root, names)
    _report_invalid(context, root, chosen)
    reports = [_one(root, name, operation, refresh=refresh, quiet=as_json) for name in chosen]
    if as_json:
        plain.as_json({"stacks": reports})
    if any(report["error"] for report in reports):
        context.exit(FAILED)
    return reports


def _report_invalid(context: click.Context, root: Path, names: tuple[str, ...]) -> None:
    """Ends the command with all problems of the stacks' files, before anything is touched."""
    problems = [problem for name in names for problem in _problems(root, name)]
    if problems:
        click.echo("\n".join(str(problem) for problem in problems), err=True)
        context.exit(BAD_INPUT)


def _problems(root: Path, name: str) -> tuple[Problem, ...]:
    found = loading.check(root, name)
    return found if isinstance(found, tuple) else ()


def _one(root: Path, name: str, operation: str, *, refresh: bool, quiet: bool) -> dict[str, Any]:
    """Runs one stack's operation; a failure is part of the report, so that the others still run."""
    from automation import stacks as engine  # the Automation API takes a second to import

    say: Callable[[str], None] | None = None if quiet else click.echo
    try:
        stack = engine.open_stack(root, name, create=operation == "up")
        cluster_check.check(loading.loaded(root, name).cluster, engine.kubeconfig(stack))
        run = engine.up if operation == "up" else engine.preview
        outcome = run(stack, say=say, refresh=refresh)
        if operation == "up" and not quiet:
            _show_tenants(engine.outputs(stack))
    except TenancyError as failed:
        click.echo(f"{name}: {failed}", err=True)
        return {"stack": name, "error": str(failed), "changes": {}, "steps": [], "warnings": []}
    return {
        "stack": name,
        "error": None,
        "changes": outcome.changes,
        "steps": outcome.steps,
        "warnings": outcome.warnings,
    }


def _show_tenants(outputs: dict[str, Any]) -> None:
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
    output.show_table(("TENANT", "STATE", "PROFILE", "NAMESPACES", "ACCELERATORS", "REPOSITORY"), rows)
