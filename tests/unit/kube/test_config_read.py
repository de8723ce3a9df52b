"""Kubeconfigs, read as kubectl reads them."""

import base64
import json
import os
from pathlib import Path

import pytest
import yaml

from kube import ClusterAccess, ExecPlugin, JsonObject, KubeconfigError, cluster_access
from kube.config import read as module


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(name: str = "a", user: JsonObject | None = None, cluster: JsonObject | None = None) -> JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": f"https://{name}:6443/", **(cluster or {})}}],
        "users": [{"name": name, "user": user or {}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def written(folder: Path, content: JsonObject, name: str = "config") -> Path:
    path = folder / name
    path.write_text(yaml.safe_dump(content))
    return path


def read(content: JsonObject, **options: str) -> ClusterAccess:
    return cluster_access(json.dumps(content), **options)  # pyright: ignore[reportArgumentType]


def test_content_a_path_and_paths_all_do(tmp_path: Path) -> None:
    path = written(tmp_path, config())
    for given in (path.read_text(), json.dumps(config()), str(path), path, [path]):
        assert cluster_access(given).server == "https://a:6443"


def test_everything_that_a_client_needs() -> None:
    user = {"client-certificate-data": encoded("CERT"), "client-key-data": encoded("KEY"), "token": "TOKEN"}
    content = config(
        user=user,
        cluster={
            "certificate-authority-data": encoded("CA"),
            "tls-server-name": "kubernetes",
            "insecure-skip-tls-verify": False,
            "proxy-url": "http://proxy:3128",
        },
    )
    content["contexts"][0]["context"]["namespace"] = "mine"
    assert read(content) == ClusterAccess(
        server="https://a:6443",
        ca="CA",
        tls_server_name="kubernetes",
        proxy_url="http://proxy:3128",
        namespace="mine",
        client_certificate="CERT",
        client_key="KEY",
        token="TOKEN",
    )


def test_no_secret_shows() -> None:
    user = {
        "client-certificate-data": encoded("hunter2-cert"),
        "client-key-data": encoded("hunter2-key"),
        "token": "hunter2-token",
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": "aws",
            "args": ["hunter2-arg"],
            "env": [{"name": "X", "value": "hunter2-env"}],
        },
    }
    access = read(config(user=user, cluster={"proxy-url": "http://me:hunter2@proxy"}))
    assert access.exec_plugin is not None
    assert access.exec_plugin.args == ("hunter2-arg",)
    assert "hunter2" not in repr(access)


def test_an_exec_plugin() -> None:
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "aws",
            "args": ["eks", "get-token"],
            "env": [{"name": "AWS_PROFILE", "value": "gpu"}],
            "installHint": "Install aws.",
            "provideClusterInfo": True,
        }
    }
    assert read(config(user=user)).exec_plugin == ExecPlugin(
        command="aws",
        api_version="client.authentication.k8s.io/v1beta1",
        args=("eks", "get-token"),
        env=(("AWS_PROFILE", "gpu"),),
        install_hint="Install aws.",
        provide_cluster_info=True,
    )


def test_paths_are_seen_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "kube"
    (folder / "pki").mkdir(parents=True)
    (folder / "pki" / "ca.crt").write_text("CA")
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login"}
    user = {"tokenFile": "token", "exec": plugin}
    path = written(folder, config(user=user, cluster={"certificate-authority": "pki/ca.crt"}))
    monkeypatch.chdir(tmp_path)
    access = cluster_access(path.relative_to(tmp_path))
    assert access.ca == "CA"
    assert access.token_file == folder / "token"
    assert access.exec_plugin is not None
    assert Path(access.exec_plugin.command) == folder / "login"


def test_context_and_cluster_can_be_chosen() -> None:
    content, other = config("a"), config("b")
    for key in ("clusters", "users", "contexts"):
        content[key] += other[key]
    assert read(content).server == "https://a:6443"
    assert read(content, context="b").server == "https://b:6443"
    assert read(content, cluster="b").server == "https://b:6443"


