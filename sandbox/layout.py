"""Where everything of one sandbox lives."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kube import private_files

REPOSITORY = Path(__file__).resolve().parent.parent

# The salt in Pulumi.dev.yaml goes with it. No secret: what it opens, the state of a throw-away cluster on
# loopback, lies in the same private folder as the passphrase's file.
PASSPHRASE = "sandbox"  # noqa: S105

# A file in each sandbox's PULUMI_HOME, so that it is never taken for the user's own: a shell may keep the
# variable when the stand-ins are gone from there.
PULUMI_HOME_MARKER = ".sandbox"


@dataclass(frozen=True)
class Layout:
    """The folders and files below one root, which is `.sandbox/` in the checkout or SANDBOX_DIR."""

    root: Path

    @property
    def bin(self) -> Path:
        """Links to the programs in use; first on the sandbox's PATH."""
        return self.root / "bin"

    @property
    def plugins(self) -> Path:
        """Executables of the stand-in plugins; on the sandbox's PATH when stand-ins are used."""
        return self.root / "plugins"

    @property
    def pki(self) -> Path:
        """Keys, certificates and the kubeconfigs of the control plane's own components."""
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Process records, ports, locks and the options that `up` remembers."""
        return self.root / "run"

    @property
    def etcd(self) -> Path:
        """The data of etcd."""
        return self.root / "etcd"

    @property
    def github(self) -> Path:
        """The data of the GitHub emulator."""
        return self.root / "github"

    @property
    def state(self) -> Path:
        """Pulumi's state, a file:// backend."""
        return self.root / "state"

    @property
    def passphrase(self) -> Path:
        """The passphrase of Pulumi's secrets."""
        return self.root / "passphrase"

    @property
    def pulumi_home(self) -> Path:
        """PULUMI_HOME while stand-ins are used; known for a sandbox's by PULUMI_HOME_MARKER."""
        return self.root / "pulumi"

    def create(self) -> None:
        """Make the folders, for the owner only, and the passphrase."""
        folders = (self.bin, self.plugins, self.pki, self.logs, self.run, self.github, self.state)
        for folder in (self.root, *folders, self.etcd, self.pulumi_home):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder.chmod(0o700)
        (self.pulumi_home / PULUMI_HOME_MARKER).touch(mode=0o600)
        if not self.passphrase.exists():
            private_files.write(self.passphrase, PASSPHRASE)


def current(environment: Mapping[str, str] | None = None) -> Layout:
    """Tell where this sandbox lives: SANDBOX_DIR, else `.sandbox/` in the checkout."""
    override = (os.environ if environment is None else environment).get("SANDBOX_DIR")
    root = Path(override).expanduser() if override else REPOSITORY / ".sandbox"
    return Layout(Path(os.path.abspath(root)))  # noqa: PTH100  (not resolve: the name people gave stays)
