"""NetworkPolicies judged by Cyclonus, which knows their rules and nothing of this program.

https://github.com/mattfenwick/cyclonus
"""

import json
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from kube.types import JsonObject
from sandbox import toolchain
from tests.policy.traffic import NAMESPACE_LABEL, Attempt, Peer, Pod

_VERDICT = re.compile(r"Is allowed\?\s*\|?\s*(true|false)", re.IGNORECASE)


def allowed(
    policies: Sequence[JsonObject],
    attempts: Sequence[Attempt],
    folder: Path,
    labels: Mapping[str, Mapping[str, str]] | None = None,
) -> list[bool]:
    """Whether each attempt succeeds. `labels` are further labels of namespaces, by name."""
    program = toolchain.ensure(["cyclonus"])["cyclonus"]
    known = labels or {}
    listed = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": list(policies)}
    (folder / "policies").mkdir(exist_ok=True)
    (folder / "policies" / "all.yaml").write_text(json.dumps(listed))
    traffic = [_traffic(attempt, known) for attempt in attempts]
    (folder / "traffic.json").write_text(json.dumps(traffic))
    command = (program, "analyze", "--mode", "query-traffic", "--simplify-policies=false")
    files = ("--policy-path", folder / "policies", "--traffic-path", folder / "traffic.json")
    done = subprocess.run((*command, *files), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    verdicts = [each.lower() == "true" for each in _VERDICT.findall(done.stdout)]
    assert len(verdicts) == len(attempts), done.stdout[-2000:] + done.stderr[-2000:]
    return verdicts


def by_direction(
    policies: Sequence[JsonObject], attempts: Sequence[Attempt], folder: Path
) -> Callable[[str, Attempt], bool | None]:
    """Ingress or Egress, and one of `attempts`, to the verdict; None where no policy selects the pod."""
    verdicts: dict[tuple[str, Attempt], bool | None] = {}
    for direction, other in (("Ingress", "Egress"), ("Egress", "Ingress")):
        halves = [half for policy in policies if (half := _without(policy, other))]
        selected = {cast("dict[str, str]", half["metadata"])["namespace"] for half in halves}
        for attempt, verdict in zip(attempts, allowed(halves, attempts, folder), strict=True):
            pod = attempt.destination if direction == "Ingress" else attempt.source
            is_selected = isinstance(pod, Pod) and pod.namespace in selected
            verdicts[direction, attempt] = verdict if is_selected else None
    return lambda direction, attempt: verdicts[direction, attempt]


def _without(policy: JsonObject, direction: str) -> JsonObject | None:
    """A policy without its half for one direction; None where there is no other half."""
    spec = cast("dict[str, Any]", policy["spec"])
    assert spec["podSelector"] == {}, "the program selects whole namespaces"
    types = [each for each in spec["policyTypes"] if each != direction]
    kept = {key: value for key, value in spec.items() if key != direction.lower()}
    return {**policy, "spec": {**kept, "policyTypes": types}} if types else None


def allow_all(namespace: str) -> JsonObject:
    """The policy of a tenant's admin who opens a namespace to everybody."""
    spec: JsonObject = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{}],
        "egress": [{}],
    }
    metadata = {"name": "allow-all", "namespace": namespace}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": spec,
    }


def _traffic(attempt: Attempt, labels: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    return {
        "Source": _peer(attempt.source, labels),
        "Destination": _peer(attempt.destination, labels),
        "ResolvedPort": attempt.port.number,
        "Protocol": attempt.port.protocol,
    }


def _peer(peer: Peer, labels: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    if not isinstance(peer, Pod):
        return {"IP": peer.address}
    internal = {
        "PodLabels": dict(peer.labels),
        "NamespaceLabels": {NAMESPACE_LABEL: peer.namespace, **labels.get(peer.namespace, {})},
        "Namespace": peer.namespace,
    }
    return {"Internal": internal, "IP": peer.address}
