"""The `tenancy` command. Each subcommand is imported when it is called, so that it pays only for itself."""

from importlib import import_module
from typing import cast

import click

COMMANDS = {
    "access": ("automation.commands.access:access", "Reach a tenant's namespaces from a laptop."),
    "kubeconfig": ("automation.commands.kubeconfig:kubeconfig", "Build, merge and take apart kubeconfigs."),
    "preview": ("automation.commands.update:preview", "Show what an update would change."),
    "renew": (
        "automation.commands.renew:renew",
        "Issue the credentials that are due, and touch nothing else.",
    ),
    "up": ("automation.commands.update:up", "Make the cluster and GitHub what the files ask for."),
    "validate": ("automation.commands.validate:validate", "Check the files of stacks; needs no cluster."),
}
"""Name of a subcommand to where it is defined, `module:attribute`, and its line in the help."""

_EPILOG = """
Exit codes: 0 fine, 1 failed, 2 bad input, 3 drift or a pending change found.

Completion: eval "$(_TENANCY_COMPLETE=bash_source tenancy)", or zsh_source, or fish_source.
"""


class LazyGroup(click.Group):
    """A group whose subcommands stand in COMMANDS and are imported on use, not for a list of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of all subcommands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The subcommand itself; None where there is none of the name."""
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        return cast("click.Command", getattr(import_module(module), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of subcommands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in sorted(COMMANDS)])


@click.group(cls=LazyGroup, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gpu-tenancy", prog_name="tenancy")
def main() -> None:
    """Tenants of shared Kubernetes GPU clusters: check, preview, apply, watch over."""


if __name__ == "__main__":
    main()
