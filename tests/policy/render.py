"""The Kubernetes objects that the program makes for a stack, without an engine and without a cluster."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi.runtime import MockCallArgs, MockResourceArgs, Mocks

import model
from components.cluster import Cluster, ClusterArgs
from components.context import Connection, Context
from components.tenant import Tenant, TenantArgs
from kube.config.build import Endpoint
from kube.types import JsonObject

REPOSITORY = Path(__file__).parents[2]
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class _Collector(Mocks):
    """Keeps the inputs of every Kubernetes object, and answers what other resources would."""

    objects: list[JsonObject] = field(default_factory=list[JsonObject])

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        inputs = cast("dict[str, Any]", args.inputs)
        if "apiVersion" in inputs and "kind" in inputs:
            self.objects.append(cast("JsonObject", _plain(inputs)))
        return f"{args.name}-id", {**inputs, **_computed(args)}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        return {**cast("dict[str, Any]", args.args), "repoId": 1}, []


def _computed(args: MockResourceArgs) -> dict[str, Any]:
    if args.typ == "tls:index/privateKey:PrivateKey":
        return {"privateKeyPem": "key"}
    if args.typ == "tls:index/certRequest:CertRequest":
        return {"certRequestPem": "request"}
    return {"certificate_pem": "certificate", "token": "token", "not_after": "", "not_before": ""}


def _plain(value: Any) -> Any:
    """Numbers arrive as floats, since protobuf has no others."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def sample(stack: str) -> model.Stack:
    """One of the stacks of this repository."""
    return model.load(REPOSITORY, stack)


def render(stack: model.Stack, now: datetime = NOW) -> list[JsonObject]:
    """Everything that the program would write to the cluster of a stack, in the order it was registered."""
    collector = _Collector()
    pulumi.runtime.set_mocks(collector, project="tenancy", stack=stack.name)
    endpoint = Endpoint(stack.cluster.name, stack.cluster.server or "https://127.0.0.1:6443", "ca")
    context = Context(stack.name, stack.cluster, Connection(None, None, endpoint), now)

    @pulumi.runtime.test
    def build() -> None:
        floor = Cluster(stack.cluster.name, ClusterArgs(context=context, tenants=stack.tenants))
        for tenant in stack.tenants:
            Tenant(tenant.name, TenantArgs(cluster=floor, tenant=tenant))

    build()
    return collector.objects


def of_kind(objects: list[JsonObject], kind: str) -> list[JsonObject]:
    """The objects of one kind."""
    return [each for each in objects if each["kind"] == kind]


def name_of(each: JsonObject) -> str:
    """`namespace/name`, or the name of what has no namespace."""
    metadata = cast("dict[str, str]", each["metadata"])
    return "/".join(filter(None, [metadata.get("namespace"), metadata["name"]]))
