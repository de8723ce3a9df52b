"""Kubeconfigs that hold all they need: the server's address and CA, a certificate and its key."""

import base64
from pathlib import Path

import yaml

from kube import private_files
from sandbox.controlplane.pki import Pair

CLUSTER = "sandbox"


def write_kubeconfig(path: Path, *, server: str, ca: Path, user: str, pair: Pair) -> None:
    """Write a kubeconfig with one context, named `sandbox`; only when something changed."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": CLUSTER, "cluster": {"server": server, "certificate-authority-data": _encoded(ca)}}
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": _encoded(pair.certificate),
                    "client-key-data": _encoded(pair.key),
                },
            }
        ],
        "contexts": [{"name": CLUSTER, "context": {"cluster": CLUSTER, "user": user}}],
        "current-context": CLUSTER,
    }
    content = yaml.safe_dump(config, sort_keys=False).encode()
    if not path.exists() or path.read_bytes() != content or path.stat().st_mode & 0o077:
        private_files.write(path, content)


def _encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
