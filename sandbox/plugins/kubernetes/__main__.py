"""`python -m sandbox.plugins.kubernetes [engine address]`: serve the stand-in to the engine."""

import gc
import sys

import grpc
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.plugins.kubernetes.host import Host
from sandbox.plugins.kubernetes.provider import CONNECTIONS, Provider
from sandbox.plugins.serving import engine_address, serve


def main() -> None:
    """Serve until the engine ends."""
    provider = Provider(Host(engine_address(sys.argv)))

    def register(server: grpc.Server) -> None:
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)

    # Thousands of small messages make no cycles: look for them seldom.
    gc.freeze()
    gc.set_threshold(50_000)
    serve(register, workers=CONNECTIONS)


if __name__ == "__main__":
    main()
