"""The ClusterRoles of the tenancy: what each role may do inside a namespace it is bound in.

They are made for the purpose instead of taken from Kubernetes' `admin`, `edit` and `view`, which cluster
add-ons aggregate into. Nothing in them is cluster-scoped. Nobody may change quota, limit ranges, or the
namespace; a developer may not change policies or bindings either.
"""

from collections.abc import Sequence

import pulumi_kubernetes as k8s

READ = ("get", "list", "watch")
WRITE = (*READ, "create", "update", "patch", "delete", "deletecollection")


def _rule(
    groups: Sequence[str], resources: Sequence[str], verbs: Sequence[str]
) -> k8s.rbac.v1.PolicyRuleArgs:
    return k8s.rbac.v1.PolicyRuleArgs(api_groups=list(groups), resources=list(resources), verbs=list(verbs))


_WORKLOADS = (
    _rule(
        [""],
        ["pods", "services", "configmaps", "persistentvolumeclaims", "replicationcontrollers"],
        WRITE,
    ),
    _rule(["apps"], ["deployments", "deployments/scale", "replicasets", "replicasets/scale"], WRITE),
    _rule(["apps"], ["statefulsets", "statefulsets/scale", "controllerrevisions"], WRITE),
    _rule(["batch"], ["jobs", "cronjobs"], WRITE),
    _rule(["autoscaling"], ["horizontalpodautoscalers"], WRITE),
    _rule(["policy"], ["poddisruptionbudgets"], WRITE),
    _rule(["networking.k8s.io"], ["ingresses"], WRITE),
    _rule(["resource.k8s.io"], ["resourceclaims", "resourceclaimtemplates"], WRITE),
)

_OBSERVATION = (
    _rule(
        [""],
        [
            "pods",
            "pods/log",
            "pods/status",
            "services",
            "configmaps",
            "persistentvolumeclaims",
            "replicationcontrollers",
            "events",
            "resourcequotas",
            "limitranges",
            "serviceaccounts",
        ],
        READ,
    ),
    _rule(["apps"], ["deployments", "replicasets", "statefulsets", "controllerrevisions"], READ),
    _rule(["batch"], ["jobs", "cronjobs"], READ),
    _rule(["autoscaling"], ["horizontalpodautoscalers"], READ),
    _rule(["policy"], ["poddisruptionbudgets"], READ),
    _rule(["networking.k8s.io"], ["ingresses", "networkpolicies"], READ),
    _rule(["resource.k8s.io"], ["resourceclaims", "resourceclaimtemplates"], READ),
    _rule(["events.k8s.io"], ["events"], READ),
    # Who has access is for every member to see.
    _rule(["rbac.authorization.k8s.io"], ["roles", "rolebindings"], READ),
    # `kubectl get namespace NAME` reads the one namespace that the binding stands in.
    _rule([""], ["namespaces"], ["get"]),
)

_DEVELOPMENT = (
    *_OBSERVATION,
    *_WORKLOADS,
    _rule([""], ["secrets"], WRITE),
    _rule([""], ["pods/exec", "pods/attach", "pods/portforward"], ["get", "create"]),
    _rule([""], ["pods/eviction"], ["create"]),
    _rule([""], ["pods/ephemeralcontainers"], ["update", "patch"]),
    _rule([""], ["events"], ["create", "patch"]),
)

_ADMINISTRATION = (
    *_DEVELOPMENT,
    _rule([""], ["serviceaccounts"], WRITE),
    _rule([""], ["serviceaccounts/token"], ["create"]),
    _rule(["networking.k8s.io"], ["networkpolicies"], WRITE),
    # Without `escalate` and `bind`: nobody can hand out more than they hold.
    _rule(["rbac.authorization.k8s.io"], ["roles", "rolebindings"], WRITE),
)

CLUSTER_ROLES: dict[str, tuple[k8s.rbac.v1.PolicyRuleArgs, ...]] = {
    "admin": _ADMINISTRATION,
    "developer": _DEVELOPMENT,
    "viewer": _OBSERVATION,
    "watcher": (_rule([""], ["pods"], READ),),
}
"""Rules by role; the ClusterRole of each is `tenancy:<role>`."""
