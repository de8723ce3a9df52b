"""The tls provider's gRPC service."""
# ruff: noqa: ARG002, D102, N802 (names, parameters and meaning of gRPC methods are the protocol's)

import datetime
import functools
from collections.abc import Callable
from typing import Any, cast

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from sandbox.plugins.tls import certificates, keys
from sandbox.plugins.tls.errors import TlsError
from sandbox.plugins.tls.schema import (
    CERT_REQUEST,
    LOCALLY_SIGNED_CERT,
    PRIVATE_KEY,
    RESOURCES,
    SELF_SIGNED_CERT,
    Resource,
    changes,
    failures,
    replacing,
    with_defaults,
)
from sandbox.plugins.values import (
    UNKNOWN,
    Properties,
    Value,
    from_struct,
    has_unknown,
    plain,
    secret,
    to_struct,
)

_GET_PUBLIC_KEY = "tls:index/getPublicKey:getPublicKey"


def _answer(method: Callable[..., Any]) -> Callable[..., Any]:
    """A TlsError becomes the call's error: its message is all that the engine shows."""

    @functools.wraps(method)
    def answering(self: "TlsProvider", request: Any, context: grpc.ServicerContext) -> Any:
        try:
            return method(self, request, context)
        except TlsError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))

    return answering


class TlsProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Keys and certificates. State is all there is: reading returns it, deleting forgets it."""

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:
        from importlib.metadata import version  # needed rarely, and its import takes a while

        return plugin_pb2.PluginInfo(version=version("pulumi-tls"))

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:
        # The only setting is the proxy of a data source that fetches certificates.
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    @_answer
    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource = _resource(request.urn)
        reasons = failures(resource, from_struct(request.news))
        return provider_pb2.CheckResponse(
            inputs=request.news,
            failures=[provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in reasons],
        )

    @_answer
    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource = _resource(request.urn)
        ignored = set(request.ignoreChanges)
        state, inputs = from_struct(request.olds), from_struct(request.news)
        found = {path: kind for path, kind in changes(resource, state, inputs).items() if path not in ignored}
        replaces = replacing(resource, found)
        response = provider_pb2.DiffResponse
        return response(
            changes=response.DIFF_SOME if found else response.DIFF_NONE,
            diffs=sorted({path.split(".")[0].split("[")[0] for path in found}),
            replaces=replaces,
            detailedDiff={
                path: provider_pb2.PropertyDiff(
                    kind=getattr(
                        provider_pb2.PropertyDiff,
                        f"{kind}_REPLACE" if replacing(resource, [path]) else kind,
                    )
                )
                for path, kind in found.items()
            },
            hasDetailedDiff=True,
        )

    @_answer
    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource = _resource(request.urn)
        inputs = from_struct(request.properties)
        if request.preview or has_unknown(inputs):
            computed: Properties = dict.fromkeys(("id", *resource.computed), UNKNOWN)
            if "readyForRenewal" in computed:
                computed["readyForRenewal"] = False
            return provider_pb2.CreateResponse(properties=_state(resource, inputs, computed))
        identifier, computed = _CREATE[_type(request.urn)](_settings(resource, inputs))
        properties = _state(resource, inputs, {"id": identifier, **computed})
        return provider_pb2.CreateResponse(id=identifier, properties=properties)

    @_answer
    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:
        state = from_struct(request.properties)
        if not state:
            raise TlsError(f"{_type(request.urn)} cannot be imported: the provider has only what is in state")
        if "validityEndTime" in state and _is_due(state):
            state["readyForRenewal"] = True
        return provider_pb2.ReadResponse(id=request.id, properties=to_struct(state), inputs=request.inputs)

    @_answer
    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:
        resource = _resource(request.urn)
        old = from_struct(request.olds)
        kept: Properties = {name: old[name] for name in resource.computed if name in old}
        computed: Properties = {"id": request.id, **kept}
        if "readyForRenewal" in computed:
            computed["readyForRenewal"] = False
        properties = _state(resource, from_struct(request.news), computed)
        return provider_pb2.UpdateResponse(properties=properties)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:
        return empty_pb2.Empty()

    @_answer
    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.tok != _GET_PUBLIC_KEY:
            raise TlsError(f"the tls stand-in has no function {request.tok}; it has {_GET_PUBLIC_KEY}")
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(to_struct(_public_key(from_struct(request.args))))
        return response


def _type(urn: str) -> str:
    """The resource's type: the last part of `urn:pulumi:stack::project::parent$type::name`."""
    return urn.split("::")[2].split("$")[-1]


def _resource(urn: str) -> Resource:
    try:
        return RESOURCES[_type(urn)]
    except KeyError:
        raise TlsError(
            f"the tls stand-in has no resource type {_type(urn)}; it has {', '.join(RESOURCES)}"
        ) from None


