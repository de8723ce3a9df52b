"""Names in the cluster that must be ours before the program makes, or takes, the objects that have them."""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import pulumi
from pulumi.dynamic import (
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from components.dynamic.connection import SECRET_INPUTS, client, is_known, secret
from components.dynamic.errors import DynamicError, InvalidInputError, clear_errors, failure, hide_tracebacks
from kube import ApiError, Client, JsonObject, UnknownKind

_FEW = 10
"""Up to so many new objects of a kind are looked up one by one; more by listing the kind."""
_THREADS = 8
_PAGE = 500
_ONE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
_MANY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"

ObjectId = tuple[str, str, str]
"""apiVersion, kind and name of a cluster-scoped object."""


@dataclass(frozen=True, kw_only=True)
class NameCheckArgs:
    """Which objects, and the label (key, value) that tells ours."""

    objects: Sequence[ObjectId]
    owner_label: tuple[str, str]
    taken_over: Sequence[ObjectId] = ()
    """Those of the objects that are taken over on purpose: ours from now on, whosever they are."""
    protected: Sequence[ObjectId] = ()
    """Those of the objects that may not leave the list as long as they stand here."""
    kubeconfig: pulumi.Input[str] | None = None
    """Content of a kubeconfig; None means the ambient KUBECONFIG."""
    context: pulumi.Input[str] | None = None


class NameCheck(Resource, module="tenancy", name="Claims"):
    """Fails a preview or an update if an object that is new in the list exists and has not our label.

    Also if a protected object has left it: the engine's own `protect` speaks up too late, when an update has
    already deleted what depends on the object.
    A kind that the cluster does not serve (yet) has no objects. Deleting this deletes nothing.
    """

    objects: pulumi.Output[list[list[str]]]

    def __init__(self, name: str, args: NameCheckArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        props: dict[str, Any] = {
            "objects": [list(each) for each in args.objects],
            "owner_label": list(args.owner_label),
            "taken_over": [list(each) for each in args.taken_over],
            "protected": [list(each) for each in args.protected],
            "kubeconfig": secret(args.kubeconfig),
            "context": secret(args.context),
        }
        super().__init__(NameCheckProvider(), name, props, opts)


class NameCheckProvider(ResourceProvider):
    """Stored in the state by its name; has no state of its own."""

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002
        """Prepare the process that this runs in."""
        hide_tracebacks()

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """Look up what is new in the list: in every preview and every update, and nothing else."""
        failures = [failure("objects", _refusal(lost))] if (lost := _lost(_olds, news)) else []
        if new := _new(_olds, news):
            key, value = news["owner_label"]
            try:
                with clear_errors("cannot tell whose the objects are that this stack is about to make"):
                    found = foreign(client(news), new, (key, value))
            except DynamicError as error:
                failures.append(failure("objects", str(error)))
            else:
                failures += [failure("objects", _complaint(found, key, value))] if found else []
        return CheckResult(news, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Only the list counts; another kubeconfig is no difference."""
        changed = any(_olds.get(key) != _news.get(key) for key in ("objects", "owner_label", "protected"))
        return DiffResult(changes=changed)

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Remember the list."""
        return CreateResult("claims", _without_connection(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Remember the list."""
        return UpdateResult(_without_connection(_news))


def _without_connection(props: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in props.items() if key not in SECRET_INPUTS}


def _new(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[ObjectId]:
    """What is in the new list and not in the old; nothing as long as a preview does not know the cluster."""
    if not all(is_known(news.get(key)) for key in (*SECRET_INPUTS, "owner_label")):
        return []
    if not isinstance(news["objects"], list):
        return []
    listed = cast("list[list[str]]", news["objects"])
    wanted = {(each[0], each[1], each[2]) for each in listed if is_known(each)}
    ours = [*olds.get("objects", []), *news.get("taken_over", [])]
    return sorted(wanted - {(each[0], each[1], each[2]) for each in ours})


def _lost(olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[str]:
    """Protected objects, as `Kind name`, that are in the new list no more."""
    if not isinstance(news["objects"], list):
        return []
    kept = cast("list[list[str]]", news["objects"])
    protected = cast("list[list[str]]", olds.get("protected") or [])
    return [f"{each[1]} {each[2]}" for each in protected if each not in kept]


def _refusal(lost: Sequence[str]) -> str:
    return (
        f"{', '.join(lost)} would be deleted, but the tenant is protected: first apply 'state: retired' in "
        "its file, or 'protect: false' in the cluster's description"
    )


def foreign(api: Client, objects: Iterable[ObjectId], label: tuple[str, str]) -> list[ObjectId]:
    """Those objects that exist without the label.

    Raises:
        KubeError: the cluster cannot be asked.
        InvalidInputError: a kind is not cluster-scoped.
    """
    by_kind: dict[tuple[str, str], list[str]] = {}
    for api_version, kind, name in objects:
        by_kind.setdefault((api_version, kind), []).append(name)
    few: list[ObjectId] = []
    many: list[tuple[str, str, list[str]]] = []
    for (api_version, kind), wanted in by_kind.items():
        if not _is_served(api, api_version, kind):
            continue
        if len(wanted) > _FEW:
            many.append((api_version, kind, wanted))
        else:
            few += [(api_version, kind, name) for name in wanted]
    with ThreadPoolExecutor(_THREADS) as pool:
        answers = [pool.submit(_foreign_one, api, each, label) for each in few]
        answers += [pool.submit(_foreign_among, api, *group, label) for group in many]
        return sorted(found for answer in answers for found in answer.result())


def _is_served(api: Client, api_version: str, kind: str) -> bool:
    try:
        resource = api.resource(api_version, kind)
    except UnknownKind:
        return False
    if resource.namespaced:
        raise InvalidInputError(
            f"{api_version} {kind} is namespaced; only names of cluster-scoped objects are checked"
        )
    return True


def _foreign_one(api: Client, wanted: ObjectId, label: tuple[str, str]) -> list[ObjectId]:
    api_version, kind, name = wanted
    try:
        found = api.request("GET", api.path(api_version, kind, name=name), accept=_ONE)
    except ApiError as error:
        if error.code == 404:
            return []
        raise
    labels: JsonObject = found["metadata"].get("labels") or {}
    return [] if labels.get(label[0]) == label[1] else [wanted]


def _foreign_among(
    api: Client, api_version: str, kind: str, wanted: Sequence[str], label: tuple[str, str]
) -> list[ObjectId]:
    path = api.path(api_version, kind)
    names: set[str] = set()
    query: dict[str, Any] = {"labelSelector": f"{label[0]}!={label[1]}", "limit": _PAGE}
    while True:
        page = api.request("GET", path, query=query, accept=_MANY)
        items: list[JsonObject] = page["items"] or []  # of metadata alone, an empty list is null
        names |= {item["metadata"]["name"] for item in items}
        query["continue"] = page["metadata"].get("continue")
        if not query["continue"]:
            break
    return [(api_version, kind, name) for name in wanted if name in names]


def _complaint(found: Sequence[ObjectId], key: str, value: str) -> str:
    objects = ", ".join(f"{kind} {name}" for _, kind, name in found)
    verb = "exists and is" if len(found) == 1 else "exist and are"
    advice = "choose another name" if len(found) == 1 else "choose other names"
    if any(kind == "Namespace" for _, kind, _ in found):
        advice += ", or set adopt.namespace in the tenant's file to take its namespace over"
    return f"{objects} {verb} not this stack's (no label {key}={value}): {advice}"
