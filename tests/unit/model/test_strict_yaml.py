"""The strict reader: what is read, what is refused, and that hostile files cost nothing."""

import os
from pathlib import Path
from typing import Any

import pytest
import yaml as pyyaml

from model import strict_yaml

WORDS = {
    "no": "'no' could be read as a boolean; write false, or quote it",
    "off": "'off' could be read as a boolean; write false, or quote it",
    "n": "'n' could be read as a boolean; write false, or quote it",
    "Yes": "'Yes' could be read as a boolean; write true, or quote it",
    "on": "'on' could be read as a boolean; write true, or quote it",
    "True": "'True' could be read as a boolean; write true, or quote it",
    "FALSE": "'FALSE' could be read as a boolean; write false, or quote it",
    "": "has no value; write [] for an empty list, or null to take away what the profile gives",
    "~": "'~' could be read as nothing; write null, or quote it",
    "Null": "'Null' could be read as nothing; write null, or quote it",
    "=": "'=' has a special meaning in YAML; quote it",
    "2024-01-01": "'2024-01-01' could be read as a date; quote it",
    "2024-1-1T10:00:00Z": "'2024-1-1T10:00:00Z' could be read as a date; quote it",
    "1:30": "'1:30' could be read as a number to base 60; quote it",
    "12:30:45": "'12:30:45' could be read as a number to base 60; quote it",
}
NUMBERS = (
    *("1e3", "1E3", "1.5e-3", ".5", "5.", "+5", "010", "08", "0o17", "0x1F", "0b11", "1_000", "-0x1"),
    *(".inf", "-.Inf", ".nan", "9999999999999999999"),
)
AMBIGUOUS = WORDS | {
    text: f"{text!r} could be read as different numbers; write it in plain decimal digits, or quote it"
    for text in NUMBERS
}

READ: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "0": 0,
    "-12": -12,
    "1.5": 1.5,
    "64Gi": "64Gi",
    "v1.36": "v1.36",
    "10.0.0.0/16": "10.0.0.0/16",
    "1.2.3.4": "1.2.3.4",
    "fd00:72::/48": "fd00:72::/48",
    "none": "none",
    "'no'": "no",
    '"1e3"': "1e3",
    "|\n  two\n  lines": "two\nlines\n",
    "[]": [],
    "{}": {},
    "[a, 1]": ["a", 1],
}

REFUSED = {
    b"": ["f.yaml:1: is empty; write at least name, profile, description and owner"],
    b"# nothing\n": ["f.yaml:1: is empty; write at least name, profile, description and owner"],
    b"[a]\n": ["f.yaml:1: is not a map of keys and values"],
    b"text\n": ["f.yaml:1: is not a map of keys and values"],
    b"a: 1\na: 2\n": ["f.yaml:2: a: stands here again; it is first set in line 1"],
    b"a:\n  b: 1\n  b: 2\nc: 1\nc: 2\n": [
        "f.yaml:3: a.b: stands here again; it is first set in line 2",
        "f.yaml:5: c: stands here again; it is first set in line 4",
    ],
    b"a: 1\n'a': 2\n": ["f.yaml:2: a: stands here again; it is first set in line 1"],
    b"a: &x 1\nb: *x\n": [
        "f.yaml:1: a: has the anchor &x; remove it",
        "f.yaml:2: b: uses the alias *x; write the value out",
    ],
    b"a: &x {b: 1}\nc:\n  <<: *x\n": [
        "f.yaml:1: a: has the anchor &x; remove it",
        "f.yaml:3: c: has the merge key '<<'; write the values out",
        "f.yaml:3: c.<<: uses the alias *x; write the value out",
    ],
    b"a: !!str 5\n": ["f.yaml:1: a: has the tag tag:yaml.org,2002:str; remove it"],
    b"a: !!python/object/apply:os.system [ls]\n": [
        "f.yaml:1: a: has the tag tag:yaml.org,2002:python/object/apply:os.system; remove it"
    ],
    b"--- !x\na: 1\n": ["f.yaml:1: has the tag !x; remove it"],
    # A tag is URI-encoded: it could hold a line of its own, or what a terminal obeys.
    b"a: !<%1b[31m%0ag.yaml:%20fine> x\n": [r"f.yaml:1: a: has the tag \x1b[31m\ng.yaml: fine; remove it"],
    b"a: !<x%C2%9b31m> x\n": [r"f.yaml:1: a: has the tag x\x9b31m; remove it"],
    b"a: 1\n---\nb: 1\n": ["f.yaml:2: holds more than one document; keep the first only"],
    b"%YAML 1.1\n---\na: 1\n": ["f.yaml:1: has a % directive; remove it"],
    b"a: 1\nb: \xff\n": ["f.yaml:2: is not UTF-8; save the file in that encoding"],
    "a: 1\n".encode("utf-16"): ["f.yaml:1: is not UTF-8; save the file in that encoding"],
    "a: 1\nb: x\u202ey\n".encode(): ["f.yaml:2: holds the invisible character U+202E; remove it"],
    "a: x\u200by\n".encode(): ["f.yaml:1: holds the invisible character U+200B; remove it"],
    "\ufeffa: 1\n".encode(): ["f.yaml:1: holds the invisible character U+FEFF; remove it"],
    "a: x\u2028y\n".encode(): ["f.yaml:1: holds the invisible character U+2028; remove it"],
    b"a: x\x00y\n": ["f.yaml:1: holds the invisible character U+0000; remove it"],
    b"a: 1\rb: 2\n": ["f.yaml:1: holds the invisible character U+000D; remove it"],
    b'a: "\\u202e"\n': ["f.yaml:1: a: holds the invisible character U+202E; remove it"],
    b'"\\x1b[2J": 1\n': ["f.yaml:1: \\x1b[2J: holds the invisible character U+001B; remove it"],
    b"1: a\n": ["f.yaml:1: 1: the key '1' is not text; quote it"],
    b"true: a\n": ["f.yaml:1: true: the key 'true' is not text; quote it"],
    b"on: a\n": ["f.yaml:1: on: 'on' could be read as a boolean; write true, or quote it"],
    b"? [a]\n: 1\n": ["f.yaml:1: has a key that is not plain text"],
    b"a: " + b"[" * 30 + b"]" * 30: ["f.yaml:1: is nested deeper than 20 levels"],
    b"a: [" + b"1," * 20_000 + b"]": ["f.yaml:1: holds more than 20000 values"],
}


