"""NetworkPolicies judged by Cyclonus, which knows their rules and nothing of this program.

https://github.com/mattfenwick/cyclonus
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

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
