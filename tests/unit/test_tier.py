"""The guard of this tier."""

import socket
import subprocess
import sys

import pytest

from tests.unit.conftest import NotAUnitTestError


def test_a_port_is_refused() -> None:
    with socket.socket() as listener, pytest.raises(NotAUnitTestError, match="opens a port"):
        listener.bind(("127.0.0.1", 0))


@pytest.mark.parametrize("command", [["true"], [b"/bin/true"]])
def test_a_program_is_refused(command: list[str] | list[bytes]) -> None:
    with pytest.raises(NotAUnitTestError, match=r"starts .*true"):
        subprocess.run(command, check=True)


def test_a_shell_is_refused() -> None:
    with pytest.raises(NotAUnitTestError, match="starts /bin/sh"):
        subprocess.run("true", shell=True, check=True)


def test_python_is_not() -> None:
    subprocess.run([sys.executable, "-c", ""], check=True)
