"""The floor: what no NetworkPolicy of a tenant can open, and no namespace can be without."""

from pathlib import Path

import pytest

from model import Stack
from tests.policy import calico, facts, floors, matrix
from tests.policy.facts import FORGOTTEN, Scene
from tests.policy.floors import CALICO, FLOORS, Verdicts
from tests.policy.render import render, sample
from tests.policy.traffic import Attempt

CASES = (
    ("dev", CALICO),
    ("gpu", CALICO),
    ("web", CALICO),
    ("isolated", CALICO),
    ("isolated", "ClusterNetworkPolicy"),
    ("web", "AdminNetworkPolicy"),
)


def _judged(name: str, floor: str, folder: Path) -> tuple[Stack, Scene, Verdicts]:
    stack = floors.on(sample(name), floor)
    return stack, facts.scene(stack), Verdicts(render(stack), floor, folder)


def _agree(verdicts: list[tuple[Attempt, bool]], expected: list[bool]) -> None:
    wrong = [
        f"{attempt}: {'open' if is_open else 'closed'}"
        for (attempt, is_open), wanted in zip(verdicts, expected, strict=True)
        if is_open != wanted
    ]
    assert not wrong, "\n".join(wrong[:40])


@pytest.mark.parametrize(("name", "floor"), CASES)
def test_with_the_floor_open_is_what_is_declared(name: str, floor: str, tmp_path: Path) -> None:
    stack, scene, judge = _judged(name, floor, tmp_path)
    verdicts = judge.of(scene.attempts)
    matrix.show(f"stack {name}: NetworkPolicies and {floor}", scene, verdicts)
    _agree(verdicts, [floors.expected(stack, floor, attempt) for attempt in scene.attempts])


@pytest.mark.parametrize(("name", "floor"), CASES)
def test_an_admin_who_opens_everything_opens_no_bound(name: str, floor: str, tmp_path: Path) -> None:
    """All admins open their namespaces to everybody: both sides of every connection agree to it."""
    stack, scene, judge = _judged(name, floor, tmp_path)
    everybody = [namespace for tenant in stack.tenants for namespace in tenant.namespace_names]
    attempts = [
        attempt
        for attempt in scene.attempts
        if facts.owner(stack, attempt.source) or facts.owner(stack, attempt.destination)
    ]

    verdicts = judge.of(attempts, [*everybody, FORGOTTEN])

    matrix.show(f"stack {name}: everything opened, within {floor}", scene, verdicts)
    _agree(verdicts, [floors.bounded(stack, floor, attempt) for attempt in attempts])


@pytest.mark.parametrize("name", ["dev", "gpu", "web"])
def test_calico_would_take_the_policies(name: str) -> None:
    found = floors.policies(render(sample(name)), CALICO)
    assert len(found) == len(sample(name).tenants) + 1
    assert [problem for policy in found for problem in calico.problems(policy)] == []


def test_every_floor_is_tried() -> None:
    assert {floor for _, floor in CASES} == set(FLOORS)
