"""The `tenancy` command."""

import click

from automation.lazy import LazyGroup

COMMANDS = {
    "access": (".commands.access:access", "Reach a tenant's namespaces from a laptop."),
    "kubeconfig": (".commands.kubeconfig:kubeconfig", "Build, merge and take apart kubeconfigs."),
    "preview": (".commands.update:preview", "Show what an update would change."),
    "renew": (".commands.renew:renew", "Issue the credentials that are due, and touch nothing else."),
    "up": (".commands.update:up", "Make the cluster and GitHub what the files ask for."),
    "validate": (".commands.validate:validate", "Check the files of stacks; needs no cluster."),
}
"""Name of a command to where it is defined, and its line in the help."""

_EPILOG = """
Exit codes: 0 fine, 1 failed, 2 bad input, 3 drift or a pending change found.

Completion: eval "$(_TENANCY_COMPLETE=bash_source tenancy)", or zsh_source, or fish_source.
"""


@click.group(
    cls=LazyGroup,
    package=__package__,
    commands_at=COMMANDS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="gpu-tenancy", prog_name="tenancy")
def main() -> None:
    """Tenants of shared Kubernetes GPU clusters: check, preview, apply, watch over."""


if __name__ == "__main__":
    main()
