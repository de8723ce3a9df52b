"""The project's own program, as a language host runs it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

RUN = """
import os, runpy, signal, sys
import {where}
def interrupt(*args, **kwargs):
    os.kill(os.getpid(), signal.SIGINT)
{where} = interrupt
runpy.run_path("__main__.py", run_name="__main__")
"""


@pytest.mark.parametrize("where", ["pulumi.Config", "model.load"])
def test_an_interrupt_ends_it_without_a_word(where: str) -> None:
    """The official language host interrupts the program when the engine gives up on an update."""
    module, _, _ = where.partition(".")
    code = RUN.replace("import {where}", f"import {module}").format(where=where)
    if where == "model.load":
        code = f"import pulumi\npulumi.Config.require_object = lambda *_: {{}}\n{code}"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, "")
