"""A strict reader of YAML: what two parsers, or a parser and a person, could read differently is refused.

Built on PyYAML's parser (the C one where there is one), on events, so that hostile files cost nothing:
aliases are never followed, and size, depth and number of nodes are bounded before anything is built.
"""

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

import yaml

from model.problems import Key, Problem, dotted, printable

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
MAX_NODES = 20_000

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\uffff\ufdd0-\ufdef\ud800-\udfff\ue000-\uf8ff\U000e0000-\U0010ffff]"
    "|\r(?!\n)"
)
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_FRACTION = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_BOOLEANS = dict.fromkeys(("true", "yes", "y", "on"), True) | dict.fromkeys(
    ("false", "no", "n", "off"), False
)
_OTHER_READINGS = (
    (
        re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?"),
        "could be read as a date; quote it",
    ),
    (
        re.compile(r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"),
        "could be read as a number to base 60; quote it",
    ),
    (
        re.compile(
            r"[-+]?(?:0[0-9_]+|0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*|\.[0-9_]+"
            r"|[0-9][0-9_]*\.[0-9_]*|(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)[eE][-+]?[0-9]+"
            r"|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))"
        ),
        "could be read as different numbers; write it in plain decimal digits, or quote it",
    ),
)
_PLAIN_STARTS = frozenset("-+.0123456789")
_SPECIAL_WORDS = frozenset({*_BOOLEANS, "null", "~", "=", "<<", ""})

Position = tuple[int, int]
"""Line and column, from 1."""


@dataclass(frozen=True, slots=True)
class Document:
    """A file as read: its values and where each stands. With problems, the values are not to be used."""

    file: str
    data: dict[str, object] = field(default_factory=dict[str, object])
    positions: dict[Key, Position] = field(default_factory=dict[Key, Position])
    problems: tuple[Problem, ...] = ()


def read(path: Path, root: Path) -> Document:
    """Reads one file, which must be a plain file and no link. Never raises; see `Document.problems`."""
    file = path.relative_to(root).as_posix()
    try:
        content = _content(path)
    except _Refused as refusal:
        return Document(file, problems=(Problem(file, None, None, "", None, str(refusal)),))
    return parse(content, file)


def parse(content: bytes, file: str) -> Document:
    """Reads the bytes of a file that calls itself `file` in errors. Never raises; see `Document.problems`."""
    return _Reader(file).document(content)


class _Refused(Exception):  # noqa: N818 - reads as what it is
    pass


class _Stop(Exception):  # noqa: N818 - reads as what it is
    pass


def _content(path: Path) -> bytes:
    """The bytes of a plain file of bounded size; links are not followed, pipes not waited for."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        if path.is_symlink():
            raise _Refused("is a symbolic link; put the file itself here")
        descriptor = os.open(path, flags)
    except OSError as error:
        raise _Refused(f"cannot be read: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _Refused("is not a plain file")
        content = os.read(descriptor, MAX_BYTES + 1) if status.st_size <= MAX_BYTES else None
    finally:
        os.close(descriptor)
    if content is None or len(content) > MAX_BYTES:
        raise _Refused(f"is larger than {MAX_BYTES // 1024} KiB")
    return content


class _Events(Protocol):
    """The part of PyYAML's loaders that is used; they have no better types."""

    def get_event(self) -> Any: ...
    def dispose(self) -> None: ...


class _Reader:
    def __init__(self, file: str):
        self.file = file
        self.positions: dict[Key, Position] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def document(self, content: bytes) -> Document:
        try:
            data = self._top(self._text(content))
        except _Stop:
            data = {}
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            position = (1, 1) if mark is None else (mark.line + 1, mark.column + 1)
            told = ", ".join(part for part in (error.context, error.problem) if part)
            self._problem((), position, f"is not YAML: {told}")
            data = {}
        except yaml.YAMLError as error:
            self._problem((), (1, 1), f"is not YAML: {error}")
            data = {}
        return Document(self.file, data, self.positions, tuple(self.problems))

    def _problem(self, key: Key, position: Position, message: str, value: object = None) -> None:
        self.problems.append(Problem(self.file, *position, dotted(key), value, message))

    def _stop(self, key: Key, position: Position, message: str) -> _Stop:
        self._problem(key, position, message)
        return _Stop()

    def _text(self, content: bytes) -> str:
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise self._stop((), (line, 1), "is not UTF-8; save the file in that encoding") from error
        if match := _INVISIBLE.search(text):
            at = match.start()
            position = (text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at))
            told = f"holds the invisible character U+{ord(match.group()[0]):04X}; remove it"
            raise self._stop((), position, told)
        return text

    def _top(self, text: str) -> dict[str, object]:
        events = cast("_Events", getattr(yaml, "CSafeLoader", yaml.SafeLoader)(text))
        try:
            return self._only_document(events)
        finally:
            events.dispose()

    def _only_document(self, events: _Events) -> dict[str, object]:
        events.get_event()  # start of the stream
        start = events.get_event()
        if isinstance(start, yaml.StreamEndEvent):
            raise self._stop((), (1, 1), "is empty; write at least name, profile, description and owner")
        if start.version or start.tags:
            raise self._stop((), (1, 1), "has a % directive; remove it")
        first = events.get_event()
        self.positions[()] = _position(first)
        if not isinstance(first, yaml.MappingStartEvent):
            raise self._stop((), _position(first), "is not a map of keys and values")
        self._plain_node(first, ())
        value = self._map(events, (), 1)
        events.get_event()  # end of the document
        after = events.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._stop((), _position(after), "holds more than one document; keep the first only")
        return value

    def _node(self, events: _Events, event: Any, key: Key, depth: int) -> object:
        position = _position(event)
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self._stop((), position, f"holds more than {MAX_NODES} values")
        if isinstance(event, yaml.AliasEvent):
            self._problem(key, position, f"uses the alias *{event.anchor}; write the value out")
            return None
        self._plain_node(event, key)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, key, position)
        if depth > MAX_DEPTH:
            raise self._stop((), position, f"is nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.SequenceStartEvent):
            return self._list(events, key, depth)
        return self._map(events, key, depth)

    def _plain_node(self, event: Any, key: Key) -> None:
        if event.anchor is not None:
            self._problem(key, _position(event), f"has the anchor &{printable(event.anchor)}; remove it")
        if event.tag is not None:
            self._problem(key, _position(event), f"has the tag {printable(event.tag)}; remove it")

    def _list(self, events: _Events, key: Key, depth: int) -> list[object]:
        values: list[object] = []
        while not isinstance(event := events.get_event(), yaml.SequenceEndEvent):
            below = (*key, len(values))
            self.positions[below] = _position(event)
            values.append(self._node(events, event, below, depth + 1))
        return values

    def _map(self, events: _Events, key: Key, depth: int) -> dict[str, object]:
        values: dict[str, object] = {}
        while not isinstance(event := events.get_event(), yaml.MappingEndEvent):
            position = _position(event)
            name = self._name(events, event, key, depth)
            below = (*key, name)
            if name in values:
                first = self.positions[below][0]
                self._problem(below, position, f"stands here again; it is first set in line {first}")
                self._node(events, events.get_event(), below, depth + 1)
                continue
            self.positions[below] = position
            values[name] = self._node(events, events.get_event(), below, depth + 1)
        return values

    def _name(self, events: _Events, event: Any, key: Key, depth: int) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            raise self._stop(key, _position(event), "has a key that is not plain text")
        if event.value == "<<" and event.implicit[0]:
            self._problem(key, _position(event), "has the merge key '<<'; write the values out")
            return "<<"
        name = self._node(events, event, (*key, event.value), depth)
        if not isinstance(name, str) and event.value:
            told = f"the key {event.value!r} is not text; quote it"
            self._problem((*key, event.value), _position(event), told)
        return event.value

    def _scalar(self, event: Any, key: Key, position: Position) -> object:
        text = event.value
        if not event.implicit[0]:
            if event.style == '"' and (match := _INVISIBLE.search(text)):
                told = f"holds the invisible character U+{ord(match.group()[0]):04X}; remove it"
                self._problem(key, position, told)
            return text
        if text[:1] in _PLAIN_STARTS:
            return self._number_or_text(text, key, position)
        lower = text.lower()
        return self._word(text, lower, key, position) if lower in _SPECIAL_WORDS else text

    def _number_or_text(self, text: str, key: Key, position: Position) -> object:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FRACTION.fullmatch(text):
            return float(text)
        for pattern, told in _OTHER_READINGS:
            if pattern.fullmatch(text):
                self._problem(key, position, f"{text!r} {told}", text)
                break
        return text

    def _word(self, text: str, lower: str, key: Key, position: Position) -> object:
        if text in ("true", "false"):
            return text == "true"
        if text == "null":
            return None
        if lower in _BOOLEANS:
            meant = "true" if _BOOLEANS[lower] else "false"
            told = f"{text!r} could be read as a boolean; write {meant}, or quote it"
        elif text == "":
            told = "has no value; write [] for an empty list, or null to take away what the profile gives"
        elif lower in ("null", "~"):
            told = f"{text!r} could be read as nothing; write null, or quote it"
        else:
            told = f"{text!r} has a special meaning in YAML; quote it"
        self._problem(key, position, told, text)
        return text


def _position(event: Any) -> Position:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1
