"""`python -m sandbox.plugins.tls`: serves as the engine's tls plugin."""

from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.plugins.serving import serve
from sandbox.plugins.tls.provider import TlsProvider

if __name__ == "__main__":
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(TlsProvider(), server))
