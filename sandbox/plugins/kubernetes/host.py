"""Messages to the engine, which shows them beside the resource."""

import threading

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class Host:
    """The engine, reached when there is something to say; without an address nobody hears."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._lock = threading.Lock()
        self._stub: engine_pb2_grpc.EngineStub | None = None

    def warn(self, urn: str, message: str) -> None:
        """Show a warning."""
        self._log(engine_pb2.WARNING, urn, message, ephemeral=False)

    def status(self, urn: str, message: str) -> None:
        """Show what a resource is waiting for, until something else is shown."""
        self._log(engine_pb2.INFO, urn, message, ephemeral=True)

    def _log(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, *, ephemeral: bool
    ) -> None:
        if not self._address:
            return
        with self._lock:
            if self._stub is None:
                self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(self._address))
        request = engine_pb2.LogRequest(severity=severity, urn=urn, message=message, ephemeral=ephemeral)
        try:
            self._stub.Log(request, timeout=5)
        except grpc.RpcError:
            return  # an engine that is gone needs no messages
