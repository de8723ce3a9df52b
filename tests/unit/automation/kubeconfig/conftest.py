"""Kubeconfigs as people have them, and real kubectl to compare with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from automation.commands.kubeconfig import kubeconfig

# As in "Configure Access to Multiple Clusters" of the Kubernetes documentation, with its owner's comments.
TWO_CLUSTERS = """\
# my clusters
apiVersion: v1
kind: Config
preferences: {}
clusters:
# the one that matters
- cluster:
    certificate-authority: pki/fake-ca-file
    server: https://1.2.3.4  # behind the VPN
  name: development
# may be gone any day
- cluster:
    insecure-skip-tls-verify: true
    server: https://5.6.7.8
  name: scratch
users:
- name: developer
  user:
    client-certificate: pki/fake-cert-file
    client-key: pki/fake-key-seefile
- name: experimenter
  user:
    password: some-password
    username: exp
# where I work
contexts:
# the web shop
- context:
    cluster: development
    namespace: frontend
    user: developer
  name: dev-frontend
# the disks
- context:
    cluster: development
    namespace: storage
    user: developer
  name: dev-storage
# trials
- context:
    cluster: scratch
    namespace: default
    user: experimenter
  name: exp-scratch
current-context: dev-frontend
x-owner: me
"""

# A later file: one name is new, one is the same, one differs.
OTHER = """\
apiVersion: v1
kind: Config
clusters:
- cluster: {server: "https://9.9.9.9"}
  name: scratch
- cluster: {server: "https://10.10.10.10"}
  name: production
users:
- name: operator
  user: {token: token-of-the-operator}
contexts:
- context: {cluster: production, user: operator}
  name: production
- context: {cluster: scratch, user: operator, namespace: mine}
  name: other-scratch
current-context: production
"""
SECRETS = ("some-password", "token-of-the-operator", "content of the key", "Y29udGVudCBvZiB0aGUga2V5")

Tenancy = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, in which KUBECONFIG says nothing; the current folder is below it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def config(home: Path) -> Path:
    """~/.kube/config with two clusters, and the files that it names."""
    folder = home / ".kube"
    (folder / "pki").mkdir(parents=True)
    for name in ("fake-ca-file", "fake-cert-file", "fake-key-seefile"):
        (folder / "pki" / name).write_text(f"content of the {name.split('-')[1]}\n")
    path = folder / "config"
    path.write_text(TWO_CLUSTERS)
    path.chmod(0o600)
    return path


@pytest.fixture
def other(home: Path) -> Path:
    path = home / "other.yaml"
    path.write_text(OTHER)
    return path


@pytest.fixture
def tenancy(home: Path) -> Tenancy:
    """Runs `tenancy kubeconfig`; fails the test on another exit code, and when a secret is shown unasked."""

    def run(*arguments: str | Path, code: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(kubeconfig, [str(item) for item in arguments], input=stdin)
        assert result.exit_code == code, (result.output, result.exception)
        if "--raw" not in arguments:
            assert not [secret for secret in SECRETS if secret in result.output]
        return result

    return run
