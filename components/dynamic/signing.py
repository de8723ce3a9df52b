"""Have the cluster sign a CSR: create the request, approve it, wait, collect, delete it.

It needs `create`, `get`, `list`, `watch` and `delete` on certificatesigningrequests, `update` on
certificatesigningrequests/approval, and `approve` on the signer.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

from components.dynamic.errors import (
    DynamicError,
    NotPermittedError,
    NotSignedInTimeError,
    RequestDeniedError,
    RequestFailedError,
    RequestNameTakenError,
    clear_errors,
    logger,
)
from components.dynamic.lifetime import check_granted
from components.dynamic.request import API_VERSION, KIND, NAMES, SUBJECT_LABEL, Certificate, Request, Wanted
from kube import ApiError, Client, JsonObject, KubeconfigError, KubeError, Unreachable

_ATTEMPTS = 5
"""How often to begin anew when the request vanishes on the way."""

_PAUSE = 1.0
"""Seconds before a broken watch is opened again."""


class _VanishedError(Exception):
    """Somebody deleted the request that we were working on."""


def sign(client: Client, wanted: Wanted) -> tuple[Certificate, str]:
    """Get the certificate. The second part is the name of the request, should it have to be left behind.

    Killed at any moment, a second call finds the request of the first by its name, or by its label, and
    collects its certificate or deletes it.

    Raises:
        DynamicError: and no request is left, unless the text says so.
    """
    try:
        with clear_errors(wanted.what):
            return _sign(client, wanted)
    except NotPermittedError as error:
        missing = _missing_rights(client, wanted.signer)
        if not missing:
            raise
        named = NotPermittedError(
            f"{wanted.what}: the kubeconfig's user is not permitted to {', and not to '.join(missing)}"
        )
        named.left_behind = error.left_behind
        raise named from None


def _sign(client: Client, wanted: Wanted) -> tuple[Certificate, str]:
    deadline = time.monotonic() + wanted.timeout
    _delete_leftovers(client, wanted)
    for _ in range(_ATTEMPTS):
        request = _obtain(client, wanted)
        try:
            return _collect(client, request, deadline)
        except _VanishedError:
            continue
    raise RequestNameTakenError(f"{wanted.what}: somebody keeps deleting its CertificateSigningRequest")


def _collect(client: Client, request: Request, deadline: float) -> tuple[Certificate, str]:
    what = request.wanted.what
    try:
        with clear_errors(what):
            request = _wait(client, _approve(client, request), deadline)
            certificate = _accept(request)
    except DynamicError as error:
        if (failure := delete_request(client, request)) is not None:
            error.left_behind = _left_behind(request, failure)
        raise
    failure = delete_request(client, request)
    if failure is None:
        return certificate, ""
    logger.warning("%s: issued, but %s", what, _left_behind(request, failure))
    return certificate, request.name


def _left_behind(request: Request, failure: Exception) -> str:
    text = " ".join(str(failure).split())
    return f"CertificateSigningRequest {request.name} could not be deleted: {text}"


def _delete_leftovers(client: Client, wanted: Wanted) -> None:
    """Delete what killed runs left of the same subject: of a key or a lifetime that nobody wants any more."""
    ours = {wanted.name(number) for number in range(NAMES)}
    selector = f"{SUBJECT_LABEL}={wanted.subject_label}"
    for found in client.list(API_VERSION, KIND, label_selector=selector):
        request = Request(wanted, found)
        if request.name not in ours and (failure := delete_request(client, request)) is not None:
            raise failure


def _obtain(client: Client, wanted: Wanted) -> Request:
    """Create the request, or find the one that a killed run left."""
    holders: list[str] = []
    for number in range(NAMES):
        request = _create_or_find(client, wanted, wanted.name(number))
        if request.is_ours:
            return request
        # Never to be collected, and not ours to delete either.
        holders.append(f"{request.name} (of {request.username!r})")
        logger.warning("%s: another CertificateSigningRequest has the name %s", wanted.what, holders[-1])
    raise RequestNameTakenError(
        f"{wanted.what}: others hold all names of its request; find out who made them, and delete them: "
        + ", ".join(holders)
    )


def _create_or_find(client: Client, wanted: Wanted, name: str) -> Request:
    path = client.path(API_VERSION, KIND)
    for _ in range(_ATTEMPTS):
        try:
            # Safe to send twice, for the second finds the first.
            return Request(wanted, client.request("POST", path, body=wanted.object(name), repeat=True))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        try:
            request = Request(wanted, client.get(API_VERSION, KIND, name))
        except ApiError as error:
            if error.code != 404:
                raise
            continue
        if not request.is_ours or request.is_usable:
            return request
        if (failure := delete_request(client, request)) is not None:
            raise failure
    raise RequestNameTakenError(f"{wanted.what}: CertificateSigningRequest {name} comes and goes")


def _approve(client: Client, request: Request) -> Request:
    for _ in range(_ATTEMPTS):
        if request.condition("Approved") or request.is_settled:
            return request
        try:
            return replace(request, found=client.update(request.approved(), subresource="approval"))
        except ApiError as error:
            if error.code not in (404, 409, 422):
                raise
            before = request.resource_version
            request = _again(client, request)
            if request.resource_version == before:
                raise
    raise RequestNameTakenError(
        f"{request.wanted.what}: somebody keeps changing its CertificateSigningRequest"
    )


def _again(client: Client, request: Request) -> Request:
    try:
        found = replace(request, found=client.get(API_VERSION, KIND, request.name))
    except ApiError as error:
        if error.code == 404:
            raise _VanishedError from None
        raise
    if found.uid != request.uid:
        raise _VanishedError
    return found


def _wait(client: Client, request: Request, deadline: float) -> Request:
    wanted = request.wanted
    while not request.is_settled:
        left = deadline - time.monotonic()
        if left <= 0:
            raise NotSignedInTimeError(
                f"{wanted.what}: approved, but not signed within {wanted.timeout:.0f} s: "
                f"is anybody running the signer {wanted.signer}?"
            )
        started = time.monotonic()
        for seen in _changes(client, request, left):
            request = seen
            if request.is_settled:
                return request
        time.sleep(max(0.0, min(_PAUSE - (time.monotonic() - started), deadline - time.monotonic())))
        request = _again(client, request)
    return request


def _changes(client: Client, request: Request, timeout: float) -> Iterator[Request]:
    """Watch a request. A watch that breaks just ends: reading the object then tells what is the matter."""
    events = client.watch(
        API_VERSION,
        KIND,
        name=request.name,
        resource_version=request.resource_version,
        timeout=timeout,
    )
    try:
        with closing(events):  # pyright: ignore[reportArgumentType]
            for event in events:
                if event.type == "DELETED":
                    raise _VanishedError
                yield replace(request, found=event.object)
    except Unreachable:
        return
    except ApiError as error:
        if error.code != 410:
            raise


def _accept(request: Request) -> Certificate:
    wanted = request.wanted
    if (denied := request.condition("Denied")) is not None:
        raise RequestDeniedError(f"{wanted.what}: its request was denied: {_explanation(denied)}")
    if not request.issued and (failed := request.condition("Failed")) is not None:
        raise RequestFailedError(f"{wanted.what}: {wanted.signer} could not sign it: {_explanation(failed)}")
    certificate = request.certificate()
    granted = (certificate.not_after - request.created).total_seconds()
    if warning := check_granted(wanted.what, granted, wanted.lifetime, wanted.renew_before):
        logger.warning("%s", warning)
    return certificate


def _explanation(condition: JsonObject) -> str:
    given = (condition.get("reason"), condition.get("message"))
    return " ".join(": ".join(text for text in given if text).split()) or "no reason was given"


def delete_request(client: Client, request: Request) -> KubeError | KubeconfigError | None:
    """Delete this very request; says why it could not be."""
    try:
        client.delete(API_VERSION, KIND, request.name, uid=request.uid)
    except ApiError as error:
        return None if error.code in (404, 409) else error
    except (KubeError, KubeconfigError) as error:
        return error
    return None


def _missing_rights(client: Client, signer: str) -> list[str]:
    """Ask the API server which of the needed rights are missing."""
    try:
        missing = [
            f"{verb} certificatesigningrequests{'/' if part else ''}{part}"
            for verb, part in (
                *((verb, "") for verb in ("create", "get", "list", "watch", "delete")),
                ("update", "approval"),
            )
            if not _may(client, verb, "certificatesigningrequests", subresource=part)
        ]
        whole_domain = f"{signer.partition('/')[0]}/*"
        if not any(_may(client, "approve", "signers", name=name) for name in (signer, whole_domain)):
            missing.append(f"approve requests to the signer {signer}")
    except KubeError:
        return []
    return missing


def _may(client: Client, verb: str, resource: str, *, name: str = "", subresource: str = "") -> bool:
    group = API_VERSION.partition("/")[0]
    asked = {"verb": verb, "group": group, "resource": resource, "name": name, "subresource": subresource}
    review: JsonObject = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    return bool(client.create(review)["status"].get("allowed"))
