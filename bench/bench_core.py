"""Page table and selector: absolute times for the record; `bench.ratios` has what must hold.

Times are of whole Python calls: three pages touched, two new texts of 2 KB hashed, the levels
decided and repaired, the moves as a list. What they do not show: contention and cold caches.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.compiled import compiled_only
from bench.tables import TableTurns, TextTurns
from clawvm import _backend

if TYPE_CHECKING:
    from clawvm._backend import core as core_module

SIZES = (100, 1_000, 10_000, 100_000)
SESSIONS = 1_000

pytestmark = compiled_only


@pytest.mark.parametrize("count", SIZES)
def test_turn(benchmark: BenchmarkFixture, count: int) -> None:
    turns = TextTurns(_backend.core, count)
    benchmark.pedantic(turns.run, setup=turns.prepare, rounds=2_000)  # type: ignore[no-untyped-call]
    plan = turns.select()
    assert plan.feasible
    assert 0.99 * turns.budget <= plan.used_tokens <= turns.budget
    assert plan.value >= 0.99 * plan.bound
    turns.table.check()


@pytest.mark.parametrize("count", SIZES)
def test_turn_with_nothing_changed(benchmark: BenchmarkFixture, count: int) -> None:
    turns = TableTurns(_backend.core, count)
    plan = benchmark(turns.table.turn, turns.budget, turns.turn)
    assert plan.moves == []


@pytest.mark.parametrize("count", SIZES)
def test_first_select(benchmark: BenchmarkFixture, count: int) -> None:
    turns = TableTurns(_backend.core, count)
    slots = turns.table.slots()
    names = [turns.table.page_id(slot) for slot in slots]

    def restored() -> tuple[tuple[core_module.PageTable], dict[str, Any]]:
        dumped = turns.table.dump(slots)
        return (type(turns.table).restore(turns.table.meta(), slots, dumped, names),), {}

    def select(table: core_module.PageTable) -> core_module.Selection:
        return table.select(turns.budget, turns.turn)

    rounds = 3 if count > 10_000 else 20
    plan = benchmark.pedantic(select, setup=restored, rounds=rounds)  # type: ignore[no-untyped-call]
    assert plan.value == turns.select().value


def test_turn_many(benchmark: BenchmarkFixture) -> None:
    """1,000 tables of 100 pages, five pages touched in each."""
    rng = random.Random(3)
    sessions = [TableTurns(_backend.core, 100) for _ in range(SESSIONS)]
    tables = [session.table for session in sessions]
    budgets = [session.budget for session in sessions]

    def bring() -> tuple[tuple[object, ...], dict[str, object]]:
        sessions[0].turn += 1
        touched = [[rng.randrange(100) for _ in range(5)] for _ in tables]
        return (tables, budgets, [sessions[0].turn] * SESSIONS, touched), {}

    told = benchmark.pedantic(  # type: ignore[no-untyped-call]
        _backend.core.turn_many, setup=bring, rounds=20
    )
    assert sum(map(bool, told)) > SESSIONS // 2


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


def test_find(benchmark: BenchmarkFixture) -> None:
    table = TableTurns(_backend.core, 1_000).table
    names = [f"page:{number:015d}" for number in range(1_000)]

    def find_thousand() -> list[int]:
        find = table.find
        return [find(name) for name in names]

    assert benchmark(find_thousand) == list(range(1_000))
