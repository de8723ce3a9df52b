"""The tenants' NetworkPolicies, judged by a program that is not ours, against what the files declare."""

from pathlib import Path

import pytest

from tests.policy import cyclonus, facts, matrix
from tests.policy.render import of_kind, render, sample


@pytest.mark.parametrize("name", ["dev", "gpu", "web", "isolated"])
def test_open_is_what_is_declared(name: str, tmp_path: Path) -> None:
    stack = sample(name)
    policies = of_kind(render(stack), "NetworkPolicy")
    scene = facts.scene(stack)
    attempts = scene.attempts

    verdicts = cyclonus.allowed(policies, attempts, tmp_path)

    matrix.show(f"stack {name}: NetworkPolicies", scene, zip(attempts, verdicts, strict=True))
    expected = [facts.declared(stack, attempt) for attempt in attempts]
    wrong = [
        f"{attempt}: {'open' if is_open else 'closed'}"
        for attempt, is_open, declared in zip(attempts, verdicts, expected, strict=True)
        if is_open != declared
    ]
    assert not wrong, "\n".join(wrong[:40])
    # A judge that always says the same would agree with nothing here.
    assert any(verdicts)
    assert not all(verdicts)
