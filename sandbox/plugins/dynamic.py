"""Stand-in for pulumi-resource-pulumi-python: the SDK's dynamic provider host in the program's environment.

The official plugin is a shell script around `python -u -m pulumi.dynamic`; the engine tells which virtual
environment the program has in PULUMI_RUNTIME_VIRTUALENV (Pulumi.yaml, runtime.options.virtualenv).
"""

import os
import runpy
import sys
from pathlib import Path

from sandbox.plugins.serving import end_with_parent


def main() -> None:
    """Becomes the dynamic provider host."""
    environment = os.environ.get("PULUMI_RUNTIME_VIRTUALENV")
    if environment and Path(environment).resolve() != Path(sys.prefix).resolve():
        _replace_by(Path(environment).absolute() / "bin" / "python")
    end_with_parent()
    # As `-m` does: providers are unpickled by the name of their module, which is found beside the program.
    sys.path.insert(0, str(Path.cwd()))
    runpy.run_module("pulumi.dynamic", run_name="__main__", alter_sys=True)


def _replace_by(python: Path) -> None:
    if not python.is_file():
        sys.exit(
            f"runtime.options.virtualenv in Pulumi.yaml names {python.parent.parent}, "
            "which is no virtual environment"
        )
    os.execv(python, [str(python), "-u", "-m", "pulumi.dynamic", *sys.argv[1:]])  # noqa: S606 (no shell is right)


if __name__ == "__main__":
    main()
