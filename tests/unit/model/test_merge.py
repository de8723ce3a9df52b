"""Maps merge, lists and scalars replace, null takes away."""

import copy
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.merge import merge

RULES: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({"a": 1}, {}, {"a": 1}),
    ({}, {"a": 1}, {"a": 1}),
    ({"a": 1}, {"a": 2}, {"a": 2}),
    ({"a": {"b": 1, "c": 2}}, {"a": {"c": 3, "d": 4}}, {"a": {"b": 1, "c": 3, "d": 4}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({"a": [1, 2]}, {"a": []}, {"a": []}),
    ({"a": [{"b": 1}]}, {"a": [{"c": 2}]}, {"a": [{"c": 2}]}),
    ({"a": {"b": 1}}, {"a": {}}, {"a": {"b": 1}}),
    ({"a": {"b": 1}}, {"a": 5}, {"a": 5}),
    ({"a": 5}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
    ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
    ({}, {"a": None}, {}),
    ({}, {"a": {"b": {"c": None}}}, {"a": {"b": {}}}),
    ({"a": 1}, {"a": False}, {"a": False}),
    ({"a": 1}, {"a": 0}, {"a": 0}),
    ({}, {"a": [None]}, {"a": [None]}),
]


@pytest.mark.parametrize(("base", "over", "expected"), RULES)
def test_rule(base: dict[str, Any], over: dict[str, Any], expected: dict[str, Any]):
    assert merge(base, over) == expected


keys = st.sampled_from("abc")
scalars = st.integers() | st.booleans() | st.text(max_size=2)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner), max_leaves=8
)
maps = st.dictionaries(keys, values)


@settings(deadline=None)
@given(maps, maps)
def test_changes_neither_side_and_shares_nothing(base: dict[str, Any], over: dict[str, Any]):
    before = copy.deepcopy((base, over))
    result = merge(base, over)
    spoil(result)
    assert (base, over) == before


@settings(deadline=None)
@given(maps, maps, maps)
def test_a_layer_changes_nothing_the_second_time_and_an_empty_one_never(
    one: dict[str, Any], two: dict[str, Any], three: dict[str, Any]
):
    assert merge(merge(one, two), two) == merge(one, two)
    assert merge(one, {}) == one
    assert merge({}, three) == three


def spoil(value: Any) -> None:
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value)
        for entry in entries.values():
            spoil(entry)
        entries["spoilt"] = True
    elif isinstance(value, list):
        items = cast("list[Any]", value)
        for item in items:
            spoil(item)
        items.append("spoilt")
