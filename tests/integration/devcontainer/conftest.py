"""A codespace as its user finds it: an empty home, secrets in the environment, no rights."""

import base64
import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from kube.config import build
from sandbox.toolchain import ensure

FEATURE = Path(__file__).parents[3] / "devcontainer" / "src" / "tenancy"
NOBODY = 65534

# All that the script may need of an image, beside kubectl.
PROGRAMS = [
    "awk",
    "base64",
    "chmod",
    "cut",
    "date",
    "grep",
    "mkdir",
    "mktemp",
    "mv",
    "od",
    "rm",
    "sed",
    "sort",
    "tr",
]
_WRAPPER = """#!/bin/sh
printf '%s\\n' "$0 $*" >>"{log}"
exec "{real}" "$@"
"""


def issue(subject: str, lifetime: timedelta = timedelta(days=7)) -> tuple[str, str]:
    """A certificate that ends `lifetime` from now, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    end = datetime.now(UTC) + lifetime
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=30))
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return certificate.public_bytes(Encoding.PEM).decode(), pem


def jwt(end: datetime) -> str:
    parts = [{"alg": "none"}, {"sub": "x", "exp": int(end.timestamp()), "iss": "y"}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJlIG9mIGl0"])


@dataclass
class Codespace:
    """Runs tenancy-kubeconfig as an unprivileged user."""

    root: Path
    secrets: dict[str, str] = field(default_factory=dict[str, str])
    sensitive: list[str] = field(default_factory=list[str])
    """What no output and no command line may hold."""

    @property
    def config(self) -> Path:
        return self.root / "home" / ".kube" / "config"

    @property
    def log(self) -> Path:
        return self.root / "log"

    def cluster(
        self,
        cluster: str,
        *namespaces: str,
        serial: str = "0123456789",
        lifetime: timedelta = timedelta(days=7),
        secret: str | None = None,
    ) -> None:
        """Put a cluster's secret into the environment, as a tenant's repository has it."""
        user = f"tenancy:{namespaces[0]}:codespaces:{serial}"
        certificate, key = issue(user, lifetime)
        self._put(cluster, user, build.client_certificate(certificate, key), namespaces, secret)
        encoded = base64.b64encode(key.encode()).decode()
        self.sensitive += [*key.splitlines()[1:-1], *encoded.splitlines(), encoded[40:80]]

    def token_cluster(self, cluster: str, *namespaces: str, end: datetime) -> None:
        token = jwt(end)
        user = f"tenancy:{namespaces[0]}:codespaces:0123456789"
        self._put(cluster, user, build.token(token), namespaces, None)
        self.sensitive += [token, *token.split(".")]

    def _put(
        self,
        cluster: str,
        user: str,
        credential: dict[str, object],
        namespaces: tuple[str, ...],
        secret: str | None,
    ) -> None:
        endpoint = build.Endpoint(cluster, f"https://{cluster}.example.com:6443", "a CA")
        name = secret or f"KUBECONFIG_{cluster.upper().replace('-', '_')}"
        self.secrets[name] = build.kubeconfig(endpoint, user, credential, namespaces)

    def start(self) -> subprocess.CompletedProcess[str]:
        """Start the codespace; whatever happens, nothing secret is shown and nothing lies about."""
        self.log.write_text("")
        self.log.chmod(0o666)
        done = self._run(str(self.root / "tenancy-kubeconfig"), **self.secrets)
        shown = done.stdout + done.stderr + self.log.read_text()
        assert not [part for part in self.sensitive if part in shown]
        folder = self.config.parent
        if folder.exists():
            assert {path.name for path in folder.iterdir()} <= {"config"}
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        if self.config.exists():
            assert stat.S_IMODE(self.config.stat().st_mode) == 0o600
        return done

    def kubectl(self, *arguments: str) -> str:
        done = self._run(str(self.root / "bin" / "kubectl"), *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def view(self) -> dict[str, Any]:
        return json.loads(self.kubectl("config", "view", "--raw", "-o", "json"))

    def contexts(self) -> dict[str, tuple[str, str]]:
        """Cluster and namespace of each context."""
        found = {item["name"]: item["context"] for item in self.view()["contexts"]}
        return {name: (body["cluster"], body.get("namespace", "")) for name, body in found.items()}

    def _run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        rights: dict[str, Any] = (
            {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        )
        environment = {"PATH": str(self.root / "bin"), "HOME": str(self.root / "home"), **variables}
        return subprocess.run(
            command, env=environment, cwd="/", capture_output=True, text=True, check=False, **rights
        )


@pytest.fixture(scope="session")
def programs() -> Generator[Path]:
    """kubectl where everybody can run it: pytest's own folders are closed to others."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        shutil.copy(ensure(["kubectl"])["kubectl"], folder / "kubectl")
        (folder / "kubectl").chmod(0o755)
        yield folder


@pytest.fixture
def codespace(programs: Path) -> Generator[Codespace]:
    """PATH has only what the script may use, and each program's arguments are noted."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        root.chmod(0o755)
        result = Codespace(root)
        (root / "bin").mkdir(mode=0o755)
        (root / "home").mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(root / "home", NOBODY, NOBODY)
        shutil.copy(FEATURE / "tenancy-kubeconfig", root)
        reals = {program: shutil.which(program) for program in PROGRAMS}
        for program, real in {**reals, "kubectl": str(programs / "kubectl")}.items():
            wrapper = root / "bin" / program
            wrapper.write_text(_WRAPPER.format(log=result.log, real=real))
            wrapper.chmod(0o755)
        yield result
