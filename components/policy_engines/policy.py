"""A policy of a policy engine, and the resource that it becomes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context
from components.metadata import meta
from model import Tenant


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A cluster-scoped policy in the words of one engine."""

    api_version: str
    kind: str
    name: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ClusterPolicyArgs:
    """What the object of a policy is made from."""

    context: Context
    policy: Policy
    tenant: Tenant | None = None
    """Whose it is; None for the cluster's own."""


class ClusterPolicy(k8s.apiextensions.CustomResource):
    """The object of a policy."""

    def __init__(
        self, name: str, args: ClusterPolicyArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        policy = args.policy
        super().__init__(
            name,
            api_version=policy.api_version,
            kind=policy.kind,
            metadata=meta(args.context, policy.name, tenant=args.tenant),
            spec=policy.spec,
            opts=opts,
        )
