"""A laptop, the platform's repository on an emulated GitHub, and a signer in the place of the cluster's."""

import os
import shutil
import stat
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from automation.cli import main
from automation.github import GitHub, api_root
from automation.laptop import folder, identity, publication, remote
from sandbox.github.client import SandboxClient, Tokens, read_tokens
from tests.sandbox.github.conftest import Emulator, start

ROOT = Path(__file__).parents[3]
NOW = datetime.now(UTC).replace(microsecond=0)
WEEK = timedelta(days=7)


class Authority:
    """Signs what it is given, as a cluster does."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
        self.pem = self._issue(self._name, self._key.public_key(), NOW, WEEK)

    def sign(self, csr: str, begin: datetime = NOW, lifetime: timedelta = WEEK, **subject: str) -> str:
        request = x509.load_pem_x509_csr(csr.encode())
        name = request.subject
        if subject:
            name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject["name"])])
        return self._issue(name, request.public_key(), begin, lifetime)

    def _issue(self, name: x509.Name, key: Any, begin: datetime, lifetime: timedelta) -> str:
        builder = x509.CertificateBuilder(self._name, name, key, x509.random_serial_number())
        certificate = builder.not_valid_before(begin).not_valid_after(begin + lifetime)
        return certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


@dataclass
class Laptop:
    """A home, and a checkout of the platform's repository."""

    home: Path
    project: Path
    ran: list[str] = field(default_factory=list[str])
    """All that was printed."""

    def tenancy(self, *arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, ["access", *arguments])
        self.ran.append(result.output)
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def folder(self, tenant: str = "vision", login: str = "ada", stack: str = "dev") -> folder.Folder:
        return folder.of_member(os.environ, stack, tenant, login)

    def file(self, tenant: str = "vision", stack: str = "dev") -> Path:
        return self.project / "tenants" / stack / f"{tenant}.yaml"

    @property
    def config(self) -> Path:
        return self.home / ".kube" / "config"

    def private_keys(self) -> list[str]:
        return [path.read_text() for path in self.home.rglob("*key.pem")]

    def check(self) -> None:
        """No key was printed or left anywhere but in its file, and nobody else can read one."""
        for key in self.private_keys():
            body = key.splitlines()[1]
            assert body not in "".join(self.ran)
            holders = [
                path for path in self.home.rglob("*") if path.is_file() and body.encode() in path.read_bytes()
            ]
            assert len(holders) == 1
        for path in self.home.rglob("*"):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


@pytest.fixture
def laptop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Laptop]:
    """No token, no kubeconfig, no key; the working directory is the checkout."""
    home, project = tmp_path / "home", tmp_path / "project"
    home.mkdir(mode=0o700)
    project.mkdir()
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "Pulumi.gpu.yaml"):
        shutil.copy(ROOT / name, project)
    for stack in ("dev", "gpu"):
        shutil.copytree(ROOT / "tenants" / stack, project / "tenants" / stack)
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "GH_", "KUBECONFIG", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GITHUB_BASE_URL", "http://127.0.0.1:9/")  # nobody is there
    monkeypatch.chdir(project)
    laptop = Laptop(home, project)
    yield laptop
    laptop.check()


@pytest.fixture(scope="session")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Generator[Emulator]:
    running = start(tmp_path_factory.mktemp("github") / "data")
    yield running
    running.stop()


@dataclass
class Platform:
    """The platform's repository on GitHub."""

    api: GitHub
    repository: str
    tokens: Tokens

    def file(self, path: str, branch: str = "main") -> str:
        found = self.api.read(self.repository, branch, path)
        assert found is not None
        return found.text

    def publish(self, stack: str, outputs: dict[str, Any]) -> bool:
        text = publication.render(publication.from_outputs(outputs))
        return remote.publish(self.api, self.repository, stack, text)

    def call(self, method: str, path: str, body: object = None) -> Any:
        return self.api._json(method, f"/repos/{self.repository}{path}", body)  # pyright: ignore[reportPrivateUsage]


@pytest.fixture
def platform(
    laptop: Laptop, emulator: Emulator, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Platform:
    """The checkout's files are on its main branch; the laptop has a token and knows where GitHub is."""
    tokens = read_tokens(emulator.data)
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:90]
    files = {
        path.relative_to(laptop.project).as_posix(): path.read_text()
        for path in laptop.project.rglob("*.yaml")
    }
    SandboxClient(emulator.url, tokens.admin).add_repository("acme", name, files=files)
    monkeypatch.setenv("GITHUB_BASE_URL", f"{emulator.url}/")
    monkeypatch.setenv("GITHUB_TOKEN", tokens.admin)
    return Platform(GitHub(api_root(emulator.url), tokens.admin), f"acme/{name}", tokens)


def outputs(
    authority: Authority, certificates: dict[str, dict[str, str]], cluster: str = "dev"
) -> dict[str, Any]:
    """A stack's outputs, with certificates by tenant and login."""
    return {
        "cluster": {
            "cluster": cluster,
            "server": f"https://{cluster}.example.com:6443",
            "certificate_authority": authority.pem,
        },
        "tenants": {
            "vision": {"namespaces": ["vision", "vision-serving"], "profile": "research"},
            "speech": {"namespaces": ["speech"]},
        },
        "certificates": {
            tenant: {
                login: {"certificate": pem, "not_after": identity.ends(pem).isoformat()}
                for login, pem in issued.items()
            }
            for tenant, issued in certificates.items()
        },
    }
