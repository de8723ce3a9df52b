"""The Namespace room: name, labels, Pod Security, protection."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as k8s

import model
from components.context import Context, child_options
from components.metadata import REASON, STATE, meta
from model import PodSecurity, Tenant, names


class TenantNamespace(pulumi.ComponentResource):
    """One namespace of a tenant."""

    namespace: k8s.core.v1.Namespace

    def __init__(
        self,
        context: Context,
        tenant: Tenant,
        space: model.Namespace,
        floor: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Takes `floor`: what stands in the cluster before any tenant."""
        super().__init__("tenancy:tenant:Namespace", space.name, None, opts)
        adopted = tenant.adopt.namespace and space.key is None
        self.namespace = k8s.core.v1.Namespace(
            space.name,
            metadata=meta(
                context,
                space.name,
                tenant=tenant,
                annotations=_annotations(tenant),
                extra_labels={**tenant.labels, **_labels(context, tenant)},
            ),
            opts=child_options(
                self,
                depends_on=floor,
                options=pulumi.ResourceOptions(
                    protect=context.cluster.protects(tenant.state),
                    # Adoption takes the object as it is; the first update without `adopt` makes it ours.
                    import_=space.name if adopted else None,
                    ignore_changes=["metadata", "spec"] if adopted else None,
                ),
            ),
        )
        self.register_outputs({"name": self.namespace.metadata.name})


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
