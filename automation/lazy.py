"""Groups of commands that import a command when it is called, so that each pays only for itself."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

import click


class LazyGroup(click.Group):
    """A group whose commands are named here and live elsewhere.

    `commands_at` maps a name to `module:attribute`, the module relative to `package`, and to its line in the
    help, which is shown without importing anything.
    """

    def __init__(
        self, *args: Any, package: str | None, commands_at: Mapping[str, tuple[str, str]], **attributes: Any
    ) -> None:
        super().__init__(*args, **attributes)
        self._package = package
        self._commands_at = commands_at

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The names of all commands."""
        return sorted(self._commands_at)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command itself; None where there is none of the name."""
        if cmd_name not in self._commands_at:
            return None
        module, _, attribute = self._commands_at[cmd_name][0].partition(":")
        return cast("click.Command", getattr(import_module(module, self._package), attribute))

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The list of commands in the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, told) for name, (_, told) in sorted(self._commands_at.items())])
