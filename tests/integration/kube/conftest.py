"""A client of the worker's sandbox, and a namespace for its tests."""

from tests.sandbox.plugins.kubernetes.conftest import client, kubeconfig, name, namespace

__all__ = ["client", "kubeconfig", "name", "namespace"]
