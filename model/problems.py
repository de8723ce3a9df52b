"""What is wrong with the configuration, told so that a person can act on it."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

Key = tuple[str | int, ...]
"""Way to a value inside a document: keys of maps and indexes of lists."""


MAX_KEY = 200
"""Characters of a key in a report; keys of a hostile file may be longer."""

MAX_MESSAGE = 1000
"""Characters of a message in a report, which may repeat a value of a hostile file."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One error in one file; `line` and `column` count from 1 and are None where a file has no lines."""

    file: str
    line: int | None
    column: int | None
    key: str
    value: object
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        message = self.message if len(self.message) <= MAX_MESSAGE else f"{self.message[:MAX_MESSAGE]}…"
        return printable(f"{place}: {self.key}: {message}" if self.key else f"{place}: {message}")


class InvalidConfiguration(ValueError):  # noqa: N818 - reads as what it is
    """Everything that is wrong with a stack, in the order of files and lines. `str()` is the whole report."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(
            sorted(set_of(problems), key=lambda problem: (problem.file, problem.line or 0, problem.key))
        )
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What a finding is about beside its own place: a key of another file."""

    tenant: str | None
    """Whose file; None for the cluster's description."""
    key: Key
    stack: str | None = None
    """None for the same stack."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule, before it is known in which file and line the key stands."""

    key: Key
    message: str
    value: object = None
    elsewhere: Elsewhere | None = None


def printable(text: str) -> str:
    """The text with escapes for what a terminal would obey: no file's content forges a line of a report."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def set_of(problems: Iterable[Problem]) -> list[Problem]:
    """The problems without repetitions, in order."""
    return list({str(problem): problem for problem in problems}.values())


def dotted(key: Key) -> str:
    """The way to a value as people write it: `network.egress.s3.cidrs[0]`. Safe to print on a terminal."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = printable(part)
            text += f".{name}" if text else name
    return text if len(text) <= MAX_KEY else f"{text[:MAX_KEY]}…"


def suggestion(word: str, known: Iterable[str]) -> str:
    """`did you mean 'x'?` for the nearest known word, else the list of what is known."""
    choices = sorted(set(known))
    word = word[:MAX_KEY]
    if near := get_close_matches(word, choices, n=1, cutoff=0.6):
        return f"did you mean {near[0]!r}?"
    if not choices:
        return "there are none"
    shown = ", ".join(choices[:12])
    return f"known: {shown}" + (", …" if len(choices) > 12 else "")
