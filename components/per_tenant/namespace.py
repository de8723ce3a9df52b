"""A tenant's namespace: name, labels, Pod Security, protection."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

import model
from components.context import Context, child_options
from components.metadata import REASON, STATE, meta
from model import PodSecurity, Tenant, names


@dataclass(frozen=True, kw_only=True)
class NamespaceArgs:
    """What a namespace is made from."""

    context: Context
    tenant: Tenant
    namespace: model.Namespace
    """Which of the tenant's namespaces."""
    after: Sequence[pulumi.Resource]
    """What stands in the cluster before any tenant."""


class TenantNamespace(pulumi.ComponentResource):
    """One namespace of a tenant."""

    described: model.Namespace
    resource: k8s.core.v1.Namespace

    def __init__(self, name: str, args: NamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.NAMESPACE, name, None, opts)
        tenant, self.described = args.tenant, args.namespace
        namespace = args.namespace.name
        adopted = tenant.adopt.namespace and args.namespace.key is None
        labels = {**tenant.labels, **_labels(args.context, tenant)}
        self.resource = k8s.core.v1.Namespace(
            name,
            metadata=meta(
                args.context, namespace, tenant=tenant, annotations=_annotations(tenant), extra_labels=labels
            ),
            opts=child_options(
                self,
                depends_on=args.after,
                options=pulumi.ResourceOptions(
                    protect=args.context.cluster.protects(tenant.state),
                    # Adoption takes the object as it is; the first update without `adopt` makes it ours.
                    import_=namespace if adopted else None,
                    ignore_changes=["metadata", "spec"] if adopted else None,
                ),
            ),
        )
        self.register_outputs({"name": self.resource.metadata.name})


@dataclass(frozen=True, kw_only=True)
class ContentArgs:
    """What every component of objects inside a namespace is made from."""

    context: Context
    tenant: Tenant
    namespace: TenantNamespace


def _labels(context: Context, tenant: Tenant) -> dict[str, str]:
    version = context.cluster.kubernetes_version
    enforced = {
        "pod-security.kubernetes.io/enforce": tenant.pod_security,
        "pod-security.kubernetes.io/enforce-version": version,
    }
    # Warnings and audit speak of the strictest level: an exempted profile sees what it gives up.
    observed = {
        f"pod-security.kubernetes.io/{mode}{suffix}": value
        for mode in ("warn", "audit")
        for suffix, value in (("", PodSecurity.RESTRICTED), ("-version", version))
    }
    return {
        "app.kubernetes.io/name": tenant.name,
        names.key("profile"): tenant.profile,
        names.key("classification"): tenant.classification,
        STATE: tenant.state,
        **enforced,
        **observed,
    }


def _annotations(tenant: Tenant) -> dict[str, str]:
    exemptions = "; ".join(f"{what}: {why}" for what, why in sorted(tenant.exemptions.items()))
    texts = {
        names.key("description"): tenant.description,
        names.key("owner"): tenant.owner,
        names.key("repository"): tenant.repository,
        names.key("shared-memory"): tenant.limits.shared_memory,
        REASON: exemptions,
    }
    return {key: text for key, text in texts.items() if text}
