"""The stand-in, called in this process as the engine calls it, on a real API server."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, Protocol, cast
from uuid import uuid4

import grpc
import pytest
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import provider_pb2, status_pb2

from kube import Client, JsonObject, cluster_access
from sandbox.plugins.kubernetes.host import Host
from sandbox.plugins.kubernetes.provider import Provider
from sandbox.plugins.kubernetes.values import decode, encode


class Running(Protocol):
    """What these tests need of the sandbox."""

    @property
    def kubeconfig(self) -> Path: ...
    @property
    def env(self) -> dict[str, str]: ...


class RefusedError(Exception):
    """The stand-in's error answer."""

    def __init__(self, message: str, failed: provider_pb2.ErrorResourceInitFailed | None) -> None:
        super().__init__(message)
        self.failed = failed


class Call:
    """As much of a ServicerContext as the stand-in uses."""

    def __init__(self) -> None:
        self._details: provider_pb2.ErrorResourceInitFailed | None = None

    def set_trailing_metadata(self, metadata: tuple[tuple[str, bytes], ...]) -> None:
        ((key, value),) = metadata
        assert key == "grpc-status-details-bin"
        status = status_pb2.Status.FromString(value)
        self._details = provider_pb2.ErrorResourceInitFailed()
        assert status.details[0].Unpack(self._details)

    def abort(self, code: grpc.StatusCode, message: str) -> NoReturn:
        assert code == grpc.StatusCode.UNKNOWN
        raise RefusedError(message, self._details)


def call() -> grpc.ServicerContext:
    return cast("grpc.ServicerContext", Call())


class Recorder(Host):
    """An engine that remembers what it was told."""

    def __init__(self) -> None:
        super().__init__("")
        self.messages: list[str] = []

    def warn(self, urn: str, message: str) -> None:
        self.messages.append(message)

    def status(self, urn: str, message: str) -> None:
        self.messages.append(message)


@dataclass
class State:
    """A resource as the engine records it."""

    urn: str
    id: str
    inputs: Struct
    outputs: Struct

    @property
    def live(self) -> JsonObject:
        return decode(self.outputs)


@dataclass
class Engine:
    """Sends what the engine would send, in its order."""

    provider: Provider
    host: Recorder = field(default_factory=Recorder)

    @classmethod
    def start(cls, kubeconfig: str, **settings: str) -> "Engine":
        host = Recorder()
        provider = Provider(host)
        variables = {f"kubernetes:config:{key}": value for key, value in settings.items()}
        request = provider_pb2.ConfigureRequest(
            variables={"kubernetes:config:kubeconfig": kubeconfig, **variables}
        )
        provider.Configure(request, call())
        return cls(provider, host)

    def check(self, urn: str, inputs: JsonObject, old: Struct | None = None) -> Struct:
        request = provider_pb2.CheckRequest(
            urn=urn, news=encode(inputs), olds=old or Struct(), randomSeed=b"seed"
        )
        response = self.provider.Check(request, call())
        assert not response.failures
        return response.inputs

    def create(self, urn: str, inputs: JsonObject, *, preview: bool = False, timeout: float = 0.0) -> State:
        checked = self.check(urn, inputs)
        request = provider_pb2.CreateRequest(urn=urn, properties=checked, preview=preview, timeout=timeout)
        response = self.provider.Create(request, call())
        return State(urn, response.id, checked, response.properties)

    def diff(
        self, state: State, inputs: JsonObject, ignore: tuple[str, ...] = ()
    ) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(
            id=state.id,
            urn=state.urn,
            olds=state.outputs,
            old_inputs=state.inputs,
            news=self.check(state.urn, inputs, state.inputs),
            ignoreChanges=ignore,
        )
        return self.provider.Diff(request, call())

    def update(
        self, state: State, inputs: JsonObject, *, preview: bool = False, ignore: tuple[str, ...] = ()
    ) -> State:
        checked = self.check(state.urn, inputs, state.inputs)
        request = provider_pb2.UpdateRequest(
            id=state.id,
            urn=state.urn,
            olds=state.outputs,
            old_inputs=state.inputs,
            news=checked,
            preview=preview,
            ignoreChanges=ignore,
        )
        response = self.provider.Update(request, call())
        return State(state.urn, state.id, checked, response.properties)

    def read(self, state: State) -> State | None:
        request = provider_pb2.ReadRequest(
            id=state.id, urn=state.urn, properties=state.outputs, inputs=state.inputs
        )
        response = self.provider.Read(request, call())
        return State(state.urn, response.id, response.inputs, response.properties) if response.id else None

    def delete(self, state: State, timeout: float = 0.0) -> None:
        request = provider_pb2.DeleteRequest(
            id=state.id, urn=state.urn, properties=state.outputs, timeout=timeout
        )
        self.provider.Delete(request, call())


@pytest.fixture(scope="session")
def kubeconfig(cluster: Running) -> str:
    return cluster.kubeconfig.read_text()


@pytest.fixture(scope="session")
def client(kubeconfig: str) -> Client:
    return Client(cluster_access(kubeconfig))


@pytest.fixture(scope="module")
def engine(kubeconfig: str) -> Engine:
    return Engine.start(kubeconfig, enableSecretMutable="true", enableConfigMapMutable="true")


@pytest.fixture(scope="module")
def namespace(client: Client) -> Iterator[str]:
    name = f"kube-test-{uuid4().hex[:8]}"
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    client.delete("v1", "Namespace", name)


@pytest.fixture
def name() -> str:
    return f"n-{uuid4().hex[:8]}"


def urn_of(token: str) -> str:
    return f"urn:pulumi:dev::tenancy::kubernetes:{token}::resource"


def config_map(namespace: str, name: str, **fields: Any) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        **fields,
    }


CONFIG_MAP = urn_of("core/v1:ConfigMap")
