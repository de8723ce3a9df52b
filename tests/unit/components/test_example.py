"""Another Pulumi program that uses the components: examples/platform-team."""

import logging
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.mocks import set_mocks

import model
from tests.unit.components.recorder import Monitor

EXAMPLE = Path(__file__).parents[3] / "examples" / "platform-team" / "__main__.py"
KUBECONFIG = """
current-context: a
clusters: [{name: a, cluster: {server: 'https://k.example.com:6443'}}]
contexts: [{name: a, context: {cluster: a, user: a}}]
users: [{name: a, user: {token: t}}]
"""


def test_a_tenancy_is_a_part_of_another_program() -> None:
    monitor = Monitor()
    set_mocks(
        monitor.mocks,
        project="platform-team",
        stack="lab",
        monitor=monitor,
        logger=logging.getLogger("example"),
    )
    pulumi.runtime.set_config("platform-team:kubeconfig", KUBECONFIG)

    @pulumi.runtime.test
    def build() -> None:
        runpy.run_path(str(EXAMPLE), run_name="__main__")

    build()
    quota = monitor.made["ResourceQuota vision/accelerators"]
    assert quota.spec["hard"] == {"requests.nvidia.com/gpu": "4"}
    dashboard = monitor.made["ConfigMap dashboard"]
    assert dashboard.inputs["data"] == {"namespaces": "speech,vision"}
    assert "RoleBinding" not in {each.kind for each in monitor.made.values()}
    assert {"Namespace speech", "Namespace vision"} <= dashboard.depends_on


CLUSTER: dict[str, Any] = {
    "name": "lab",
    "kind": "gpu",
    "network": {"pod_cidrs": ["10.244.0.0/16"], "service_cidrs": ["10.96.0.0/16"]},
}
TENANT = {"profile": "sandbox", "description": "A tenant", "owner": "a@example.com"}


def test_what_a_program_describes_is_checked_as_files_are() -> None:
    tenants = {"a": {**TENANT, "accelerators": {"h100": 1}}, "b": {**TENANT, "typo": 1}}
    with pytest.raises(model.InvalidConfiguration) as refused:
        model.describe("lab", CLUSTER, tenants)
    told = str(refused.value)
    assert "tenant a: accelerators.h100" in told
    assert "tenant b: typo" in told
