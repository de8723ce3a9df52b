"""What becomes of a tenant: made, changed, edited by hand, frozen, renamed, taken over, gone."""

import json
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube import ApiError, Client, cluster_access
from sandbox.github.client import SandboxClient, SandboxError
from tests.conftest import Sandbox
from tests.e2e.project import STACK, Project, namespaced, owned

GPU = "requests.nvidia.com/gpu"
FOLDERS = {"shared_folders": {"data": {"nfs": {"server": "nfs.example.com", "path": "/data"}}}}
REPOSITORY = "acme/vision"  # one of the emulator's own


def api(cluster: Sandbox) -> Client:
    return Client(cluster_access(cluster.kubeconfig))


def quota(cluster: Sandbox, namespace: str, name: str) -> dict[str, str]:
    return api(cluster).get("v1", "ResourceQuota", name, namespace)["spec"]["hard"]


def uid(cluster: Sandbox, namespace: str) -> str:
    return api(cluster).get("v1", "Namespace", namespace)["metadata"]["uid"]


def gpu_pod(name: str, count: int) -> str:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "registry.example/train:1",
                    "resources": {"limits": {"nvidia.com/gpu": str(count)}},
                }
            ]
        },
    }
    return yaml.safe_dump(pod)


def wait_until_running(cluster: Sandbox, namespace: str, pod: str) -> None:
    cluster.kubectl(
        "wait",
        f"pod/{pod}",
        f"--namespace={namespace}",
        "--for=jsonpath={.status.phase}=Running",
        "--timeout=60s",
    )


def test_the_life_of_a_tenant(project: Project, cluster: Sandbox) -> None:
    """Up, nothing to do, a changed quota, a hand edit, one tenant gone, everything gone."""
    project.cluster(**FOLDERS)
    project.tenant("life-one", accelerators={"a100": 2}, shared_folders={"data": "read-only"})
    project.tenant("life-two", accelerators={"a100": 1}, shared_folders={"data": "read-only"})
    project.up()
    assert quota(cluster, "life-one", "accelerators") == {GPU: "2"}
    project.unchanged()

    project.tenant("life-one", accelerators={"a100": 4}, shared_folders={"data": "read-only"})
    changes = project.preview()
    assert changes.by_urn == {"ResourceQuota life-one/accelerators": "update"}
    assert changes.paths("ResourceQuota life-one/accelerators") == {f'spec.hard["{GPU}"]': "update"}
    assert quota(cluster, "life-one", "accelerators") == {GPU: "2"}
    project.up()
    assert quota(cluster, "life-one", "accelerators") == {GPU: "4"}

    edit = json.dumps({"spec": {"hard": {GPU: "16"}}})
    cluster.kubectl(
        "patch", "quota", "accelerators", "--namespace=life-two", "--type=merge", f"--patch={edit}"
    )
    assert project.preview("--refresh").by_urn == {"ResourceQuota life-two/accelerators": "update"}
    project.up("--refresh")
    assert quota(cluster, "life-two", "accelerators") == {GPU: "1"}
    project.unchanged("--refresh")

    before = uid(cluster, "life-one"), sorted(namespaced(cluster, "life-one"))
    project.tenant_file("life-two").unlink()
    project.up()
    assert not [name for name in owned(cluster) if "life-two" in name]
    assert "persistentvolume/tenancy-life-one-data" in owned(cluster)
    assert before == (uid(cluster, "life-one"), sorted(namespaced(cluster, "life-one")))

    project.destroy()
    assert owned(cluster) == []
    assert "life-one" not in cluster.kubectl("get", "namespaces,persistentvolumes", "-o", "name").stdout


def test_a_gpu_pod_runs_within_the_quota_only(project: Project, cluster: Sandbox) -> None:
    project.tenant("gpu", accelerators={"a100": 1})
    project.up()
    cluster.kubectl("create", "--namespace=gpu", "-f", "-", stdin=gpu_pod("first", 1))
    wait_until_running(cluster, "gpu", "first")
    refused = cluster.kubectl("create", "--namespace=gpu", "-f", "-", stdin=gpu_pod("second", 1), check=False)
    assert refused.returncode == 1
    assert (
        f"exceeded quota: accelerators, requested: {GPU}=1, used: {GPU}=1, limited: {GPU}=1" in refused.stderr
    )


