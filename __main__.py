"""The tenancy of one cluster: load what was asked for, build the cluster's floor, then each tenant."""

from datetime import UTC, datetime
from pathlib import Path

import pulumi

import model
from components.cluster import Cluster
from components.context import Context, connect
from components.providers import providers
from components.tenant import Tenant, TenantArgs

config = pulumi.Config()
try:
    stack = model.load(Path.cwd(), pulumi.get_stack(), config.require_object("cluster"))
except model.InvalidConfiguration as invalid:
    raise pulumi.RunError(str(invalid)) from None

connection = connect(stack.cluster, config.get("kubeconfig"))
context = Context(stack.name, stack.cluster, connection, datetime.now(UTC))
options = pulumi.ResourceOptions(providers=providers(context, config.get("githubToken")))

floor = Cluster(stack.cluster.name, context, stack.tenants, options)
by_name = {tenant.name: tenant for tenant in stack.tenants}
tenants = {
    name: Tenant(name, TenantArgs(context, tenant, tenant.neighbours(by_name), floor.ready), options)
    for name, tenant in by_name.items()
}

pulumi.export("cluster", vars(connection.endpoint))
pulumi.export("tenants", {name: tenant.summary for name, tenant in by_name.items()})
pulumi.export("certificates", {name: tenant.certificates for name, tenant in tenants.items()})
