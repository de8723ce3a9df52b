"""The dynamic resources under the real engine: what people see of them in previews, updates and refreshes."""

import json
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation as auto

from components.dynamic import (
    NameCheck,
    NameCheckArgs,
    ServiceAccountToken,
    ServiceAccountTokenArgs,
    SignedCertificate,
    SignedCertificateArgs,
)
from components.dynamic.request import API_VERSION, KIND
from kube import JsonObject
from tests.conftest import Sandbox
from tests.e2e.dynamic_support import NOBODY, admin, requests_of_ours
from tests.unit.components.dynamic.support import make_request

# How a state marks secrets: sdk/go/common/resource/sig in pulumi.
SECRET = "1b47061264138c4ac30d75fd1eb44270"

# Python imports sitecustomize when it starts: so the host of dynamic resources gets another time.
CLOCK = """
import datetime, os
from components.dynamic import clock
ahead = datetime.timedelta(seconds=float(os.environ["TEST_SECONDS_AHEAD"]))
clock.now = lambda: datetime.datetime.now(datetime.UTC) + ahead
"""


@dataclass
class Project:
    """A stack whose program can change from one update to the next."""

    stack: auto.Stack
    env: dict[str, str]
    program: Callable[[], None] = field(default=lambda: None)

    def set_ahead(self, seconds: float) -> None:
        self.env["TEST_SECONDS_AHEAD"] = str(seconds)

    def preview(self, words: list[str] | None = None) -> list[auto.StepEventMetadata]:
        """What a preview would change; what it says goes into `words`."""
        tell = None if words is None else words.append
        return self._steps(
            lambda seen: self.stack.preview(
                program=self.program, on_event=seen, on_output=tell, diff=True, color="never"
            )
        )

    def up(self) -> list[auto.StepEventMetadata]:
        return self._steps(lambda seen: self.stack.up(program=self.program, on_event=seen))

    def refresh_finds_nothing(self) -> None:
        self.stack.refresh(expect_no_changes=True)

    def decrypted(self, kind: str) -> JsonObject:
        """A resource of the state, secrets and all."""
        return only(kind, dict(self.stack.export_stack().deployment or {}))

    def stored(self, kind: str) -> JsonObject:
        """A resource of the state, as it is stored."""
        folder = Path(self.env["PULUMI_BACKEND_URL"].removeprefix("file://").partition("?")[0])
        (file,) = folder.glob(f".pulumi/stacks/{self.stack.workspace.project_settings().name}/*.json")
        state: JsonObject = json.loads(file.read_text())
        return only(kind, state["checkpoint"]["latest"])

    def _steps(self, run: Callable[[Callable[[auto.EngineEvent], Any]], Any]) -> list[auto.StepEventMetadata]:
        steps: list[auto.StepEventMetadata] = []

        def seen(event: auto.EngineEvent) -> None:
            happened = event.resource_pre_event
            if happened and happened.metadata.op is not auto.OpType.SAME:
                steps.append(happened.metadata)

        run(seen)
        return [step for step in steps if not step.type.startswith("pulumi:")]


def only(kind: str, state: JsonObject) -> JsonObject:
    resources: list[JsonObject] = state["resources"]
    (found,) = [each for each in resources if each["type"].endswith(f":{kind}")]
    return found


@pytest.fixture
def project(cluster: Sandbox, tmp_path: Path) -> Generator[Project]:
    (tmp_path / "sitecustomize.py").write_text(CLOCK)
    env = {**cluster.env, "PYTHONPATH": str(tmp_path), "TEST_SECONDS_AHEAD": "0"}
    stack = auto.create_or_select_stack(
        stack_name="dynamic",
        project_name=tmp_path.name,
        program=lambda: None,
        opts=auto.LocalWorkspaceOptions(
            env_vars=env,
            work_dir=str(tmp_path),
            pulumi_command=auto.PulumiCommand(root=str(cluster.layout.bin.parent)),
        ),
    )
    yield Project(stack, env)
    stack.destroy()
    stack.workspace.remove_stack("dynamic")


def inputs(state: auto.StepEventStateMetadata | None) -> JsonObject:
    assert state is not None
    return dict(state.inputs or {})


def replacements(steps: list[auto.StepEventMetadata]) -> list[auto.StepEventMetadata]:
    return [step for step in steps if step.op is auto.OpType.REPLACE]


def operations(steps: list[auto.StepEventMetadata]) -> list[str]:
    return [step.op.value for step in steps]


