"""The sandbox for tests: one for the whole session, in a folder of its own."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox import environment
from sandbox.layout import Layout
from sandbox.processes import Processes

# What a developer's shell may have set and a test must not see.
_FOREIGN = ("KUBECONFIG", "PULUMI_", "GITHUB_", "SANDBOX_DIR", "KUBERNETES_")


@dataclass(frozen=True)
class Sandbox:
    """A sandbox in a folder, driven as people drive it. `env` is the complete environment for a program."""

    dir: Path

    @property
    def layout(self) -> Layout:
        return Layout(self.dir)

    @property
    def kubeconfig(self) -> Path:
        return self.layout.kubeconfig

    @property
    def processes(self) -> Processes:
        return Processes(self.layout)

    @property
    def env(self) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        plain["SANDBOX_DIR"] = str(self.dir)
        return plain | environment.variables(self.layout, plain)

    def run(self, *command: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a program in this sandbox's environment; `check` shows its output when it fails."""
        done = subprocess.run(
            command, env=self.env, input=stdin, capture_output=True, text=True, check=False, timeout=1800
        )
        if check and done.returncode != 0:
            pytest.fail(f"{' '.join(command)} exited {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def sandbox(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `python -m sandbox`."""
        return self.run(sys.executable, "-m", "sandbox", *arguments, check=check)

    def kubectl(
        self, *arguments: str, check: bool = True, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator."""
        return self.run(str(self.layout.bin / "kubectl"), *arguments, check=check, stdin=stdin)

    def kill(self, *names: str) -> None:
        """End processes as a crash would, and wait until they are gone."""
        records = [record for name in names if (record := self.processes.running(name))]
        assert len(records) == len(names), f"not all of {names} are running"
        for record in records:
            os.kill(record.pid, signal.SIGKILL)
        for record in records:
            while record.alive:
                time.sleep(0.02)

    def restart(self, name: str) -> None:
        """Crash a process and have it back."""
        self.kill(name)
        self.sandbox("up")


def pytest_configure() -> None:
    """End on SIGTERM (of `timeout`, of a CI that gives up) as on Ctrl-C, which stops the sandbox."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with its tier: the folder below tests/."""
    for item in items:
        item.add_marker(item.path.relative_to(Path(__file__).parent).parts[0])


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sandbox]:
    """A running sandbox for all tests of a worker: leave it as it was."""
    sandbox = Sandbox(tmp_path_factory.getbasetemp() / "sandbox")
    try:
        sandbox.sandbox("up")
        yield sandbox
    finally:
        sandbox.sandbox("down")
