"""Programs found on PATH or built from pinned Go modules."""

from collections.abc import Iterable
from pathlib import Path

from sandbox.toolchain.build import Toolchain
from sandbox.toolchain.cache import ToolchainError

__all__ = ["Toolchain", "ToolchainError", "ensure"]


def ensure(names: Iterable[str]) -> dict[str, Path]:
    """Tell where each program is, found on PATH or built from its pinned Go module.

    Names of catalogue.py: "pulumi", "kubectl", "etcd", "kube-apiserver", … Raises ToolchainError.
    """
    return Toolchain().ensure(names)
