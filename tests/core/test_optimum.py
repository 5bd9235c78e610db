"""The selector against exact optima: how near it comes, and that its bound is one."""

from __future__ import annotations

import random
import statistics

import numpy as np
import pytest

from clawvm._reference.arithmetic import turn_heat
from clawvm._reference.layout import HALF_LIFE

MISSING = 0xFFFFFFFF
TURN = 100
EXACT = 1 - 2.0**-24  # what a selection's value may lose by rounding


def choices(table, turn=TURN):
    """Return, per page, (tokens, value) of each level that a plan may give it; values unrounded."""
    now = turn_heat(turn, HALF_LIFE)
    pages = []
    for slot in table.slots():
        record = table.record(slot)
        score = 2.0 ** ((record["heat"] - now) / (1 << 20) + 40)
        pages.append(
            [
                (table.tokens(slot, level), score * [0, *record["quality"]][level])
                for level in range(table.required_level(slot), 5)
                if level == 0 or record["tokens"][level - 1] != MISSING
            ]
        )
    return pages


def optimum(pages, budget):
    """Return the largest value of one choice per page within the budget."""
    best = np.zeros(budget + 1)
    for page in pages:
        after = np.full(budget + 1, -np.inf)
        for tokens, value in page:
            if tokens <= budget:
                np.maximum(after[tokens:], best[: budget + 1 - tokens] + value, out=after[tokens:])
        best = after
    return float(best[budget])


def solved(pages, budget):
    """Return the same by a mixed integer program, in units of 2**40."""
    solver = pytest.importorskip("scipy.optimize")
    value = np.array([value for page in pages for _, value in page]) / float(1 << 40)
    tokens = np.array([tokens for page in pages for tokens, _ in page], dtype=float)
    owner = np.array([number for number, page in enumerate(pages) for _ in page])
    one_each = (owner == np.arange(len(pages))[:, None]).astype(float)
    answer = solver.milp(
        -value,
        constraints=[
            solver.LinearConstraint(tokens[None, :], 0, budget),
            solver.LinearConstraint(one_each, 1, 1),
        ],
        integrality=np.ones(len(value)),
        bounds=solver.Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    assert answer.success
    return -answer.fun


def random_instance(core, rng, random_pages, tokens_max=120):
    table = core.PageTable()
    for page in random_pages(rng, rng.randint(5, 60), tokens_max):
        table.put(**page)
    tokens = sum(table.tokens(slot, 4) for slot in table.slots())
    return table, max(1, int(tokens * rng.choice((0.05, 0.1, 0.2, 0.4, 0.7))))


def test_the_median_is_within_a_thousandth_and_the_bound_always_holds(core, random_pages):
    rng = random.Random(60)
    shares = []
    while len(shares) < 250:
        table, budget = random_instance(core, rng, random_pages)
        pages = choices(table)
        plan = table.select(budget, TURN)
        if plan.feasible:
            best = optimum(pages, budget)
            assert plan.value * EXACT <= best
            assert best * EXACT <= plan.bound
            shares.append(plan.value / best)
    assert statistics.median(shares) >= 0.999
    assert min(shares) >= 0.5


def test_the_dynamic_program_agrees_with_an_integer_solver(core, random_pages):
    rng = random.Random(61)
    for _ in range(6):
        table, budget = random_instance(core, rng, random_pages)
        pages = choices(table)
        if table.select(budget, TURN).feasible:
            assert optimum(pages, budget) / (1 << 40) == pytest.approx(
                solved(pages, budget), rel=1e-6
            )


def test_huge_pages_among_dust_keep_half_of_the_optimum(core, put):
    rng = random.Random(62)
    for _ in range(300):
        table = core.PageTable()
        for number in range(rng.randint(1, 6)):
            tokens = rng.randint(60, 130)
            stand_in = rng.choice((None, rng.randint(1, tokens - 1)))
            quality = (1, 1, rng.randint(1, 999), 1000)
            put(table, f"huge {number}", (None, None, stand_in, tokens), quality, tokens * 2)
        for number in range(rng.randint(1, 110)):
            put(table, f"dust {number}", (None, None, None, rng.randint(1, 3)), weight=7)
        pages = choices(table)
        plan = table.select(100, TURN)
        best = optimum(pages, 100)
        assert plan.value * 2 >= best * EXACT
        assert best * EXACT <= plan.bound


@pytest.mark.parametrize("age", [0, 900, 1250, 1290])
def test_the_bound_holds_when_scores_are_nearly_rounded_away(core, random_pages, age):
    rng = random.Random(63)
    for _ in range(40):
        table = core.PageTable()
        for page in random_pages(rng, 20):
            table.put(**page)
        pages = choices(table, TURN + age)
        budget = max(1, sum(table.tokens(slot, 4) for slot in table.slots()) // 4)
        plan = table.select(budget, TURN + age)
        if plan.feasible:
            assert plan.value * EXACT <= optimum(pages, budget)
            assert optimum(pages, budget) * EXACT - 1 <= plan.bound


def test_the_bound_is_tight_on_a_large_table(core, random_pages):
    table = core.PageTable()
    for page in random_pages(random.Random(64), 400, 2000):
        table.put(**page)
    plan = table.select(150_000, TURN)
    assert plan.feasible
    assert plan.value >= 0.99 * plan.bound