def test_deleting_needs_retirement_where_the_cluster_is_protected(project: Project, cluster: Sandbox) -> None:
    project.cluster(protect=True)
    project.tenant("kept")
    project.up()
    before = sorted(namespaced(cluster, "kept"))
    assert before
    file = project.tenant_file("kept")
    said = file.read_text()
    file.unlink()
    expected = "Namespace kept would be deleted, but the tenant is protected: first apply 'state: retired'"
    for refused in (project.up(code=1), project.tenancy("up", f"--stack={STACK}", code=1)):
        assert expected in refused.text
    assert sorted(namespaced(cluster, "kept")) == before

    file.write_text(said + "state: retired\n")
    project.up()
    file.unlink()
    project.up()
    assert not [name for name in owned(cluster) if "kept" in name]


def test_a_frozen_tenant_keeps_what_it_has_and_starts_nothing(project: Project, cluster: Sandbox) -> None:
    fields: dict[str, Any] = {
        "accelerators": {"a100": 1},
        "service_accounts": {"runner": {"role": "developer"}},
        "adopt": None,
    }
    project.tenant("ice", **fields)
    project.up()
    cluster.kubectl("create", "--namespace=ice", "-f", "-", stdin=gpu_pod("running", 1))
    cluster.kubectl("create", "configmap", "--namespace=ice", "data", "--from-literal=key=value")
    wait_until_running(cluster, "ice", "running")
    assert ("RoleBinding", "serviceaccount-runner-developer") in set(namespaced(cluster, "ice"))

    project.tenant("ice", state="frozen", **fields)
    project.up()
    kinds = {kind for kind, _ in namespaced(cluster, "ice")}
    assert "RoleBinding" not in kinds
    assert "ServiceAccount" in kinds
    refused = cluster.kubectl("run", "more", "--image=x", "--namespace=ice", check=False)
    assert "exceeded quota: frozen" in refused.stderr
    running = cluster.kubectl("get", "pod/running", "configmap/data", "--namespace=ice", "-o", "name").stdout
    assert running.split() == ["pod/running", "configmap/data"]

    project.tenant("ice", **fields)
    project.up()
    assert ("RoleBinding", "serviceaccount-runner-developer") in set(namespaced(cluster, "ice"))
    assert ("ResourceQuota", "frozen") not in set(namespaced(cluster, "ice"))


def test_a_renamed_tenant_keeps_its_namespace(project: Project, cluster: Sandbox) -> None:
    accounts = {"service_accounts": {"runner": {"role": "viewer"}}}
    project.tenant("before", accelerators={"a100": 1}, **accounts)
    project.up()
    first = uid(cluster, "before")
    project.tenant_file("before").unlink()
    project.tenant("after", namespace="before", former_name="before", accelerators={"a100": 1}, **accounts)
    changes = project.preview()
    assert set(changes.by_urn.values()) == {"update"}, changes.by_urn
    project.up()
    project.unchanged()
    labels = api(cluster).get("v1", "Namespace", "before")["metadata"]["labels"]
    assert labels["tenancy.dev/tenant"] == "after"
    assert uid(cluster, "before") == first

    project.tenant("after", namespace="before", accelerators={"a100": 1}, **accounts)
    project.unchanged()


def test_an_extra_namespace_is_split_off_as_a_tenant(project: Project, cluster: Sandbox) -> None:
    project.tenant(
        "whole", accelerators={"a100": 4}, namespaces={"part": {"share": 50, "accelerators": {"a100": 1}}}
    )
    project.up()
    first = uid(cluster, "whole-part")
    project.tenant("whole", accelerators={"a100": 3})
    project.tenant("part", namespace="whole-part", split_from="whole", accelerators={"a100": 1})
    operations = project.preview().by_urn
    touched = {name: op for name, op in operations.items() if "whole-part" in name}
    assert touched
    assert set(touched.values()) == {"update"}, operations
    project.up()
    project.unchanged()
    labels = api(cluster).get("v1", "Namespace", "whole-part")["metadata"]["labels"]
    assert labels["tenancy.dev/tenant"] == "part"
    assert uid(cluster, "whole-part") == first


