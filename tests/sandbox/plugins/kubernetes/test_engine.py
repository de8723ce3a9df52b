"""The stand-in under the real engine, driven by the Automation API."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import pulumi
import pulumi_kubernetes as k8s
import pytest
from pulumi import automation as auto

from kube import ApiError, Client
from sandbox.layout import REPOSITORY
from tests.sandbox.plugins.kubernetes.conftest import Running

Summary = dict[str, int]
RBAC = "rbac.authorization.k8s.io"


def _counted(changes: Mapping[Any, int] | None) -> Summary:
    return {str(getattr(key, "value", key)): count for key, count in (changes or {}).items()}


class Stack:
    """A stack whose program may change between runs."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.program: Callable[[], None] = lambda: None
        self.stack = auto.create_stack(
            stack_name="dev",
            project_name="trial",
            program=lambda: self.program(),
            opts=auto.LocalWorkspaceOptions(work_dir=str(folder), env_vars=env),
        )

    def up(self, program: Callable[[], None]) -> Summary:
        self.program = program
        return _counted(self.stack.up().summary.resource_changes)

    def preview(self, program: Callable[[], None]) -> tuple[Summary, str]:
        self.program = program
        result = self.stack.preview(diff=True)
        return _counted(result.change_summary), result.stdout

    def refresh(self) -> Summary:
        return _counted(self.stack.refresh().summary.resource_changes)

    def state(self) -> list[dict[str, Any]]:
        return (self.stack.export_stack().deployment or {})["resources"]


@pytest.fixture
def namespace() -> str:
    return f"engine-{uuid4().hex[:8]}"


