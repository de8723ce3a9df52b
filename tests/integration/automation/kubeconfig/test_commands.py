"""`tenancy kubeconfig`, compared with kubectl on the same inputs."""

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.integration.automation.kubeconfig.conftest import Kubectl
from tests.unit.automation.kubeconfig.conftest import TWO_CLUSTERS, Tenancy


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@pytest.mark.parametrize("context", ["dev-frontend", "dev-storage", "exp-scratch"])
def test_minify_as_kubectl(
    config: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy, context: str
) -> None:
    tenancy("minify", "--context", context, "-o", home / "one")
    expected = kubectl("config", "view", "--minify", "--flatten", f"--context={context}")
    assert kubectl("config", "view", "--flatten", kubeconfig=home / "one") == expected
    assert expected["current-context"] == context


def test_flatten_as_kubectl(config: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy) -> None:
    tenancy("flatten", "-o", home / "flat")
    expected = kubectl("config", "view", "--flatten", "--raw")
    assert kubectl("config", "view", "--raw", kubeconfig=home / "flat") == expected
    assert "client-key-data" in json.dumps(expected)


def test_flatten_and_minify_one_after_the_other(
    config: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    tenancy("minify", "-o", home / "one")
    tenancy("flatten", "--kubeconfig", home / "one", "-o", home / "one")
    expected = kubectl("config", "view", "--flatten", "--minify", "--raw")
    assert kubectl("config", "view", "--raw", kubeconfig=home / "one") == expected


def test_what_is_shown_is_what_kubectl_shows(
    config: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    """`kubectl config view` without --raw hides what is secret; so does the terminal here."""
    tenancy("flatten", "-o", home / "flat")
    (home / "shown").write_text(tenancy("flatten", "--kubeconfig", home / "flat").stdout)
    shown = (home / "shown").read_text()
    # kubectl reads back the masks only where they are no base64: compare the texts' values instead.
    expected = kubectl("config", "view", kubeconfig=home / "flat")
    masks = {user["name"]: user["user"] for user in expected["users"]}
    for key in ("client-certificate-data", "client-key-data"):
        assert f"{key}: {masks['developer'][key]}" in shown
    assert masks["experimenter"]["password"] == "REDACTED"
    assert "password: REDACTED" in shown


@pytest.mark.parametrize("reverse", [False, True])
def test_merge_as_kubectl(
    config: Path, other: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy, reverse: bool
) -> None:
    """First file wins, for entries and for the current context: clientcmd/loader.go, Load."""
    files = [other, config] if reverse else [config, other]
    result = tenancy("merge", *files, "-o", home / "merged")
    expected = kubectl("config", "view", "--flatten", kubeconfig=os.pathsep.join(map(str, files)))
    assert by_name(kubectl("config", "view", "--flatten", kubeconfig=home / "merged")) == by_name(expected)
    loser = files[1]
    users = "exp-scratch" if reverse else "other-scratch"
    assert f"not taken: cluster 'scratch' of {loser}, which differs from that of {files[0]}" in result.stderr
    assert f"(contexts {users} now use the other)" in result.stderr


def by_name(view: dict[str, Any]) -> dict[str, Any]:
    """kubectl sorts the entries of its views only when it merges; order means nothing."""
    lists = {key: sorted(view[key] or [], key=str) for key in ("clusters", "users", "contexts")}
    return {**view, **lists}


def test_merge_with_rename_keeps_both(
    config: Path, other: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    result = tenancy(
        "merge", config, other, "--rename", "cluster:scratch=lab", "-o", home / "merged", "--json"
    )
    report = json.loads(result.stdout)
    assert report["conflicts"] == []
    assert report["clusters"] == ["development", "scratch", "lab", "production"]
    found = kubectl("config", "view", "--minify", "--context=other-scratch", kubeconfig=home / "merged")
    assert found["clusters"][0]["cluster"]["server"] == "https://9.9.9.9"
    # As kubectl itself would have renamed a context.
    tenancy("merge", config, other, "--rename", "context:production=live", "-o", home / "renamed")
    kubectl("config", "rename-context", "production", "live", kubeconfig=other)
    expected = kubectl("config", "view", "--flatten", kubeconfig=f"{config}:{other}")
    assert by_name(kubectl("config", "view", "--flatten", kubeconfig=home / "renamed")) == by_name(expected)


def test_merge_with_overwrite_takes_the_last_entry_but_keeps_the_context(
    config: Path, other: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    report = json.loads(tenancy("merge", config, other, "--overwrite", "-o", config, "--json").stdout)
    assert report["conflicts"] == [
        {
            "kind": "cluster",
            "name": "scratch",
            "taken_from": str(other),
            "not_taken_from": str(config),
            "used_by": ["exp-scratch"],
        }
    ]
    found = kubectl("config", "view", "--minify", "--context=exp-scratch")
    assert found["clusters"][0]["cluster"] == {"server": "https://9.9.9.9"}
    assert report["current-context"] == "dev-frontend"


def test_merge_keeps_comments_unknown_fields_and_paths_of_the_first_file(
    config: Path, other: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    tenancy("merge", config, other, "-o", config)
    text = config.read_text()
    for kept in (*re.findall(r"# .*", TWO_CLUSTERS), "x-owner: me", "client-key: pki/fake-key-seefile"):
        assert kept in text
    assert (config.parent / "config.bak").read_text() == TWO_CLUSTERS
    assert mode(config) == mode(config.parent / "config.bak") == 0o600


def test_extract_takes_what_contexts_need(
    config: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    tenancy("extract", "dev-storage", "exp-scratch", "-o", home / "some")
    view = kubectl("config", "view", "--flatten", kubeconfig=home / "some")
    whole = kubectl("config", "view", "--flatten")
    assert {item["name"] for item in view["contexts"]} == {"dev-storage", "exp-scratch"}
    assert view["clusters"] == whole["clusters"]
    assert view["users"] == whole["users"]
    assert view["current-context"] == "dev-storage"


def test_remove_with_keep_unused_as_kubectl_delete_context(
    config: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    tenancy("remove", "exp-scratch", "--keep-unused")
    ours = kubectl("config", "view", "--raw")
    config.write_text(TWO_CLUSTERS)
    kubectl("config", "delete-context", "exp-scratch")
    assert kubectl("config", "view", "--raw") == ours


def test_remove_as_kubectls_three_deletions(config: Path, kubectl: Kubectl, tenancy: Tenancy) -> None:
    report = json.loads(tenancy("remove", "exp-scratch", "--json").stdout)
    assert report["removed"] == {
        "contexts": ["exp-scratch"],
        "clusters": ["scratch"],
        "users": ["experimenter"],
    }
    ours = kubectl("config", "view", "--raw")
    config.write_text(TWO_CLUSTERS)
    kubectl("config", "delete-context", "exp-scratch")
    kubectl("config", "delete-cluster", "scratch")
    kubectl("config", "delete-user", "experimenter")
    assert kubectl("config", "view", "--raw") == ours


@pytest.mark.parametrize("layout", ["json", "flow", "dash alone", "indented"])
def test_remove_in_other_layouts(config: Path, kubectl: Kubectl, tenancy: Tenancy, layout: str) -> None:
    data = kubectl("config", "view", "--raw")
    texts = {
        "json": json.dumps(data, indent=2),
        "flow": "".join(f"{key}: {json.dumps(value)}\n" for key, value in data.items()),
        "dash alone": TWO_CLUSTERS.replace("- context:\n", "-\n  context:\n"),
        "indented": re.sub(r"(?m)^(- |  )", r"  \1", TWO_CLUSTERS),
    }
    config.write_text(texts[layout])
    before = kubectl("config", "view", "--raw")
    tenancy("remove", "exp-scratch")
    after = kubectl("config", "view", "--raw")
    assert [item["name"] for item in after["contexts"]] == ["dev-frontend", "dev-storage"]
    assert after["clusters"] == before["clusters"][:1]
    assert after["users"] == before["users"][:1]


def test_remove_everything_leaves_a_kubeconfig(config: Path, kubectl: Kubectl, tenancy: Tenancy) -> None:
    tenancy("remove", "exp-scratch", "dev-storage", "dev-frontend")
    view = kubectl("config", "view")
    assert (view["contexts"], view["clusters"], view["users"]) == (None, None, None)


def test_build_as_kubectls_set_commands(config: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy) -> None:
    pki = config.parent / "pki"
    ours, theirs = home / "ours", home / "theirs"
    tenancy(
        *("build", "--cluster", "development", "--server", "https://1.2.3.4"),
        *("--certificate-authority", pki / "fake-ca-file", "--user", "developer"),
        *("--client-certificate", pki / "fake-cert-file", "--client-key", pki / "fake-key-seefile"),
        *("--context", "dev-frontend", "--namespace", "frontend", "-o", ours),
    )
    tenancy(
        *("build", "--cluster", "scratch", "--server", "https://5.6.7.8", "--insecure-skip-tls-verify"),
        *("--user", "experimenter", "--token", "-", "--context", "exp-scratch", "-o", ours),
        stdin="token-of-the-operator\n",
    )
    embed = "--embed-certs=true"
    authority = f"--certificate-authority={pki / 'fake-ca-file'}"
    certificate = f"--client-certificate={pki / 'fake-cert-file'}"
    key = f"--client-key={pki / 'fake-key-seefile'}"
    for command in (
        ("set-cluster", "development", "--server=https://1.2.3.4", authority, embed),
        ("set-credentials", "developer", certificate, key, embed),
        ("set-context", "dev-frontend", "--cluster=development", "--user=developer", "--namespace=frontend"),
        ("set-cluster", "scratch", "--server=https://5.6.7.8", "--insecure-skip-tls-verify=true"),
        ("set-credentials", "experimenter", "--token=token-of-the-operator"),
        ("set-context", "exp-scratch", "--cluster=scratch", "--user=experimenter"),
        ("use-context", "dev-frontend"),
    ):
        kubectl("config", *command, kubeconfig=theirs)
    expected = kubectl("config", "view", "--raw", kubeconfig=theirs)
    assert by_name(kubectl("config", "view", "--raw", kubeconfig=ours)) == by_name(expected)
    assert mode(ours) == 0o600


def test_an_exec_plugins_relative_command_and_a_token_file_move_along(
    home: Path, kubectl: Kubectl, tenancy: Tenancy
) -> None:
    folder = home / "deep"
    folder.mkdir()
    (folder / "config").write_text(
        """\
        clusters: [{name: c, cluster: {server: https://1.2.3.4}}]
        users:
        - name: u
          user:
            exec: {apiVersion: client.authentication.k8s.io/v1, command: ./login, interactiveMode: Never}
        - {name: v, user: {tokenFile: tokens/v}}
        contexts:
        - {name: a, context: {cluster: c, user: u}}
        - {name: b, context: {cluster: c, user: v}}
        """
    )
    tenancy("extract", "a", "b", "--kubeconfig", folder / "config", "-o", home / "here")
    # kubectl resolves them when it connects (clientcmd, GetAuthInfoFileReferences), not in its view.
    users = kubectl("config", "view", kubeconfig=home / "here")["users"]
    assert users[0]["user"]["exec"]["command"] == str(folder / "login")
    assert users[1]["user"]["tokenFile"] == str(folder / "tokens" / "v")


def test_the_platform_guides_commands_one_by_one(home: Path, kubectl: Kubectl, tenancy: Tenancy) -> None:
    """Each of kubectl's commands and its equal make the same file."""
    theirs, ours = home / "theirs", home / "ours"
    (home / "password").write_text("some-password\n")
    for words, more, of_kubectl in (
        (("set-cluster", "scratch", "--server=https://5.6.7.8", "--insecure-skip-tls-verify"), (), ()),
        (("set-credentials", "experimenter", "--username=exp"), _PASSWORD, ("--password=some-password",)),
        (("set-context", "exp-scratch", "--cluster=scratch", "--user=experimenter"), (), ()),
        (("set-context", "exp-default", "--cluster=scratch", "--user=experimenter"), (), ()),
        (("set-context", "exp-scratch", "--namespace=default"), (), ()),
    ):
        tenancy(*words, *more, "--kubeconfig", ours)
        kubectl("config", *words, *of_kubectl, kubeconfig=theirs)
    expected = kubectl("config", "view", "--raw", kubeconfig=theirs)
    assert kubectl("config", "view", "--raw", kubeconfig=ours) == expected
    assert mode(ours) == 0o600

    tenancy("unset", "context", "exp-default", "--kubeconfig", ours)
    kubectl("config", "delete-context", "exp-default", kubeconfig=theirs)
    assert kubectl("config", "view", kubeconfig=ours) == kubectl("config", "view", kubeconfig=theirs)
    tenancy("unset", "cluster", "scratch", "--kubeconfig", ours, code=2)
    listed = tenancy("get-contexts", "--kubeconfig", ours).stdout.splitlines()
    assert [line.split() for line in listed[1:]] == [["exp-scratch", "scratch", "experimenter", "default"]]
    assert "some-password" not in tenancy("view", "--kubeconfig", ours).stdout


_PASSWORD = ("--password-file", "password")


def test_minify_and_flatten_in_one(config: Path, home: Path, kubectl: Kubectl, tenancy: Tenancy) -> None:
    expected = kubectl("config", "view", "--minify", "--flatten", "--raw")
    tenancy("minify", "--flatten", "-o", home / "one")
    assert kubectl("config", "view", "--raw", kubeconfig=home / "one") == expected
    tenancy("extract", "dev-frontend", "--flatten", "-o", home / "two")
    assert kubectl("config", "view", "--raw", kubeconfig=home / "two") == expected


@pytest.mark.parametrize("word", ["no", "Yes", "on", "n", "OFF"])
def test_names_that_yaml_1_1_takes_for_booleans(
    home: Path, kubectl: Kubectl, tenancy: Tenancy, word: str
) -> None:
    """What is written can be read by kubectl; what kubectl refuses is refused."""
    tenancy("build", "--cluster", word, "--server=https://1.2.3.4", "--user", word, "-o", home / "made")
    seen = kubectl("config", "view", kubeconfig=home / "made")
    assert [entry["name"] for entry in (*seen["clusters"], *seen["users"])] == [word, word]
    (home / "plain").write_text(f"users:\n- name: {word}\n  user: {{}}\n")
    assert "write it in quotes" in tenancy("view", "--kubeconfig", home / "plain", code=2).output


@pytest.mark.parametrize(
    "cluster", ["server: 5", "certificate-authority-data: '%%%'", "tls-server-name: n", "server: [a]"]
)
def test_what_kubectl_refuses_is_refused(home: Path, tenancy: Tenancy, cluster: str) -> None:
    (home / "bad").write_text(f"clusters:\n- name: dev\n  cluster: {{{cluster}}}\n")
    assert "cluster 'dev': " in tenancy("view", "--kubeconfig", home / "bad", code=2).output


def test_extensions_of_both_files_stay(home: Path, kubectl: Kubectl, tenancy: Tenancy) -> None:
    for name in ("one", "two"):
        text = f"extensions:\n- name: {name}\n  extension: {{from: {name}}}\n"
        (home / name).write_text(f"apiVersion: v1\nkind: Config\n{text}")
    tenancy("merge", home / "one", home / "two", "-o", home / "both")
    expected = kubectl("config", "view", kubeconfig=f"{home / 'one'}:{home / 'two'}")
    assert kubectl("config", "view", kubeconfig=home / "both")["extensions"] == expected["extensions"]
