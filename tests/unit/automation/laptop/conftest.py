"""A laptop, and a signer in the place of the cluster's."""

import os
import shutil
import stat
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from automation.cli import main
from automation.laptop import folder, identity

ROOT = Path(__file__).parents[4]
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


FILE = "tenants/dev/vision.yaml"


def csr_in(text: str, login: str = "ada") -> str:
    return yaml.safe_load(text)["members"][login]["csr"]


def plugin(laptop: Laptop, code: int = 0) -> Any:
    """What kubectl is told; the output is not for people, so it may hold the key."""
    result = laptop.tenancy("credential", "--stack=dev", "--tenant=vision", "--login=ada", code=code)
    laptop.ran.pop()
    return result