@pytest.fixture
def stack(
    cluster: Running, client: Client, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    plugin = plugins / "pulumi-resource-kubernetes"
    plugin.write_text(
        f'#!/bin/sh\ncd "{REPOSITORY}" && exec "{sys.executable}" -m sandbox.plugins.kubernetes "$@"\n'
    )
    plugin.chmod(0o755)
    (tmp_path / "state").mkdir()
    env = {key: value for key, value in cluster.env.items() if not key.startswith("PULUMI_CONFIG_PASSPHRASE")}
    env |= {
        "PATH": f"{plugins}{os.pathsep}{env['PATH']}",
        "PULUMI_BACKEND_URL": f"file://{tmp_path / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "trial",
        "PULUMI_HOME": str(tmp_path / "home"),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }
    # The Automation API looks for the CLI on this process's PATH.
    monkeypatch.setenv("PATH", env["PATH"])
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    (tmp_path / "project").mkdir()
    yield Stack(tmp_path / "project", env)
    try:
        client.delete("v1", "Namespace", namespace)
    except ApiError as error:
        assert error.code == 404


def given(**fields: Any) -> Any:
    """Write inputs as plain objects, which the SDK takes as well as its Args classes."""
    return fields


def provider(kubeconfig: str, **options: Any) -> k8s.Provider:
    return k8s.Provider(
        "cluster",
        kubeconfig=pulumi.Output.secret(kubeconfig),
        cluster_identifier="trial",
        enable_secret_mutable=True,
        **options,
    )


@pytest.fixture
def program(kubeconfig: str, namespace: str) -> Callable[..., Callable[[], None]]:
    """A program of a namespace with a quota, a binding and a secret; what varies is a parameter."""

    def make(
        *, pods: str = "10", role: str = "view", more: Callable[[pulumi.ResourceOptions], None] | None = None
    ) -> Callable[[], None]:
        def run() -> None:
            options = pulumi.ResourceOptions(provider=provider(kubeconfig))
            space = k8s.core.v1.Namespace("space", metadata=given(name=namespace), opts=options)
            within = given(namespace=space.metadata.name)
            k8s.core.v1.ResourceQuota(
                "quota",
                metadata=given(name="quota", annotations={"pulumi.com/patchForce": "true"}, **within),
                spec=given(hard={"pods": pods, "requests.cpu": "1000m"}),
                opts=options,
            )
            k8s.rbac.v1.RoleBinding(
                "binding",
                metadata=given(name="binding", **within),
                role_ref=given(apiGroup=RBAC, kind="ClusterRole", name=role),
                subjects=[given(apiGroup=RBAC, kind="User", name="ann")],
                opts=options,
            )
            secret = k8s.core.v1.Secret("secret", metadata=within, string_data={"p": "hunter2"}, opts=options)
            pulumi.export("secret", secret.metadata.name)
            if more is not None:
                more(options)

        return run

    return make


BINDING = (f"{RBAC}/v1", "RoleBinding", "binding")


def test_the_life_of_a_stack(
    stack: Stack, program: Callable[..., Callable[[], None]], client: Client, namespace: str, tmp_path: Path
) -> None:
    assert stack.preview(program())[0] == {"create": 6}
    assert stack.up(program()) == {"create": 6}
    assert stack.preview(program())[0] == {"same": 6}

    changes, shown = stack.preview(program(pods="20"))
    assert changes == {"same": 5, "update": 1}
    assert 'pods: "10" => "20"' in shown
    assert stack.up(program(pods="20")) == {"same": 5, "update": 1}

    client.patch("v1", "ResourceQuota", "quota", {"spec": {"hard": {"pods": "99"}}}, namespace=namespace)
    assert stack.refresh() == {"same": 5, "update": 1}
    changes, shown = stack.preview(program(pods="20"))
    assert 'pods: "99" => "20"' in shown
    assert stack.up(program(pods="20")) == {"same": 5, "update": 1}
    assert client.get("v1", "ResourceQuota", "quota", namespace)["spec"]["hard"]["pods"] == "20"

    intruder = given(apiGroup=RBAC, kind="User", name="intruder")
    subjects = [*client.get(*BINDING, namespace)["subjects"], intruder]
    client.patch(*BINDING, {"subjects": subjects}, namespace=namespace)
    assert stack.refresh() == {"same": 6}  # as the official provider: not seen
    assert stack.preview(program(pods="20"))[0] == {"same": 6}

    changes, shown = stack.preview(program(pods="20", role="edit"))
    assert changes == {"same": 5, "replace": 1}
    assert 'name: "view" => "edit"' in shown
    assert stack.up(program(pods="20", role="edit")) == {"same": 5, "replace": 1}
    binding = client.get(*BINDING, namespace)
    assert (binding["roleRef"]["name"], len(binding["subjects"])) == ("edit", 1)

    checkpoints = list((tmp_path / "state").rglob("dev.json*"))
    assert checkpoints
    for checkpoint in checkpoints:
        content = checkpoint.read_text()
        assert "hunter2" not in content
        assert "aHVudGVyMg" not in content

    stack.stack.destroy()
    with pytest.raises(ApiError):
        client.get("v1", "Namespace", namespace)


def test_what_exists_already_can_be_adopted(
    stack: Stack, program: Callable[..., Callable[[], None]], client: Client, kubeconfig: str, namespace: str
) -> None:
    client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    with pytest.raises(auto.CommandError, match=f'namespaces "{namespace}" already exists'):
        stack.up(program())

    def adopting() -> None:
        options = pulumi.ResourceOptions(
            provider=provider(kubeconfig), import_=namespace, retain_on_delete=True
        )
        metadata = given(name=namespace, labels={"kubernetes.io/metadata.name": namespace})
        k8s.core.v1.Namespace("space", metadata=metadata, opts=options)

    assert stack.up(adopting).get("import") == 1
    assert stack.preview(adopting)[0] == {"same": 3}


def test_an_object_that_is_not_ready_stays_in_the_state(
    stack: Stack, program: Callable[..., Callable[[], None]], namespace: str
) -> None:
    def unbound(options: pulumi.ResourceOptions) -> None:
        k8s.core.v1.PersistentVolumeClaim(
            "claim",
            metadata=given(name="claim", namespace=namespace, annotations={"pulumi.com/timeoutSeconds": "1"}),
            spec=given(
                accessModes=["ReadWriteMany"],
                storageClassName="",
                volumeName="not-there",
                resources={"requests": {"storage": "1Gi"}},
            ),
            opts=options,
        )

    stack.up(program())
    with pytest.raises(auto.CommandError, match="timed out waiting to be Ready"):
        stack.up(program(more=unbound))
    (recorded,) = (each for each in stack.state() if each["type"].endswith(":PersistentVolumeClaim"))
    assert recorded["id"] == f"{namespace}/claim"
    assert recorded["initErrors"]


def test_a_cluster_out_of_reach_deletes_nothing(
    stack: Stack, program: Callable[..., Callable[[], None]], kubeconfig: str, namespace: str
) -> None:
    stack.up(program())
    before = {each["urn"] for each in stack.state()}
    port = kubeconfig.split("https://127.0.0.1:")[1].split()[0].strip("\"'")

    def elsewhere() -> None:
        options = pulumi.ResourceOptions(provider=provider(kubeconfig.replace(f":{port}", ":9")))
        k8s.core.v1.Namespace("space", metadata=given(name=namespace, labels={"a": "b"}), opts=options)

    with pytest.raises(auto.CommandError, match=r"unreachable.*Connection refused"):
        stack.up(elsewhere)
    with pytest.raises(auto.CommandError, match=r"unreachable.*Connection refused"):
        stack.refresh()
    assert {each["urn"] for each in stack.state()} == before
