"""Reads the corpora of bad input: cases of a body and the exact errors it must give.

    === name of the case
    accelerators:
      a10: 1
    ---
    5: accelerators.a10: 'a10' is not in the catalogue; did you mean 'a100'?

A body stands after a header of four lines that makes it a whole tenant; a body that begins with `@@ path`
lines brings whole files instead. In a corpus of fleets the paths are names of tenants, or `stack/tenant`, and
lines after the fourth are the body's. A short expectation, from the line number on, is about the file `main`.
"""

from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "corpus"


@dataclass(frozen=True)
class Case:
    name: str
    files: dict[str, str]
    expected: tuple[str, ...]


def read(file: str, header: str, main: str) -> list[Case]:
    cases: list[Case] = []
    for text in (FOLDER / file).read_text("utf-8").split("\n=== ")[1:]:
        name, _, rest = text.partition("\n")
        body, _, expected = rest.rpartition("\n---\n")
        lines = [f"{main}:{line}" if line[0].isdigit() else line for line in expected.split("\n") if line]
        cases.append(Case(name, _files(body, header, main), tuple(lines)))
    return cases


def _files(body: str, header: str, main: str) -> dict[str, str]:
    if not body.startswith("@@ "):
        return {main: header + body + "\n"}
    files: dict[str, str] = {}
    for part in body.removeprefix("@@ ").split("\n@@ "):
        path, _, content = part.partition("\n")
        files[path] = content + "\n"
    return files


def fleets(file: str) -> list[Case]:
    """Cases of tenants named by `@@ tenant` or `@@ stack/tenant`; the stack is gpu, whose cluster is given.

    A file `Pulumi.<stack>.yaml` replaces, or adds, the description of a cluster.
    """
    cluster = (FOLDER / "Pulumi.fleet.yaml").read_text("utf-8")
    cases: list[Case] = []
    for case in read(file, "", "none"):
        files = {"Pulumi.gpu.yaml": cluster}
        for path, body in case.files.items():
            if path.startswith("Pulumi."):
                files[path] = body
                continue
            stack, _, tenant = path.rpartition("/")
            identity = f"name: {tenant}\nprofile: sandbox\ndescription: Images\nowner: {tenant}@example.com\n"
            own = "" if "codespaces:" in body else "codespaces: {enabled: false}\n"
            files[f"tenants/{stack or 'gpu'}/{tenant}.yaml"] = identity + body + own
        cases.append(Case(case.name, files, tuple(map(_fleet_place, case.expected))))
    return cases


def _fleet_place(line: str) -> str:
    place, _, rest = line.partition(":")
    if place.startswith("Pulumi."):
        return line
    stack, _, tenant = place.rpartition("/")
    return f"tenants/{stack or 'gpu'}/{tenant}.yaml:{rest}"
