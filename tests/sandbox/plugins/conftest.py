"""A trial project on the real engine with the stand-ins, and the tls provider served in this process."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent import futures
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.plugins import choose, install
from sandbox.plugins.tls.provider import TlsProvider
from sandbox.toolchain import ensure


@dataclass(frozen=True)
class Project:
    """A Pulumi project in a folder of its own, with stack `dev`."""

    folder: Path
    environment: dict[str, str]

    def pulumi(self, *arguments: str, code: int = 0) -> str:
        """Runs the CLI and returns all it printed; fails the test on another exit code."""
        result = subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color=never"],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
        )
        assert result.returncode == code, result.stdout
        return result.stdout

    def write(self, name: str, text: str) -> None:
        """Writes a file of the project."""
        (self.folder / name).write_text(textwrap.dedent(text))


@pytest.fixture(scope="session")
def plugin_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with the stand-ins in its plugin cache."""
    root = tmp_path_factory.mktemp("plugins")
    install(choose("standin"), root / "plugins", Path(sys.executable), root / "home")
    return root / "home"


@pytest.fixture
def project(tmp_path: Path, plugin_home: Path) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    (tmp_path / "state").mkdir()
    (folder / ".venv").symlink_to(sys.prefix)
    pulumi = ensure(["pulumi"])["pulumi"]
    bin_folder = tmp_path / "bin"  # nothing but the engine: no plugin may come from its folder
    bin_folder.mkdir()
    (bin_folder / "pulumi").symlink_to(pulumi)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")} | {
        "PATH": f"{bin_folder}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "PULUMI_HOME": str(plugin_home),
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "passphrase of a test",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    made = Project(folder, environment)
    made.write(
        "Pulumi.yaml",
        """\
        name: trial
        runtime: {name: python, options: {virtualenv: .venv, toolchain: pip}}
        """,
    )
    made.pulumi("stack", "init", "dev")
    return made


@pytest.fixture(scope="session")
def tls() -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """A client of the tls stand-in."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=2))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(TlsProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    server.stop(None)
