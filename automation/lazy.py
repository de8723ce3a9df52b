"""Groups of commands that import a command when it is called, and one way to say what went wrong."""

import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NoReturn, cast

import click

from automation import plain
from automation.errors import FAILED, TenancyError


class LazyGroup(click.Group):
    """A group whose commands are named here and live elsewhere.

    `commands_at` maps a name to `module:attribute`, the module relative to `package`, and to its line in the
    help, which is shown without importing anything. With --json among the arguments an error is printed as
    JSON too: {"error", "exit_code"}.
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

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        """Runs the command; as a program it ends with the exit code of the error, which it says in a line."""
        if not options.pop("standalone_mode", True):
            return super().main(args, *rest, standalone_mode=False, **options)
        given = list(sys.argv[1:] if args is None else args)
        try:
            code = super().main(given, *rest, standalone_mode=False, **options)
        except TenancyError as error:
            _end(given, str(error), error.exit_code)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except click.ClickException as error:
            _end(given, error.format_message(), error.exit_code, error)
        except click.Abort:
            _end(given, "stopped", FAILED)
        sys.exit(code if isinstance(code, int) else 0)


def _end(
    given: Sequence[str], message: str, code: int, shown: click.ClickException | None = None
) -> NoReturn:
    if "--json" in given:
        plain.as_json({"error": message, "exit_code": code})
    if shown is not None:
        shown.show()
    else:
        click.echo(f"Error: {message}", err=True)
    sys.exit(code)
