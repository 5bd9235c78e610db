"""Write-back: what staging and validating costs, and a commit beside what the disk alone takes.

Times are of whole Python calls. What they do not show: contention of several writers, and a store
on another machine.
"""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
import statistics
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from clawvm.pages import PageType, Scope
from clawvm.stores import Durability, Space
from clawvm.stores.open import open_store
from clawvm.writeback import Authority, Operation, OpKind, Principal, PrincipalKind
from clawvm.writeback.heads import Heads
from clawvm.writeback.journal import Journal
from clawvm.writeback.validate import check_stageable, judge

SPACE = Space("acme", Scope.SESSION, "bench")
HARNESS = Principal("harness", PrincipalKind.HARNESS)
AUTHORITY = Authority(lambda evidence: evidence.partition(":")[0])

BATCH = 1_000
# The goal is 5 us; how loud the host is cancels out against what JSON takes for the same operation.
JSON_RATIO_MAX = 2
PAGES, PAGE_CHARS = 10, 2_000
# The goal is 3. It is reached where a sync takes 0.5 ms or more; a commit takes about that much of
# the processor, so a disk that only pretends to sync needs more room.
COMMIT_RATIO_MAX = 5


def journal(url: str) -> Journal:
    store = open_store(url)
    lease = store.acquire(SPACE, "bench", 3600.0)
    return Journal.open(store, SPACE, AUTHORITY, lease=lease)


def operations(start: int, count: int) -> list[Operation]:
    """Return one new page each, of 2 KB of words that nobody has written in this order before."""
    rng = random.Random(start)
    words = [f"{rng.getrandbits(40):x}" for _ in range(400)]
    return [
        Operation(
            f"read:{start + number}",
            "text",
            OpKind.SET,
            " ".join(rng.choices(words, k=PAGE_CHARS // 8))[:PAGE_CHARS],
            Scope.SESSION,
            f"tool:{start + number}",
            HARNESS,
            page_type=PageType.EVIDENCE,
        )
        for number in range(count)
    ]


def seconds(run: Callable[[], object]) -> float:
    start = perf_counter()
    run()
    return perf_counter() - start


def stage_and_validate(target: Journal, batch: list[Operation]) -> int:
    passed = 0
    trial = Heads()
    for operation in batch:
        target.stage(operation)
    for operation in batch:
        source = AUTHORITY.source_of(operation.evidence)
        passed += judge(operation, trial, SPACE, AUTHORITY, source).code is None
    target._staged.clear()
    return passed


def test_stage_and_validate(benchmark: BenchmarkFixture) -> None:
    target, batch = journal("memory:"), operations(0, BATCH)
    assert benchmark(stage_and_validate, target, batch) == BATCH


def test_staging_and_validating_an_operation_takes_microseconds() -> None:
    target, batch = journal("memory:"), operations(0, BATCH)
    ours, plain = [], []
    for _ in range(15):
        ours.append(seconds(lambda: stage_and_validate(target, batch)))
        plain.append(seconds(lambda: [json.dumps(operation) for operation in batch]))
    each, ratio = min(ours) / BATCH * 1e6, min(ours) / min(plain)
    print(f"\nstage and validate: {each:.2f} us an operation, {ratio:.2f} of json.dumps")
    assert ratio < JSON_RATIO_MAX


def test_refusing_an_operation(benchmark: BenchmarkFixture) -> None:
    heads = Heads()
    operation = operations(0, 1)[0]._replace(expected_version=3)
    check_stageable(operation)
    verdict = benchmark(judge, operation, heads, SPACE, AUTHORITY, "tool")
    assert verdict.code is not None


@pytest.mark.parametrize("level", list(Durability))
def test_commit_ten_pages(benchmark: BenchmarkFixture, tmp_path: Path, level: Durability) -> None:
    target = journal(f"sqlite:///{tmp_path / 'bench.db'}")
    numbers = itertools.count(0, PAGES)

    def commit() -> int:
        for operation in operations(next(numbers), PAGES):
            target.stage(operation)
        return len(target.commit("turn", durability=level).committed)

    assert benchmark(commit) == PAGES
    target.close()


def test_a_commit_costs_little_more_than_the_transaction(tmp_path: Path) -> None:
    target = journal(f"sqlite:///{tmp_path / 'bench.db'}")
    plain = sqlite3.connect(tmp_path / "plain.db", isolation_level=None)
    plain.execute("PRAGMA journal_mode=WAL")
    plain.execute("PRAGMA synchronous=FULL")
    plain.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, data BLOB)")
    ours, theirs = [], []
    for start in range(0, 60 * PAGES, PAGES):
        batch = operations(start, PAGES)
        begin = perf_counter()
        for operation in batch:
            target.stage(operation)
        target.commit("turn")
        ours.append(perf_counter() - begin)
        begin = perf_counter()
        plain.execute("BEGIN IMMEDIATE")
        plain.executemany(
            "INSERT INTO texts (data) VALUES (?)",
            [(str(operation.value).encode(),) for operation in batch],
        )
        plain.execute("COMMIT")
        theirs.append(perf_counter() - begin)
    plain.close()
    target.close()
    mine, bare = statistics.median(ours) * 1e3, statistics.median(theirs) * 1e3
    ratio = mine / bare
    print(
        f"\na commit of {PAGES} pages of {PAGE_CHARS} bytes: {mine:.2f} ms, "
        f"{ratio:.2f} times the bare transaction of {bare:.2f} ms"
    )
    assert ratio < COMMIT_RATIO_MAX