@pytest.fixture(params=["c", "python"], autouse=True)
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch):
    if request.param == "python":
        monkeypatch.delattr(pyyaml, "CSafeLoader")


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_ambiguous_scalar(text: str):
    document = strict_yaml.parse(f"key: {text}\n".encode(), "f.yaml")
    assert [problem.message for problem in document.problems] == [AMBIGUOUS[text]]
    assert [(problem.line, problem.key) for problem in document.problems] == [(1, "key")]


@pytest.mark.parametrize("text", READ)
def test_plain_reading(text: str):
    document = strict_yaml.parse(f"key: {text}\n".encode(), "f.yaml")
    assert (document.data, document.problems) == ({"key": READ[text]}, ())
    assert type(document.data["key"]) is type(READ[text])


@pytest.mark.parametrize("content", REFUSED, ids=lambda content: repr(content)[:40])
def test_refused(content: bytes):
    document = strict_yaml.parse(content, "f.yaml")
    assert [str(problem) for problem in document.problems] == REFUSED[content]


def test_syntax_error_has_a_line():
    document = strict_yaml.parse(b"a: 1\nb: [\n", "f.yaml")
    assert str(document.problems[0]).startswith("f.yaml:3: is not YAML: ")


def test_positions_of_keys_and_entries():
    document = strict_yaml.parse(b"a:\n  b:\n    - 1\n    - c: 2\n", "f.yaml")
    assert document.positions == {
        (): (1, 1),
        ("a",): (1, 1),
        ("a", "b"): (2, 3),
        ("a", "b", 0): (3, 7),
        ("a", "b", 1): (4, 7),
        ("a", "b", 1, "c"): (4, 7),
    }


def test_windows_line_ends_are_line_ends():
    assert strict_yaml.parse(b"a: 1\r\nb: 2\r\n", "f.yaml").data == {"a": 1, "b": 2}


def refusal(path: Path) -> str:
    return "\n".join(str(problem) for problem in strict_yaml.read(path, path.parent).problems)


def test_link_is_refused_even_to_a_good_file(tmp_path: Path):
    (tmp_path / "good.yaml").write_text("a: 1\n")
    (tmp_path / "link.yaml").symlink_to("good.yaml")
    assert refusal(tmp_path / "link.yaml") == "link.yaml: is a symbolic link; put the file itself here"


def test_pipe_is_refused_without_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.yaml")
    assert refusal(tmp_path / "pipe.yaml") == "pipe.yaml: is not a plain file"


def test_folder_is_refused(tmp_path: Path):
    (tmp_path / "folder.yaml").mkdir()
    assert refusal(tmp_path / "folder.yaml") == "folder.yaml: is not a plain file"


def test_missing_file(tmp_path: Path):
    assert refusal(tmp_path / "no.yaml") == "no.yaml: cannot be read: No such file or directory"


def test_large_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(1 << 40)  # sparse: reading it would not end
    assert refusal(tmp_path / "large.yaml") == "large.yaml: is larger than 256 KiB"


def test_largest_file_is_read(tmp_path: Path):
    (tmp_path / "full.yaml").write_bytes(b"a: 1\n".ljust(strict_yaml.MAX_BYTES, b"#"))
    assert strict_yaml.read(tmp_path / "full.yaml", tmp_path).data == {"a": 1}
