"""What load gives, beside errors: the samples, the caller's own configuration, and the order of things."""

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import model
from model import InvalidConfiguration, Problem, Stack, State, granted, load, stacks, strict_yaml
from tests.unit.model import corpus

ROOT = Path(__file__).parents[3]
TENANT = "name: {name}\nprofile: sandbox\ndescription: Anything\nowner: a@example.com\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "tenants/test").mkdir(parents=True)
    (tmp_path / "Pulumi.test.yaml").write_bytes((corpus.FOLDER / "Pulumi.test.yaml").read_bytes())
    return tmp_path


def write(root: Path, name: str, more: str = "") -> None:
    (root / f"tenants/test/{name}.yaml").write_text(TENANT.format(name=name) + more)


def configured(root: Path) -> dict[str, Any]:
    config: Any = strict_yaml.read(root / "Pulumi.test.yaml", root).data["config"]
    return config["tenancy:cluster"]


@pytest.mark.parametrize("name", ["dev", "gpu", "isolated", "web"])
def test_samples_are_fine(name: str):
    stack = load(ROOT, name)
    assert stack.name == stack.cluster.name == name
    assert stack.tenants


def test_gpu_shows_what_it_should():
    stack = load(ROOT, "gpu")
    gpus = ("h100", "a100")
    assert sum(stack.cluster.accelerators[key].total for key in gpus) >= 2500
    assert {tenant.state for tenant in stack.tenants} == {State.ACTIVE, State.FROZEN}
    assert any(tenant.adopt.namespace for tenant in stack.tenants)
    assert any(tenant.namespaces for tenant in stack.tenants)


def test_all_stacks_are_found():
    assert set(stacks(ROOT)) == {"dev", "gpu", "isolated", "web"}


def test_tenants_come_by_name_and_other_files_are_left_alone(root: Path):
    for name in ("b", "a", "c"):
        write(root, name)
    (root / "tenants/test/README.md").write_text("About these tenants")
    (root / "tenants/test/.gitkeep").touch()
    assert [tenant.name for tenant in load(root, "test").tenants] == ["a", "b", "c"]


def test_a_cluster_may_have_no_tenants_but_not_no_folder(root: Path):
    assert load(root, "test").tenants == ()
    (root / "tenants/test").rmdir()
    with pytest.raises(InvalidConfiguration, match="tenants/test: does not exist; make it"):
        load(root, "test")


def test_the_folder_may_not_be_a_link(root: Path):
    (root / "tenants/test").rename(root / "elsewhere")
    (root / "tenants/test").symlink_to(root / "elsewhere")
    with pytest.raises(InvalidConfiguration, match="tenants/test: is a symbolic link"):
        load(root, "test")


def test_a_linked_tenant_is_refused(root: Path):
    write(root, "a")
    (root / "tenants/test/a.yaml").rename(root / "a.yaml")
    (root / "tenants/test/a.yaml").symlink_to(root / "a.yaml")
    with pytest.raises(InvalidConfiguration, match=r"tenants/test/a.yaml: is a symbolic link"):
        load(root, "test")


def test_the_callers_cluster_counts(root: Path):
    own = {**configured(root), "name": "other"}
    assert load(root, "test", own).cluster.name == "other"


def test_errors_have_lines_where_the_caller_says_the_same_as_the_file(root: Path):
    text = (root / "Pulumi.test.yaml").read_text().replace("kind: gpu", "kind: gpus")
    (root / "Pulumi.test.yaml").write_text(text)
    expected = "kind: 'gpus' is not one of gpu, eks, conformant"
    with pytest.raises(InvalidConfiguration) as same:
        load(root, "test", configured(root))
    assert str(same.value) == f"Pulumi.test.yaml:4: tenancy:cluster.{expected}"
    with pytest.raises(InvalidConfiguration) as different:
        load(root, "test", {**configured(root), "name": "other"})
    assert str(different.value) == f"Pulumi.test.yaml: tenancy:cluster.{expected}"


def test_a_problem_is_more_than_its_words(root: Path):
    write(root, "a", "accelerators:\n  a10: 1\n")
    with pytest.raises(InvalidConfiguration) as raised:
        load(root, "test")
    (problem,) = raised.value.problems
    assert (problem.file, problem.line, problem.column) == ("tenants/test/a.yaml", 6, 3)
    assert (problem.key, problem.value) == ("accelerators.a10", "a10")


@pytest.mark.parametrize("name", ["../test", "a/b", "", ".hidden", "x" * 200, "te st"])
def test_stack_names_do_not_climb(root: Path, name: str):
    with pytest.raises(InvalidConfiguration, match="is not the name of a stack"):
        load(root, name)


def test_one_broken_tenant_of_many_is_one_problem(root: Path):
    for number in range(20):
        write(root, f"a{number}")
    (root / "tenants/test/a7.yaml").write_text("name: a7\nname: a7\n")
    with pytest.raises(InvalidConfiguration) as raised:
        load(root, "test")
    assert str(raised.value) == "tenants/test/a7.yaml:2: name: stands here again; it is first set in line 1"


