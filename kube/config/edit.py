"""Kubeconfigs as documents: building, merging, cutting down. Pure functions; kube.config.files does the rest.

Rules are kubectl's (client-go, tools/clientcmd/loader.go and tools/clientcmd/api/helpers.go): of entries with
one name the first file's wins as a whole, the first current-context wins, relative paths are seen from their
own file. Comments and fields unknown here are kept. No message holds a value from a user entry.
"""

import base64
import copy
import io
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import urlsplit

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from kube.errors import KubeconfigError

Document: TypeAlias = dict[str, Any]
Kind: TypeAlias = Literal["cluster", "user", "context"]

KINDS: dict[Kind, str] = {"cluster": "clusters", "user": "users", "context": "contexts"}
CURRENT = "current-context"

# Each file that kubectl inlines when flattening, and the key of its content. A tokenFile stays a file: it is
# read anew for each request.
_INLINED: dict[Kind, tuple[str, ...]] = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key"),
    "context": (),
}
_PATHS: dict[Kind, tuple[str, ...]] = {**_INLINED, "user": (*_INLINED["user"], "tokenFile")}


@dataclass(frozen=True)
class Source:
    """A kubeconfig and where it comes from: a file's path, or another name for people to see.

    `folder`: from where its relative paths are seen; None where it has none.
    """

    name: str
    document: Document
    folder: Path | None = None


@dataclass(frozen=True)
class Rename:
    """A new name for an entry."""

    kind: Kind
    old: str
    new: str


@dataclass(frozen=True)
class Conflict:
    """An entry that differs from another of its name in an earlier file, so that only one was taken.

    `used_by`: contexts of the same file that now refer to the other file's entry.
    """

    kind: Kind
    name: str
    taken_from: str
    not_taken_from: str
    used_by: tuple[str, ...] = ()


@dataclass(frozen=True)
class Merged:
    """One document out of several, and what was left out of it."""

    document: Document
    conflicts: tuple[Conflict, ...]


def new(
    cluster: tuple[str, Document], user: tuple[str, Document], context: str, namespace: str | None
) -> Document:
    """A kubeconfig of one context, from name and body of its cluster and its user."""
    document = empty()
    _append(document, "cluster", {"name": cluster[0], "cluster": cluster[1]})
    _append(document, "user", {"name": user[0], "user": user[1]})
    body = {"cluster": cluster[0], "user": user[0]} | ({"namespace": namespace} if namespace else {})
    _append(document, "context", {"name": context, "context": body})
    document[CURRENT] = context
    return document


def empty() -> Document:
    """A kubeconfig without entries."""
    return parse("apiVersion: v1\nkind: Config\n", "new kubeconfig")


def parse(text: str, source: str) -> Document:
    """The document in a text (YAML or JSON); an empty text is an empty kubeconfig.

    Raises:
        KubeconfigError: not YAML, not a kubeconfig, or one name given twice.
    """
    try:
        loaded: object = _yaml().load(text)
    except MarkedYAMLError as error:
        # The message itself would quote the line, which may hold a key.
        mark: Any = cast("Any", error).problem_mark
        where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
        raise KubeconfigError(f"{source}: not YAML{where}") from None
    except YAMLError:
        raise KubeconfigError(f"{source}: not YAML") from None
    if loaded is None:
        return empty()
    if not isinstance(loaded, dict):
        raise KubeconfigError(
            f"{source}: not a kubeconfig: a mapping with clusters, users and contexts is wanted"
        )
    document = cast("Document", loaded)
    if document.get("kind", "Config") != "Config" or document.get("apiVersion", "v1") != "v1":
        raise KubeconfigError(f"{source}: not a kubeconfig: kind Config of apiVersion v1 is wanted")
    for kind in KINDS:
        _check_list(document, kind, source)
    return document


def dump(document: Document) -> str:
    """The document as YAML."""
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()


