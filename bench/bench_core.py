"""Page table and selector: absolute times for the record, one ratio that must hold.

Times are of whole Python calls, result objects included. What they do not show: contention,
cold caches, and pages that arrive or change size in the same turn.
"""

from __future__ import annotations

import os
import random
import statistics
from time import perf_counter
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from clawvm import _backend, _reference

if TYPE_CHECKING:
    from clawvm._backend import core as core_module

SIZES = (100, 1_000, 10_000)
RATIO_FLOOR = 20  # measured: above 1,000; the floor leaves room for slow compilers and loud hosts

compiled_only = pytest.mark.skipif(
    os.environ.get("CLAWVM_NO_EXTENSIONS", "") not in ("", "0"),
    reason="CLAWVM_NO_EXTENSIONS is set: there is no compiled core to measure",
)


def ladder(rng: random.Random) -> list[int | None]:
    """Return token counts of a page as sessions have them: log-normal, some levels missing."""
    full = max(40, int(rng.lognormvariate(5.5, 1)))
    counts: list[int | None] = [min(30, full // 8), full // 5 + 2, full // 2 + 4, full + 6]
    if rng.random() < 0.3:
        counts[rng.randrange(3)] = None
    return counts


def filled(core: ModuleType, count: int) -> tuple[core_module.PageTable, int]:
    """Return a table of `count` pages, one in fifty pinned, and a tenth of its tokens in full."""
    rng = random.Random(1)
    table = core.PageTable(capacity=count)
    tokens = 0
    for number in range(count):
        counts = ladder(rng)
        tokens += counts[3] or 0
        table.put(
            f"page:{number:015d}",
            counts,
            (150, 400, 800, 1000),
            rng.randint(1, 100),
            page_type=4,
            pin=2 if number % 50 == 0 else 0,
            floor=1,
            digest=bytes(16),
            turn=rng.randint(0, 200),
        )
    return table, tokens // 10


class Turns:
    """Turn after turn of one table: five pages are touched, then the levels are decided anew."""

    def __init__(self, core: ModuleType, count: int) -> None:
        self.table, self.budget = filled(core, count)
        self.rng = random.Random(2)
        self.turn = 200
        self.count = count
        self.table.select(self.budget, self.turn)

    def touch_five(self) -> None:
        self.turn += 1
        for _ in range(5):
            self.table.touch(self.rng.randrange(self.count), self.turn)

    def select(self) -> core_module.Selection:
        return self.table.select(self.budget, self.turn)


@compiled_only
@pytest.mark.parametrize("count", SIZES)
def test_select(benchmark: BenchmarkFixture, count: int) -> None:
    turns = Turns(_backend.core, count)
    plan = benchmark.pedantic(  # type: ignore[no-untyped-call]
        turns.select, setup=turns.touch_five, rounds=2_000 if count < 10_000 else 200
    )
    assert plan.feasible
    assert 0.99 * turns.budget <= plan.used_tokens <= turns.budget
    assert plan.value >= 0.99 * plan.bound
    turns.table.check()


@compiled_only
def test_put_new(benchmark: BenchmarkFixture) -> None:
    arguments = [
        ((f"page:{number:015d}", (30, 60, 200, 400), (150, 400, 800, 1000), 5), number)
        for number in range(1_000)
    ]

    def put_thousand() -> int:
        table = _backend.core.PageTable(capacity=1_000)
        for page, turn in arguments:
            table.put(*page, page_type=4, pin=0, floor=1, digest=bytes(16), turn=turn)
        return len(table)

    assert benchmark(put_thousand) == 1_000


@compiled_only
def test_find(benchmark: BenchmarkFixture) -> None:
    table, _ = filled(_backend.core, 1_000)
    names = [f"page:{number:015d}" for number in range(1_000)]

    def find_thousand() -> list[int]:
        find = table.find
        return [find(name) for name in names]

    assert benchmark(find_thousand) == list(range(1_000))


@compiled_only
def test_select_is_faster_than_the_twin() -> None:
    """Compiled against twin, interleaved in one run; each must come to the same plan."""
    both = [Turns(core, 1_000) for core in (_backend.core, _reference)]
    ratios = []
    for round_ in range(9):
        taken = {}
        plans = {}
        for place in (0, 1) if round_ % 2 else (1, 0):
            both[place].touch_five()
            start = perf_counter()
            plans[place] = both[place].select()
            taken[place] = perf_counter() - start
        assert plans[0].moves == plans[1].moves
        assert plans[0].value == plans[1].value
        ratios.append(taken[1] / taken[0])
    assert statistics.median(ratios) >= RATIO_FLOOR
    print(f"select at 1,000 pages: {statistics.median(ratios):.0f} times the twin")
