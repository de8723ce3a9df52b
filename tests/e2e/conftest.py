"""A project for each test, on the control plane of the worker."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.e2e import project as projects
from tests.e2e.project import Project


@contextmanager
def _made(cluster: Sandbox, folder: Path) -> Generator[Project]:
    made = projects.make(folder, cluster)
    try:
        yield made
    finally:
        projects.leave(made)


@pytest.fixture
def project(cluster: Sandbox, tmp_path: Path) -> Generator[Project]:
    """A project with no tenant yet. Projects share what stands once per cluster: one at a time."""
    with _made(cluster, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def shared_project(cluster: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Generator[Project]:
    """A project for all tests of a module, none of which may use `project` too."""
    with _made(cluster, tmp_path_factory.mktemp("shared")) as made:
        yield made
