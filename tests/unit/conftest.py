"""What keeps this tier fast: no test opens a port or starts a program other than Python and git."""

import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_PROGRAMS = ("python", "git")
_running: list[str] = []


class NotAUnitTestError(Exception):
    """A test belongs in tests/integration."""


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """An audit hook: raises where a unit test, or a fixture of one, does what this tier does not do."""
    if not _running:
        return
    if event == "socket.bind" and isinstance(arguments[1], tuple):
        raise NotAUnitTestError(f"{_running[-1]} opens a port: move it to tests/integration")
    if event == "os.system" or (event == "subprocess.Popen" and not _is_allowed(arguments[0])):
        raise NotAUnitTestError(
            f"{_running[-1]} starts {os.fsdecode(arguments[0])}: move it to tests/integration"
        )


def _is_allowed(program: Any) -> bool:
    return os.path.basename(os.fsdecode(program)).startswith(_PROGRAMS)  # noqa: PTH119 - may be bytes


sys.addaudithook(_watch)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    if Path(__file__).parent not in item.path.parents:
        return (yield)
    _running.append(item.nodeid)
    try:
        return (yield)
    finally:
        _running.pop()
