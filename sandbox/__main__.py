"""`python -m sandbox`, also with a Python that has none of the packages: that of `.venv` then takes over."""

import importlib.util
import os
import sys
from pathlib import Path

_VENV_PYTHON = Path(__file__).parent.parent / ".venv" / "bin" / "python"

if importlib.util.find_spec("click") is None:
    if not _VENV_PYTHON.exists():
        sys.exit("the sandbox's packages are not installed: run `make up`, which makes .venv")
    os.execv(_VENV_PYTHON, [str(_VENV_PYTHON), "-m", "sandbox", *sys.argv[1:]])  # noqa: S606 - our own Python

from sandbox.cli import main  # noqa: E402 - only where its packages are

if __name__ == "__main__":
    main(prog_name="python -m sandbox")
