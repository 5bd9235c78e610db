"""Where pages stand, and which of these places look different: both back ends tell it alike."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawvm.errors import PageInvalid

RELAXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
SLOTS, POSITIONS = st.integers(0, 200), st.integers(0, 2_000)
STEPS = st.lists(
    st.tuples(st.just("add"), SLOTS, POSITIONS)
    | st.tuples(st.just("remove"), SLOTS)
    | st.tuples(st.just("mark"), POSITIONS)
    | st.tuples(st.just("touch"), st.lists(SLOTS, max_size=5))
    | st.tuples(st.just("settle")),
    max_size=60,
)


@RELAXED
@given(STEPS)
def test_both_back_ends_tell_the_same_at_every_step(backends, steps):
    compiled, twin = (core.Places() for core in backends)
    for name, *arguments in steps:
        assert getattr(compiled, name)(*arguments) == getattr(twin, name)(*arguments)
        assert compiled.stale() == twin.stale()
    assert [compiled.of(slot) for slot in range(201)] == [twin.of(slot) for slot in range(201)]


def test_a_page_that_is_touched_is_stale_wherever_it_stands(core):
    places = core.Places()
    for slot, position in [(7, 500), (7, 3), (7, 500), (8, 4)]:
        places.add(slot, position)
    places.touch([7, 7, 9])
    places.mark(1)
    assert places.of(7) == [500, 3]
    assert places.stale() == [1, 3, 500]
    places.settle()
    assert places.stale() == []


def test_a_page_that_was_removed_stands_nowhere_and_its_slot_serves_again(core):
    places = core.Places()
    for position in (1, 2):
        places.add(0, position)
    assert places.remove(0) == [1, 2]
    assert places.remove(0) == places.of(0) == []
    places.add(5, 9)
    places.add(0, 8)
    places.touch([0])
    assert (places.of(5), places.of(0), places.stale()) == ([9], [8], [8])


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("add", (-1, 0), "a slot must be a whole number from 0 to 16777215, found -1"),
        ("add", (0, 1 << 25), "a position must be a whole number from 0 to 33554431"),
        ("of", (1 << 24,), "a slot must"),
        ("remove", (None,), "a slot must"),
        ("mark", (True,), "a position"),
        ("touch", (["a"],), "a slot must be a whole number from 0 to 16777215, found 'a'"),
    ],
)
def test_what_can_be_no_slot_or_position_is_refused(core, name, arguments, message):
    with pytest.raises(PageInvalid, match=message):
        getattr(core.Places(), name)(*arguments)
