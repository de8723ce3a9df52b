"""The laptop's wheel: the same sources as the other one, less what needs Pulumi."""

import shutil
import sys
from pathlib import Path

from setuptools.command.build_py import build_py

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT))

from distributions.rewrite import rewritten  # noqa: E402 - found by the line above

TOP = "gpu_tenancy_laptop"
# Where the packages come from, and what each does without.
PACKAGES = {
    "automation": ("from_stack.py", "output.py", "stacks.py", "renew.py", "update.py", "validate.py"),
    "kube": (),
    "model": (),
}


class BuildPy(build_py):
    """Builds the face as usual, and puts the packages beside it."""

    def run(self) -> None:
        """Copies, and rewrites the imports of what it copied."""
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        top = Path(self.build_lib) / TOP
        for package, without in PACKAGES.items():
            ignored = shutil.ignore_patterns("__pycache__", *without)
            shutil.copytree(CHECKOUT / package, top / package, ignore=ignored)
        for path in top.rglob("*.py"):
            path.write_text(
                rewritten(path.read_text(encoding="utf-8"), TOP, name=str(path)), encoding="utf-8"
            )
