"""`tenancy validate`: every error of every file of a stack, without a cluster."""

from dataclasses import asdict
from pathlib import Path

import click

from automation import output, project
from model import InvalidConfiguration, Problem, Stack, granted, load, stacks


@click.command()
@click.option(
    "--stack",
    "names",
    multiple=True,
    shell_complete=project.complete_stack,
    help="Stack to check; may be repeated. All of them where none is given.",
)
@click.option("--json", "json_output", is_flag=True, help="Print a report for machines.")
@click.option("-v", "--verbose", is_flag=True, help="Also print what is granted of each accelerator.")
@click.pass_context
def validate(context: click.Context, names: tuple[str, ...], json_output: bool, verbose: bool) -> None:
    """Check cluster, profiles and tenants of stacks, and report all that is wrong at once."""
    root = project.root()
    chosen = names or stacks(root)
    if not chosen:
        raise click.UsageError("there are no stacks; a stack is a Pulumi.<stack>.yaml and tenants/<stack>/")
    results = {name: _check(root, name) for name in dict.fromkeys(chosen)}
    if json_output:
        output.as_json({"stacks": [_report(name, result) for name, result in results.items()]})
    else:
        for name, result in results.items():
            _print(name, result, verbose=verbose)
    if any(not isinstance(result, Stack) for result in results.values()):
        context.exit(output.BAD_INPUT)


def _check(root: Path, name: str) -> Stack | tuple[Problem, ...]:
    try:
        return load(root, name)
    except InvalidConfiguration as error:
        return error.problems


def _print(name: str, result: Stack | tuple[Problem, ...], *, verbose: bool) -> None:
    if not isinstance(result, Stack):
        for problem in result:
            click.echo(problem, err=True)
        click.echo(f"{name}: {_number(len(result), 'problem')}", err=True)
        return
    accelerators = result.cluster.accelerators
    kinds = _number(len(accelerators), "kind")
    click.echo(f"{name}: {_number(len(result.tenants), 'tenant')}, {kinds} of accelerators, fine")
    if verbose and accelerators:
        rows = [
            (key, sum(shares.values()), accelerators[key].total, ", ".join(shares))
            for key, shares in _shares(result).items()
        ]
        click.echo(output.table(("accelerator", "granted", "total", "tenants"), rows))


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _shares(stack: Stack) -> dict[str, dict[str, int]]:
    """Who has how many, by catalogue key."""
    return {key: granted(stack.tenants, key) for key in stack.cluster.accelerators}


def _report(name: str, result: Stack | tuple[Problem, ...]) -> dict[str, object]:
    if not isinstance(result, Stack):
        return {"stack": name, "valid": False, "problems": [asdict(problem) for problem in result]}
    catalogue = result.cluster.accelerators
    return {
        "stack": name,
        "valid": True,
        "problems": [],
        "tenants": [tenant.name for tenant in result.tenants],
        "accelerators": {
            key: {"granted": sum(shares.values()), "total": catalogue[key].total, "tenants": shares}
            for key, shares in _shares(result).items()
        },
    }
