"""A project for each test, and the control plane for one test at a time."""

import fcntl
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.conftest import Sandbox
from tests.e2e import project as projects
from tests.e2e.project import Project


@pytest.fixture
def project(cluster: Sandbox, tmp_path: Path) -> Generator[Project]:
    """A project with no tenant yet. Projects share what stands once per cluster, so they take turns."""
    with (cluster.dir.parent / "sandbox.turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        made = projects.make(tmp_path, cluster)
        try:
            yield made
        finally:
            projects.leave(made)
