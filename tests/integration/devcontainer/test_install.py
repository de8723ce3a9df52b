import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.devcontainer.conftest import FEATURE

# Stands for curl: `--output FILE ADDRESS` comes last, in some order; the address is a folder here.
_CURL = """#!/bin/sh
while [ $# -gt 0 ]; do
    case $1 in
        --output) output=$2; shift ;;
        --retry) shift ;;
        -*) ;;
        *) address=$1 ;;
    esac
    shift
done
cp "$address" "$output"
"""


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The feature's files, and a PATH without kubectl."""
    shutil.copytree(FEATURE, tmp_path / "feature")
    (tmp_path / "bin").mkdir()
    for program in ["sh", "cat", "chmod", "cp", "dirname", "mkdir", "mktemp", "rm", "sha256sum", "uname"]:
        (tmp_path / "bin" / program).symlink_to(str(shutil.which(program)))
    return tmp_path


def _program(image: Path, name: str, text: str) -> None:
    path = image / "bin" / name
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


def _install(image: Path) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": str(image / "bin"),
        "PREFIX": str(image / "usr"),
        "KUBECTL_DOWNLOADS": str(image / "downloads"),
        "TMPDIR": str(image),
    }
    script = image / "feature" / "install.sh"
    return subprocess.run([script], env=environment, capture_output=True, text=True, check=False)


def _offer(image: Path, machine: str, content: bytes) -> None:
    """Have something to download, and `curl` and `uname` that lead there."""
    _program(image, "curl", _CURL)
    _program(image, "uname", f"#!/bin/sh\necho {machine}\n")
    name = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    folder = image / "downloads" / "v1.35.1" / "bin" / "linux" / name
    folder.mkdir(parents=True)
    (folder / "kubectl").write_bytes(content)


@pytest.mark.parametrize(("machine", "name"), [("x86_64", "amd64"), ("aarch64", "arm64")])
def test_the_pinned_kubectl_is_installed(image: Path, machine: str, name: str) -> None:
    content = f"kubectl for {name}".encode()
    _offer(image, machine, content)
    script = image / "feature" / "install.sh"
    lines = script.read_text().splitlines()
    pinned = f"SHA256_{name}={hashlib.sha256(content).hexdigest()}"
    script.write_text(
        "\n".join(pinned if line.startswith(f"SHA256_{name}=") else line for line in lines) + "\n"
    )
    done = _install(image)
    assert done.returncode == 0, done.stderr
    installed = image / "usr" / "bin" / "kubectl"
    assert installed.read_bytes() == content
    assert os.access(installed, os.X_OK)
    assert os.access(image / "usr" / "bin" / "tenancy-kubeconfig", os.X_OK)


def test_another_kubectl_than_the_pinned_one_is_refused(image: Path) -> None:
    _offer(image, "x86_64", b"something else")
    done = _install(image)
    assert done.returncode == 1
    assert "is not what was pinned" in done.stderr
    assert not (image / "usr").exists()
    assert not list(image.glob("tmp.*")), "the download is removed"


def test_kubectl_of_the_image_is_kept(image: Path) -> None:
    _program(image, "kubectl", "#!/bin/sh\n")
    done = _install(image)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (image / "usr" / "bin").iterdir()] == ["tenancy-kubeconfig"]


def test_a_machine_without_a_pin(image: Path) -> None:
    _offer(image, "riscv64", b"")
    done = _install(image)
    assert done.returncode == 1
    assert "no pinned kubectl for riscv64" in done.stderr


def test_no_program_to_download_with(image: Path) -> None:
    done = _install(image)
    assert done.returncode == 1
    assert "neither curl nor wget" in done.stderr
