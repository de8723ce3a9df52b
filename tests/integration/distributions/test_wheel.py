"""The wheel in an environment of its own, outside any checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from distributions.rewrite import rewritten

ROOT = Path(__file__).parents[3]
# The example program under mocks; {0} is its path.
UNDER_MOCKS = """
import runpy, pulumi

class Mocks(pulumi.runtime.Mocks):
    made = []
    def new_resource(self, args):
        self.made.append(args.typ)
        return args.resource_id or args.name, args.inputs
    def call(self, args):
        return {{}}

pulumi.runtime.set_mocks(Mocks(), project="platform-team", stack="lab")
pulumi.runtime.set_config("platform-team:kubeconfig", '''
current-context: a
clusters: [{{name: a, cluster: {{server: "https://k.example.com:6443"}}}}]
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
users: [{{name: a, user: {{token: t}}}}]
''')

@pulumi.runtime.test
def build():
    runpy.run_path({0!r}, run_name="__main__")

build()
print(Mocks.made.count("kubernetes:core/v1:Namespace"))
"""


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(
        [str(each) for each in command], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("wheel")
    run("git", "checkout-index", "--all", f"--prefix={folder}/source/", cwd=ROOT)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder)
    run(*pip, folder / "source", cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and what it asks for, in the versions of the lock file."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    lock = [line.split(" \\")[0] for line in (ROOT / "requirements.txt").read_text().splitlines()]
    (folder / "versions.txt").write_text("\n".join(line for line in lock if "==" in line) + "\n")
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-compile")
    run(*pip, "--constraint", folder / "versions.txt", wheel, cwd=folder)
    return folder


def test_one_top_level_package(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"gpu_tenancy"}
    assert {"gpu_tenancy/py.typed", "gpu_tenancy/model/profiles/web.yaml"} < set(names)
    assert not [name for name in names if "sandbox" in name and name.endswith(".py")]


def test_the_command_runs_outside_a_checkout(environment: Path, tmp_path: Path) -> None:
    tenancy = environment / "bin" / "tenancy"
    assert "gpu-tenancy" in run(environment / "bin" / "pip", "list", cwd=tmp_path)
    for command in (["--version"], ["access", "--help"], ["access", "request", "--help"], ["validate", "-h"]):
        assert run(tenancy, *command, cwd=tmp_path)
    shown = run(
        *(tenancy, "kubeconfig", "build", "--cluster", "c", "--server", "https://1.2.3.4", "--user", "u"),
        cwd=tmp_path,
    )
    assert "server: https://1.2.3.4" in shown


def test_an_example_program_takes_tenants_from_the_wheel(environment: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(rewritten((ROOT / "examples" / "platform-team" / "__main__.py").read_text()))
    python = environment / "bin" / "python"
    made = run(python, "-c", UNDER_MOCKS.format(str(program)), cwd=tmp_path)
    assert made.split()[-1] == "2"
    run(
        python,
        "-c",
        "from gpu_tenancy import Cluster, ClusterArgs, Context, Tenant, TenantArgs",
        cwd=tmp_path,
    )
