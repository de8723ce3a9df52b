"""`tenancy kubeconfig`: what it writes, and what it refuses."""

import json
import threading
from pathlib import Path

import pytest

from tests.unit.automation.kubeconfig.conftest import OTHER, TWO_CLUSTERS, Tenancy


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_raw_shows_everything(config: Path, tenancy: Tenancy) -> None:
    assert "password: some-password" in tenancy("minify", "--context", "exp-scratch", "--raw").stdout


def test_merge_of_the_same_again_changes_nothing(config: Path, tenancy: Tenancy) -> None:
    before = config.read_text()
    result = tenancy("merge", config, config, "-o", config)
    assert "not taken" not in result.stderr
    assert config.read_text() == before


def test_remove_leaves_what_another_context_uses(config: Path, tenancy: Tenancy) -> None:
    report = json.loads(tenancy("remove", "dev-storage", "--json").stdout)
    assert report["removed"] == {"contexts": ["dev-storage"], "clusters": [], "users": []}


def test_remove_changes_no_other_line(config: Path, tenancy: Tenancy) -> None:
    """Comments above an entry go with it, all else stays as it is, byte for byte."""
    result = tenancy("remove", "exp-scratch", "dev-frontend")
    gone = """\
# may be gone any day
- cluster:
    insecure-skip-tls-verify: true
    server: https://5.6.7.8
  name: scratch
|- name: experimenter
  user:
    password: some-password
    username: exp
|# the web shop
- context:
    cluster: development
    namespace: frontend
    user: developer
  name: dev-frontend
|# trials
- context:
    cluster: scratch
    namespace: default
    user: experimenter
  name: exp-scratch
"""
    expected = TWO_CLUSTERS.replace("current-context: dev-frontend", 'current-context: ""')
    for part in gone.split("|"):
        assert part in expected
        expected = expected.replace(part, "")
    assert config.read_text() == expected
    assert "The current context is gone" in result.stderr


