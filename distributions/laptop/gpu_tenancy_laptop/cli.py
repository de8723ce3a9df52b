"""The commands of `tenancy` that a laptop needs, also as `kubectl tenancy`."""

import click

from automation import cli
from automation.lazy import LazyGroup


@click.group(
    cls=LazyGroup,
    package=cli.__package__,
    commands_at={name: cli.COMMANDS[name] for name in ("access", "kubeconfig")},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="gpu-tenancy-laptop", prog_name="tenancy")
def main() -> None:
    """Reach a tenant's namespaces from a laptop, and keep kubeconfigs in order."""
