"""What a command says in one line, and the exit code that goes with it."""

from typing import ClassVar

FAILED = 1
"""Exit code of every command that could not do its work."""
BAD_INPUT = 2
"""Exit code of every command whose input is wrong."""
PENDING = 3
"""Exit code where drift or a pending change was found."""


class TenancyError(Exception):
    """An error that people are to understand: its message is printed, without a traceback."""

    exit_code: ClassVar[int] = FAILED


class BadInputError(TenancyError):
    """What was given is wrong; nothing was changed."""

    exit_code: ClassVar[int] = BAD_INPUT