def test_profiles_are_merged_over_and_null_takes_away(root: Path):
    write(root, "a", "quota: {cpu: 2, objects: {pods: 5}}\nlabels: {team: null}\n")
    (tenant,) = load(root, "test").tenants
    assert (tenant.quota.cpu, tenant.quota.memory) == ("2", "32Gi")
    assert (tenant.quota.objects.pods, tenant.quota.objects.services) == (5, 10)


def test_quantities_come_in_canonical_form(root: Path):
    write(root, "a", "quota: {memory: 65536Mi, cpu: '0.5'}\nlimits: {default_memory: 1024Mi}\n")
    (tenant,) = load(root, "test").tenants
    assert (tenant.quota.memory, tenant.quota.cpu) == ("64Gi", "500m")
    assert tenant.limits.default_memory == "1Gi"


def accelerated(root: Path) -> Stack:
    write(root, "a", "accelerators: {a100: 10}\n")
    write(root, "b", "accelerators: {a100: 4}\nstate: frozen\n")
    write(root, "c", "accelerators: {a100: 2}\nstate: retired\n")
    return load(root, "test")


def test_frozen_and_retired_tenants_keep_the_accelerators_that_run_there(root: Path):
    assert granted(accelerated(root).tenants, "a100") == {"a": 10, "b": 4, "c": 2}


def test_oversubscription_allows_more_than_there_are(root: Path):
    write(root, "a", "accelerators: {l40s: 6}\n")
    assert load(root, "test").tenants[0].accelerators == {"l40s": 6}


def test_oversubscription_counts_by_the_decimal_that_was_written(root: Path):
    text = (root / "Pulumi.test.yaml").read_text()
    text = text.replace("total: 16, pool: a100", "total: 100, pool: a100, oversubscription: 1.15")
    (root / "Pulumi.test.yaml").write_text(text)
    write(root, "a", "accelerators: {a100: 115}\n")
    assert load(root, "test").tenants[0].accelerators == {"a100": 115}
    write(root, "b", "accelerators: {a100: 1}\n")
    with pytest.raises(InvalidConfiguration, match="116 are granted, but there are 100"):
        load(root, "test")


def test_a_frozen_tenant_is_not_asked_for_what_only_active_ones_need(root: Path):
    write(root, "a", "state: retired\ncodespaces: {enabled: true}\n")
    assert load(root, "test").tenants[0].state is State.RETIRED


def test_hostile_keys_print_harmlessly(root: Path):
    write(root, "a", f'"{"k" * 5000}": 1\n"\\e[31m": 1\n')
    with pytest.raises(InvalidConfiguration) as raised:
        load(root, "test")
    report = str(raised.value)
    assert "\x1b" not in report
    assert len(report) < 1000


@pytest.mark.parametrize("name", model.__all__)
def test_names_of_the_package_are_found_when_they_are_asked_for(name: str) -> None:
    assert not isinstance(getattr(model, name), ModuleType)


def test_a_password_in_an_address_is_not_repeated(root: Path):
    text = (root / "Pulumi.test.yaml").read_text()
    (root / "Pulumi.test.yaml").write_text(text.replace("kind: gpu", "server: https://me:secret@x", 1))
    with pytest.raises(InvalidConfiguration) as raised:
        load(root, "test")
    assert "secret" not in str(raised.value)
    assert "secret" not in str([problem.value for problem in raised.value.problems])


def test_hidden_files_are_nobodys_and_stop_nothing(tmp_path: Path):
    (tmp_path / "tenants/test").mkdir(parents=True)
    (tmp_path / "Pulumi.test.yaml").write_bytes((corpus.FOLDER / "Pulumi.test.yaml").read_bytes())
    (tmp_path / "tenants/test/.DS_Store").write_bytes(b"\0")
    (tmp_path / "tenants/test/.vision.yaml.swp").write_bytes(b"\0")
    found = load(tmp_path, "test")
    assert found.tenants == ()
    assert [str(warning) for warning in found.warnings] == [
        "tenants/test/.vision.yaml.swp: is hidden, so it is nobody's file; remove it"
    ]


def test_a_stacks_name_may_hold_dots_and_has_to_be_the_value_of_a_label(tmp_path: Path):
    (tmp_path / "Pulumi.prod.eu.yaml").write_text("")
    assert stacks(tmp_path) == ("prod.eu",)
    for name in ("_x", "x" * 80, "x."):
        with pytest.raises(InvalidConfiguration, match="is not the name of a stack"):
            load(tmp_path, name)


def test_no_message_forges_a_line_of_a_report():
    problem = Problem("f.yaml", 1, 1, "key", None, "is \x1b[31mred\x9b0m\ng.yaml: fine")
    assert str(problem) == r"f.yaml:1: key: is \x1b[31mred\x9b0m\ng.yaml: fine"
