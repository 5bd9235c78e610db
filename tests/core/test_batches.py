"""What is asked of several pages in one call."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clawvm.errors import PageNotFound

MISSING = 4_294_967_295
PAGES = st.lists(
    st.tuples(
        st.sampled_from([(10, 30, 60, 100), (1, 2, 3, 4_294_967_294), (7, None, None, 9)]),
        st.sampled_from([(150, 400, 800, 1000), (1, 1, 1, 1000)]),
        st.integers(1, 1 << 24),
        st.integers(0, 2),
        st.integers(0, 4),
        st.integers(0, 50),
    ),
    min_size=1,
    max_size=12,
)


def fill(table, pages):
    """Put the pages; their levels are cycled through what each ladder has."""
    for number, (tokens, quality, weight, pin, floor, turn) in enumerate(pages):
        fields = {"page_type": 4, "pin": pin, "floor": floor, "digest": bytes(16), "turn": turn}
        slot = table.put(f"p{number}", tokens, quality, weight, **fields)
        levels = [0, *(level for level, cost in enumerate(tokens, 1) if cost is not None)]
        table.set_level(slot, levels[number % len(levels)])
    return table


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(PAGES, st.integers(0, 60), st.data())
def test_both_back_ends_answer_what_single_calls_would(backends, pages, turn, data):
    slots = range(len(pages))
    spared = data.draw(st.lists(st.sampled_from(slots)))
    for core in backends:
        table = fill(core.PageTable(), pages)
        records = [table.record(slot) for slot in slots]
        below = [slot for slot in slots if records[slot]["level"] < records[slot]["floor"]]
        assert table.below_floor(slots) == below
        value = table.value
        dearer = [
            min((up for up in range(level + 1, 5) if record["tokens"][up - 1] < MISSING), default=4)
            for record in records
            for level in [record["level"]]
        ]
        assert table.next_gains(slots, turn) == [
            value(slot, dearer[slot], turn) - value(slot, table.level(slot), turn) for slot in slots
        ]
        earnings = [
            (Fraction(value(slot, level, turn), table.tokens(slot, level)), slot)
            for slot in slots
            if (level := table.level(slot)) and records[slot]["pin"] < 2 and slot not in spared
        ]
        assert table.least_earner(spared, turn) == min(earnings, default=(0, -1))[1]
        assert [table.record(slot) for slot in slots] == records
        table.check()


def test_of_two_that_earn_the_same_it_is_the_lower_slot(table, put):
    for name in "abc":
        table.set_level(put(table, name), 4)
    assert table.least_earner([], 0) == 0
    assert table.least_earner([0], 0) == 1


@pytest.mark.parametrize(
    "ask",
    [
        lambda table: table.below_floor([0, 5]),
        lambda table: table.next_gains([0, 5], 0),
        lambda table: table.least_earner([0, 5], 0),
    ],
)
def test_a_slot_without_a_page_is_refused_and_leaves_no_mark(table, put, ask):
    table.set_level(put(table, "a"), 4)
    with pytest.raises(PageNotFound, match="slot 5"):
        ask(table)
    assert table.least_earner([], 0) == 0
