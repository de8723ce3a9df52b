"""The stand-ins under the real engine: `pulumi up`, state, refresh, destroy, errors, cancellation."""

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import Any, cast

import grpc
import pytest

from sandbox.layout import PASSPHRASE, REPOSITORY
from sandbox.plugins.language import LanguageHost
from tests.sandbox.plugins.conftest import Project

PROGRAM = """\
    import os, sys
    import pulumi, pulumi_tls as tls
    from things import Thing

    config = pulumi.Config()
    print("standard output:", sys.argv[1:], os.getcwd(), sys.prefix == os.path.abspath(".venv"))
    print("standard error", file=sys.stderr)
    thing = Thing("thing", config.get("size") or "small")
    key = tls.PrivateKey("key", algorithm="ECDSA", ecdsa_curve="P256")
    request = tls.CertRequest(
        "request", private_key_pem=key.private_key_pem, subject={"common_name": config.get("name") or "first"}
    )
    pulumi.export("made", thing.made)
    pulumi.export("request", request.cert_request_pem)
    pulumi.export("secret", config.require_secret("word"))
    pulumi.export("organization", pulumi.get_organization())
    """

THINGS = """\
    from pulumi.dynamic import CreateResult, DiffResult, Resource, ResourceProvider, UpdateResult

    class Provider(ResourceProvider):
        def create(self, props):
            return CreateResult("thing-1", {"size": props["size"], "made": "created " + props["size"]})

        def diff(self, id_, olds, news):
            return DiffResult(changes=olds["size"] != news["size"])

        def update(self, id_, olds, news):
            return UpdateResult({"size": news["size"], "made": "updated " + news["size"]})

    class Thing(Resource):
        made: "pulumi.Output[str]"

        def __init__(self, name, size):
            super().__init__(Provider(), name, {"size": size, "made": None})
    """


@pytest.fixture
def things(project: Project) -> Project:
    project.write("__main__.py", PROGRAM)
    project.write("things.py", THINGS)
    project.pulumi("config", "set", "--secret", "word", "hunter2")
    return project


def outputs(project: Project) -> dict[str, Any]:
    return json.loads(project.pulumi("stack", "output", "--json"))


def resource(project: Project, name: str) -> dict[str, Any]:
    state = json.loads(project.pulumi("stack", "export"))["deployment"]["resources"]
    return next(item for item in state if item["urn"].endswith(f"::{name}"))


def test_a_stack_lives_and_goes(things: Project) -> None:
    preview = things.pulumi("preview")
    assert "+ 4 to create" in preview
    assert "warning:" not in preview  # stand-ins in the plugin cache, so none about plugins on PATH
    up = things.pulumi("up", "--yes", "--skip-preview")
    assert f"standard output: [] {things.folder} True" in up
    assert "standard error" in up
    found = outputs(things)
    assert found["made"] == "created small"
    assert found["secret"] == "[secret]"
    assert found["organization"] == "organization"
    assert "4 unchanged" in things.pulumi("preview", "--expect-no-changes")
    assert "4 unchanged" in things.pulumi("refresh", "--yes", "--skip-preview")

    before = resource(things, "key")
    things.pulumi("config", "set", "size", "large")
    things.pulumi("config", "set", "name", "second")
    changed = things.pulumi("up", "--yes", "--skip-preview")
    assert "~ 1 updated" in changed
    assert "+-1 replaced" in changed
    assert "[diff: ~subject]" in changed
    assert outputs(things)["made"] == "updated large"
    assert outputs(things)["request"] != found["request"]
    assert resource(things, "key")["id"] == before["id"]

    assert "- 4 deleted" in things.pulumi("destroy", "--yes", "--skip-preview")
    things.pulumi("preview", "--expect-no-changes", code=7)


def test_no_private_key_or_secret_reaches_state_or_output_in_clear(things: Project) -> None:
    printed = things.pulumi("up", "--yes", "--skip-preview", "--diff")
    state = things.pulumi("stack", "export")
    for text in (printed, state):
        assert "PRIVATE KEY-----" not in text
        assert "hunter2" not in text
    assert "PRIVATE KEY-----" in things.pulumi("stack", "export", "--show-secrets")


def test_a_run_leaves_the_file_of_stack_dev_as_it_is(project: Project) -> None:
    """The engine adds a salt where there is none: after `make up` git has no change to show."""
    file = project.folder / "Pulumi.committed.yaml"
    shutil.copyfile(REPOSITORY / "Pulumi.dev.yaml", file)
    environment = project.environment | {"PULUMI_CONFIG_PASSPHRASE": PASSPHRASE}
    clean = Project(project.folder, environment)
    clean.write("__main__.py", "import pulumi\npulumi.export('x', pulumi.Output.secret('hunter2'))\n")
    clean.pulumi("stack", "select", "--create", "committed")
    clean.pulumi("up", "--yes", "--skip-preview")
    clean.pulumi("preview", "--expect-no-changes")
    assert "hunter2" not in clean.pulumi("stack", "export")
    assert file.read_bytes() == (REPOSITORY / "Pulumi.dev.yaml").read_bytes()


