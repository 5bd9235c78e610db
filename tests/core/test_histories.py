"""The incremental core against the twin, which starts every selection from nothing."""

from __future__ import annotations

import os

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from table_histories import SHAPES, History

TURNS = 200
EXAMPLES = 100
SLOW_TURNS = int(os.environ.get("CLAWVM_HISTORY_TURNS", "1000000"))


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(shape=st.sampled_from(SHAPES), seed=st.integers(0, 1 << 32))
def test_plans_agree_over_twenty_thousand_turns(backends, shape, seed):
    history = History(backends, shape, seed)
    history.run(TURNS)
    assert history.selections == TURNS


@pytest.mark.slow
def test_plans_agree_over_a_million_turns(backends):
    turns = seed = 0
    while turns < SLOW_TURNS:
        for shape in SHAPES:
            history = History(backends, shape, seed)
            history.run(2 * TURNS)
            turns += history.selections
        seed += 1
    print(f"{turns} turns of {seed * len(SHAPES)} histories: every plan the same")
    assert turns >= SLOW_TURNS


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape.pages}-pages")
def test_each_back_end_selects_as_a_table_without_a_past(core, shape):
    """What a table decides does not depend on how it came to be: a restored one decides alike."""
    history = History((core,), shape, 5)
    for _ in range(60):
        history.run(3)
        (table,) = history.tables
        table.clear_demands()  # no dump has them
        slots = table.slots()
        names = [table.page_id(slot) for slot in slots]
        fresh = core.PageTable.restore(table.meta(), slots, table.dump(slots), names)
        plan, again = (one.select(history.budget, history.turn) for one in (table, fresh))
        assert plan.packed == again.packed
        assert (plan.value, plan.bound, plan.steps) == (again.value, again.bound, again.steps)