def put(document: Document, kind: Kind, name: str, fields: Document) -> None:
    """Sets fields of an entry, which is made where there is none, in place; other fields stay."""
    entry = _get(document, kind, name)
    if entry is None:
        _append(document, kind, {"name": name, kind: fields})
    else:
        entry[kind] = entry.get(kind) or {}
        entry[kind].update(fields)


def server_problem(url: object) -> str | None:
    """Why a text is no address of an API server; None where it is one."""
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or " " in str(url):
        return "an address such as https://10.0.0.1:6443 is wanted"
    return None


def names(document: Document, kind: Kind) -> list[str]:
    """The names of all entries of a kind, in the document's order."""
    return [str(item["name"]) for item in _items(document, kind)]


def entries(document: Document, kind: Kind) -> list[tuple[str, Document]]:
    """Name and body of all entries of a kind, in the document's order."""
    return [(str(item["name"]), _body(item, kind)) for item in _items(document, kind)]


def current_context(document: Document) -> str:
    """The current context's name, or nothing."""
    return str(document.get(CURRENT) or "")


def with_absolute_paths(document: Document, folder: Path) -> Document:
    """The document with every relative path seen from the folder, as kubectl does when it leaves the file."""
    result = copy.deepcopy(document)
    for kind, keys in _PATHS.items():
        for body in _bodies(result, kind):
            for key in keys:
                if body.get(key):
                    body[key] = os.path.normpath(folder / str(body[key]))
            plugin = body.get("exec")
            # A command without a slash is looked up on PATH.
            if isinstance(plugin, dict) and os.sep in str(cast("Document", plugin).get("command") or ""):
                plugin["command"] = os.path.normpath(folder / str(cast("Document", plugin)["command"]))
    return result


def renamed(document: Document, renames: Iterable[Rename], source: str) -> Document:
    """The document with new names for entries, and with the references to them adapted.

    Raises:
        KubeconfigError: there is no such entry, or another has the new name already.
    """
    result = copy.deepcopy(document)
    for rename in renames:
        entry = _find(result, rename.kind, rename.old, source)
        if rename.new != rename.old and rename.new in names(result, rename.kind):
            raise KubeconfigError(f"{source}: there is a {rename.kind} {rename.new!r} already")
        entry["name"] = rename.new
        if rename.kind == "context" and current_context(result) == rename.old:
            result[CURRENT] = rename.new
        for context in _bodies(result, "context") if rename.kind != "context" else ():
            if context.get(rename.kind) == rename.old:
                context[rename.kind] = rename.new
    return result


def merge(sources: Sequence[Source], *, overwrite: bool = False, destination: Path | None = None) -> Merged:
    """All sources in one document; the first one's layout and comments stay.

    Of different entries with one name the first is taken, or with `overwrite` the last. Relative paths become
    absolute, except those of a first source that lies in the `destination` folder.
    """
    if not sources:
        return Merged(empty(), ())
    moved = [_moved(source) for source in sources]
    stays = sources[0].folder is not None and sources[0].folder == destination
    document = copy.deepcopy(sources[0].document if stays else moved[0])
    taken: dict[tuple[Kind, str], tuple[str, Document]] = {}
    conflicts: list[Conflict] = []
    for source, other in zip(sources, moved, strict=True):
        for kind in KINDS:
            for item in _items(other, kind):
                name = str(item["name"])
                origin, present = taken.setdefault((kind, name), (source.name, item))
                if present is item:
                    if source is not sources[0]:
                        _append(document, kind, item)
                elif present != item:
                    conflicts.append(_conflict(source, kind, name, origin, overwrite))
                    if overwrite:
                        _replace(document, kind, item)
                        taken[kind, name] = (source.name, item)
        _merge_rest(document, other)
    return Merged(document, tuple(_with_users(conflict, sources) for conflict in conflicts))


