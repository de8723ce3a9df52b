"""Stacks through the Automation API: open one, preview it, apply it, tell what came of it."""

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi import automation as auto
from pulumi.automation.events import EngineEvent, OpType

from automation.errors import TenancyError
from model import urns

# What the engine says of each plugin on PATH (sdk/go/common/workspace/plugins.go): how a machine is set up.
_AMBIENT_PLUGIN = re.compile(r"using \S+ from \$PATH at ")

UNCHANGED = frozenset({OpType.SAME, OpType.READ, OpType.REFRESH, OpType.DISCARD})


class StackError(TenancyError):
    """An operation on a stack failed; the message is what Pulumi said, without its secrets."""


class StackMissingError(StackError):
    """The backend has no such stack: it was never applied."""


@dataclass
class Outcome:
    """What an operation did, or in a preview would do."""

    stack: str
    changes: dict[str, int] = field(default_factory=dict)
    """Number of resources by operation; those that stay the same are not counted."""
    steps: list[dict[str, Any]] = field(default_factory=list)
    """Each change: operation, URN, and the properties that differ. Never a value."""
    warnings: list[str] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether anything differs."""
        return bool(self.changes)


def open_stack(root: Path, name: str, *, create: bool = False) -> auto.Stack:
    """The stack of the project under `root`. Raises StackError if there is no such stack."""
    workspace = auto.LocalWorkspace(work_dir=str(root), env_vars={"PULUMI_SKIP_UPDATE_CHECK": "true"})
    try:
        if create:
            return auto.Stack.create_or_select(name, workspace)
        return auto.Stack.select(name, workspace)
    except auto.StackNotFoundError:
        raise StackMissingError(
            f"stack {name!r} has never been applied: tenancy up --stack {name}; "
            f"to preview it first: pulumi stack init {name}"
        ) from None
    except auto.CommandError as error:
        raise StackError(_reason(error)) from None


def kubeconfig(stack: auto.Stack) -> str | None:
    """The content of the stack's own kubeconfig; None where it takes the ambient one. Raises StackError."""
    try:
        found = stack.get_all_config().get("tenancy:kubeconfig")
    except auto.CommandError as error:
        raise StackError(_reason(error)) from None
    return found.value or None if found else None


def preview(
    stack: auto.Stack,
    *,
    say: Callable[[str], None] | None,
    refresh: bool = False,
    targets: list[str] | None = None,
) -> Outcome:
    """What an update would change, of the whole stack or of the `targets` (URNs with wildcards)."""
    return _run(
        stack,
        lambda collect: stack.preview(
            on_event=collect, on_output=say, color=_color(), refresh=refresh, target=targets
        ),
    )


def up(
    stack: auto.Stack,
    *,
    say: Callable[[str], None] | None,
    refresh: bool = False,
    targets: list[str] | None = None,
) -> Outcome:
    """Applies what was asked for, to the whole stack or to the `targets`."""
    return _run(
        stack,
        lambda collect: stack.up(
            on_event=collect,
            on_output=say,
            color=_color(),
            refresh=refresh,
            target=targets,
            suppress_outputs=True,
            show_secrets=False,
        ),
    )


def outputs(stack: auto.Stack) -> dict[str, Any]:
    """The stack's public outputs; secret ones are left out."""
    return {name: output.value for name, output in stack.outputs().items() if not output.secret}


def credential_targets(stack: auto.Stack) -> list[str]:
    """URNs of all that carries a credential of the tenants that the stack has already."""
    tenants: dict[str, Any] = outputs(stack).get("tenants", {})
    return [
        pattern
        for name, summary in tenants.items()
        for pattern in urns.credentials(name, summary["namespaces"])
    ]


def _run(stack: auto.Stack, operation: Callable[[Callable[[EngineEvent], None]], object]) -> Outcome:
    outcome = Outcome(stack.name)
    errors: list[str] = []

    def collect(event: EngineEvent) -> None:
        if event.resource_pre_event is not None:
            step = event.resource_pre_event.metadata
            if step.op not in UNCHANGED and step.type != "pulumi:pulumi:Stack":
                _record(outcome, step)
        if event.diagnostic_event is not None:
            text = event.diagnostic_event.message.strip()
            if event.diagnostic_event.severity == "warning" and not _AMBIENT_PLUGIN.match(text):
                outcome.warnings.append(text)
            elif event.diagnostic_event.severity == "error":
                errors.append(text)

    try:
        try:
            operation(collect)
        except auto.ConcurrentUpdateError as locked:
            if not _holder_died(str(locked)):
                raise
            stack.cancel()
            operation(collect)
    except auto.ConcurrentUpdateError:
        raise StackError(
            f"stack {stack.name!r} is being updated by another run; wait for it, or if it died: "
            f"pulumi cancel --stack {stack.name}"
        ) from None
    except auto.CommandError as error:
        raise StackError("\n".join(errors) or _reason(error)) from None
    return outcome


_LOCK = re.compile(r"created by \S+@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


def _holder_died(message: str) -> bool:
    """Whether every lock on a stack is held by a process of this machine that is no more.

    Only the file and object-store backends lock with files and name the holder; a killed run leaves its own.
    """
    holders = list(_LOCK.finditer(message))
    return bool(holders) and all(
        holder["host"] == socket.gethostname() and not _alive(int(holder["pid"])) for holder in holders
    )


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # somebody else's process
    return True


def _record(outcome: Outcome, step: Any) -> None:
    outcome.changes[step.op.value] = outcome.changes.get(step.op.value, 0) + 1
    outcome.steps.append(
        {"op": step.op.value, "urn": step.urn, "properties": sorted(step.detailed_diff or step.diffs or ())}
    )


def _reason(error: auto.CommandError) -> str:
    """The last words of the engine; the Automation API wraps its whole output around them."""
    text = str(error)
    _, found, stderr = text.partition("stderr: ")
    return (stderr if found else text).strip() or text.strip()


def _color() -> str:
    return "never" if os.environ.get("NO_COLOR") or not os.isatty(1) else "always"
