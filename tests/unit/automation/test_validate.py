"""`tenancy validate`: exit codes, the report for people and for machines, and what it does not import."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from automation.cli import COMMANDS, main
from tests.unit.model import corpus

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: tenancy\n")
    (tmp_path / "Pulumi.test.yaml").write_bytes((corpus.FOLDER / "Pulumi.test.yaml").read_bytes())
    (tmp_path / "tenants/test").mkdir(parents=True)
    tenant = "name: a\nprofile: sandbox\ndescription: A\nowner: a@example.com\naccelerators: {a100: 4}\n"
    (tmp_path / "tenants/test/a.yaml").write_text(tenant)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["validate", *arguments])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.usefixtures("root")
def test_fine():
    assert run() == (0, "test: 1 tenant, 4 kinds of accelerators, fine\n", "")


@pytest.mark.usefixtures("root")
def test_verbose_prints_what_is_granted():
    code, out, _ = run("--verbose")
    assert code == 0
    assert out.splitlines()[1:3] == [
        "accelerator  granted  total  tenants",
        "a100               4     16  a",
    ]


def test_bad_input_is_2_and_names_everything(root: Path):
    (root / "tenants/test/a.yaml").write_text("name: a\nstate: gone\n")
    assert run("--stack", "test") == (
        2,
        "",
        "tenants/test/a.yaml:1: description: is missing\n"
        "tenants/test/a.yaml:1: owner: is missing\n"
        "tenants/test/a.yaml:1: profile: is missing; known: confidential, research, sandbox, web\n"
        "tenants/test/a.yaml:2: state: 'gone' is not one of active, frozen, retired\n"
        "test: 4 problems\n",
    )


def test_one_bad_stack_does_not_hide_another(root: Path):
    (root / "tenants/other").mkdir()
    code, out, err = run()
    assert code == 2
    assert out == "test: 1 tenant, 4 kinds of accelerators, fine\n"
    assert err == "Pulumi.other.yaml: cannot be read: No such file or directory\nother: 1 problem\n"


def test_json_of_both_kinds(root: Path):
    (root / "tenants/other").mkdir()
    code, out, _ = run("--json")
    assert code == 2
    other, test = json.loads(out)["stacks"]
    assert (other["stack"], other["valid"], len(other["problems"])) == ("other", False, 1)
    assert set(other["problems"][0]) == {"file", "line", "column", "key", "value", "message"}
    assert (test["stack"], test["valid"], test["tenants"]) == ("test", True, ["a"])
    assert test["accelerators"]["a100"] == {"granted": 4, "total": 16, "tenants": {"a": 4}}


def test_works_from_a_folder_below(root: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(root / "tenants/test")
    assert run()[0] == 0


def test_outside_a_project_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run()
    assert code == 2
    assert "there is no Pulumi.yaml in" in err


def test_help_lists_every_command_without_importing_it():
    result = CliRunner().invoke(main, ["--help"])
    assert result.exit_code == 0
    assert all(f"  {name} " in result.stdout for name in COMMANDS)


def test_unknown_command_is_bad_input():
    assert CliRunner().invoke(main, ["validat"]).exit_code == 2


NOTHING_SLOW = """
import sys
from automation.cli import main
main(["validate"], standalone_mode=False)
slow = {"pulumi", "grpc", "rich", "cryptography", "urllib3"} & set(sys.modules)
sys.exit(str(slow) if slow else 0)
"""


def test_nothing_slow_is_imported():
    command = [sys.executable, "-c", NOTHING_SLOW]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
