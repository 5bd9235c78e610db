"""The merge rules: deterministic, and the same whatever way the operations are grouped."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clawvm.writeback.merge import (
    JSON_CHARS_MAX,
    JSON_DEPTH_MAX,
    JSON_VALUES_MAX,
    TEXT_CHARS_MAX,
    apply,
    canonical,
    mismatch,
    size_problem,
)
from clawvm.writeback.operations import OpKind

texts = st.text(alphabet="ab\n é\ud800", max_size=8)
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=12,
)
objects = st.dictionaries(texts, values, max_size=4)


def in_order(value: Any) -> Any:
    """What distinguishes two values, order of members included."""
    if isinstance(value, dict):
        return [(name, in_order(item)) for name, item in value.items()]
    if isinstance(value, list):
        return [in_order(item) for item in value]
    return value


@given(texts | st.none(), texts, texts)
def test_appending_texts_is_associative(old: str | None, first: str, second: str) -> None:
    one_by_one = apply(OpKind.APPEND, apply(OpKind.APPEND, old, first), second)
    assert one_by_one == apply(OpKind.APPEND, old, apply(OpKind.APPEND, first, second))


@given(st.lists(scalars) | st.none(), st.lists(scalars), st.lists(scalars))
def test_appending_lists_is_associative(old: Any, first: Any, second: Any) -> None:
    one_by_one = apply(OpKind.APPEND, apply(OpKind.APPEND, old, first), second)
    assert one_by_one == apply(OpKind.APPEND, old, apply(OpKind.APPEND, first, second))


@given(objects | st.none(), objects)
def test_merging_twice_is_merging_once(old: Any, patch: Any) -> None:
    once = apply(OpKind.MERGE, old, patch)
    assert in_order(apply(OpKind.MERGE, once, patch)) == in_order(once)


@given(objects, objects, st.randoms())
def test_the_order_of_members_does_not_matter(old: Any, patch: Any, random: Any) -> None:
    def shuffled(value: Any) -> Any:
        members = list(value.items())
        random.shuffle(members)
        return dict(members)

    expected = in_order(apply(OpKind.MERGE, canonical(old), canonical(patch)))
    assert in_order(apply(OpKind.MERGE, canonical(shuffled(old)), shuffled(patch))) == expected


@given(objects, objects)
def test_merging_keeps_every_member_that_the_patch_does_not_name(old: Any, patch: Any) -> None:
    merged = apply(OpKind.MERGE, old, patch)
    assert isinstance(merged, dict)
    assert merged.keys() == old.keys() | patch.keys()
    assert all(merged[name] == old[name] for name in old.keys() - patch.keys())


@given(values, values)
def test_setting_leaves_the_new_value(old: Any, value: Any) -> None:
    assert apply(OpKind.SET, old, value) is value


@given(values)
def test_a_canonical_value_is_equal_and_shares_nothing(value: Any) -> None:
    copy = canonical(value)
    assert copy == value
    assert copy is not value or not isinstance(value, (list, dict))


def test_an_appended_text_starts_on_a_line_of_its_own() -> None:
    assert apply(OpKind.APPEND, "one", "two") == "one\ntwo"
    assert apply(OpKind.APPEND, "one\n", "two") == "one\ntwo"
    assert apply(OpKind.APPEND, None, "two") == "two"


def test_a_member_set_to_null_stays_as_a_tombstone() -> None:
    old = {"b": 1, "a": {"x": 1, "y": 2}}
    patch = {"a": {"x": None}, "c": None}
    assert in_order(apply(OpKind.MERGE, old, patch)) == in_order(
        {"a": {"x": None, "y": 2}, "b": 1, "c": None}
    )
    assert old == {"b": 1, "a": {"x": 1, "y": 2}}


def test_a_member_that_is_no_object_is_replaced_by_one() -> None:
    assert apply(OpKind.MERGE, {"a": [1]}, {"a": {"b": 2}}) == {"a": {"b": 2}}


@pytest.mark.parametrize(
    ("field", "op", "old", "value", "expected"),
    [
        ("text", OpKind.MERGE, None, {}, "not merged"),
        ("text", OpKind.SET, None, 3, "found a number"),
        ("text", OpKind.SET, None, [], "found a list"),
        ("text", OpKind.SET, None, ["a", 1], "found a list"),
        ("text", OpKind.APPEND, "a", None, "found nothing"),
        ("text", OpKind.APPEND, ["a"], "b", "a text cannot be appended to a list"),
        ("tags", OpKind.APPEND, "a", ["b"], "a list cannot be appended to a text"),
        ("tags", OpKind.APPEND, {}, ["b"], "a list cannot be appended to an object"),
        ("tags", OpKind.APPEND, None, 1, "found a number"),
        ("tags", OpKind.MERGE, "a", {}, "the field holds a text"),
        ("tags", OpKind.MERGE, None, [], "found a list"),
        ("tags", OpKind.MERGE, None, None, "found nothing"),
    ],
)
def test_values_that_do_not_fit_are_named(
    field: str, op: OpKind, old: Any, value: Any, expected: str
) -> None:
    found = mismatch(field, op, old, value)
    assert found is not None
    assert expected in found


@pytest.mark.parametrize(
    ("field", "op", "old", "value"),
    [
        ("text", OpKind.SET, "a", None),
        ("text", OpKind.SET, "a", ["call", "result"]),
        ("text", OpKind.APPEND, ["a"], ["b"]),
        ("text", OpKind.APPEND, None, "b"),
        ("tags", OpKind.SET, "a", {"b": 1}),
        ("tags", OpKind.APPEND, None, []),
        ("tags", OpKind.MERGE, None, {}),
        ("tags", OpKind.MERGE, {"a": 1}, {"a": None}),
    ],
)
def test_values_that_fit_are_let_through(field: str, op: OpKind, old: Any, value: Any) -> None:
    assert mismatch(field, op, old, value) is None


def nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("text", "x" * (TEXT_CHARS_MAX + 1), "at most"),
        ("text", ["x" * TEXT_CHARS_MAX, "x"], "at most"),
        ("tags", "x" * (JSON_CHARS_MAX + 1), "at most"),
        ("tags", {"x" * (JSON_CHARS_MAX + 1): 1}, "at most"),
        ("tags", [0] * JSON_VALUES_MAX, "at most"),
        ("tags", nested(JSON_DEPTH_MAX), "deep"),
        ("tags", nested(100_000), "deep"),
        ("tags", {1: 2}, "texts"),
        ("tags", [math.nan], "no number nan"),
        ("tags", -math.inf, "no number -inf"),
        ("tags", 1 << 64, "64 bits"),
        ("tags", -(1 << 63) - 1, "64 bits"),
        ("tags", {"a": b"bytes"}, "found bytes"),
        ("tags", {"a": (1, 2)}, "found tuple"),
    ],
)
def test_values_beyond_the_limits_are_named(field: str, value: Any, expected: str) -> None:
    found = size_problem(field, value)
    assert found is not None
    assert expected in found


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("text", "x" * TEXT_CHARS_MAX),
        ("tags", "x" * JSON_CHARS_MAX),
        ("tags", [0] * (JSON_VALUES_MAX - 1)),
        ("tags", nested(JSON_DEPTH_MAX - 1)),
        ("tags", [True, None, (1 << 64) - 1, -(1 << 63), 1.5, "\ud800", {"": {}}]),
    ],
)
def test_values_at_the_limits_are_let_through(field: str, value: Any) -> None:
    assert size_problem(field, value) is None
