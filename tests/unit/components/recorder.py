"""The program under Pulumi's mocks, and what it registers: inputs and options of each resource."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import pulumi
from pulumi.runtime import rpc
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks, set_mocks

import model
from components.cluster import Cluster, ClusterArgs
from components.context import Connection, Context
from components.tenant import Tenant, TenantArgs
from kube.config.build import Endpoint

SERVER, CA = "https://k.example.com:6443", "-----BEGIN CERTIFICATE-----\nca\n"


@dataclass(frozen=True)
class Made:
    """One registered resource. Resources are named by `Kind name`, such as `Namespace vision`."""

    urn: str
    kind: str
    name: str
    inputs: Mapping[str, Any]
    secrets: frozenset[str]
    """Names of the inputs that are secret."""
    parent: str
    depends_on: frozenset[str]
    deleted_with: str
    protect: bool
    delete_before_replace: bool
    import_id: str
    ignore_changes: tuple[str, ...]
    aliases: tuple[str, ...]
    """`name` of an alias by name, `parent:<Kind name>` of one by parent."""

    @property
    def spec(self) -> Any:
        return self.inputs["spec"]

    @property
    def metadata(self) -> Any:
        return self.inputs["metadata"]


class Program:
    """What one run registered, by `Kind name`."""

    def __init__(self, made: Mapping[str, Made], warnings: list[str], exports: Mapping[str, Any]) -> None:
        self.made = made
        self.warnings = warnings
        self.certificates = exports
        """What each tenant publishes of its members' certificates."""

    def __getitem__(self, key: str) -> Made:
        if key not in self.made:
            raise KeyError(f"{key}: there is {', '.join(sorted(self.made))}")
        return self.made[key]

    def __contains__(self, key: str) -> bool:
        return key in self.made

    def of(self, kind: str, namespace: str | None = None) -> dict[str, Made]:
        """The Kubernetes objects of a kind by their name in the cluster."""
        found = [each for each in self.made.values() if each.kind == kind]
        return {
            each.metadata["name"]: each
            for each in found
            if namespace is None or each.metadata.get("namespace") == namespace
        }


def run(stack: model.Stack, now: datetime) -> Program:
    """Build a stack's cluster and tenants, as the program does, without an engine."""
    monitor, log = Monitor(), _Log()
    set_mocks(monitor.mocks, project="tenancy", stack=stack.name, monitor=monitor, logger=log)
    context = Context(
        stack.name, stack.cluster, Connection(None, None, Endpoint(stack.cluster.name, SERVER, CA)), now
    )
    exports: dict[str, Any] = {}

    @pulumi.runtime.test
    def build() -> pulumi.Output[Any]:
        floor = Cluster(stack.cluster.name, ClusterArgs(context=context, tenants=stack.tenants))
        made = {
            tenant.name: Tenant(tenant.name, TenantArgs(cluster=floor, tenant=tenant))
            for tenant in stack.tenants
        }
        published = pulumi.Output.all(**{name: each.certificates for name, each in made.items()})
        return published.apply(exports.update)

    build()
    return Program(monitor.made, log.warnings, exports)


class _Log(logging.Logger):
    def __init__(self) -> None:
        super().__init__("recorder")
        self.warnings: list[str] = []

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        self.warnings.append(str(msg))


class _Answers(Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        made = {
            "PrivateKey": {"privateKeyPem": f"key of {args.name}"},
            "CertRequest": {"certRequestPem": f"request of {args.name}"},
            "SignedCertificate": {
                "certificate_pem": f"certificate of {args.name}",
                "not_after": "2026-01-08T00:00:00Z",
            },
            "ServiceAccountToken": {"token": f"token of {args.name}"},
        }
        kind = args.typ.rpartition(":")[2]
        return f"id of {args.name}", {**cast("dict[str, Any]", args.inputs), **made.get(kind, {})}

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        assert args.token == "github:index/getRepository:getRepository"
        name = cast("dict[str, str]", args.args)["fullName"]
        return {"repoId": len(name), "fullName": name}, []


class DuplicateError(Exception):
    """Two resources have one URN, or are one object of the cluster or of GitHub."""


class Monitor(MockMonitor):
    """Pulumi's mocks leave out the options of a resource, and never mind two with one name."""

    def __init__(self) -> None:
        super().__init__(_Answers())
        self.made: dict[str, Made] = {}
        self._identities: dict[str, str] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the protocol's name
        if request.type != "pulumi:pulumi:Stack":
            urn = self.make_urn(request.parent, request.type, request.name)
            made = _made(request, urn)
            for identity in (urn, f"{made.kind} {made.name}", *_outside(request.type, made.inputs)):
                if identity in self._identities:
                    raise DuplicateError(f"{identity}: of {self._identities[identity]} and of {urn}")
                self._identities[identity] = urn
            self.made[f"{made.kind} {made.name}"] = made
        return super().RegisterResource(request)


def _outside(token: str, inputs: Mapping[str, Any]) -> list[str]:
    """What a resource is outside of the stack; nothing where it is only there."""
    if "metadata" in inputs:
        metadata: Mapping[str, str] = inputs["metadata"]
        group = inputs["apiVersion"].rpartition("/")[0]
        names = (group, inputs["kind"], metadata.get("namespace", ""), metadata["name"])
        return [f"object {'/'.join(names)}"]
    if token.endswith(":CodespacesSecret"):
        return [f"secret {inputs['secretName']} of repository {inputs['repository']}".lower()]
    if token.endswith(":CodespacesOrganizationSecret"):
        return [f"secret {inputs['secretName']} of the organisation".lower()]
    return []


def _made(request: Any, urn: str) -> Made:
    inputs = rpc.deserialize_properties(request.object, keep_unknowns=True)
    plain = {key: _plain(rpc.unwrap_rpc_secret(value)) for key, value in inputs.items()}
    return Made(
        urn=urn,
        kind=_kind(request.type),
        name=request.name,
        inputs=plain,
        secrets=frozenset(key for key, value in inputs.items() if rpc.is_rpc_secret(value)),
        parent=_key(request.parent),
        depends_on=frozenset(map(_key, request.dependencies)),
        deleted_with=_key(request.deletedWith),
        protect=request.protect,
        delete_before_replace=request.deleteBeforeReplace,
        import_id=request.importId,
        ignore_changes=tuple(request.ignoreChanges),
        aliases=tuple(
            f"parent:{_key(alias.spec.parentUrn)}" if alias.spec.parentUrn else alias.spec.name
            for alias in request.aliases
        ),
    )


def _key(urn: str) -> str:
    if not urn:
        return ""
    kind, name = urn.split("::")[2:4]
    return f"{_kind(kind)} {name}"


def _kind(token: str) -> str:
    """`Namespace` of a Kubernetes namespace, `tenant:Namespace` of the component around it."""
    token = token.rpartition("$")[2]
    return token.removeprefix("tenancy:") if token.startswith("tenancy:") else token.rpartition(":")[2]


def _plain(value: Any) -> Any:
    """Numbers arrive as floats, since protobuf has no others."""
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_plain(rpc.unwrap_rpc_secret(entry)) for entry in cast("list[Any]", value)]
    return int(value) if isinstance(value, float) and value.is_integer() else value
