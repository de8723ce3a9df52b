"""Changes to a tenant's file that leave its comments, its order and its lines as they are.

ruamel.yaml knows where everything stands; a change rewrites only the lines it is about. What comes out is
read again and held against what was meant; an unusual layout, such as `{a: b}`, is written anew as a whole.
"""

import io
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from automation.errors import BadInputError
from model.csr import key_id

Path = tuple[str, ...]

_OTHER_READINGS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


class TenantFileError(BadInputError):
    """The file is not what a tenant's file is; the message says what."""


def members(text: str) -> dict[str, dict[str, Any]]:
    """The members that the file itself names, by login."""
    found: Any = _load(text).get("members") or {}
    return {str(login): dict(member or {}) for login, member in found.items()}


def with_request(text: str, login: str, csr: str, role: str | None) -> str:
    """The file with the request of a member, who is added where missing.

    Without a `role` the member's stays, or is `developer`. A login is found whatever its case: GitHub ignores
    it. A request for the key that is there already changes nothing.
    """
    there = members(text)
    name = next((known for known in there if known.lower() == login.lower()), login)
    request = LiteralScalarString(csr.strip() + "\n")
    if name not in there:
        return _set(text, ("members", _key(name)), {"role": role or "developer", "csr": request})
    if role is not None and there[name].get("role") != role:
        text = _set(text, ("members", name, "role"), role)
    old = there[name].get("csr")
    if isinstance(old, str) and key_id(old) == key_id(csr) is not None:
        return text
    return _set(text, ("members", name, "csr"), request)


def without_request(text: str, login: str) -> str:
    """The file without the request of a member, who stays one."""
    return _delete(text, ("members", login, "csr"))


def without_member(text: str, login: str) -> str:
    """The file without a member, and without `members` where that was the last."""
    last = list(members(text)) == [login]
    return _delete(text, ("members",) if last else ("members", login))


def with_generation(text: str, generation: int) -> str:
    """The file with another generation of credentials."""
    return _set(text, ("credentials", "generation"), generation)


def _set(text: str, path: Path, value: Any) -> str:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document.setdefault(key, {})
        document[path[-1]] = value

    return _changed(text, change, lambda lines, document: _put(lines, document, path, value))


def _delete(text: str, path: Path) -> str:
    def change(document: Any) -> None:
        for key in path[:-1]:
            document = document[key]
        del document[path[-1]]

    return _changed(text, change, lambda lines, document: _cut(lines, document, path))


def _changed(text: str, change: Callable[[Any], None], edit: Callable[[list[str], Any], list[str]]) -> str:
    wanted = _load(text)
    change(wanted)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    try:
        edited = "".join(edit(lines, _load(text)))
        if _load(edited) == wanted:
            return edited
    except (TenantFileError, LookupError, AttributeError, TypeError):
        pass  # an unusual layout
    return _dump(wanted)


def _put(lines: list[str], document: Any, path: Path, value: Any) -> list[str]:
    """The lines with a value at a path: in the place of the old one, or at the end of what contains it."""
    for key in path[:-1]:
        if not document.get(key):
            break
        document = document[key]
        path = path[1:]
    if path[0] in document:
        start, end = _extent(lines, document, path[0])
        column: int = document.lc.key(path[0])[1]
    else:
        start = end = max((_extent(lines, document, key)[1] for key in document), default=0)
        column = document.lc.col if document else 0
    for key in reversed(path[1:]):
        value = {key: value}
    new = [" " * column + line for line in _dump({path[0]: value}).splitlines(keepends=True)]
    # What stands at the top of a file is set apart by empty lines; a new part is, too.
    gap = ["\n"] if column == 0 and start == end and start > 0 else []
    return [*lines[:start], *gap, *new, *lines[end:]]


def _cut(lines: list[str], document: Any, path: Path) -> list[str]:
    """The lines without a key, and without the comment directly above it."""
    for key in path[:-1]:
        document = document[key]
    start, end = _extent(lines, document, path[-1])
    while start > 0 and lines[start - 1].lstrip().startswith("#"):
        start -= 1
    if start > 0 and not lines[start - 1].strip():
        while end < len(lines) and not lines[end].strip():
            end += 1
    while end == len(lines) and start > 0 and not lines[start - 1].strip():
        start -= 1
    return [*lines[:start], *lines[end:]]


def _extent(lines: Sequence[str], document: Any, key: str) -> tuple[int, int]:
    """The lines of a key and its value: the first, and the one after the last."""
    start, column = cast("tuple[int, int]", document.lc.key(key))
    end = last = start + 1
    while last < len(lines):
        line = lines[last]
        depth = len(line) - len(line.lstrip(" "))
        if line.strip() and (
            depth < column or (depth == column and not line.lstrip().startswith(("- ", "#")))
        ):
            break
        last += 1
        if line.strip() and (depth > column or line.lstrip().startswith("- ")):
            end = last
    return start, end


def _key(login: str) -> str:
    """The login in quotes where a reader of YAML could take it for a number or a boolean."""
    plain = re.fullmatch(r"[A-Za-z][A-Za-z0-9-]*", login) and login.lower() not in _OTHER_READINGS
    return login if plain else DoubleQuotedScalarString(login)


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _load(text: str) -> Any:
    try:
        document: Any = _yaml().load(text)
    except YAMLError:
        # The message itself would quote the file.
        raise TenantFileError("is not YAML; see what 'tenancy validate' says") from None
    if not isinstance(document, dict):
        raise TenantFileError("is not a mapping; see what 'tenancy validate' says")
    return cast("Any", document)


def _dump(document: Any) -> str:
    stream = io.StringIO()
    _yaml().dump(document, stream)
    return stream.getvalue()