def _settings(resource: Resource, inputs: Properties) -> dict[str, Any]:
    """The plain values to create from: all inputs, also write-only ones; None for those not given."""
    values = {name: plain(value) for name, value in with_defaults(resource, inputs).items()}
    for name, declared in resource.inputs.items():
        if declared.write_only:
            values[name] = plain(inputs.get(name))
        values.setdefault(name, None)
    return cast("dict[str, Any]", values)


def _state(resource: Resource, inputs: Properties, computed: Properties) -> struct_pb2.Struct:
    values = with_defaults(resource, inputs) | computed
    secrets = resource.secret_outputs | {
        name for name, declared in resource.inputs.items() if declared.secret
    }
    return to_struct({name: secret(value) if name in secrets else value for name, value in values.items()})


def _create_private_key(settings: dict[str, Any]) -> tuple[str, Properties]:
    key = keys.generate(settings["algorithm"], settings["rsaBits"], settings["ecdsaCurve"])
    public = key.public_key()
    return keys.identifier(public), {**keys.private_forms(key), **keys.public_forms(public)}


def _create_cert_request(settings: dict[str, Any]) -> tuple[str, Properties]:
    key = _key(settings, "privateKeyPem")
    csr = certificates.request(key, _names(settings))
    computed: Properties = {"keyAlgorithm": keys.algorithm_of(key), "certRequestPem": certificates.pem(csr)}
    return keys.sha1_hex(certificates.der(csr)), computed


def _create_self_signed_cert(settings: dict[str, Any]) -> tuple[str, Properties]:
    key = _key(settings, "privateKeyPem")
    who = _names(settings)
    issuer = certificates.Issuer(who.subject, key, None)
    certificate = certificates.issue(who, key.public_key(), _profile(settings), issuer)
    return str(certificate.serial_number), _issued(certificate) | {"keyAlgorithm": keys.algorithm_of(key)}


def _create_locally_signed_cert(settings: dict[str, Any]) -> tuple[str, Properties]:
    key = _key(settings, "caPrivateKeyPem")
    csr = certificates.load_request(settings["certRequestPem"])
    issuer = certificates.issuer_of(certificates.load_certificate(settings["caCertPem"]), key)
    public_key = certificates.public_key_of(csr)
    certificate = certificates.issue(certificates.names_of(csr), public_key, _profile(settings), issuer)
    return str(certificate.serial_number), _issued(certificate) | {"caKeyAlgorithm": keys.algorithm_of(key)}


_CREATE: dict[str, Callable[[dict[str, Any]], tuple[str, Properties]]] = {
    PRIVATE_KEY: _create_private_key,
    CERT_REQUEST: _create_cert_request,
    SELF_SIGNED_CERT: _create_self_signed_cert,
    LOCALLY_SIGNED_CERT: _create_locally_signed_cert,
}


def _key(settings: dict[str, Any], name: str) -> keys.PrivateKey:
    return keys.load(settings[name] or settings[f"{name}Wo"], name)


def _names(settings: dict[str, Any]) -> certificates.Names:
    return certificates.names(
        settings["subject"] or {},
        settings["dnsNames"] or [],
        settings["ipAddresses"] or [],
        settings["uris"] or [],
    )


def _profile(settings: dict[str, Any]) -> certificates.Profile:
    return certificates.Profile(
        validity_hours=settings["validityPeriodHours"],
        uses=tuple(settings["allowedUses"]),
        is_ca=settings["isCaCertificate"],
        max_path_length=settings["maxPathLength"],
        set_subject_key_id=settings["setSubjectKeyId"],
        set_authority_key_id=bool(settings.get("setAuthorityKeyId")),
    )


def _issued(certificate: Any) -> Properties:
    return {
        "certPem": certificates.pem(certificate),
        "readyForRenewal": False,
        "validityStartTime": _rfc3339(certificate.not_valid_before_utc),
        "validityEndTime": _rfc3339(certificate.not_valid_after_utc),
    }


def _rfc3339(moment: datetime.datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _is_due(state: Properties) -> bool:
    """Whether the certificate's early renewal has begun (or it has expired)."""
    end = datetime.datetime.fromisoformat(str(plain(state["validityEndTime"])))
    early = datetime.timedelta(hours=int(str(plain(state.get("earlyRenewalHours")) or 0)))
    return datetime.datetime.now(datetime.UTC) >= end - early


def _public_key(arguments: Properties) -> Properties:
    pem, openssh = plain(arguments.get("privateKeyPem")), plain(arguments.get("privateKeyOpenssh"))
    if (pem is None) == (openssh is None):
        raise TlsError("getPublicKey: exactly one of privateKeyPem and privateKeyOpenssh must be set")
    key = (
        keys.load(str(pem), "privateKeyPem") if pem else keys.load_openssh(str(openssh), "privateKeyOpenssh")
    )
    public = key.public_key()
    forms: dict[str, Value] = dict(keys.public_forms(public).items())
    return arguments | forms | {"id": keys.identifier(public), "algorithm": keys.algorithm_of(key)}
