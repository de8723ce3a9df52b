"""The options that the commands share. Errors: see `automation.errors` and `plain.reporting`."""

import click

from automation import project

STACK_VARIABLE = "TENANCY_STACK"

json_option = click.option("--json", "as_json", is_flag=True, help="Print a report for machines.")

stack_option = click.option(
    "--stack",
    envvar=STACK_VARIABLE,
    shell_complete=project.complete_stack,
    help="The cluster's stack. [default: $TENANCY_STACK, else the one selected, else the only one]",
)
"""One stack, as `stack`: hand it to `project.chosen`."""

stacks_option = click.option(
    "--stack",
    "names",
    multiple=True,
    envvar=STACK_VARIABLE,
    shell_complete=project.complete_stack,
    help="Stack; may be repeated. [default: $TENANCY_STACK, else the one selected, else the only one]",
)
"""Some stacks, as `names`: hand them to `project.choose`."""

all_stacks_option = click.option(
    "--stack",
    "names",
    multiple=True,
    envvar=STACK_VARIABLE,
    shell_complete=project.complete_stack,
    help="Stack; may be repeated. [default: $TENANCY_STACK, else all of them]",
)
"""Some stacks, as `names`: hand them to `project.choose_or_all`."""
