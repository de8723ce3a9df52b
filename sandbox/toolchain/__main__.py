"""`python -m sandbox.toolchain [NAME…]`: have the sandbox's programs at hand, and show where they are."""

import click

from sandbox.toolchain import ToolchainError, ensure
from sandbox.toolchain.catalogue import CATALOGUE


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("names", nargs=-1)
def main(names: tuple[str, ...]) -> None:
    """Find or build the programs of the sandbox: those of NAMES, or all."""
    try:
        found = ensure(names or CATALOGUE)
    except ToolchainError as error:
        raise click.ClickException(str(error)) from None
    for name, path in found.items():
        click.echo(f"{name}\t{path}")


if __name__ == "__main__":
    main(prog_name="python -m sandbox.toolchain")