def test_a_namespace_with_a_quota_is_adopted(project: Project, cluster: Sandbox) -> None:
    """First taken as it is, unchanged; then, without `adopt`, made what the file says."""
    cluster.kubectl("create", "namespace", "veteran")
    cluster.kubectl("create", "quota", "old-quota", "--hard=requests.cpu=3", "--namespace=veteran")
    cluster.kubectl("create", "configmap", "--namespace=veteran", "data", "--from-literal=key=value")
    first = uid(cluster, "veteran")
    try:
        project.tenant("veteran", adopt={"namespace": True, "quotas": {"compute": "old-quota"}})
        assert project.preview().by_urn["Namespace veteran"] == "import"
        project.up()
        assert quota(cluster, "veteran", "old-quota") == {"requests.cpu": "3"}
        assert (
            "tenancy.dev/tenant" not in api(cluster).get("v1", "Namespace", "veteran")["metadata"]["labels"]
        )
        project.unchanged()

        project.tenant("veteran")
        project.up()
        project.unchanged()
        assert (
            api(cluster).get("v1", "Namespace", "veteran")["metadata"]["labels"]["tenancy.dev/tenant"]
            == "veteran"
        )
        assert quota(cluster, "veteran", "compute")["requests.cpu"] == "8"
        assert ("ResourceQuota", "old-quota") not in set(namespaced(cluster, "veteran"))
        assert uid(cluster, "veteran") == first
        cluster.kubectl("get", "configmap", "data", "--namespace=veteran")
    finally:
        project.destroy()
        cluster.kubectl("delete", "namespace", "veteran", "--ignore-not-found")


def github(cluster: Sandbox) -> SandboxClient:
    return SandboxClient(cluster.env["GITHUB_BASE_URL"], cluster.env["GITHUB_TOKEN"])


def secret(cluster: Sandbox, name: str) -> str:
    owner, _, repository = REPOSITORY.partition("/")
    return github(cluster).open_repository_secret(owner, repository, name)


@pytest.mark.parametrize("kind", ["client-certificate", "token"])
def test_secrets_reach_the_repository_and_nobody_else(
    project: Project, cluster: Sandbox, tmp_path: Path, kind: str
) -> None:
    """No state, output, log or plan holds a key, a token or a kubeconfig in clear."""
    github_owner = {"owner": "acme", "base_url": cluster.env["GITHUB_BASE_URL"]}
    project.cluster(github=github_owner, credentials={"kinds": [kind]})
    own = cluster.kubeconfig.read_text()
    for key, value in (("kubeconfig", own), ("githubToken", cluster.env["GITHUB_TOKEN"])):
        project.pulumi("config", "set", "--secret", f"--stack={STACK}", f"tenancy:{key}", stdin=value)
    project.tenant(
        "hush",
        repository=REPOSITORY,
        codespaces={"parts": True},
        credentials={"kind": kind, "lifetime": "12h"},
    )
    shown = [
        project.up("--diff", "--debug").text,
        project.tenancy("up", f"--stack={STACK}", "--json").text,
        project.tenancy("preview", f"--stack={STACK}", "--refresh").text,
        project.pulumi("preview", "--diff", "--json", f"--stack={STACK}").text,
        project.pulumi("stack", "output", "--show-secrets", "--json", f"--stack={STACK}").text,
    ]
    kubeconfig = secret(cluster, "KUBECONFIG_E2E")
    secrets = {cluster.env["GITHUB_TOKEN"], *private(kubeconfig), *private(own)}
    assert len(secrets) == (5 if kind == "client-certificate" else 4)
    files = [*files_below(project.folder.parent), *files_below(cluster.layout.logs)]
    assert any(path.is_relative_to(project.state_folder) for path in files)
    shown += [path.read_text(errors="replace") for path in files]
    assert not [text[:4] for text in secrets if any(text in each for each in shown)]

    copied = tmp_path / "copied"
    copied.touch(mode=0o600)
    copied.write_text(kubeconfig)
    cluster.kubectl("get", "pods", f"--kubeconfig={copied}")
    project.destroy()
    with pytest.raises(SandboxError, match="404"):
        secret(cluster, "KUBECONFIG_E2E")
    assert owned(cluster) == []
    # The grants went with the namespace: what somebody copied is worthless.
    with pytest.raises(ApiError) as refused:
        list(Client(cluster_access(copied)).list("v1", "Pod", namespace="hush"))
    assert refused.value.code in (401, 403)


def private(kubeconfig: str) -> Iterator[str]:
    """The key or the token of a kubeconfig's user, in each way that it may be written."""
    user = yaml.safe_load(kubeconfig)["users"][0]["user"]
    if "token" in user:
        yield user["token"]
        return
    yield user["client-key-data"]
    # A line of the PEM's body: it is found however the text around it is quoted.
    yield b64decode(user["client-key-data"]).decode().splitlines()[1]


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
