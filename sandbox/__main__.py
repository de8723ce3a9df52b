"""`python -m sandbox`, also with a Python that lacks the packages: that of `.venv` then takes over."""

import os
import sys
from pathlib import Path

_VENV = Path(__file__).parent.parent / ".venv"

try:
    from sandbox.cli import main
except ModuleNotFoundError as missing:
    python = _VENV / "bin" / "python"
    if Path(sys.prefix) == _VENV.resolve() or not python.exists():
        sys.exit(f"the package {missing.name} is not installed: run `make up`, which makes {_VENV}")
    os.execv(python, [str(python), "-m", "sandbox", *sys.argv[1:]])  # noqa: S606 - our own Python

if __name__ == "__main__":
    main(prog_name="python -m sandbox")
