"""What a prompt shows, now and in prompts that were made before: both back ends tell it alike."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawvm.errors import PageInvalid

RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
POSITIONS_MAX = 2_000  # several blocks
CHANGES = st.lists(
    st.dictionaries(
        st.integers(0, POSITIONS_MAX), st.none() | st.integers(1, 3), min_size=1, max_size=8
    ),
    max_size=12,
)


def value_of(number):
    return None if number is None else {"content": str(number)}


def apply(model, change):
    """Change a plain dict alike; returns the tokens before the first difference."""
    different = [position for position, number in change.items() if model.get(position) != number]
    first = min(different, default=POSITIONS_MAX + 1)
    kept = sum(number for position, number in model.items() if position < first)
    for position, number in change.items():
        if number is None:
            model.pop(position, None)
        else:
            model[position] = number
    return kept


@RELAXED
@given(CHANGES, st.integers(-1, POSITIONS_MAX + 1))
def test_every_version_stays_what_it_was_and_the_prefix_is_counted(core, changes, start):
    shown, model = core.Shown(), {}
    held = [(shown.version, {})]
    for change in changes:
        told = [(place, value_of(n), n or 0) for place, n in sorted(change.items())]
        assert shown.change(told) == apply(model, change)
        held.append((shown.version, model.copy()))
    for version, then in held:
        head = [value_of(then[place]) for place in sorted(then) if place < start]
        rest = [value_of(then[place]) for place in sorted(then) if place >= start]
        assert shown.split(version, start) == (head, rest)
    assert shown.tokens == sum(model.values())
    for place in range(POSITIONS_MAX + 2):
        number = model.get(place)
        assert shown.get(place) == (None if number is None else (value_of(number), number))


def test_an_equal_value_leaves_the_one_that_is_there(core):
    shown = core.Shown()
    first = {"content": "a"}
    shown.change([(0, first, 1)])
    version = shown.version
    assert shown.change([(0, {"content": "a"}, 1)]) == 1
    assert shown.version is version
    assert shown.split(version, 0)[1][0] is first


def test_an_equal_value_that_costs_something_else_is_another(core):
    shown = core.Shown()
    shown.change([(0, [1], 1), (1, [2], 1)])
    assert shown.change([(0, [1], 1), (1, [2], 3)]) == 1
    assert (shown.get(1), shown.tokens) == (([2], 3), 4)


def test_what_is_hidden_costs_nothing(core):
    shown = core.Shown()
    shown.change([(0, "a", 1), (7, "b", 2)])
    assert shown.change([(0, None, 5)]) == 0
    assert (shown.tokens, shown.get(0)) == (2, None)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([(-1, "a", 1)], "a position after 0 must be a whole number from 1 to"),
        ([(3, "a", 1), (3, "b", 1)], "must be a whole number from 4 to 33554431, found 3"),
        ([(1 << 25, "a", 1)], "found 33554432"),
        ([(1, "a", -1)], "the tokens of a value must be a whole number from 0 to"),
        ([(1, "a", (1 << 38) + 1)], "the tokens of a value"),
        ([(1, "a", None)], "the tokens of a value"),
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(core, values, message):
    shown = core.Shown()
    shown.change([(0, "there", 1)])
    version = shown.version
    with pytest.raises(PageInvalid, match=message):
        shown.change([(0, "other", 1), *values])
    assert shown.get(0) == ("there", 1)
    assert shown.version is version


def test_a_value_that_cannot_be_compared_changes_nothing(core):
    class Odd:
        def __eq__(self, other):
            raise RuntimeError("no")

        __hash__ = None

    shown = core.Shown()
    shown.change([(0, "a", 1)])
    with pytest.raises(RuntimeError):
        shown.change([(0, "b", 1), (1, Odd(), 0)])
    assert shown.get(0) == ("a", 1)


def test_a_version_of_something_else_is_not_read(core):
    shown, other = core.Shown(), core.Shown()
    other.change([(5_000, "a", 1)])
    for version in (other.version, core.Version()):
        with pytest.raises(PageInvalid, match="a version can only be read of what it was"):
            shown.split(version, 0)


def test_a_version_held_through_many_changes_is_let_go_of(core):
    shown = core.Shown()
    first = shown.version
    for number in range(100_000):
        shown.change([(0, number, 1)])
    assert shown.split(first, 0) == ([], [])
    del first
    assert shown.split(shown.version, 0) == ([], [99_999])
