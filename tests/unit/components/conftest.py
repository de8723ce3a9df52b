"""A small cluster, and tenants that say only what a test is about."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import model
from tests.unit.components import recorder
from tests.unit.components.recorder import Program

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)

CLUSTER: dict[str, Any] = {
    "name": "trial",
    "kind": "gpu",
    "pools": {name: {"labels": {"pool": name}} for name in ("a100", "mig", "l40s", "tpu")},
    "accelerators": {
        "a100": {"resource": "nvidia.com/gpu", "total": 16, "pool": "a100"},
        "mig": {"resource": "nvidia.com/mig-1g.10gb", "total": 28, "pool": "mig"},
        "l40s": {"device_class": "l40s.example.com", "total": 8, "pool": "l40s"},
        "tpu": {"resource": "example.com/tpu", "total": 4, "pool": "tpu"},
    },
    "storage_classes": ["standard", "fast"],
    "network": {"pod_cidrs": ["10.244.0.0/16"], "service_cidrs": ["10.96.0.0/16"]},
    "credentials": {
        "kinds": ["client-certificate", "token", "oidc"],
        "oidc": {"issuer": "https://login.example.com"},
    },
    "github": {"owner": "acme"},
}

Build = Callable[..., Program]


def tenant(name: str, **fields: Any) -> dict[str, Any]:
    """A tenant's file; no Codespaces unless the test gives it a repository."""
    return {
        "name": name,
        "profile": "sandbox",
        "description": f"The tenant {name}",
        "owner": f"{name}@example.com",
        "codespaces": {"enabled": "repository" in fields},
        **fields,
    }


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """Builds tenants on the cluster with some of its keys replaced; `now` is NOW unless given."""

    def build(*tenants: dict[str, Any], now: datetime = NOW, **cluster: Any) -> Program:
        folder = tmp_path / "tenants" / "test"
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for each in tenants:
            (folder / f"{each['name']}.yaml").write_text(yaml.safe_dump(each))
        return recorder.run(model.load(tmp_path, "test", CLUSTER | cluster), now)

    return build
