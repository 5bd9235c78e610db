"""The work of an operation, by the table's own counters: none of it may grow with the table."""

from __future__ import annotations

import random
from functools import partial

import pytest
from builds import unchecked_only

PAGES = (100, 10_000)
PROBES_EACH_MOST = 9  # a miss in an index that is three quarters full expects 8.5
LOGARITHMS_EACH_MOST = 7  # of the weight, and two for each of three steps
STEPS_EACH_MOST = 100  # taken or given back in a turn that changes five pages; 50 are usual
TURNS = 200
QUALITY = (150, 400, 800, 1000)
DOUBLING_RESIZES_MOST = 12  # records and ids each grow by an eighth


def filled(core, put, pages):
    table = core.PageTable(capacity=pages)
    for number in range(pages):
        put(table, f"page {number}", turn=number % 50)
    return table


def work_of(table, run):
    """Return what an action adds to the counters."""
    before = table.stats
    run()
    return {name: count - before[name] for name, count in table.stats.items()}


@pytest.mark.parametrize("pages", PAGES)
def test_finding_a_page_looks_at_a_few_entries(core, put, pages):
    table = filled(core, put, pages)
    wanted = random.Random(1).choices(range(pages), k=1_000)
    work = work_of(table, lambda: [table.find(f"page {number}") for number in wanted])
    assert work.pop("probes") <= PROBES_EACH_MOST * len(wanted)
    assert not any(work.values())


@pytest.mark.parametrize("pages", PAGES)
def test_missing_a_page_looks_at_a_few_entries(core, put, pages):
    table = filled(core, put, pages)
    work = work_of(table, lambda: [table.find(f"none {number}") for number in range(1_000)])
    assert work["probes"] <= PROBES_EACH_MOST * 1_000


@pytest.mark.parametrize("pages", PAGES)
def test_touching_takes_no_logarithm_and_no_memory(core, put, pages):
    table = filled(core, put, pages)
    work = work_of(table, lambda: [table.touch(slot, 60) for slot in range(100)])
    assert (work["log2"], work["resizes"], work["compactions"]) == (0, 0, 0)


def test_putting_takes_as_many_logarithms_in_a_large_table_as_in_a_small_one(core, put):
    def replace(table):
        for number in range(100):
            put(table, f"page {number}", weight=number + 2)

    tables = [filled(core, put, pages) for pages in PAGES]
    small, large = (work_of(table, partial(replace, table)) for table in tables)
    assert small["log2"] == large["log2"]
    assert 100 <= large["log2"] <= LOGARITHMS_EACH_MOST * 100
    assert max(small["probes"], large["probes"]) <= PROBES_EACH_MOST * 100


def test_doubling_a_table_takes_as_few_resizes_when_it_is_large(core, put):
    table = core.PageTable(capacity=1)
    resizes = []
    for number in range(8_192):
        put(table, f"page {number}")
        if number + 1 in (2_048, 4_096, 8_192):
            resizes.append(table.stats["resizes"])
    early, late = resizes[1] - resizes[0], resizes[2] - resizes[1]
    assert late <= early + 1
    assert late <= DOUBLING_RESIZES_MOST


def ladder(rng):
    full = max(40, int(rng.lognormvariate(5.5, 1)))
    return [min(30, full // 8), full // 5 + 2, full // 2 + 4, full + 6]


@unchecked_only
@pytest.mark.parametrize("pages", [100, 10_000, 100_000])
def test_a_turn_takes_few_steps_whatever_the_size_of_the_table(backends, put, pages):
    core, rng = backends[0], random.Random(pages)
    table = core.PageTable(capacity=pages)
    tokens = 0
    for number in range(pages):
        counts = ladder(rng)
        tokens += counts[3]
        put(table, f"page {number}", counts, weight=rng.randint(1, 100), turn=number % 50)
    table.select(tokens // 10, 50)

    def run(first=51 + TURNS):
        for turn in range(first, first + TURNS):
            slots = [rng.randrange(pages) for _ in range(5)]
            contents = [(slot, f"{turn}", ladder(rng), QUALITY) for slot in slots[3:]]
            table.turn(tokens // 10, turn, slots[:3], contents)

    run(51)
    work = work_of(table, run)
    assert 0 < work["steps"] <= STEPS_EACH_MOST * TURNS
    assert 0 < work["frontiers"] <= 2 * TURNS
    assert work["allocations"] == work["resizes"] == 0


@unchecked_only
@pytest.mark.parametrize("pages", [100, 10_000])
def test_a_selection_of_what_has_not_changed_takes_no_steps(backends, put, pages):
    table = filled(backends[0], put, pages)
    table.select(pages * 10, 60)
    work = work_of(table, lambda: table.select(pages * 10, 61))
    assert work.pop("selects") == 1
    assert not any(work.values())
