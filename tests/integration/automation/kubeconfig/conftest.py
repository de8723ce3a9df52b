"""kubectl, beside `tenancy kubeconfig`."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.toolchain import ensure
from tests.unit.automation.kubeconfig.conftest import config, home, other, tenancy

__all__ = ["config", "home", "other", "tenancy"]


Kubectl = Callable[..., Any]


@pytest.fixture(scope="session")
def kubectl_path() -> Path:
    return ensure(["kubectl"])["kubectl"]


@pytest.fixture
def kubectl(kubectl_path: Path, home: Path) -> Kubectl:
    """Runs kubectl; `config view` is asked for JSON and returned as data."""

    def run(*arguments: str | Path, kubeconfig: str | Path = "") -> Any:
        environment = {"HOME": str(home), "PATH": os.environ["PATH"]}
        if kubeconfig:
            environment["KUBECONFIG"] = str(kubeconfig)
        command = [str(kubectl_path), *map(str, arguments)]
        is_view = arguments[:2] == ("config", "view")
        result = subprocess.run(
            [*command, "--output=json"] if is_view else command,
            env=environment,
            cwd=home,
            capture_output=True,
            text=True,
        )
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout) if is_view else result.stdout

    return run
