"""Labels and annotations of everything that the program makes, by pure functions."""

from collections.abc import Mapping

import pulumi_kubernetes as k8s

from components.context import Context
from model import Tenant, names

STACK = names.key("stack")
TENANT = names.key("tenant")
STATE = names.key("state")
REASON = names.key("reason")


def owned(context: Context) -> dict[str, str]:
    """Labels of every object of the stack: they say who may change it."""
    return {
        "app.kubernetes.io/managed-by": "pulumi",
        "app.kubernetes.io/part-of": "tenancy",
        STACK: context.stack,
    }


def labels(context: Context, tenant: Tenant) -> dict[str, str]:
    """Labels of every object of a tenant."""
    return {**owned(context), TENANT: tenant.name}


def meta(
    context: Context,
    name: str,
    *,
    tenant: Tenant | None = None,
    namespace: str | None = None,
    annotations: Mapping[str, str] | None = None,
    extra_labels: Mapping[str, str] | None = None,
) -> k8s.meta.v1.ObjectMetaArgs:
    """The metadata of an object with a fixed name."""
    return k8s.meta.v1.ObjectMetaArgs(
        name=name,
        namespace=namespace,
        labels={**(labels(context, tenant) if tenant else owned(context)), **(extra_labels or {})},
        annotations=dict(annotations) if annotations else None,
    )
