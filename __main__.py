"""The tenancy of one cluster: load what was asked for, build the cluster's floor, then each tenant."""

import signal

# An engine that gives up interrupts the program, which has nothing to clean up and nothing to add.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from datetime import UTC, datetime
from pathlib import Path

import pulumi

import model
from components import Cluster, ClusterArgs, Context, Tenant, TenantArgs, connect
from components.providers import providers

config = pulumi.Config()
try:
    stack = model.load(Path.cwd(), pulumi.get_stack(), config.require_object("cluster"))
except model.InvalidConfiguration as invalid:
    raise pulumi.RunError(str(invalid)) from None

connection = connect(stack.cluster, config.get("kubeconfig"))
context = Context(stack.name, stack.cluster, connection, datetime.now(UTC))
options = pulumi.ResourceOptions(providers=providers(context, config.get("githubToken")))

cluster = Cluster(stack.cluster.name, ClusterArgs(context=context, tenants=stack.tenants), options)
tenants = {
    tenant.name: Tenant(tenant.name, TenantArgs(cluster=cluster, tenant=tenant), options)
    for tenant in stack.tenants
}

pulumi.export("cluster", vars(connection.endpoint))
pulumi.export("tenants", {tenant.name: tenant.summary for tenant in stack.tenants})
pulumi.export("certificates", {name: tenant.certificates for name, tenant in tenants.items()})
