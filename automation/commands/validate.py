"""`tenancy validate`: every error of every file of a stack, without a cluster."""

import click

from automation import loading, output, plain, project
from automation.commands.shared import all_stacks_option, json_option
from automation.errors import BAD_INPUT
from automation.loading import Loaded
from model import Stack, granted


@click.command()
@all_stacks_option
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Also print what is granted of each accelerator.")
@click.pass_context
def validate(context: click.Context, names: tuple[str, ...], as_json: bool, verbose: bool) -> None:
    """Check cluster, profiles and tenants of stacks, and report all that is wrong at once.

    \b
      tenancy validate                     all stacks of the project
      tenancy validate --stack gpu -v      one, and who was granted how many accelerators
    """
    root = project.root()
    results = loading.check_all(root, project.choose_or_all(root, names))
    if as_json:
        plain.as_json({"stacks": [_report(name, result) for name, result in results.items()]})
    else:
        for name, result in results.items():
            _print(name, result, verbose=verbose)
    if any(not isinstance(result, Stack) for result in results.values()):
        context.exit(BAD_INPUT)


def _print(name: str, result: Loaded, *, verbose: bool) -> None:
    if not isinstance(result, Stack):
        for problem in result:
            click.echo(problem, err=True)
        click.echo(f"{name}: {_number(len(result), 'problem')}", err=True)
        return
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    accelerators = result.cluster.accelerators
    kinds = _number(len(accelerators), "kind")
    click.echo(f"{name}: {_number(len(result.tenants), 'tenant')}, {kinds} of accelerators, fine")
    if verbose and accelerators:
        rows = [
            (key, sum(shares.values()), accelerators[key].total, ", ".join(shares))
            for key, shares in _shares(result).items()
        ]
        output.show_table(("accelerator", "granted", "total", "tenants"), rows)


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _shares(stack: Stack) -> dict[str, dict[str, int]]:
    """Who has how many, by catalogue key."""
    return {key: granted(stack.tenants, key) for key in stack.cluster.accelerators}


def _report(name: str, result: Loaded) -> dict[str, object]:
    if not isinstance(result, Stack):
        return {"stack": name, "valid": False, "problems": loading.as_data(result)}
    catalogue = result.cluster.accelerators
    return {
        "stack": name,
        "valid": True,
        "problems": [],
        "warnings": loading.as_data(result.warnings),
        "tenants": [tenant.name for tenant in result.tenants],
        "accelerators": {
            key: {"granted": sum(shares.values()), "total": catalogue[key].total, "tenants": shares}
            for key, shares in _shares(result).items()
        },
    }