def extract(document: Document, contexts: Sequence[str], source: str) -> Document:
    """Only these contexts, with their clusters and users. The current one stays current, else the first is.

    Raises:
        KubeconfigError: a context, or what it refers to, is missing.
    """
    wanted: dict[Kind, set[str]] = {"context": set(contexts), "cluster": set(), "user": set()}
    for name in contexts:
        context = _body(_find(document, "context", name, source), "context")
        for kind in ("cluster", "user"):
            if reference := str(context.get(kind) or ""):
                _find(document, kind, reference, f"{source}: context {name!r}")
                wanted[kind].add(reference)
    unwanted: dict[Kind, set[str]] = {kind: set(names(document, kind)) - wanted[kind] for kind in KINDS}
    result = _without(document, unwanted)
    if current_context(result) not in contexts and contexts:
        result[CURRENT] = contexts[0]
    return result


def minify(document: Document, context: str | None, source: str) -> Document:
    """Only one context, the current one if none is named, with its cluster and user.

    Raises:
        KubeconfigError: no context is current, or something is missing.
    """
    name = context or current_context(document)
    if not name:
        choices = ", ".join(names(document, "context")) or "none"
        raise KubeconfigError(f"{source}: no current-context; name a context: {choices}")
    result = extract(document, [name], source)
    result[CURRENT] = name
    return result


def flatten(document: Document, read: Callable[[Path], bytes], source: str) -> Document:
    """Certificates and keys in the document instead of paths to them. Paths must be absolute.

    Raises:
        KubeconfigError: an entry has both a path and content, or a file cannot be read.
    """
    result = copy.deepcopy(document)
    for kind, keys in _INLINED.items():
        for item in _items(result, kind):
            for key in keys:
                _inline(_body(item, kind), key, read, f"{source}: {kind} {item['name']!r}: {key}")
    return result


def to_remove(
    document: Document, contexts: Sequence[str], source: str, *, keep_unused: bool
) -> dict[Kind, set[str]]:
    """What goes when contexts go: with each its cluster and user, unless another context uses them.

    With `keep_unused` only the contexts go, as with `kubectl config delete-context`.

    Raises:
        KubeconfigError: there is no such context.
    """
    going = [_body(_find(document, "context", name, source), "context") for name in contexts]
    staying = [_body(item, "context") for item in _items(document, "context") if item["name"] not in contexts]
    removal: dict[Kind, set[str]] = {"context": set(contexts), "cluster": set(), "user": set()}
    if not keep_unused:
        for kind in ("cluster", "user"):
            used = {str(context.get(kind) or "") for context in staying}
            removal[kind] = {str(context.get(kind) or "") for context in going} - used - {""}
    return removal


def remove(text: str, removal: Mapping[Kind, set[str]], source: str) -> str:
    """The text without these entries, and without a current-context that is among them.

    The lines of what stays are untouched, comments included, wherever the text's layout allows it.
    """
    document = parse(text, source)
    wanted = _without(document, removal)
    if current_context(document) in removal.get("context", ()):
        wanted[CURRENT] = ""
    edited = _cut_lines(text, document, wanted, removal)
    try:
        if _plain(parse(edited, source)) == _plain(wanted):
            return edited
    except KubeconfigError:
        pass  # an unusual layout, such as JSON
    return dump(wanted)


def redacted(document: Document) -> Document:
    """The document for people to look at: as `kubectl config view`, also without plugins' environment."""
    result = copy.deepcopy(document)
    for body in _bodies(result, "cluster"):
        _mask(body, "certificate-authority-data", "DATA+OMITTED")
        if body.get("proxy-url"):
            body["proxy-url"] = re.sub(r"//[^/@]*@", "//REDACTED@", str(body["proxy-url"]))
    for body in _bodies(result, "user"):
        for key, mask in _USER_MASKS.items():
            _mask(body, key, mask)
        for variable in cast("list[Document]", _inner(body, "exec").get("env") or []):
            _mask(variable, "value", "REDACTED")
        settings = _inner(_inner(body, "auth-provider"), "config")
        for key in list(settings):
            _mask(settings, key, "REDACTED")
    return result


