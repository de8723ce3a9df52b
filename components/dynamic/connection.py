"""One API client for each connection of this process."""

import hashlib
import os
import threading
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.output import Unknown
from pulumi.runtime import rpc

from kube import Client, cluster_access

SECRET_INPUTS = ("kubeconfig", "context")

_clients: dict[str, Client] = {}
_lock = threading.Lock()


def secret(value: pulumi.Input[str] | None) -> pulumi.Output[str] | None:
    """Make an input secret, unless it is not given at all."""
    return None if value is None else pulumi.Output.secret(value)


def is_known(value: object) -> bool:
    """Tell whether a preview knows this input, and every part of it, already."""
    if isinstance(value, list | tuple):
        return all(map(is_known, value))  # pyright: ignore[reportUnknownArgumentType]
    return not isinstance(value, Unknown) and value != rpc.UNKNOWN


def client(props: Mapping[str, Any]) -> Client:
    """The client for the `kubeconfig` and `context` of a resource.

    Raises:
        KubeconfigError: it cannot be read, or has no such context.
    """
    kubeconfig, context = props.get("kubeconfig"), props.get("context")
    ambient = os.environ.get("KUBECONFIG", "")
    key = hashlib.sha256(repr((kubeconfig, context, ambient)).encode()).hexdigest()
    with _lock:
        if key not in _clients:
            _clients[key] = Client(cluster_access(kubeconfig, context=context))
        return _clients[key]
