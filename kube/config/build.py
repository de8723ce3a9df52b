"""Kubeconfigs that are handed out: one cluster, one user, a context for each namespace."""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Endpoint:
    """Where an API server is reached, and the CA that proves it."""

    cluster: str
    server: str
    certificate_authority: str | None
    """PEM; None where the system's own authorities vouch for the server."""


def kubeconfig(
    endpoint: Endpoint, user: str, credential: Mapping[str, object], namespaces: Sequence[str]
) -> str:
    """A kubeconfig, as JSON, which is YAML. The first namespace's context is the current one.

    `credential` is the user entry: see `client_certificate`, `token`.
    """
    cluster: dict[str, object] = {"server": endpoint.server}
    if endpoint.certificate_authority is not None:
        cluster["certificate-authority-data"] = _data(endpoint.certificate_authority)
    contexts = [
        {
            "name": f"{endpoint.cluster}-{namespace}",
            "context": {"cluster": endpoint.cluster, "user": user, "namespace": namespace},
        }
        for namespace in namespaces
    ]
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": endpoint.cluster, "cluster": cluster}],
        "users": [{"name": user, "user": dict(credential)}],
        "contexts": contexts,
        "current-context": contexts[0]["name"],
    }
    return json.dumps(document, indent=2) + "\n"


def client_certificate(certificate: str, key: str) -> dict[str, object]:
    """The user entry of a client certificate and its key, both PEM."""
    return {"client-certificate-data": _data(certificate), "client-key-data": _data(key)}


def token(value: str) -> dict[str, object]:
    """The user entry of a bearer token."""
    return {"token": value}


def _data(pem: str) -> str:
    return b64encode(pem.encode()).decode()