_USER_MASKS = {
    "client-certificate-data": "DATA+OMITTED",
    "client-key-data": "DATA+OMITTED",
    "token": "REDACTED",
    "password": "REDACTED",
}


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1_000_000  # a certificate is one long line
    yaml.representer.add_representer(str, _represent_text)
    return yaml


def _check_list(document: Document, kind: Kind, source: str) -> None:
    plural = KINDS[kind]
    listed = document.get(plural)
    if listed is not None and not isinstance(listed, list):
        raise KubeconfigError(f"{source}: {plural}: a list is wanted")
    seen: set[str] = set()
    for number, item in enumerate(cast("list[Any]", listed or [])):
        entry = cast("Document", item) if isinstance(item, dict) else {}
        name: object = entry.get("name")
        if not isinstance(name, str) or not isinstance(entry.get(kind), dict | None):
            raise KubeconfigError(f"{source}: {plural}[{number}]: a mapping with name and {kind} is wanted")
        if name in seen:
            raise KubeconfigError(f"{source}: {plural}: {name!r} is there twice; rename one")
        seen.add(name)
        _check_text(name, f"{source}: {plural}[{number}]: name")
        _check_body(_body(entry, kind), f"{source}: {kind} {name!r}")


_TEXTS = (
    *("server", "tls-server-name", "certificate-authority", "proxy-url", "cluster", "user", "namespace"),
    *("client-certificate", "client-key", "token", "tokenFile", "username", "password", "as"),
)
_BASE64 = ("certificate-authority-data", "client-certificate-data", "client-key-data")


def _check_body(body: Document, where: str) -> None:
    """Refuses what kubectl cannot read, without a word of what stands there."""
    for key in _TEXTS:
        if body.get(key) is not None:
            _check_text(body[key], f"{where}: {key}")
    for key in _BASE64:
        try:
            base64.b64decode("".join(str(body.get(key) or "").split()), validate=True)
        except ValueError:
            raise KubeconfigError(f"{where}: {key}: base64 is wanted") from None


def _check_text(value: object, where: str) -> None:
    if not isinstance(value, str):
        raise KubeconfigError(f"{where}: text is wanted; write it in quotes")
    # Text in quotes is of a class of its own here.
    if type(value) is str and _BOOLEAN.fullmatch(value):
        raise KubeconfigError(f"{where}: kubectl reads it as true or false; write it in quotes")


_BOOLEAN = re.compile(r"y|n|yes|no|on|off", re.IGNORECASE)
"""Text that YAML 1.1, which kubectl reads, takes for a boolean, and YAML 1.2 does not."""


def _represent_text(representer: Any, value: str) -> Any:
    style = '"' if _BOOLEAN.fullmatch(value) else None
    return representer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


def _items(document: Document, kind: Kind) -> list[Document]:
    return cast("list[Document]", document.get(KINDS[kind]) or [])


def _body(item: Document, kind: Kind) -> Document:
    return cast("Document", item.get(kind) or {})


def _bodies(document: Document, kind: Kind) -> list[Document]:
    return [_body(item, kind) for item in _items(document, kind)]


def _get(document: Document, kind: Kind, name: str) -> Document | None:
    return next((item for item in _items(document, kind) if item["name"] == name), None)


def _find(document: Document, kind: Kind, name: str, source: str) -> Document:
    found = _get(document, kind, name)
    if found is None:
        choices = ", ".join(names(document, kind)) or "none"
        raise KubeconfigError(f"{source}: there is no {kind} {name!r}; there is: {choices}")
    return found


def _append(document: Document, kind: Kind, item: Document) -> None:
    if not document.get(KINDS[kind]):
        document[KINDS[kind]] = []
    document[KINDS[kind]].append(copy.deepcopy(item))


def _replace(document: Document, kind: Kind, item: Document) -> None:
    items = _items(document, kind)
    items[[entry["name"] for entry in items].index(item["name"])] = copy.deepcopy(item)


