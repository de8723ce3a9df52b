"""A short-lived token of a ServiceAccount, by the TokenRequest API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi.dynamic import (
    CreateResult,
    ReadResult,
    Resource,
    UpdateResult,
)

from components.dynamic import lifetime
from components.dynamic.connection import SECRET_INPUTS, client, is_known, secret
from components.dynamic.errors import MissingError, clear_errors, logger
from components.dynamic.renewed import RenewedProvider
from kube import ApiError, Client, JsonObject

_METADATA_ONLY = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
_IDENTITY = ("namespace", "service_account", "audiences", "bound_secret")


@dataclass(frozen=True, kw_only=True)
class ServiceAccountTokenArgs:
    """Whose token, for whom, for how long. Lifetimes in seconds.

    Whoever applies this needs `create` on serviceaccounts/token, `get` on serviceaccounts, and on secrets
    for a `bound_secret`.
    """

    namespace: pulumi.Input[str]
    service_account: pulumi.Input[str]
    audiences: tuple[str, ...] = ()
    """None means the API server itself."""
    lifetime_seconds: int
    renew_before_seconds: int
    """An update that runs this long before the end, or later, renews it."""
    bound_secret: pulumi.Input[str] | None = None
    """A Secret of the same namespace: deleting it revokes the token, as deleting the ServiceAccount does."""
    kubeconfig: pulumi.Input[str] | None = None
    """Content of a kubeconfig; None means the ambient KUBECONFIG."""
    context: pulumi.Input[str] | None = None


class ServiceAccountToken(Resource, module="tenancy", name="ServiceAccountToken"):
    """A token, made anew in its renewal window, and when a refresh finds that it was revoked."""

    token: pulumi.Output[str]
    """Secret."""
    not_after: pulumi.Output[str]
    """RFC 3339, UTC: what was granted."""
    service_account_uid: pulumi.Output[str]

    def __init__(
        self, name: str, args: ServiceAccountTokenArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        props: dict[str, Any] = {
            "namespace": args.namespace,
            "service_account": args.service_account,
            "audiences": sorted(args.audiences),
            "lifetime_seconds": args.lifetime_seconds,
            "renew_before_seconds": args.renew_before_seconds,
            "bound_secret": args.bound_secret,
            "kubeconfig": secret(args.kubeconfig),
            "context": secret(args.context),
            **dict.fromkeys(("token", "not_after", "service_account_uid")),
        }
        ours = pulumi.ResourceOptions(additional_secret_outputs=["token", *SECRET_INPUTS])
        super().__init__(TokenProvider(), name, props, pulumi.ResourceOptions.merge(ours, opts))


class TokenProvider(RenewedProvider):
    """Another kubeconfig or context is an update that only stores it: `read` has none but the state's."""

    def differences(self, _olds: Mapping[str, Any], _news: Mapping[str, Any]) -> list[str]:
        """Name what makes it another token."""
        return [key for key in _IDENTITY if not is_known(_news.get(key)) or _olds.get(key) != _news.get(key)]

    def is_update(self, _olds: Mapping[str, Any], _news: Mapping[str, Any]) -> bool:
        """Tell whether the cluster is reached in another way."""
        return any(_olds.get(key) != _news.get(key) for key in SECRET_INPUTS)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Ask for the token.

        Raises:
            DynamicError: no such ServiceAccount or Secret, no right, too short a lifetime, no API server.
        """
        what = _what(props)
        with clear_errors(what):
            uids, token, not_after = _issue(client(props), props)
        outs = {**props, **uids, "token": token, "not_after": not_after}
        return CreateResult(f"{props['namespace']}/{props['service_account']}", outs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Store how the cluster is reached now; the token stays."""
        kept = {key: value for key, value in _olds.items() if key not in SECRET_INPUTS}
        return UpdateResult({**kept, **_news})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Gone when its ServiceAccount or Secret is, or is another by now, for then it is revoked.

        Raises:
            DynamicError: the cluster cannot tell.
        """
        with clear_errors(_what(props)):
            found = _uids(client(props), props)
        if found != {key: props.get(key, "") for key in found}:
            return ReadResult(None, {})
        return ReadResult(id_, props)


def _what(props: Mapping[str, Any]) -> str:
    return f"token of ServiceAccount {props['namespace']}/{props['service_account']}"


def _issue(api: Client, props: Mapping[str, Any]) -> tuple[dict[str, str], str, str]:
    """The uids of what the token depends on, the token, its end."""
    what, asked = _what(props), int(props["lifetime_seconds"])
    uids = _uids(api, props)
    if not uids["service_account_uid"]:
        raise MissingError(f"{what}: there is no such ServiceAccount")
    spec: JsonObject = {"audiences": props.get("audiences", []), "expirationSeconds": asked}
    if secret_name := props.get("bound_secret"):
        uid = uids["bound_secret_uid"]
        if not uid:
            raise MissingError(f"{what}: there is no Secret {secret_name!r} to bind it to")
        spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Secret", "name": secret_name, "uid": uid}
    path = api.path("v1", "ServiceAccount", props["namespace"], props["service_account"], "token")
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    answer = api.request("POST", path, body=body, repeat=True)
    status: JsonObject = answer["status"]
    not_after = lifetime.read_time(status["expirationTimestamp"])
    # By the cluster's own clock.
    granted = (not_after - lifetime.read_time(answer["metadata"]["creationTimestamp"])).total_seconds()
    if warning := lifetime.check_granted(what, granted, asked, int(props["renew_before_seconds"])):
        logger.warning("%s", warning)
    return uids, status["token"], lifetime.write_time(not_after)


def _uids(api: Client, props: Mapping[str, Any]) -> dict[str, str]:
    found = {"service_account_uid": _uid(api, "ServiceAccount", props["namespace"], props["service_account"])}
    if props.get("bound_secret"):
        found["bound_secret_uid"] = _uid(api, "Secret", props["namespace"], props["bound_secret"])
    return found


def _uid(api: Client, kind: str, namespace: str, name: str) -> str:
    """The uid of an object; empty when there is none."""
    try:
        found = api.request("GET", api.path("v1", kind, namespace, name), accept=_METADATA_ONLY)
    except ApiError as error:
        # A 404 without a Status is not the API server's word on an object.
        if error.code == 404 and error.reason == "NotFound":
            return ""
        raise
    return found["metadata"]["uid"]
