"""Knapsacks of pages in families that are easy or hard to solve, and what their optimum is."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from clawvm._reference.arithmetic import ONE, score
from clawvm._reference.layout import MISSING_LEVEL

Ladder = tuple[int | None, int | None, int | None, int]
Shape = tuple[Ladder, tuple[int, int, int, int], int, int]
"""Tokens, quality, weight and turn of a page."""

TURN = 200


def realistic(rng: random.Random, count: int) -> Iterator[Shape]:
    """Pages as sessions have them: log-normal sizes, some levels missing, ages of 0 to 200."""
    for _ in range(count):
        full = max(40, int(rng.lognormvariate(5.5, 1)))
        counts: list[int | None] = [min(30, full // 8), full // 5 + 2, full // 2 + 4]
        if rng.random() < 0.3:
            counts[rng.randrange(3)] = None
        tokens = (counts[0], counts[1], counts[2], full + 6)
        yield tokens, (150, 400, 800, 1000), rng.randint(1, 100), rng.randint(0, TURN)


def strongly_correlated(rng: random.Random, count: int) -> Iterator[Shape]:
    """All or nothing, worth the tokens and a little more."""
    for _ in range(count):
        full = rng.randint(20, 300)
        yield (None, None, None, full), (1, 1, 1, 1000), full + 30, 0


def subset_sum(rng: random.Random, count: int) -> Iterator[Shape]:
    """All or nothing, worth the tokens: every page is as dense as every other."""
    for _ in range(count):
        full = rng.randint(20, 300)
        yield (None, None, None, full), (1, 1, 1, 1000), full, 0


def few_big(rng: random.Random, count: int) -> Iterator[Shape]:
    """Big pages, of which a handful fit."""
    for _ in range(count):
        full = rng.randint(800, 1500)
        quality = (1, 1, rng.randint(300, 700), 1000)
        yield (None, None, full // 2, full), quality, rng.randint(50, 100), 0


def huge_and_dust(rng: random.Random, count: int) -> Iterator[Shape]:
    """A few pages that take most of the room, and many that take hardly any."""
    for number in range(count):
        if number % 8 == 0:
            full = rng.randint(200, 900)
            yield (None, None, full // 2, full), (1, 1, rng.randint(1, 999), 1000), full * 2, 0
        else:
            yield (None, None, None, rng.randint(1, 5)), (1, 1, 1, 1000), rng.randint(5, 9), 0


def non_convex(rng: random.Random, count: int) -> Iterator[Shape]:
    """Ladders with levels under the hull and levels that are worth less than a cheaper one."""
    for _ in range(count):
        one, two, three, full = sorted(rng.sample(range(1, 300), 4))
        quality = (rng.randint(1, 1000), rng.randint(1, 1000), rng.randint(1, 1000), 1000)
        yield (one, two, three, full), quality, rng.randint(1, 30), rng.randint(100, TURN)


FAMILIES: dict[str, Callable[[random.Random, int], Iterator[Shape]]] = {
    family.__name__: family
    for family in (
        *(realistic, strongly_correlated, subset_sum, few_big, huge_and_dust, non_convex),
    )
}


def pages_of(family: str, rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Return the arguments of ``put`` for pages of one family, a few of them pinned."""
    return [
        {
            "page_id": f"page {number:05d}",
            "tokens": tokens,
            "quality": quality,
            "weight": weight,
            "page_type": 4,
            "pin": 2 if rng.random() < 0.05 else 0,
            "floor": 1,
            "digest": bytes(16),
            "turn": turn,
        }
        for number, (tokens, quality, weight, turn) in enumerate(FAMILIES[family](rng, count))
    ]


def choices_of(table: Any) -> list[dict[int, tuple[int, int]]]:
    """Return for each page (tokens, value) by level, in the objective of the exact selection."""
    records = {slot: table.record(slot) for slot in table.slots()}
    bits = min(40, 50 - len(records).bit_length())
    hottest = max((record["heat"] for record in records.values()), default=0)
    scale = (hottest // ONE + 40 - bits) * ONE
    pages = []
    for slot, record in records.items():
        tokens, quality = (0, *record["tokens"]), (0, *record["quality"])
        worth = score(record["heat"], scale)
        pages.append(
            {
                level: (tokens[level], worth * quality[level])
                for level in range(table.required_level(slot), 5)
                if tokens[level] != MISSING_LEVEL
            }
        )
    return pages


def plan_of(table: Any) -> tuple[int, int]:
    """Return (value, tokens) of the resident levels, in the objective of the exact selection."""
    levels = [table.level(slot) for slot in table.slots()]
    taken = [page[level] for page, level in zip(choices_of(table), levels, strict=True)]
    return sum(value for _, value in taken), sum(tokens for tokens, _ in taken)


def optimum(pages: list[dict[int, tuple[int, int]]], budget: int) -> tuple[int, int] | None:
    """Return the most value within the budget and the fewest tokens that it takes, by tokens."""
    unreachable = -(1 << 62)
    best = np.zeros(budget + 1, dtype=np.int64)
    for page in pages:
        after = np.full(budget + 1, unreachable, dtype=np.int64)
        for tokens, value in page.values():
            if tokens <= budget:
                reached = best[: budget + 1 - tokens] + value
                np.maximum(after[tokens:], reached, out=after[tokens:])
        best = after
    if best[budget] < 0:
        return None
    return int(best[budget]), int(np.argmax(best == best[budget]))


class Peer:
    """OR-tools' CP-SAT on one knapsack, on one core, until the optimum is proven."""

    def __init__(self, pages: list[dict[int, tuple[int, int]]], budget: int) -> None:
        from ortools.sat.python import cp_model

        self.model = cp_model.CpModel()
        self.solver = cp_model.CpSolver()
        self.solver.parameters.num_workers = 1
        self.proven, self.nothing_fits = cp_model.OPTIMAL, cp_model.INFEASIBLE
        self.taken = []
        for page in pages:
            levels = [(self.model.new_bool_var(""), *costs) for costs in page.values()]
            self.model.add_exactly_one(chosen for chosen, _, _ in levels)
            self.taken += levels
        self.model.add(sum(tokens * chosen for chosen, tokens, _ in self.taken) <= budget)
        self.model.maximize(sum(value * chosen for chosen, _, value in self.taken))

    def solve(self) -> int | None:
        """Return the most value within the budget, None where nothing fits."""
        status = self.solver.solve(self.model)
        if status == self.nothing_fits:
            return None
        assert status == self.proven
        return sum(value for chosen, _, value in self.taken if self.solver.boolean_value(chosen))
