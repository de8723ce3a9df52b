"""Any tenants at all, not only those of the repository's stacks."""

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings

from model import Stack
from tests.policy import calico, cyclonus, facts, floors
from tests.policy.floors import CALICO, Verdicts
from tests.policy.generate import stacks
from tests.policy.render import of_kind, render
from tests.policy.traffic import Attempt

_SLOW = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)


def _floor(stack: Stack) -> str:
    api = stack.cluster.network.policy_api
    return CALICO if api is None else api.value


def _between_tenants(stack: Stack, attempts: list[Attempt]) -> list[Attempt]:
    return [
        attempt
        for attempt in attempts
        if facts.owner(stack, attempt.source) or facts.owner(stack, attempt.destination)
    ]


@_SLOW
@given(stacks())
def test_strangers_are_apart_and_neighbours_meet_at_the_offered_ports(stack: Stack) -> None:
    """And so for everything else that the files declare, in both directions."""
    attempts = _between_tenants(stack, facts.scene(stack).attempts)
    with TemporaryDirectory() as folder:
        policies = of_kind(render(stack), "NetworkPolicy")
        verdicts = cyclonus.allowed(policies, attempts, Path(folder))
    wrong = [
        str(attempt)
        for attempt, is_open in zip(attempts, verdicts, strict=True)
        if is_open != facts.declared(stack, attempt)
    ]
    assert wrong == []


@_SLOW
@given(stacks())
def test_no_admins_together_open_more_than_the_floor_lets_them(stack: Stack) -> None:
    floor = _floor(stack)
    objects = render(stack)
    attempts = _between_tenants(stack, facts.scene(stack).attempts)
    everybody = [namespace for tenant in stack.tenants for namespace in tenant.namespace_names]
    with TemporaryDirectory() as folder:
        judge = Verdicts(objects, floor, Path(folder))
        plain = judge.of(attempts)
        opened = judge.of(attempts, [*everybody, facts.FORGOTTEN])
    assert [str(a) for a, is_open in plain if is_open != floors.expected(stack, floor, a)] == []
    assert [str(a) for a, is_open in opened if is_open != floors.bounded(stack, floor, a)] == []
    if floor == CALICO:
        found = floors.policies(objects, floor)
        assert [problem for policy in found for problem in calico.problems(policy)] == []
