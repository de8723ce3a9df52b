"""Admission that keeps the program's own objects out of the tenants' hands.

A tenant's admin manages RoleBindings and NetworkPolicies, and RBAC cannot tell one from another by label.
So the API server itself refuses changes of what carries the program's label, from everyone who may not
change namespaces: platform engineers and the cluster's own controllers may, tenants may not.
"""

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context, child
from components.metadata import STACK, meta

Policy = k8s.admissionregistration.v1

_PLATFORM = (
    "authorizer.group('').resource('namespaces').check('update').allowed()"
    " || request.userInfo.groups.exists(g, g in "
    "['system:masters', 'system:nodes', 'system:serviceaccounts:kube-system'])"
    " || request.userInfo.username in ['system:kube-controller-manager', 'system:kube-scheduler']"
)


class ManagedObjects(pulumi.ComponentResource):
    """A ValidatingAdmissionPolicy over every object that carries the stack's label."""

    def __init__(self, name: str, context: Context, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tenancy:cluster:ManagedObjects", name, None, opts)
        policy_name = f"{name}-managed-objects"
        policy = Policy.ValidatingAdmissionPolicy(
            policy_name,
            metadata=meta(context, policy_name),
            spec=Policy.ValidatingAdmissionPolicySpecArgs(
                failure_policy="Fail",
                match_constraints=Policy.MatchResourcesArgs(
                    object_selector=k8s.meta.v1.LabelSelectorArgs(
                        match_expressions=[
                            k8s.meta.v1.LabelSelectorRequirementArgs(key=STACK, operator="Exists")
                        ]
                    ),
                    resource_rules=[
                        Policy.NamedRuleWithOperationsArgs(
                            api_groups=["*"],
                            api_versions=["*"],
                            resources=["*"],
                            operations=["CREATE", "UPDATE", "DELETE"],
                        )
                    ],
                ),
                match_conditions=[Policy.MatchConditionArgs(name="tenants", expression=f"!({_PLATFORM})")],
                validations=[
                    Policy.ValidationArgs(
                        expression="false",
                        reason="Forbidden",
                        message="this object belongs to the tenancy of the cluster: ask for the change in "
                        "the tenant's file",
                    )
                ],
            ),
            opts=child(self),
        )
        binding = Policy.ValidatingAdmissionPolicyBinding(
            policy_name,
            metadata=meta(context, policy_name),
            spec=Policy.ValidatingAdmissionPolicyBindingSpecArgs(
                policy_name=policy_name, validation_actions=["Deny"]
            ),
            opts=child(self, depends_on=[policy]),
        )
        self.register_outputs({"policy": binding.metadata.name})
