"""Where the `tenancy` command begins."""

from automation.cli import main

__all__ = ["main"]
