"""A platform team's own program: a dashboard of its own, and beside it a cluster's tenancy."""

from datetime import UTC, datetime

import pulumi
import pulumi_kubernetes as k8s

import model
from components import Cluster, ClusterArgs, Context, Tenant, TenantArgs, connect
from components.providers import providers

CLUSTER = {
    "name": "lab",
    "kind": "gpu",
    "protect": False,
    "pools": {"a100": {"labels": {"accelerator": "a100"}}},
    "accelerators": {"a100": {"resource": "nvidia.com/gpu", "total": 8, "pool": "a100"}},
    "network": {"pod_cidrs": ["10.244.0.0/16"], "service_cidrs": ["10.96.0.0/16"]},
}
TEAMS = {"vision": 4, "speech": 2}


def team(name: str, gpus: int) -> dict[str, object]:
    """What a tenant's file would say."""
    return {
        "profile": "sandbox",
        "description": f"The {name} team",
        "owner": f"{name}@example.com",
        "accelerators": {"a100": gpus},
        "codespaces": {"enabled": False},
    }


try:
    stack = model.describe(
        pulumi.get_stack(), CLUSTER, {name: team(name, gpus) for name, gpus in TEAMS.items()}
    )
except model.InvalidConfiguration as invalid:
    raise pulumi.RunError(str(invalid)) from None

connection = connect(stack.cluster, pulumi.Config().get("kubeconfig"))
context = Context(stack.name, stack.cluster, connection, datetime.now(UTC))
options = pulumi.ResourceOptions(providers=providers(context, github_token=None))

cluster = Cluster("lab", ClusterArgs(context=context, tenants=stack.tenants), options)
tenants = [Tenant(each.name, TenantArgs(cluster=cluster, tenant=each), options) for each in stack.tenants]

# Whatever else the program makes may come after them, and use what they are.
k8s.core.v1.ConfigMap(
    "dashboard",
    metadata={"name": "dashboard", "namespace": stack.tenants[0].main_namespace},
    data={"namespaces": ",".join(name for each in stack.tenants for name in each.namespace_names)},
    opts=pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(depends_on=tenants)),
)