def test_certificate_from_first_to_second(cluster: Sandbox, project: Project) -> None:
    args = SignedCertificateArgs(
        csr_pem=make_request("dynamic-up").pem,
        lifetime_seconds=600,
        renew_before_seconds=60,
        kubeconfig=cluster.kubeconfig.read_text(),
    )

    def program() -> None:
        certificate = SignedCertificate("certificate", args)
        for output in ("certificate_pem", "not_before", "not_after", "subject", "serial_number"):
            pulumi.export(output, getattr(certificate, output))

    project.program = program
    assert operations(project.up()) == ["create"]
    first = project.stack.outputs()
    assert first["subject"].value == "dynamic-up"
    assert not first["certificate_pem"].secret

    # The request is long gone from the cluster, as after its garbage collection.
    assert requests_of_ours(admin(cluster)) == []
    for _ in range(2):
        assert project.preview() == []
        project.refresh_finds_nothing()

    # Neither another kubeconfig nor another window before it opens makes another certificate.
    args = replace(args, kubeconfig=f"{args.kubeconfig}\n# rotated\n", renew_before_seconds=120)
    assert project.preview() == []
    assert project.up() == []
    decrypted = project.decrypted("SignedCertificate")["inputs"]
    assert "# rotated" in decrypted["kubeconfig"]["plaintext"]
    assert decrypted["renew_before_seconds"] == 120
    stored = project.stored("SignedCertificate")
    for where in ("inputs", "outputs"):
        assert SECRET in json.dumps(stored[where]["kubeconfig"])
        assert SECRET in json.dumps(stored[where]["__provider"])
        assert "client-key" not in json.dumps(stored[where])

    # In the window a preview says so, and an update renews.
    project.set_ahead(500)
    words: list[str] = []
    (step,) = replacements(project.preview(words))
    assert step.keys == ["renewal"]
    old, new = inputs(step.old), inputs(step.new)
    assert {key for key in new if old.get(key) != new[key]} == {"renewal"}
    assert any("~ renewal" in line and "asked for at" in line for line in words)
    assert len(replacements(project.up())) == 1
    second = project.stack.outputs()
    assert second["serial_number"].value != first["serial_number"].value
    assert second["subject"].value == first["subject"].value
    assert requests_of_ours(admin(cluster)) == []

    project.set_ahead(0)
    assert project.preview() == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"signer": NOBODY}, "certificate of 'dynamic-error': approved, but not signed within 1 s"),
        ({"lifetime_seconds": 60}, "60 is too short: at least 600 is possible"),
        ({"csr_pem": "nonsense"}, "BEGIN CERTIFICATE REQUEST"),
    ],
)
def test_error_is_one_line(cluster: Sandbox, project: Project, changes: dict[str, Any], told: str) -> None:
    args = SignedCertificateArgs(
        csr_pem=make_request("dynamic-error").pem,
        lifetime_seconds=600,
        renew_before_seconds=60,
        timeout_seconds=1,
    )
    project.program = lambda: pulumi.export("x", SignedCertificate("c", replace(args, **changes)).subject)
    with pytest.raises(auto.CommandError) as caught:
        project.stack.up(program=project.program, color="never")
    assert told in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "in create" not in str(caught.value)
    assert requests_of_ours(admin(cluster)) == []


def test_token(cluster: Sandbox, project: Project) -> None:
    api = admin(cluster)
    account = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "dynamic-up", "namespace": "default"},
    }
    api.apply(account, field_manager="tests")
    args = ServiceAccountTokenArgs(
        namespace="default",
        service_account="dynamic-up",
        lifetime_seconds=600,
        renew_before_seconds=60,
        kubeconfig=cluster.kubeconfig.read_text(),
    )
    project.program = lambda: pulumi.export("token", ServiceAccountToken("token", args).token)
    assert operations(project.up()) == ["create"]
    first = project.stack.outputs()["token"]
    assert first.secret
    stored = project.stored("ServiceAccountToken")["outputs"]
    assert SECRET in json.dumps(stored["token"])
    assert SECRET in json.dumps(stored["kubeconfig"])
    assert first.value not in json.dumps(stored)
    assert project.preview() == []
    project.refresh_finds_nothing()

    # Another kubeconfig is stored, for a refresh has no other; the token stays.
    args = replace(args, kubeconfig=f"{args.kubeconfig}\n# rotated\n")
    assert operations(project.up()) == ["update"]
    assert project.stack.outputs()["token"].value == first.value
    assert project.preview() == []

    project.set_ahead(570)
    assert [step.keys for step in replacements(project.preview())] == [["renewal"]]
    project.up()
    second = project.stack.outputs()["token"]
    assert second.value != first.value
    project.set_ahead(0)
    assert project.preview() == []

    # Made again, the ServiceAccount is another one, and the token worth nothing.
    api.delete("v1", "ServiceAccount", "dynamic-up", "default")
    api.create(account)
    with pytest.raises(auto.CommandError, match="no changes were expected"):
        project.refresh_finds_nothing()
    project.stack.refresh()
    assert operations(project.up()) == ["create"]
    assert project.stack.outputs()["token"].value != second.value
    api.delete("v1", "ServiceAccount", "dynamic-up", "default")


def test_claims_stop_a_preview_and_an_update(cluster: Sandbox, project: Project) -> None:
    api = admin(cluster)
    foreign: JsonObject = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "dynamic-foreign"}}
    api.apply(foreign, field_manager="tests")
    names = ["dynamic-free"]

    def program() -> None:
        objects = [("v1", "Namespace", name) for name in names]
        NameCheck("claims", NameCheckArgs(objects=objects, owner_label=("tenancy.dev/stack", "dynamic")))

    project.program = program
    assert operations(project.preview()) == ["create"]
    assert operations(project.up()) == ["create"]
    assert project.preview() == []
    names.append("dynamic-foreign")
    for run in (project.preview, project.up):
        with pytest.raises(auto.CommandError) as caught:
            run()
        assert "Namespace dynamic-foreign exists and is not this stack's" in str(caught.value)
        assert "dynamic-free" not in str(caught.value)
        assert "Traceback" not in str(caught.value)
    api.apply(
        {**foreign, "metadata": {**foreign["metadata"], "labels": {"tenancy.dev/stack": "dynamic"}}},
        field_manager="tests",
    )
    assert operations(project.preview()) == ["update"]
    assert operations(project.up()) == ["update"]
    project.refresh_finds_nothing()
    assert project.preview() == []
    api.delete("v1", "Namespace", "dynamic-foreign")


def test_request_names_are_free_again(cluster: Sandbox) -> None:
    assert not any("tenancy-" in each["metadata"]["name"] for each in admin(cluster).list(API_VERSION, KIND))
