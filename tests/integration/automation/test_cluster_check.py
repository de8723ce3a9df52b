"""A cluster is asked before an update: one that is away, or knows nobody, is said so in one line."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from automation import cluster_check
from model import Cluster


def kubeconfig(server: str) -> str:
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "dev",
            "clusters": [{"name": "dev", "cluster": {"server": server}}],
            "users": [{"name": "dev", "user": {}}],
            "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "dev"}}],
        }
    )


@contextmanager
def answering(code: int) -> Generator[str]:
    """A server that answers each request with a Status of this code."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"kind": "Status", "code": code, "message": "said by the server"}).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base names it
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def cluster() -> Cluster:
    return Cluster.model_construct(name="dev", context=None)


@pytest.mark.parametrize("code", [200, 403, 404])
def test_a_cluster_that_answers(cluster: Cluster, code: int) -> None:
    with answering(code) as server:
        cluster_check.check(cluster, kubeconfig(server))


def test_a_credential_that_is_refused(cluster: Cluster) -> None:
    with (
        answering(401) as server,
        pytest.raises(cluster_check.ClusterError, match="'dev' refused: 401 said by the server"),
    ):
        cluster_check.check(cluster, kubeconfig(server))


def test_a_cluster_that_is_away(cluster: Cluster) -> None:
    with answering(200) as server:
        pass
    with pytest.raises(cluster_check.ClusterError, match=f"'dev' is not reachable at {server}: "):
        cluster_check.check(cluster, kubeconfig(server))


def test_a_context_that_is_missing() -> None:
    other = Cluster.model_construct(name="dev", context="other")
    with pytest.raises(cluster_check.ClusterError, match=r"'dev' cannot be reached: .*other"):
        cluster_check.check(other, kubeconfig("http://127.0.0.1:1"))