def test_a_program_that_raises_is_shown_once_and_from_its_own_code_on(project: Project) -> None:
    project.write("__main__.py", 'def f():\n    raise ValueError("of this size")\n\nf()\n')
    printed = project.pulumi("preview", code=1)
    assert printed.count("ValueError: of this size") == 1
    assert "Program failed with an unhandled exception" in printed
    assert "sandbox/plugins/program.py" not in printed
    assert "exited with non-zero exit code" not in printed  # exit code 32: the engine adds nothing


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("import pulumi\nraise pulumi.RunError('wrong quota')\n", "error: wrong quota"),
        ("import sys\nsys.exit(3)\n", "Program exited with non-zero exit code: 3"),
    ],
)
def test_a_program_that_gives_up(project: Project, program: str, message: str) -> None:
    project.write("__main__.py", program)
    assert message in project.pulumi("preview", code=1)


def test_a_project_without_a_program(project: Project) -> None:
    printed = project.pulumi("preview", code=1)
    assert "unable to find main python program `__main__.py`" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("{virtualenv: nowhere}", "nowhere, which is no virtual environment"),
        (
            "{toolchain: poetry}",
            "runtime.options.toolchain in Pulumi.yaml is 'poetry'; the stand-in knows only",
        ),
        (
            "{typechecker: mypy}",
            "runtime.options.typechecker in Pulumi.yaml needs the official language host",
        ),
    ],
)
def test_runtime_options_that_cannot_be_used(project: Project, options: str, message: str) -> None:
    project.write("Pulumi.yaml", f"name: trial\nruntime: {{name: python, options: {options}}}\n")
    assert message in project.pulumi("preview", code=1)


def test_a_wrong_input_names_the_resource_and_the_property(project: Project) -> None:
    project.write("__main__.py", 'import pulumi_tls as tls\ntls.PrivateKey("mine", algorithm="DSA")\n')
    printed = project.pulumi("preview", code=1)
    assert "tls:index:PrivateKey (mine)" in printed
    assert "'DSA' is none of ECDSA, ED25519, RSA" in printed


def test_about_names_the_projects_python(project: Project) -> None:
    printed = project.pulumi("about")
    assert f"executable='{project.folder}/.venv/bin/python'" in printed
    assert "toolchain='pip'" in printed
    assert "pytest" in printed  # one of the dependencies


def test_cancel_interrupts_the_program() -> None:
    """By SIGINT, as the official host does: what a program makes of it is to be seen here too."""
    waits = "import signal; signal.signal(signal.SIGINT, signal.SIG_DFL); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", waits], stdout=subprocess.PIPE) as program:
        assert program.stdout
        program.stdout.readline()
        host = LanguageHost("127.0.0.1:0")
        host._running.add(program)  # pyright: ignore[reportPrivateUsage]
        host.Cancel(None, cast("grpc.ServicerContext", None))
        assert program.wait(timeout=60) == -signal.SIGINT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["interrupted", "killed"])
def test_nothing_outlives_the_engine(project: Project, number: int) -> None:
    """Program and language host end with an engine that is told to end, and with a killed one."""
    project.write(
        "__main__.py",
        """\
        import os, pathlib, time
        import pulumi_tls as tls
        key = tls.PrivateKey("key", algorithm="ED25519")
        def wait(_):
            with open("pids", "w") as pipe:
                pipe.write(f"{os.getpid()} {os.getppid()}")
            time.sleep(600)
        key.id.apply(wait)
        """,
    )
    os.mkfifo(project.folder / "pids")
    engine = subprocess.Popen(
        ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive"],
        cwd=project.folder,
        env=project.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    # Reading ends when the program has written: the pipe needs no waiting by the clock.
    program, host = map(int, (project.folder / "pids").read_text().split())
    watches = [os.pidfd_open(pid) for pid in (program, host)]
    try:
        engine.send_signal(number)
        engine.wait(timeout=60)
        for watch in watches:
            assert ended(watch)
    finally:
        for watch in watches:
            os.close(watch)


def ended(watch: int) -> bool:
    """Whether the process of a pidfd ends within a minute."""
    import select

    readable, _, _ = select.select([watch], [], [], 60)
    return bool(readable)
