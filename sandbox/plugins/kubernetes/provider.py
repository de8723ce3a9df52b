"""The gRPC service that the engine talks to (provider/provider.go)."""
# ruff: noqa: ARG002, N802 - names and parameters are those of the gRPC service

import json
import threading
import time
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from kube import ApiError, Client, JsonObject, KubeconfigError, KubeError, UnknownKind, cluster_access
from kube.transport import READ_TIMEOUT
from sandbox.plugins.kubernetes import diff, operations, waiting
from sandbox.plugins.kubernetes.host import Host
from sandbox.plugins.kubernetes.normalize import normalize
from sandbox.plugins.kubernetes.objects import (
    CLUSTER_KINDS,
    LAST_APPLIED,
    MANAGED_BY,
    PATCH_FIELD_MANAGER,
    REPLACE_UNREADY,
    adopt_name,
    annotation,
    assign_name,
    dig,
    group_of,
    gvk_of_urn,
    is_annotated,
    is_crd,
    is_known,
    is_patch,
    object_id,
    parse_id,
    prune,
    set_managed_by,
    set_namespace,
    text,
    type_of_urn,
    unique_name,
)
from sandbox.plugins.kubernetes.operations import Context
from sandbox.plugins.kubernetes.settings import Settings, config_changes, read_settings
from sandbox.plugins.kubernetes.values import (
    UNKNOWN,
    decode,
    encode,
    has_unknown,
    mark_secrets,
    plain_object,
    redact,
)

CONNECTIONS = 64
UNKNOWN_KIND_LIFE = 1.0  # seconds before the server is asked again for a kind that it did not serve
FIELD_MANAGER, INITIAL_API_VERSION, INPUTS = "__fieldManager", "__initialApiVersion", "__inputs"
CLIENT_SIDE_MANAGER = "pulumi-kubernetes"
REFUSED_MODULES = ("helm.sh/", "kustomize", "yaml")
UNREACHABLE = "configured Kubernetes cluster is unreachable"
UNREACHABLE_ADVICE = (
    "If the cluster was deleted, you can remove this resource from Pulumi state by rerunning the operation "
    'with the PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'
)

_Request = TypeVar("_Request")
_Response = TypeVar("_Response")


