"""Every bad input gives exactly the errors that the corpus says: file, line, key and words."""

from pathlib import Path

import pytest

from model import InvalidConfiguration, load_beside
from tests.unit.model import corpus

HEADER = "name: vision\nprofile: research\ndescription: Images\nowner: vision@example.com\n"
TENANTS = corpus.read("tenants.txt", HEADER, "tenants/test/vision.yaml")
CLUSTER_HEADER = "config:\n  tenancy:cluster:\n    name: test\n"
CLUSTERS = corpus.read("clusters.txt", CLUSTER_HEADER, "Pulumi.test.yaml")
FLEETS = corpus.fleets("fleets.txt")


@pytest.mark.parametrize("case", FLEETS, ids=lambda case: case.name)
def test_bad_fleet(case: corpus.Case, tmp_path: Path):
    """Nothing else is wrong, and the report names every file that has a part in it."""
    assert report(case, tmp_path, "gpu") == case.expected


@pytest.mark.parametrize("case", TENANTS, ids=lambda case: case.name)
def test_bad_tenant(case: corpus.Case, tmp_path: Path):
    (tmp_path / "tenants/test").mkdir(parents=True)
    (tmp_path / "Pulumi.test.yaml").write_bytes((corpus.FOLDER / "Pulumi.test.yaml").read_bytes())
    assert report(case, tmp_path) == case.expected


@pytest.mark.parametrize("case", CLUSTERS, ids=lambda case: case.name)
def test_bad_cluster(case: corpus.Case, tmp_path: Path):
    (tmp_path / "tenants/test").mkdir(parents=True)
    assert report(case, tmp_path) == case.expected


def report(case: corpus.Case, root: Path, stack: str = "test") -> tuple[str, ...]:
    for path, content in case.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content, "utf-8")
    found = load_beside(root, [stack])[stack]
    assert isinstance(found, InvalidConfiguration)
    return tuple(str(found).split("\n"))


def test_the_corpus_is_large_and_its_names_tell_cases_apart():
    names = [case.name for case in (*TENANTS, *CLUSTERS, *FLEETS)]
    assert len(names) >= 80
    assert len(set(names)) == len(names)
    assert all(case.expected for case in (*TENANTS, *CLUSTERS, *FLEETS))
