"""The per-turn optimum against an established solver, and the gaps of real plans."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hand_traces import TOOLS, Words, said, trace, user, words
from knapsacks import FAMILIES, TURN, Peer, choices_of, pages_of, plan_of

from clawvm import _backend
from clawvm.replay import Recording, replay
from clawvm.replay.oracle import TurnGap, gap_summary, optimum, turn_gaps
from clawvm.replay.policies import POLICY_NAMES

SHARES = (0.02, 0.1, 0.3, 0.5, 0.9, 1.1)
RECORDING = Recording.of("by hand", trace(*TOOLS))


def drawn(rng: random.Random, family: str) -> tuple[Any, int]:
    """A table of 1 to 14 pages with levels and demands, and a budget."""
    pages = pages_of(family, rng, rng.randint(1, 14))
    table = _backend.core.PageTable(capacity=len(pages))
    for page in pages:
        slot = table.put(**page)
        table.set_level(slot, rng.choice((0, 4)))
        if rng.random() < 0.1:
            table.demand(slot, rng.randint(1, 4))
    whole = sum(page["tokens"][3] for page in pages)
    return table, max(1, int(whole * rng.choice(SHARES)))


def check_instances(family: str, count: int) -> None:
    """Compare so many optima with the solver's, and see that the table stays as it was."""
    rng = random.Random(f"turn {family}")
    solved = 0
    for _ in range(count):
        table, budget = drawn(rng, family)
        before = table.dump(table.slots())
        required = [table.required_level(slot) for slot in table.slots()]
        best = Peer(choices_of(table), budget).solve()
        plan = optimum(table, budget, TURN, {})
        assert plan.feasible == (best is not None)
        assert table.dump(table.slots()) == before
        assert [table.required_level(slot) for slot in table.slots()] == required
        if best is None:
            continue
        solved += 1
        assert plan.proven
        for slot, _, new in plan.moves:
            table.set_level(slot, new)
        assert plan_of(table) == (best, plan.used_tokens)
    assert solved > count // 2


@pytest.mark.parametrize("family", FAMILIES)
def test_the_optimum_is_that_of_an_established_solver(family: str) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", exc_type=ImportError)
    check_instances(family, 170)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_optimum_is_that_of_an_established_solver_10000_times(family: str) -> None:
    check_instances(family, 1_700)


def test_a_demand_beside_the_tables_own_is_kept() -> None:
    table = _backend.core.PageTable()
    for name, weight in (("a", 1), ("b", 1000)):
        table.put(
            name,
            (None, None, None, 60),
            (1, 1, 1, 1000),
            weight,
            page_type=4,
            pin=0,
            floor=0,
            digest=bytes(16),
            turn=0,
        )
    assert optimum(table, 100, 0, {}).moves == [(1, 0, 4)]
    assert optimum(table, 100, 0, {0: 4}).moves == [(0, 0, 4)]


@pytest.mark.parametrize("policy", POLICY_NAMES)
def test_looking_on_changes_no_decision(policy: str) -> None:
    gaps = turn_gaps(RECORDING, policy, 60, Words())
    alone = replay(RECORDING, policy, 60, Words())
    watched = replay(RECORDING, policy, 60, Words(), around=lambda inner: inner)
    assert watched.plan_digest == alone.plan_digest
    assert [gap.turn for gap in gaps] == list(range(1, alone.turns + 1))


@pytest.mark.parametrize("policy", [name for name in POLICY_NAMES if name != "full"])
def test_no_plan_is_worth_more_than_the_bound_but_for_rounding(policy: str) -> None:
    for budget in (40, 60, 90, 1_000):
        for gap in turn_gaps(RECORDING, policy, budget, Words()):
            assert gap.value <= gap.bound
            assert gap.proven


def test_a_plan_that_shows_everything_is_the_optimum() -> None:
    gaps = turn_gaps(RECORDING, "clawvm", 1_000, Words())
    assert not any(gap.selected for gap in gaps)
    assert gap_summary(gaps).worst_ppm <= 1


def test_only_what_the_table_selected_is_told_as_selected() -> None:
    by_clawvm = turn_gaps(RECORDING, "clawvm", 60, Words())
    epochs = replay(RECORDING, "clawvm", 60, Words()).epochs
    assert sum(gap.selected for gap in by_clawvm) == epochs > 0
    assert not any(gap.selected for gap in turn_gaps(RECORDING, "lru", 60, Words()))


def test_a_window_falls_short_of_the_optimum() -> None:
    """It stops at a page that does not fit, and the older ones behind it would have fitted."""
    stopped = Recording.of(
        "stopped",
        trace(
            user("begin"), said("own words"), user(words(80)), said("yes"), user("go"), said("done")
        ),
    )
    gaps = turn_gaps(stopped, "sliding-window", 60, Words())
    assert gaps[-1].ppm > 10_000


def test_a_gap_is_told_in_millionths_rounded_up() -> None:
    assert TurnGap(1, True, value=2, bound=3, proven=True).ppm == 333_334
    assert TurnGap(1, True, value=3, bound=3, proven=True).ppm == 0
    assert TurnGap(1, True, value=0, bound=0, proven=True).ppm == 0


def test_percentiles_are_those_of_the_nearest_rank() -> None:
    gaps = [TurnGap(turn, True, 1_000_000 - turn, 1_000_000, turn > 1) for turn in range(1, 201)]
    summary = gap_summary(gaps)
    assert (summary.plans, summary.proven) == (200, 199)
    assert (summary.median_ppm, summary.p99_ppm, summary.worst_ppm) == (100, 198, 200)
    assert gap_summary([]).worst_ppm == 0