def _conflict(source: Source, kind: Kind, name: str, origin: str, overwrite: bool) -> Conflict:
    return (
        Conflict(kind, name, source.name, origin) if overwrite else Conflict(kind, name, origin, source.name)
    )


def _with_users(conflict: Conflict, sources: Sequence[Source]) -> Conflict:
    """Contexts of the file whose entry was not taken that refer to it by name."""
    documents = [source.document for source in sources if source.name == conflict.not_taken_from]
    used_by = tuple(
        str(item["name"])
        for document in documents
        for item in _items(document, "context")
        if conflict.kind != "context" and _body(item, "context").get(conflict.kind) == conflict.name
    )
    return replace(conflict, used_by=used_by)


def _moved(source: Source) -> Document:
    return with_absolute_paths(source.document, source.folder) if source.folder else source.document


def _merge_rest(document: Document, other: Document) -> None:
    """Current context, preferences, extensions and what else a document has."""
    for key, value in other.items():
        if key in KINDS.values():
            continue
        if not document.get(key):
            document[key] = copy.deepcopy(value)
        elif key == "extensions":
            present = [extension["name"] for extension in document[key]]
            document[key] += [copy.deepcopy(each) for each in value if each["name"] not in present]


def _inline(body: Document, key: str, read: Callable[[Path], bytes], where: str) -> None:
    if not body.get(key):
        return
    if body.get(f"{key}-data"):
        raise KubeconfigError(f"{where} and {key}-data are both given; take one of them out")
    path = Path(str(body[key]))
    try:
        content = read(path)
    except OSError as error:
        raise KubeconfigError(f"{where}: {path}: {error.strerror}") from None
    data = base64.b64encode(content).decode()
    position = list(body).index(key)
    del body[key]
    insert = getattr(body, "insert", None)  # a mapping that came from a file keeps its order
    if insert:
        insert(position, f"{key}-data", data)
    else:
        body[f"{key}-data"] = data


def _without(document: Document, removal: Mapping[Kind, set[str]]) -> Document:
    result = copy.deepcopy(document)
    for kind, unwanted in removal.items():
        items = _items(result, kind)
        for index in reversed(range(len(items))):
            if items[index]["name"] in unwanted:
                del items[index]
    return result


def _inner(body: Document, key: str) -> Document:
    value = body.get(key)
    return cast("Document", value) if isinstance(value, dict) else {}


def _mask(body: Document, key: str, mask: str) -> None:
    if body.get(key):
        body[key] = mask


def _plain(value: Any) -> Any:
    """Plain data, where an empty list and none are the same, as for kubectl."""
    if isinstance(value, dict):
        items = cast("Document", value).items()
        return {str(key): _plain(item) for key, item in items if item not in (None, [], "")}
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    return value


def _cut_lines(text: str, document: Any, wanted: Document, removal: Mapping[Kind, set[str]]) -> str:
    """The text without the lines of the entries, each with the comment above it."""
    lines = text.splitlines(keepends=True)
    starts = sorted(_above(lines, document.lc.key(key)[0]) for key in document) if lines and document else []
    cut: set[int] = set()
    for kind, unwanted in removal.items():
        items: Any = _items(document, kind)
        if not items:
            continue
        begins = [_above(lines, items.lc.item(index)[0]) for index in range(len(items))]
        begins.append(next((line for line in starts if line > begins[-1]), len(lines)))
        for index, item in enumerate(items):
            if item["name"] in unwanted:
                cut |= set(range(begins[index], begins[index + 1]))
    if current_context(document) != current_context(wanted):
        number = document.lc.key(CURRENT)[0]
        lines[number] = f'{CURRENT}: ""\n'
    return "".join(line for number, line in enumerate(lines) if number not in cut)


def _above(lines: list[str], number: int) -> int:
    """The first of the comment lines directly above a line, or the line itself."""
    while number > 0 and lines[number - 1].lstrip().startswith("#"):
        number -= 1
    return number
