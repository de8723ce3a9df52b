"""A wheel has one top-level package: first-party imports are rewritten, and the packages moved into it.

In the checkout `model`, `kube` and the others stand side by side; in somebody's site-packages such names
would break other people's programs (docs/decisions/0010).
"""

import ast
import re
import shutil
from pathlib import Path

from setuptools.command.build_py import build_py

TOP = "gpu_tenancy"
PACKAGES = ("automation", "components", "kube", "model")


class RewriteError(Exception):
    """An import statement of a form that is not rewritten."""


def rewritten(source: str, top: str = TOP, packages: tuple[str, ...] = PACKAGES, name: str = "") -> str:
    """The source with `top.` before every first-party module that it imports; all else stays as it is.

    Raises RewriteError for `import model.names` and for several modules in one statement.
    """
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and _is_ours(node.module, node.level, packages):
            _replace(lines, node, r"from\s+", rf"\g<0>{top}.")
        elif isinstance(node, ast.Import) and any(_is_ours(each.name, 0, packages) for each in node.names):
            if len(node.names) > 1 or "." in node.names[0].name:
                raise RewriteError(f"{name}:{node.lineno}: write 'from … import …'; this is not rewritten")
            _replace(lines, node, r"import\s+", rf"from {top} \g<0>")
    return "".join(lines)


def _is_ours(module: str | None, level: int, packages: tuple[str, ...]) -> bool:
    return level == 0 and module is not None and module.partition(".")[0] in packages


def _replace(lines: list[str], node: ast.stmt, pattern: str, by: str) -> None:
    line = lines[node.lineno - 1].encode()
    start, rest = line[: node.col_offset].decode(), line[node.col_offset :].decode()
    lines[node.lineno - 1] = start + re.sub(pattern, by, rest, count=1)


class BuildPy(build_py):
    """Builds as usual, then moves the packages into the one top-level package."""

    def run(self) -> None:
        """An editable install is left alone: the checkout has its own names."""
        if self.editable_mode:
            super().run()
            return
        shutil.rmtree(self.build_lib, ignore_errors=True)
        super().run()
        root = Path(self.build_lib)
        for path in root.rglob("*.py"):
            source = path.read_text(encoding="utf-8")
            path.write_text(rewritten(source, name=str(path)), encoding="utf-8")
        for package in PACKAGES:
            shutil.move(root / package, root / TOP / package)
