"""The work of a turn, counted: it depends on what changes, not on how many pages there are."""

from __future__ import annotations

import pytest
from builds import unchecked_only

from bench.compiled import compiled_only
from bench.tables import TableTurns

TURNS = 200
CHANGES = 5
PUTS = 2

pytestmark = [
    unchecked_only,
    compiled_only,
]


@pytest.fixture(scope="module")
def work():
    """What 200 turns add to the counters of a warm table, by its pages."""
    from clawvm import _core

    found = {}
    for pages in (100, 10_000, 100_000):
        turns = TableTurns(_core, pages, CHANGES)
        before = turns.table.stats
        for _ in range(TURNS):
            turns.change()
            turns.select()
        found[pages] = {name: turns.table.stats[name] - before[name] for name in before}
    return found


def test_only_the_pages_that_changed_are_looked_at_anew(work):
    assert {counts["frontiers"] for counts in work.values()} == {PUTS * TURNS}


def test_ten_times_the_pages_take_no_more_steps(work):
    assert work[100_000]["steps"] <= 1.5 * work[10_000]["steps"]


def test_a_hundred_times_the_pages_take_steps_by_their_logarithm(work):
    """A content of average size moves more pages where there are more to choose from."""
    assert work[10_000]["steps"] <= 12 * work[100]["steps"]
    assert work[10_000]["steps"] <= 50 * TURNS


def test_a_warm_table_allocates_nothing(work):
    for counts in work.values():
        assert (counts["allocations"], counts["resizes"], counts["compactions"]) == (0, 0, 0)
