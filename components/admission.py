"""Admission: the program's own objects stay out of the tenants' hands, and plain pods are made safe.

A tenant's admin manages RoleBindings and NetworkPolicies, and RBAC cannot tell one from another by label.
So the API server itself refuses changes of what carries the program's label, from everyone who may not
change namespaces: platform engineers and the cluster's own controllers may, tenants may not.
"""

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context, child
from components.metadata import STACK, meta
from model import names

V1 = k8s.admissionregistration.v1
_MUTATING_SINCE = 36  # minor version with admissionregistration.k8s.io/v1 MutatingAdmissionPolicy

_PLATFORM = (
    "authorizer.group('').resource('namespaces').check('update').allowed()"
    " || request.userInfo.groups.exists(g, g in "
    "['system:masters', 'system:nodes', 'system:serviceaccounts:kube-system'])"
    " || request.userInfo.username in ['system:kube-controller-manager', 'system:kube-scheduler']"
)


def _labelled(key: str, operator: str, *values: str) -> k8s.meta.v1.LabelSelectorRequirementArgs:
    return k8s.meta.v1.LabelSelectorRequirementArgs(key=key, operator=operator, values=list(values) or None)


class ManagedObjects(pulumi.ComponentResource):
    """A ValidatingAdmissionPolicy over every object that carries a stack's label."""

    def __init__(self, name: str, context: Context, options: pulumi.ResourceOptions) -> None:
        super().__init__("tenancy:cluster:ManagedObjects", name, None, options)
        policy_name = names.managed_objects(name)
        policy = V1.ValidatingAdmissionPolicy(
            policy_name,
            metadata=meta(context, policy_name),
            spec=V1.ValidatingAdmissionPolicySpecArgs(
                failure_policy="Fail",
                match_constraints=V1.MatchResourcesArgs(
                    object_selector=k8s.meta.v1.LabelSelectorArgs(
                        match_expressions=[_labelled(STACK, "Exists")]
                    ),
                    resource_rules=[
                        V1.NamedRuleWithOperationsArgs(
                            api_groups=["*"],
                            api_versions=["*"],
                            resources=["*"],
                            operations=["CREATE", "UPDATE", "DELETE"],
                        )
                    ],
                ),
                match_conditions=[V1.MatchConditionArgs(name="tenants", expression=f"!({_PLATFORM})")],
                validations=[
                    V1.ValidationArgs(
                        expression="false",
                        reason="Forbidden",
                        message="this object belongs to the tenancy of the cluster: ask for the change in "
                        "the tenant's file",
                    )
                ],
            ),
            opts=child(self),
        )
        V1.ValidatingAdmissionPolicyBinding(
            policy_name,
            metadata=meta(context, policy_name),
            spec=V1.ValidatingAdmissionPolicyBindingSpecArgs(
                policy_name=policy_name, validation_actions=["Deny"]
            ),
            opts=child(self, depends_on=[policy]),
        )
        self.register_outputs({"policy": policy_name})


_SAFE_CONTAINERS = """object.spec.?{kind}.orValue([]).map(c, Object.spec.{kind}{{
  name: c.name,
  imagePullPolicy: 'Always',
  securityContext: Object.spec.{kind}.securityContext{{
    allowPrivilegeEscalation: c.?securityContext.?allowPrivilegeEscalation.orValue(false)
  }}
}})"""

_SAFE_POD = f"""Object{{spec: Object.spec{{
  securityContext: Object.spec.securityContext{{
    runAsNonRoot: object.spec.?securityContext.?runAsNonRoot.orValue(true),
    seccompProfile: Object.spec.securityContext.seccompProfile{{
      type: object.spec.?securityContext.?seccompProfile.?type.orValue('RuntimeDefault')
    }}
  }},
  initContainers: {_SAFE_CONTAINERS.format(kind="initContainers")},
  containers: {_SAFE_CONTAINERS.format(kind="containers")}
}}}}"""

# Lists such as `drop` are atomic, which an apply configuration may not touch.
_NO_CAPABILITIES = """object.spec.?{kind}.orValue([])
  .filter(c, !has(c.securityContext.capabilities))
  .map(c, JSONPatch{{
    op: 'add',
    path: '/spec/{kind}/' + string(object.spec.{kind}.indexOf(c)) + '/securityContext/capabilities',
    value: Object.spec.{kind}.securityContext.capabilities{{drop: ['ALL']}}
  }})"""

_DROPPED = " + ".join(_NO_CAPABILITIES.format(kind=kind) for kind in ("initContainers", "containers"))


class PodDefaults(pulumi.ComponentResource):
    """A MutatingAdmissionPolicy: what Pod Security `restricted` wants and a plain pod leaves out.

    What a pod says itself stays, and Pod Security judges it; but images are always pulled anew, so that a
    private image on a node is not open to every tenant of that node.
    """

    def __init__(self, name: str, context: Context, options: pulumi.ResourceOptions) -> None:
        super().__init__("tenancy:cluster:PodDefaults", name, None, options)
        policy_name = names.pod_defaults(name)
        if int(context.cluster.kubernetes_version.partition(".")[2]) < _MUTATING_SINCE:
            pulumi.log.warn(
                f"No pod defaults: Kubernetes {context.cluster.kubernetes_version} has no MutatingAdmission"
                f"Policy (v1.{_MUTATING_SINCE} has), so pods must spell out what Pod Security asks for.",
                self,
            )
            self.register_outputs({})
            return
        policy = V1.MutatingAdmissionPolicy(
            policy_name,
            metadata=meta(context, policy_name),
            spec=V1.MutatingAdmissionPolicySpecArgs(
                failure_policy="Fail",
                reinvocation_policy="IfNeeded",
                match_constraints=V1.MatchResourcesArgs(
                    namespace_selector=k8s.meta.v1.LabelSelectorArgs(
                        match_expressions=[
                            _labelled(STACK, "Exists"),
                            _labelled("pod-security.kubernetes.io/enforce", "In", "restricted"),
                        ]
                    ),
                    resource_rules=[
                        V1.NamedRuleWithOperationsArgs(
                            api_groups=[""], api_versions=["v1"], resources=["pods"], operations=["CREATE"]
                        )
                    ],
                ),
                mutations=[
                    V1.MutationArgs(
                        patch_type="ApplyConfiguration",
                        apply_configuration=V1.ApplyConfigurationArgs(expression=_SAFE_POD),
                    ),
                    V1.MutationArgs(patch_type="JSONPatch", json_patch=V1.JSONPatchArgs(expression=_DROPPED)),
                ],
            ),
            opts=child(self),
        )
        V1.MutatingAdmissionPolicyBinding(
            policy_name,
            metadata=meta(context, policy_name),
            spec=V1.MutatingAdmissionPolicyBindingSpecArgs(policy_name=policy_name),
            opts=child(self, depends_on=[policy]),
        )
        self.register_outputs({"policy": policy_name})
