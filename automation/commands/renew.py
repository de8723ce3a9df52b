"""`tenancy renew`: issue what is due, and touch nothing else."""

from collections.abc import Callable
from typing import Any

import click

from automation import loading, plain, project
from automation.commands.shared import all_stacks_option, json_option
from automation.errors import BAD_INPUT, FAILED, PENDING, BadInputError


@click.command()
@all_stacks_option
@click.option("--dry-run", is_flag=True, help="Only tell what is due; exits with 3 where something is.")
@json_option
@click.pass_context
def renew(context: click.Context, names: tuple[str, ...], dry_run: bool, as_json: bool) -> None:
    """Renew the credentials whose window is open, in all stacks. Meant for a daily run.

    Other pending changes, such as a tenant that was added meanwhile, wait for the next `tenancy up`. A stack
    that fails, or whose files are wrong, stops no other stack; one that was never applied is left out, unless
    --stack names it.
    """
    chosen = project.choose_or_all(project.root(), names)
    reports = [_one(name, dry_run=dry_run, quiet=as_json, must_exist=name in names) for name in chosen]
    if as_json:
        plain.as_json({"stacks": reports})
    if any(report["error"] and report["valid"] for report in reports):
        context.exit(FAILED)
    if not all(report["valid"] for report in reports):
        context.exit(BAD_INPUT)
    if dry_run and any(report["due"] for report in reports):
        context.exit(PENDING)


def _one(name: str, *, dry_run: bool, quiet: bool, must_exist: bool) -> dict[str, Any]:
    from automation import stacks as engine  # the Automation API takes a second to import

    say: Callable[[str], None] = (lambda _: None) if quiet else click.echo
    report: dict[str, Any] = {"stack": name, "valid": True, "error": None, "due": [], "renewed": False}
    try:
        loading.loaded(project.root(), name)
        stack = engine.open_stack(project.root(), name)
        targets = engine.credential_targets(stack)
        if not targets:
            say(f"{name}: no credentials")
            return report
        plan = engine.preview(stack, say=None, targets=targets)
        report["due"] = plan.steps
        say(f"{name}: {len(plan.steps)} changes due" if plan.changed else f"{name}: nothing is due")
        for step in plan.steps:
            *_, kind, resource = step["urn"].split("::")
            say(f"  {step['op']:20} {resource}  ({kind.rpartition('$')[2]})")
        if plan.changed and not dry_run:
            engine.up(stack, say=None, targets=targets)
            report["renewed"] = True
            say(f"{name}: renewed")
    except engine.StackMissingError as missing:
        if must_exist:
            return _failed(report, missing)
        say(f"{name}: never applied, so there is nothing to renew")
    except BadInputError as invalid:
        return _failed({**report, "valid": False}, invalid)
    except engine.StackError as failed:
        return _failed(report, failed)
    return report


def _failed(report: dict[str, Any], error: Exception) -> dict[str, Any]:
    click.echo(f"{report['stack']}: {error}", err=True)
    return {**report, "error": str(error)}