class _FailureError(Exception):
    """What the engine is to be told instead of an answer; `details` says what exists nevertheless."""

    def __init__(self, message: str, details: provider_pb2.ErrorResourceInitFailed | None = None) -> None:
        super().__init__(message)
        self.details = details


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """Answers the engine for all resources of one provider."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._settings = Settings()
        self._client: Client | None = None
        self._unreachable = "the provider is not configured"
        self._default_namespace = ""
        self._cancelled = threading.Event()
        self._crds: dict[tuple[str, str], bool] = {}  # (apiVersion, kind) of the program's CRDs: namespaced?
        self._unknown_kinds: dict[tuple[str, str], float] = {}

    # --- plumbing ---

    def _answer(
        self,
        context: grpc.ServicerContext,
        request: _Request,
        handle: Callable[[_Request], _Response],
        *secret_holders: Struct,
    ) -> _Response:
        """Run a handler; whatever it raises becomes the engine's error, without any secret in it."""
        try:
            return handle(request)
        except (_FailureError, KubeError, ValueError) as error:
            holders = [decode(struct) for struct in secret_holders]
            details = error.details if isinstance(error, _FailureError) else None
            _abort(context, redact(str(error), *holders), details, holders)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """Tell the version: that of the SDK that is installed."""
        return plugin_pb2.PluginInfo(version=metadata.version("pulumi-kubernetes"))

    def GetSchema(
        self, request: provider_pb2.GetSchemaRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetSchemaResponse:
        """Give a schema without types: programs have them from the SDK."""
        version = metadata.version("pulumi-kubernetes")
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "kubernetes", "version": version}))

    def GetMapping(
        self, request: provider_pb2.GetMappingRequest, context: grpc.ServicerContext
    ) -> provider_pb2.GetMappingResponse:
        """Tell that there is no mapping from another tool's types."""
        return provider_pb2.GetMappingResponse()

    def Attach(self, request: plugin_pb2.PluginAttach, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Talk to another engine from now on."""
        self._host = Host(request.address)
        return empty_pb2.Empty()

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """End all waiting."""
        self._cancelled.set()
        return empty_pb2.Empty()

    def Invoke(
        self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.InvokeResponse:
        """Refuse: YAML, Helm and Kustomize are not done here."""
        _abort(context, f"{request.tok} needs the official kubernetes plugin", None, [])

    def Construct(
        self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConstructResponse:
        """Refuse: the plugin's own components (YAML, Helm, Kustomize) are not done here."""
        _abort(context, f"{request.type} needs the official kubernetes plugin", None, [])

    # --- configuration ---

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Accept the provider's inputs as they are."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Tell what changed of the provider's inputs, and whether it is another cluster now."""
        changed, replaces = config_changes(
            plain_object(decode(request.olds)), plain_object(decode(request.news))
        )
        changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=changes, diffs=changed, replaces=replaces)

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        """Connect. A cluster out of reach is no error yet: what needs it will say so."""
        try:
            self._settings = read_settings(request.variables)
        except ValueError as error:
            _abort(context, str(error), None, [])
        self._connect()
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def _connect(self) -> None:
        settings = self._settings
        self._client, self._unreachable = None, ""
        self._default_namespace = settings.namespace or ""
        try:
            access = cluster_access(settings.kubeconfig, context=settings.context, cluster=settings.cluster)
        except KubeconfigError as error:
            self._unreachable = (
                f"unable to load Kubernetes client configuration from kubeconfig file: {error}"
            )
            return
        self._default_namespace = settings.namespace or access.namespace
        client = Client(
            access,
            connections=CONNECTIONS,
            user_agent=CLIENT_SIDE_MANAGER,
            read_timeout=settings.timeout or READ_TIMEOUT,
        )
        try:
            client.resources()
        except (KubeError, KubeconfigError) as error:
            self._unreachable = f"unable to load schema information from the API server: {error}"
            return
        self._client = client

    def _reachable(self) -> Client:
        if self._client is None:
            raise _FailureError(f"{UNREACHABLE}: {self._unreachable}")
        return self._client

    # --- kinds ---

    def _serves(self, obj: Mapping[str, Any]) -> bool:
        """Tell whether the server knows this object's kind (gvkExists)."""
        if self._client is None:
            return False
        key = (text(obj, "apiVersion"), text(obj, "kind"))
        if time.monotonic() - self._unknown_kinds.get(key, -UNKNOWN_KIND_LIFE) < UNKNOWN_KIND_LIFE:
            return False
        try:
            self._client.resource(*key)
        except UnknownKind:
            self._unknown_kinds[key] = time.monotonic()
            return False
        except (KubeError, KubeconfigError):
            return False
        return True

    def _is_namespaced(self, obj: Mapping[str, Any]) -> bool:
        """Tell whether a kind has a namespace; one that nobody knows yet is taken to (IsNamespacedKind)."""
        key = (text(obj, "apiVersion"), text(obj, "kind"))
        if self._client is not None and self._serves(obj):
            return self._client.resource(*key).namespaced
        if key in self._crds:
            return self._crds[key]
        return not (is_known(obj) and key[1] in CLUSTER_KINDS)

    def _remember_crd(self, crd: JsonObject) -> None:
        spec = crd.get("spec")
        group, kind = text(crd, "spec", "group"), text(crd, "spec", "names", "kind")
        if not isinstance(spec, dict) or not group or not kind:
            return
        versions: list[JsonObject] = dig(crd, "spec", "versions") or []
        for version in versions:
            self._crds[(f"{group}/{version.get('name')}", kind)] = text(crd, "spec", "scope") == "Namespaced"

    def _manager(self, state: Mapping[str, Any], inputs: JsonObject) -> str:
        """Name the field manager: annotation, state, or a new name (fieldManagerName)."""
        if not self._settings.server_side_apply:
            return CLIENT_SIDE_MANAGER
        recorded = state.get(FIELD_MANAGER)
        named = annotation(inputs, PATCH_FIELD_MANAGER)
        return named or (recorded if isinstance(recorded, str) else unique_name(f"{CLIENT_SIDE_MANAGER}-"))

    def _context(self, urn: str, kind: str, manager: str, timeout: float, preview: bool = False) -> Context:
        return Context(
            client=self._reachable(),
            settings=self._settings,
            manager=manager,
            patch_resource=is_patch(urn, kind),
            preview=preview,
            timeout=timeout,
            cancelled=self._cancelled,
            status=lambda message: self._host.status(urn, message),
        )

    # --- Check ---

    def Check(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        """Complete the program's inputs: name, namespace, normal form."""
        return self._answer(context, request, self._check, request.news)

    def _check(self, request: provider_pb2.CheckRequest) -> provider_pb2.CheckResponse:
        if self._client is None and self._settings.skip_update_unreachable:
            self._host.warn(
                request.urn, "Cluster is unreachable but skipUpdateUnreachable flag is set, skipping"
            )
            return provider_pb2.CheckResponse(inputs=request.olds)
        _refuse_others(request.urn)
        if request.news == request.olds and not type_of_urn(request.urn).endswith(
            ":CustomResourceDefinition"
        ):
            return provider_pb2.CheckResponse(inputs=request.news)  # checked before: nothing would change
        given = decode(request.news)
        inputs = self._complete(request, normalize(plain_object(given)))
        if is_crd(inputs):
            self._remember_crd(inputs)
        if inputs == given:
            return provider_pb2.CheckResponse(inputs=request.news)
        mark_secrets(inputs, given)
        return provider_pb2.CheckResponse(inputs=encode(inputs))

    def _complete(self, request: provider_pb2.CheckRequest, inputs: JsonObject) -> JsonObject:
        urn, patch_resource = request.urn, is_patch(request.urn, text(inputs, "kind"))
        if patch_resource and not self._settings.server_side_apply:
            raise _FailureError(
                "patch resources require Server-Side Apply mode, which is enabled using the "
                "`enableServerSideApply` Provider config"
            )
        if patch_resource and not text(inputs, "metadata", "name") and not has_unknown(inputs):
            raise _FailureError("patch resources require the `.metadata.name` field to be set")
        old = plain_object(decode(request.olds))
        if old:
            adopt_name(inputs, old)
            labelled = bool(dig(old, "metadata", "labels", MANAGED_BY))
        else:
            assign_name(inputs, urn, request.randomSeed, _proposed_name(request))
            labelled = not self._settings.server_side_apply
        if labelled:
            set_managed_by(inputs)
        if (
            self._settings.server_side_apply
            and not _has_name(inputs)
            and dig(inputs, "metadata", "generateName")
        ):
            raise _FailureError(
                "the `.metadata.generateName` field is not supported in Server-Side Apply mode"
            )
        api_version, kind = gvk_of_urn(urn)
        probe = {"apiVersion": api_version, "kind": text(inputs, "kind") if patch_resource else kind}
        metadata_ = inputs.get("metadata")
        if (
            self._default_namespace
            and metadata_ is not UNKNOWN
            and not dig(inputs, "metadata", "namespace")
            and self._is_namespaced(probe)
        ):
            set_namespace(inputs, self._default_namespace)
        return inputs

    # --- Diff ---

    def Diff(
        self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext
    ) -> provider_pb2.DiffResponse:
        """Compare the recorded live object, cut to the old inputs, with the new inputs."""
        return self._answer(context, request, self._diff, request.news, request.olds)

    def _diff(self, request: provider_pb2.DiffRequest) -> provider_pb2.DiffResponse:
        nothing = provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE, hasDetailedDiff=True)
        if diff.same(request.news, request.olds) and not _mentions(request.news, REPLACE_UNREADY):
            return nothing
        state, given = decode(request.olds), decode(request.news)
        old_inputs, live = _checkpoint_parts(state)
        inputs = normalize(plain_object(given))
        old = prune(live, normalize(old_inputs))
        self._align(old, inputs, live)
        changes = diff.detailed_diff(
            old,
            inputs,
            patch_resource=is_patch(request.urn, text(inputs, "kind")),
            mutable_kinds=self._settings.mutable_kinds,
            ignore=request.ignoreChanges,
        )
        replaces = [diff.render(path) for path in diff.replacing(changes)]
        if changes and not replaces:
            replaces = self._immutable(request.urn, state, inputs, live)
        if self._must_replace_unready(request.urn, inputs, live):
            replaces.append(f'.metadata.annotations["{REPLACE_UNREADY}"]')
        if not changes and not replaces:
            return nothing
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME,
            replaces=replaces,
            deleteBeforeReplace=bool(replaces) and _keeps_its_place(inputs, live),
            detailedDiff={diff.render(path): change for path, change in changes.items()},
            hasDetailedDiff=True,
        )

    def _align(self, old: JsonObject, inputs: JsonObject, live: JsonObject) -> None:
        """Make equal what means the same: namespaces, a name that was generated, a stray resourceVersion."""
        if self._is_namespaced(inputs):
            for obj in (old, inputs):
                if dig(obj, "metadata", "namespace") is not UNKNOWN:
                    set_namespace(obj, text(obj, "metadata", "namespace") or "default")
        else:
            set_namespace(old, "")
            set_namespace(inputs, "")
        if not old.get("kind"):
            old |= {key: inputs[key] for key in ("apiVersion", "kind") if key in inputs}
        if self._settings.server_side_apply:
            old.get("metadata", {}).pop("resourceVersion", None)
        if text(inputs, "metadata", "name"):
            old.setdefault("metadata", {})["name"] = text(live, "metadata", "name")

    def _immutable(self, urn: str, state: JsonObject, inputs: JsonObject, live: JsonObject) -> list[str]:
        """Ask the server whether it would refuse the change of an immutable field, in place."""
        if (
            self._client is None
            or has_unknown(inputs)
            or is_patch(urn, text(inputs, "kind"))
            or is_crd(inputs)
        ):
            return []
        if not self._settings.server_side_apply or object_id(inputs) != object_id(live):
            return []
        context = self._context(urn, text(inputs, "kind"), self._manager(state, inputs), 0.0, preview=True)
        return operations.immutable_fields(context, inputs)

    def _must_replace_unready(self, urn: str, inputs: JsonObject, live: JsonObject) -> bool:
        if not is_annotated(inputs, REPLACE_UNREADY) or self._client is None:
            return False
        if inputs.get("kind") != "Job":
            self._host.warn(urn, "replaceUnready annotation is not supported for this resource")
            return False
        try:
            waiting.check_on_read(
                self._client, {}, self._client.get("batch/v1", "Job", *_name_and_namespace(live))
            )
        except waiting.WaitError:
            return True
        except KubeError:
            return False
        return False

    # --- Create ---

    def Create(
        self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CreateResponse:
        """Create an object, or tell in a preview what it would become."""
        return self._answer(context, request, self._create, request.properties)

    def _create(self, request: provider_pb2.CreateRequest) -> provider_pb2.CreateResponse:
        urn, given = request.urn, decode(request.properties)
        if not request.preview:
            self._reachable()
        inputs = plain_object(given)
        unseen = provider_pb2.CreateResponse(properties=request.properties)
        if request.preview and self._cannot_preview_create(urn, inputs):
            return unseen
        manager = self._manager({}, inputs)
        context = self._context(urn, text(inputs, "kind"), manager, request.timeout, request.preview)
        failure: waiting.WaitError | None = None
        try:
            live = operations.create(context, inputs)
        except waiting.WaitError as error:
            failure, live = error, error.live
        except operations.PreviewError:
            return unseen
        except UnknownKind as error:
            api_version, kind = gvk_of_urn(urn)
            raise _FailureError(
                f'creation of resource "{urn}" with kind {api_version}/{kind} failed because the Kubernetes '
                "API server reported that the apiVersion for this resource does not exist. "
                f"Verify that any required CRDs have been created: {error}"
            ) from None
        except KubeError as error:
            if request.preview and _says_little(error):
                return unseen
            raise _FailureError(
                f'resource "{urn}" was not successfully created by the Kubernetes API server: {error}'
            ) from None
        if request.preview:
            live.pop("status", None)  # empty now, and a program that reads it should wait
        properties = _checkpoint(inputs, live, given, text(inputs, "apiVersion"), manager)
        if failure is not None:
            message = (
                f'resource "{urn}" was successfully created, but the Kubernetes API server '
                f"reported that it failed to fully initialize or become live: {failure}"
            )
            raise _partial(object_id(live), message, failure.reasons, properties)
        if is_crd(inputs) and not request.preview:
            self._forget_kinds()
        return provider_pb2.CreateResponse(
            id="" if request.preview else object_id(live), properties=properties
        )

    def _cannot_preview_create(self, urn: str, inputs: JsonObject) -> bool:
        return (
            has_unknown(inputs)
            or not self._serves(inputs)
            or is_patch(urn, text(inputs, "kind"))
            or not self._settings.server_side_apply
        )

    def _forget_kinds(self) -> None:
        self._unknown_kinds.clear()
        if self._client is not None:
            self._client.forget_discovery()

    # --- Read ---

    def Read(
        self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ReadResponse:
        """Read the live object; its inputs are the live values of the fields that the old inputs had."""
        return self._answer(context, request, self._read, request.inputs, request.properties)

    def _read(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        urn = request.urn
        _refuse_others(urn)
        if self._client is None:
            return self._read_unreachable(request)
        state, given = decode(request.properties), decode(request.inputs)
        namespace, name = parse_id(request.id)
        if not name:
            raise _FailureError(f"failed to read resource because its id names no object: {request.id!r}")
        _, old_live = _checkpoint_parts(state)
        old_inputs = normalize(plain_object(given))
        import_all = self._identify(urn, old_inputs, old_live, namespace, name)
        recorded = state.get(INITIAL_API_VERSION)
        api_version = recorded if isinstance(recorded, str) else text(old_inputs, "apiVersion")
        manager = self._manager(state, old_inputs)
        context = self._context(urn, text(old_inputs, "kind"), manager, 0.0)
        failure: waiting.WaitError | None = None
        try:
            live = self._client.get(
                text(old_inputs, "apiVersion"),
                text(old_inputs, "kind"),
                name,
                namespace or text(old_inputs, "metadata", "namespace") or None,
            )
            if not import_all:
                waiting.check_on_read(context.client, old_inputs, live)
        except UnknownKind:
            return provider_pb2.ReadResponse()
        except ApiError as error:
            if error.code == 404:
                return provider_pb2.ReadResponse()
            raise
        except waiting.WaitError as error:
            failure, live = error, error.live
        inputs = prune(live, old_inputs)
        if import_all:
            _take_all_inputs(inputs, live)
        properties = _checkpoint(inputs, live, given, api_version, manager)
        mark_secrets(inputs, given)
        encoded = encode(inputs)
        if failure is not None:
            raise _partial(request.id, str(failure), failure.reasons, properties, encoded)
        return provider_pb2.ReadResponse(id=request.id, properties=properties, inputs=encoded)

    def _read_unreachable(self, request: provider_pb2.ReadRequest) -> provider_pb2.ReadResponse:
        self._host.warn(request.urn, f"{UNREACHABLE}: {self._unreachable}")
        if self._settings.delete_unreachable:
            return provider_pb2.ReadResponse()
        if self._settings.skip_update_unreachable:
            return provider_pb2.ReadResponse(
                id=request.id, properties=request.properties, inputs=request.inputs
            )
        raise _FailureError(
            "failed to read resource state due to unreachable cluster: "
            f"{self._unreachable}. {UNREACHABLE_ADVICE}"
        )

    def _identify(self, urn: str, inputs: JsonObject, live: JsonObject, namespace: str, name: str) -> bool:
        """Complete inputs that say not what they are; True when nothing was recorded (import, `.get`)."""
        if text(inputs, "kind") and text(inputs, "apiVersion"):
            return False
        recorded = bool(text(live, "kind") and text(live, "apiVersion"))
        api_version, kind = (live["apiVersion"], live["kind"]) if recorded else gvk_of_urn(urn)
        if not recorded and is_patch(urn, ""):
            served = self._serves({"apiVersion": api_version, "kind": kind})
            kind = kind if served else kind.removesuffix("Patch")
        inputs |= {"apiVersion": api_version, "kind": kind}
        meta: JsonObject = inputs.setdefault("metadata", {})
        meta.setdefault("name", name)
        if namespace:
            meta.setdefault("namespace", namespace)
        return not recorded

    # --- Update ---

    def Update(
        self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext
    ) -> provider_pb2.UpdateResponse:
        """Change an object, or tell in a preview what it would become."""
        return self._answer(context, request, self._update, request.news, request.olds)

    def _update(self, request: provider_pb2.UpdateRequest) -> provider_pb2.UpdateResponse:
        urn = request.urn
        if not request.preview:
            self._reachable()
        state, given = decode(request.olds), decode(request.news)
        inputs = normalize(plain_object(given))
        unseen = provider_pb2.UpdateResponse(properties=request.news)
        if request.preview and (has_unknown(inputs) or not self._serves(inputs)):
            return unseen
        old_inputs, old_live = _checkpoint_parts(state)
        _drop_last_applied(old_live, old_inputs)
        old_inputs = normalize(old_inputs)
        recorded = state.get(INITIAL_API_VERSION)
        api_version = recorded if isinstance(recorded, str) else text(old_inputs, "apiVersion")
        old_manager, manager = self._manager(state, old_inputs), self._manager(state, inputs)
        context = self._context(urn, text(inputs, "kind"), manager, request.timeout, request.preview)
        failure: waiting.WaitError | None = None
        try:
            live = operations.update(
                context, prune(old_live, old_inputs), old_live, inputs, request.ignoreChanges
            )
        except waiting.WaitError as error:
            failure, live = error, error.live
        except UnknownKind as error:
            raise _FailureError(
                f'update of resource "{urn}" failed because the Kubernetes API server reported that the '
                "apiVersion for this resource does not exist. "
                f"Verify that any required CRDs have been created: {error}"
            ) from None
        except KubeError as error:
            if request.preview and isinstance(error, ApiError) and error.reason == "Forbidden":
                return unseen
            failure, live = self._after_failed_update(urn, error, old_live)
        properties = _checkpoint(inputs, live, given, api_version, manager)
        if failure is not None:
            message = (
                f'the Kubernetes API server reported that "{object_id(live)}" failed to fully initialize '
                f"or become live: {failure}"
            )
            raise _partial(object_id(live), message, failure.reasons, properties)
        if self._settings.server_side_apply and not request.preview and old_manager != manager:
            operations.relinquish(context, live, old_manager)
        return provider_pb2.UpdateResponse(properties=properties)

    def _after_failed_update(
        self, urn: str, error: KubeError, old_live: JsonObject
    ) -> tuple[waiting.WaitError, JsonObject]:
        """Find what the object is like after a change that was refused."""
        name, namespace = _name_and_namespace(old_live)
        try:
            live = self._reachable().get(
                text(old_live, "apiVersion"), text(old_live, "kind"), name, namespace
            )
        except KubeError as also:
            raise _FailureError(
                f'update of resource "{urn}" failed: {error}\nunable to get cluster state: {also}'
            ) from None
        return waiting.WaitError(str(error), live), live

    # --- Delete ---

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete an object and wait until it is gone."""
        return self._answer(context, request, self._delete, request.properties)

    def _delete(self, request: provider_pb2.DeleteRequest) -> empty_pb2.Empty:
        urn, state = request.urn, decode(request.properties)
        if self._client is None:
            self._host.warn(urn, f"{UNREACHABLE}: {self._unreachable}")
            if self._settings.delete_unreachable:
                return empty_pb2.Empty()
            raise _FailureError(f"{UNREACHABLE}: {self._unreachable}. {UNREACHABLE_ADVICE}")
        inputs, live = _checkpoint_parts(state)
        _, name = parse_id(request.id)
        manager = self._manager(state, inputs)
        context = self._context(urn, text(inputs, "kind"), manager, request.timeout)
        try:
            operations.delete(context, inputs, live, name)
        except UnknownKind:
            return empty_pb2.Empty()  # its CRD is gone, and the object with it
        except waiting.WaitError as error:
            api_version = str(state.get(INITIAL_API_VERSION) or text(live, "apiVersion"))
            properties = _checkpoint(live, error.live, state, api_version, manager)
            raise _partial(object_id(error.live), str(error), error.reasons, properties) from None
        if is_crd(live):
            self._forget_kinds()
        return empty_pb2.Empty()


def _abort(
    context: grpc.ServicerContext,
    message: str,
    details: provider_pb2.ErrorResourceInitFailed | None,
    secret_holders: list[JsonObject],
) -> NoReturn:
    """Answer with an error; its details travel as google.rpc.Status (sdk/go/common/util/rpcutil)."""
    if details is not None:
        reasons = [redact(reason, *secret_holders) for reason in details.reasons]
        del details.reasons[:]
        details.reasons.extend(reasons)
        packed = any_pb2.Any()
        packed.Pack(details)
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message, details=[packed])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)


def _refuse_others(urn: str) -> None:
    token = type_of_urn(urn)
    module = token.split(":")[1]
    if module.startswith(REFUSED_MODULES):
        raise _FailureError(f"{token} needs the official kubernetes plugin")
    if token.endswith("List") and group_of(gvk_of_urn(urn)[0]) == "":
        raise _FailureError(
            "list resources exist for compatibility with YAML manifests and Helm charts, "
            "and cannot be created directly. Use the underlying resource type instead"
        )


def _proposed_name(request: provider_pb2.CheckRequest) -> str | None:
    """Read the stack's autonaming configuration."""
    if not request.HasField("autonaming"):
        return None
    options = request.autonaming
    named = dig(decode(request.news), "metadata", "name") or dig(
        decode(request.news), "metadata", "generateName"
    )
    if options.mode == provider_pb2.CheckRequest.AutonamingOptions.DISABLE and not named:
        raise _FailureError(
            f'autonaming is disabled, resource "{request.urn}" requires an explicit `.metadata.name` field'
        )
    return options.proposed_name or None


def _has_name(inputs: JsonObject) -> bool:
    return bool(dig(inputs, "metadata", "name")) or inputs.get("metadata") is UNKNOWN


def _mentions(inputs: Struct, key: str) -> bool:
    if "metadata" not in inputs.fields:
        return False
    fields = inputs.fields["metadata"].struct_value.fields
    return "annotations" in fields and key in fields["annotations"].struct_value.fields


def _name_and_namespace(obj: JsonObject) -> tuple[str, str | None]:
    return text(obj, "metadata", "name"), text(obj, "metadata", "namespace") or None


def _keeps_its_place(inputs: JsonObject, live: JsonObject) -> bool:
    """Tell whether a replacement needs the very name that the old object has."""
    autonamed = is_annotated(inputs, "pulumi.com/autonamed")
    name, namespace = text(inputs, "metadata", "name"), text(inputs, "metadata", "namespace")
    return bool(name) and not autonamed and (name, namespace or None) == _name_and_namespace(live)


def _says_little(error: KubeError) -> bool:
    """Tell whether a refused dry run says nothing against the real run (Create)."""
    if not isinstance(error, ApiError):
        return False
    no_dry_run = error.code == 400 and "does not support dry run" in error.message
    return error.reason in ("Forbidden", "AlreadyExists") or no_dry_run


def _checkpoint_parts(state: JsonObject) -> tuple[JsonObject, JsonObject]:
    """Split recorded state into inputs and live object, secrets laid open (parseCheckpointObject)."""
    live = plain_object(state)
    inputs: JsonObject = live.pop(INPUTS, {})
    return inputs, live


def _checkpoint(
    inputs: JsonObject, live: JsonObject, given: Mapping[str, Any], api_version: str, manager: str
) -> Struct:
    """Make the state to record: the live object, and its inputs and field manager (checkpointObject)."""
    recorded_inputs, outputs = plain_object(inputs), plain_object(live)
    mark_secrets(outputs, given)
    mark_secrets(recorded_inputs, given)
    return encode(
        {**outputs, INPUTS: recorded_inputs, INITIAL_API_VERSION: api_version, FIELD_MANAGER: manager},
        underscored=True,
    )


def _partial(
    resource_id: str, message: str, reasons: list[str], properties: Struct, inputs: Struct | None = None
) -> _FailureError:
    """Make the error that has the engine record an object nevertheless (partialError)."""
    return _FailureError(
        message,
        provider_pb2.ErrorResourceInitFailed(
            id=resource_id, properties=properties, reasons=[message, *reasons], inputs=inputs
        ),
    )


def _take_all_inputs(inputs: JsonObject, live: JsonObject) -> None:
    """Take as inputs what an imported object has. Custom resources have no types that tell inputs apart."""
    if is_known(live):
        inputs |= {key: plain_object({"": value})[""] for key, value in live.items() if key != "status"}
    meta: JsonObject = inputs.get("metadata") or {}
    for key in ("creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"):
        meta.pop(key, None)
    annotations: JsonObject = meta.get("annotations") or {}
    for key in ("deployment.kubernetes.io/revision", LAST_APPLIED):
        annotations.pop(key, None)


def _drop_last_applied(live: JsonObject, inputs: JsonObject) -> None:
    """Have an update remove kubectl's annotation that versions before 4.0 wrote."""
    written = annotation(live, LAST_APPLIED)
    if written and not annotation(inputs, LAST_APPLIED):
        inputs.setdefault("metadata", {}).setdefault("annotations", {})[LAST_APPLIED] = written
