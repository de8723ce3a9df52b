"""The laptop's wheel in an environment of its own, outside any checkout."""

import os
import sys
import zipfile
from pathlib import Path

import pytest

from tests.integration.distributions.test_wheel import ROOT, run

LIMIT_MIB = 40


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run("git", "checkout-index", "--all", f"--prefix={folder}/source/", cwd=ROOT)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder)
    run(*pip, folder / "source" / "distributions" / "laptop", cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
    pip = (sys.executable, "-m", "pip", "--python", folder / "bin" / "python", "install", "--quiet")
    run(*pip, wheel, cwd=folder)
    return folder


def test_what_is_installed(wheel: Path, environment: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gpu_tenancy_laptop"}
    (packages,) = environment.glob("lib/python*/site-packages")
    assert not [path.name for path in packages.iterdir() if path.name.startswith(("pulumi", "grpc", "rich"))]
    size = sum(path.stat().st_size for path in environment.rglob("*") if path.is_file())
    assert size < LIMIT_MIB * 1024 * 1024


@pytest.mark.parametrize("program", ["tenancy", "kubectl-tenancy"])
def test_its_commands(environment: Path, tmp_path: Path, program: str) -> None:
    tenancy = environment / "bin" / program
    assert "tenancy, version" in run(tenancy, "--version", cwd=tmp_path)
    for command in ("request", "pull", "credential", "status", "revoke", "publish"):
        assert run(tenancy, "access", command, "--help", cwd=tmp_path)
    build = ("kubeconfig", "build", "--cluster", "c", "--server", "https://1.2.3.4", "--user", "u")
    assert "server: https://1.2.3.4" in run(tenancy, *build, cwd=tmp_path)


def test_a_request_in_a_checkout(environment: Path, tmp_path: Path) -> None:
    run("git", "checkout-index", "--all", f"--prefix={tmp_path}/checkout/", cwd=ROOT)
    home = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GITHUB_USER": "ada"}
    assign = [f"{name}={value}" for name, value in home.items()]
    tenancy = environment / "bin" / "tenancy"
    run(
        "env", "-i", *assign, tenancy, "access", "request", "vision", "--stack=dev", cwd=tmp_path / "checkout"
    )
    assert list(tmp_path.glob(".config/tenancy/dev/vision/**/*key.pem"))
