"""What of the engine's diagnostics becomes a warning of the command."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

from pulumi import automation as auto

from automation.stacks import preview

AMBIENT = "using pulumi-resource-tls from $PATH at /usr/local/bin/pulumi-resource-tls\n"


class Engine:
    """A stack whose preview emits diagnostics."""

    name = "dev"

    def __init__(self, *diagnostics: tuple[str, str]) -> None:
        self._diagnostics = diagnostics

    def preview(self, *, on_event: Callable[[Any], None], **options: object) -> None:
        for severity, message in self._diagnostics:
            diagnostic = SimpleNamespace(severity=severity, message=message)
            on_event(SimpleNamespace(resource_pre_event=None, diagnostic_event=diagnostic))


def warnings(*diagnostics: tuple[str, str]) -> list[str]:
    return preview(cast("auto.Stack", Engine(*diagnostics)), say=None).warnings


def test_where_a_plugin_was_found_is_no_warning() -> None:
    """The engine warns so of each plugin on PATH, nine times in a run; it says nothing of the tenancy."""
    assert warnings(("warning", AMBIENT), ("warning", "No network floor: there is no Calico\n")) == [
        "No network floor: there is no Calico"
    ]


def test_other_severities_are_none_either() -> None:
    assert warnings(("info", "fine"), ("warning", "take care of $PATH"), ("debug", "x")) == [
        "take care of $PATH"
    ]
