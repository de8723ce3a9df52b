"""Admission: the program's own objects stay out of the tenants' hands, and plain pods are made safe.

A tenant's admin manages RoleBindings and NetworkPolicies, and RBAC cannot tell one from another by label.
So the API server itself refuses changes of what carries the program's label, from everyone who may not
change namespaces: platform engineers and the cluster's own controllers may, tenants may not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from components.context import Context, child_options
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


@dataclass(frozen=True, kw_only=True)
class AdmissionArgs:
    """What the admission policies of a cluster are made from."""

    context: Context


class ManagedObjects(pulumi.ComponentResource):
    """A ValidatingAdmissionPolicy over every object that carries a stack's label."""

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.MANAGED_OBJECTS, name, None, opts)
        context = args.context
        policy_name = names.managed_objects(context.cluster.name)
        everything = _rule("*", "*", "CREATE", "UPDATE", "DELETE")
        belongs = V1.ValidationArgs(
            expression="false",
            reason="Forbidden",
            message="this object belongs to the tenancy of the cluster: ask for the change in the "
            "tenant's file",
        )
        constraints = V1.MatchResourcesArgs(object_selector=_LABELLED, resource_rules=[everything])
        _validating(self, context, policy_name, constraints, [belongs])
        self.register_outputs({"policy": policy_name})


class SideDoors(pulumi.ComponentResource):
    """A ValidatingAdmissionPolicy over what roles allow in general and no tenant may have in particular."""

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.SIDE_DOORS, name, None, opts)
        context = args.context
        policy_name = names.side_doors(context.cluster.name)
        constraints = V1.MatchResourcesArgs(
            namespace_selector=_LABELLED,
            resource_rules=[
                _rule("", "services", "CREATE", "UPDATE"),
                _rule("", "secrets", "CREATE", "UPDATE"),
                _rule("rbac.authorization.k8s.io", "rolebindings", "CREATE", "UPDATE"),
            ],
        )
        validations = [
            V1.ValidationArgs(
                expression="request.kind.kind != 'Service'"
                " || size(object.spec.?externalIPs.orValue([])) == 0",
                reason="Forbidden",
                message="externalIPs take over other people's addresses (CVE-2020-8554)",
            ),
            V1.ValidationArgs(
                expression="request.kind.kind != 'Secret'"
                " || object.?type.orValue('') != 'kubernetes.io/service-account-token'",
                reason="Forbidden",
                message="such a token never expires and stays with whoever leaves: use kubectl create token",
            ),
            V1.ValidationArgs(
                expression="request.kind.kind != 'RoleBinding' || object.?subjects.orValue([])"
                f".all(s, !(s.name in {list(_EVERYBODY)}))",
                reason="Forbidden",
                message="this subject is everybody, all other tenants too: name people, groups or accounts",
            ),
        ]
        _validating(self, context, policy_name, constraints, validations)
        self.register_outputs({"policy": policy_name})


_LABELLED = k8s.meta.v1.LabelSelectorArgs(match_expressions=[_labelled(STACK, "Exists")])
_EVERYBODY = (
    "system:anonymous",
    "system:authenticated",
    "system:unauthenticated",
    "system:serviceaccounts",
)


def _rule(group: str, resource: str, *operations: str) -> V1.NamedRuleWithOperationsArgs:
    version = "*" if group in ("*", "rbac.authorization.k8s.io") else "v1"
    return V1.NamedRuleWithOperationsArgs(
        api_groups=[group], api_versions=[version], resources=[resource], operations=list(operations)
    )


def _validating(
    parent: pulumi.Resource,
    context: Context,
    name: str,
    constraints: V1.MatchResourcesArgs,
    validations: Sequence[V1.ValidationArgs],
) -> None:
    """A policy that denies tenants, and only them, what fails a validation; with its binding."""
    policy = V1.ValidatingAdmissionPolicy(
        name,
        metadata=meta(context, name),
        spec=V1.ValidatingAdmissionPolicySpecArgs(
            failure_policy="Fail",
            match_constraints=constraints,
            match_conditions=[V1.MatchConditionArgs(name="tenants", expression=f"!({_PLATFORM})")],
            validations=list(validations),
        ),
        opts=child_options(parent),
    )
    V1.ValidatingAdmissionPolicyBinding(
        name,
        metadata=meta(context, name),
        spec=V1.ValidatingAdmissionPolicyBindingSpecArgs(policy_name=name, validation_actions=["Deny"]),
        opts=child_options(parent, depends_on=[policy]),
    )


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
  containers: {_SAFE_CONTAINERS.format(kind="containers")},
  ephemeralContainers: {_SAFE_CONTAINERS.format(kind="ephemeralContainers")}
}}}}"""

# Lists such as `drop` are atomic, which an apply configuration may not touch.
_NO_CAPABILITIES = """object.spec.?{kind}.orValue([])
  .filter(c, !has(c.securityContext.capabilities))
  .map(c, JSONPatch{{
    op: 'add',
    path: '/spec/{kind}/' + string(object.spec.{kind}.indexOf(c)) + '/securityContext/capabilities',
    value: Object.spec.{kind}.securityContext.capabilities{{drop: ['ALL']}}
  }})"""

_DROPPED = " + ".join(
    _NO_CAPABILITIES.format(kind=kind) for kind in ("initContainers", "containers", "ephemeralContainers")
)


class PodDefaults(pulumi.ComponentResource):
    """A MutatingAdmissionPolicy: what Pod Security `restricted` wants and a plain pod leaves out.

    What a pod says itself stays, and Pod Security judges it; but images are always pulled anew, so that a
    private image on a node is not open to every tenant of that node.
    """

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(names.POD_DEFAULTS, name, None, opts)
        context = args.context
        policy_name = names.pod_defaults(context.cluster.name)
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
                        _rule("", "pods", "CREATE"),
                        _rule("", "pods/ephemeralcontainers", "UPDATE"),
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
            opts=child_options(self),
        )
        V1.MutatingAdmissionPolicyBinding(
            policy_name,
            metadata=meta(context, policy_name),
            spec=V1.MutatingAdmissionPolicyBindingSpecArgs(policy_name=policy_name),
            opts=child_options(self, depends_on=[policy]),
        )
        self.register_outputs({"policy": policy_name})