def test_of_several_files_the_first_to_name_an_entry_wins(tmp_path: Path) -> None:
    first = written(tmp_path, config("a") | {"current-context": ""}, "1")
    second_content = config("a", cluster={"tls-server-name": "second"})
    for key, value in config("b").items():
        if isinstance(value, list):
            second_content[key] += value
    second_content["current-context"] = "b"
    second = written(tmp_path, second_content, "2")
    environment = {"KUBECONFIG": os.pathsep.join([str(first), str(tmp_path / "missing"), "", str(second)])}
    assert cluster_access(environment=environment).server == "https://b:6443"
    assert cluster_access(environment=environment, context="a").tls_server_name is None


def test_the_file_at_home(tmp_path: Path) -> None:
    (tmp_path / ".kube").mkdir()
    written(tmp_path / ".kube", config())
    assert cluster_access(environment={"HOME": str(tmp_path)}).server == "https://a:6443"


def test_inside_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SERVICE_ACCOUNT", tmp_path)
    for name, content in (("token", "TOKEN"), ("ca.crt", "CA"), ("namespace", "mine\n")):
        (tmp_path / name).write_text(content)
    environment = {
        "HOME": str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "fd00::1",
        "KUBERNETES_SERVICE_PORT": "443",
    }
    access = cluster_access(environment=environment)
    assert access.server == "https://[fd00::1]:443"
    assert (access.ca, access.token_file, access.namespace) == ("CA", tmp_path / "token", "mine")


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match=r"set KUBECONFIG, or write ~/.kube/config"):
        cluster_access(environment={"HOME": str(tmp_path)})
    with pytest.raises(KubeconfigError, match="none of these kubeconfigs exists"):
        cluster_access(environment={"KUBECONFIG": str(tmp_path / "missing")})
    with pytest.raises(KubeconfigError, match="no such kubeconfig"):
        cluster_access(tmp_path / "missing")


WRONG: list[tuple[JsonObject, str]] = [
    ({"current-context": "x"}, "no entry 'x' in contexts; there is: a"),
    ({"current-context": ""}, "no current-context; name a context: a"),
    ({"clusters": []}, "no entry 'a' in clusters; there is: none"),
    ({"users": []}, "no entry 'a' in users; there is: none"),
    ({"clusters": {}}, "no entry 'a' in clusters"),
    ({"clusters": "x"}, "clusters: a list is wanted"),
    ({"clusters": [{"cluster": {}}]}, r"clusters\[0\]: name and cluster are wanted"),
    ({"clusters": [{"name": "a"}]}, r"server: an http\(s\) URL is wanted, not ''"),
    ({"users": [{"name": "a", "user": {"username": "u"}}]}, "username is not supported"),
    (
        {"users": [{"name": "a", "user": {"auth-provider": {"name": "gcp"}}}]},
        "auth-provider is not supported",
    ),
    ({"users": [{"name": "a", "user": {"client-key-data": "SA=="}}]}, "go together"),
    (
        {"users": [{"name": "a", "user": {"client-key-data": "%"}}]},
        "client-key-data: base64 of PEM is wanted",
    ),
    (
        {"users": [{"name": "a", "user": {"exec": {"apiVersion": "v1"}}}]},
        "exec.apiVersion: one of client.auth",
    ),
    (
        {"users": [{"name": "a", "user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1"}}}]},
        "exec.command is missing",
    ),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_what_is_wrong_is_said(change: JsonObject, message: str) -> None:
    with pytest.raises(KubeconfigError, match=message):
        read(config() | change)


@pytest.mark.parametrize("content", ["a: [hunter2\n", "- hunter2\n", "\thunter2: {"])
def test_an_error_quotes_no_content(content: str) -> None:
    with pytest.raises(KubeconfigError) as error:
        cluster_access(content)
    assert "hunter2" not in str(error.value)


def test_unreadable_files_are_named(tmp_path: Path) -> None:
    user = {"client-certificate": "missing.crt", "client-key": "missing.key"}
    with pytest.raises(KubeconfigError, match=r"client-certificate: .*missing\.crt: No such file"):
        cluster_access(written(tmp_path, config(user=user)))
    (tmp_path / "binary").write_bytes(b"\xff\xfe\n")
    with pytest.raises(KubeconfigError, match="binary: cannot be read"):
        cluster_access(tmp_path / "binary")