def test_remove_from_several_files(
    config: Path, other: Path, tenancy: Tenancy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{config}:{other}:{other.with_name('none')}")
    report = json.loads(tenancy("remove", "production", "--json").stdout)
    assert list(report["written"]) == [str(other)]
    assert config.read_text() == TWO_CLUSTERS
    # The operator is still used by other-scratch.
    assert report["removed"] == {"contexts": ["production"], "clusters": ["production"], "users": []}


def test_build_without_embedding_names_the_files(config: Path, home: Path, tenancy: Tenancy) -> None:
    authority = config.parent / "pki" / "fake-ca-file"
    shown = tenancy(
        *("build", "--cluster", "c", "--server", "https://1.2.3.4", "--user", "u", "--no-embed"),
        *("--certificate-authority", authority),
    ).stdout
    assert f"certificate-authority: {authority}\n" in shown


def test_a_file_that_was_open_to_all_is_closed(config: Path, other: Path, tenancy: Tenancy) -> None:
    config.chmod(0o644)
    tenancy("merge", config, other, "-o", config)
    assert mode(config) == 0o600


def test_a_link_stays_a_link(config: Path, other: Path, home: Path, tenancy: Tenancy) -> None:
    link = home / "link"
    link.symlink_to(config)
    tenancy("merge", link, other, "-o", link)
    assert link.is_symlink()
    assert "production" in config.read_text()


def test_kubectls_lock_is_respected(config: Path, tenancy: Tenancy) -> None:
    lock = config.with_name("config.lock")
    lock.touch()
    result = tenancy("remove", "exp-scratch", code=2)
    assert f"{lock}: another program is changing this kubeconfig" in result.stderr
    assert config.read_text() == TWO_CLUSTERS
    assert lock.exists()


def test_no_lock_and_no_rest_is_left(config: Path, tenancy: Tenancy) -> None:
    tenancy("remove", "exp-scratch")
    tenancy("remove", "nothing", code=2)
    assert {path.name for path in config.parent.iterdir()} == {"config", "config.bak", "pki"}


def test_changes_at_once_are_all_kept(config: Path, home: Path, tenancy: Tenancy) -> None:
    """Each reads, adds and writes under the lock."""
    command = "build --cluster {0} --server https://1.2.3.4 --user {0} -o"
    names = [f"cluster-{number}" for number in range(5)]
    threads = [
        threading.Thread(target=tenancy_alone, args=(command.format(name).split(), config)) for name in names
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    report = json.loads(tenancy("minify", "--kubeconfig", config, "--json").stdout)
    assert report["contexts"] == ["dev-frontend"]
    text = config.read_text()
    assert [name for name in names if f"name: {name}" not in text] == []


def tenancy_alone(arguments: list[str], config: Path) -> None:
    from automation.commands.kubeconfig import kubeconfig

    kubeconfig.main([*arguments, str(config)], standalone_mode=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("users: [some-password", "not YAML (line 1, column"),
        ("- some-password\n", "not a kubeconfig: a mapping with clusters, users and contexts is wanted"),
        ("kind: Secret\napiVersion: v1\n", "not a kubeconfig: kind Config of apiVersion v1 is wanted"),
        ("users: {a: some-password}\n", "users: a list is wanted"),
        ("users: [{name: a, user: some-password}]\n", "users[0]: a mapping with name and user is wanted"),
        ("contexts: [{name: a}, {name: a}]\n", "contexts: 'a' is there twice; rename one"),
        ("{}\n", "there is no context 'dev'; there is: none"),
        (OTHER.replace("user: operator", "user: nobody"), "there is no context 'dev'; there is: production"),
    ],
)
def test_a_bad_kubeconfig_is_one_clear_error(config: Path, tenancy: Tenancy, text: str, message: str) -> None:
    config.write_text(text)
    result = tenancy("extract", "dev", code=2)
    assert f"{config}: {message}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_a_context_refers_to_must_be_there(config: Path, tenancy: Tenancy) -> None:
    config.write_text(TWO_CLUSTERS.replace("- name: developer", "- name: dev"))
    result = tenancy("minify", code=2)
    assert (
        "context 'dev-frontend': there is no user 'developer'; there is: dev, experimenter" in result.stderr
    )


def test_flatten_refuses_path_and_content_together_as_kubectl(config: Path, tenancy: Tenancy) -> None:
    """clientcmd/api/helpers.go, FlattenContent."""
    config.write_text(
        TWO_CLUSTERS.replace("    client-key:", "    client-key-data: c29tZQ==\n    client-key:")
    )
    result = tenancy("flatten", code=2)
    assert "user 'developer': client-key and client-key-data are both given" in result.stderr


def test_a_missing_file_is_named(config: Path, tenancy: Tenancy) -> None:
    (config.parent / "pki" / "fake-ca-file").unlink()
    result = tenancy("flatten", code=2)
    where = config.parent / "pki" / "fake-ca-file"
    assert f"cluster 'development': certificate-authority: {where}: No such file" in result.stderr


def test_no_kubeconfig_at_all(home: Path, tenancy: Tenancy) -> None:
    result = tenancy("minify", code=2)
    assert f"none of these kubeconfigs exists: {home / '.kube' / 'config'}" in result.stderr


@pytest.mark.parametrize("rename", ["scratch=lab", "cluster:scratch", "namespace:a=b", "cluster:nobody=x"])
def test_a_wrong_rename(config: Path, other: Path, tenancy: Tenancy, rename: str) -> None:
    assert "--rename" in tenancy("merge", config, other, "--rename", rename, code=2).stderr


@pytest.mark.parametrize("command", ["build", "merge", "minify", "flatten", "extract", "remove"])
def test_help_of_each_command(tenancy: Tenancy, command: str) -> None:
    assert f"Usage: kubeconfig {command}" in tenancy(command, "--help").stdout
