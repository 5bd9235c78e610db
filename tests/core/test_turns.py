"""Whole turns in one call: of one table, and of many at once."""

from __future__ import annotations

import random
import subprocess
import sys

import pytest
import xxhash

from clawvm.errors import LadderInvalid, PageInvalid, PageNotFound, TableInUse

LADDER = (10, 30, 60, 100)
QUALITY = (150, 400, 800, 1000)
TEXTS = ("", "a", "plain text " * 300, "größer als ASCII", "🙂 " * 50)


@pytest.mark.parametrize("text", TEXTS, ids=len)
def test_a_content_is_known_by_the_digest_of_its_text(table, put, text):
    slot = put(table, "a")
    table.turn(100, 1, (), [(slot, text, (None, 5, 6, 70), QUALITY)])
    assert table.digest(slot) == xxhash.xxh3_128_digest(text.encode())
    assert table.record(slot)["tokens"] == (0xFFFFFFFF, 5, 6, 70)
    assert (table.version(slot), table.record(slot)["last_turn"]) == (2, 1)
    table.turn(100, 2, (), [(slot, text, (None, 5, 6, 70), QUALITY)])
    assert (table.version(slot), table.record(slot)["last_turn"]) == (2, 2)
    table.check()


def test_a_turn_is_its_touches_its_contents_and_a_selection(core, put):
    one, other = core.PageTable(), core.PageTable()
    for table in (one, other):
        for number in range(30):
            put(table, f"page {number}", weight=number + 1)
        table.select(700, 0)
    plan = one.turn(700, 50, [3, 4], [(5, "new", (10, 20, 30, 40), QUALITY)])
    other.touch(3, 50)
    other.touch(4, 50)
    digest = xxhash.xxh3_128_digest(b"new")
    put(other, "page 5", (10, 20, 30, 40), weight=6, turn=50, digest=digest)
    again = other.select(700, 50)
    assert plan.moves
    assert (plan.moves, plan.value, plan.bound) == (again.moves, again.value, again.bound)
    assert one.dump(one.slots()) == other.dump(other.slots())


@pytest.mark.parametrize(
    ("touched", "contents", "error"),
    [
        ([9], [], PageNotFound),
        (["x"], [], PageNotFound),
        ([0, -1], [], PageNotFound),
        ([0], [(9, "text", LADDER, QUALITY)], PageNotFound),
        ([0], [(0, b"bytes", LADDER, QUALITY)], PageInvalid),
        ([0], [(0, "\ud800", LADDER, QUALITY)], PageInvalid),
        ([0], [(0, "text", (4, 3, 2, 1), QUALITY)], LadderInvalid),
        ([0], [(0, "text", LADDER)], PageInvalid),
        ([0], [7], PageInvalid),
    ],
)
def test_a_turn_that_is_refused_has_changed_nothing(backends, put, touched, contents, error):
    said = set()
    for core in backends:
        table = core.PageTable()
        put(table, "a")
        before = (table.dump([0]), table.meta())
        with pytest.raises(error) as refused:
            table.turn(100, 5, touched, contents)
        said.add(str(refused.value))
        with pytest.raises(error) as refused:
            core.turn_many([table], [100], [5], [touched], [contents])
        said.add(str(refused.value))
        assert (table.dump([0]), table.meta()) == before
    assert len(said) == 1


def batch(core, rng, put, count):
    tables = []
    for _ in range(count):
        table = core.PageTable()
        for number in range(rng.randint(1, 40)):
            put(table, f"page {number}", weight=rng.randint(1, 50), turn=rng.randint(0, 9))
        tables.append(table)
    return tables


def test_many_turns_are_those_of_each_table(core, put):
    many, single = (batch(core, random.Random(1), put, 25) for _ in range(2))
    rng = random.Random(2)
    for turn in range(10, 30):
        budgets = [rng.randint(1, 2500) for _ in many]
        touched = [
            [rng.choice(table.slots()) for _ in range(rng.choice((0, 2, 40)))] for table in many
        ]
        contents = [
            [(0, f"{turn}", (1, 2, 3, rng.randint(4, 200)), QUALITY)] * rng.choice((0, 1, 20))
            for _ in many
        ]
        if turn == 20:
            many[3].demand(0, 4)
            single[3].demand(0, 4)
            budgets[3] = 3
        told = core.turn_many(many, budgets, [turn] * len(many), touched, contents)
        for table, *rest in zip(single, told, budgets, touched, contents, strict=True):
            packed, budget, slots, texts = rest
            plan = table.turn(budget, turn, slots, texts)
            assert packed == (plan.packed if plan.feasible else None)
        assert (told[3] is None) == (turn == 20)
        if turn == 20:
            for tables in (many, single):
                tables[3].clear_demands()
    for table in many:
        table.check()


def test_a_batch_needs_as_many_of_everything_and_each_table_once(backends, put):
    said = []
    for core in backends:
        table, other = core.PageTable(), core.PageTable()
        put(table, "a")
        refusals = [
            (([table], [], [1], [[]]), PageInvalid),
            (([table, 3], [5, 5], [1, 1], [[], []]), PageInvalid),
            (([table, other, table], [5] * 3, [1] * 3, [[0], [], []]), TableInUse),
        ]
        for arguments, error in refusals:
            with pytest.raises(error) as refused:
                core.turn_many(*arguments)
            said.append(str(refused.value))
        assert core.turn_many([], [], [], []) == []
        assert core.turn_many([table], [100], [1], [[0]]) == [b"\0\0\0\x40"]
    assert said[:3] == said[3:]


RACE = """
import importlib, sys, threading

from clawvm.errors import TableInUse

core = importlib.import_module(sys.argv[1])
sys.setswitchinterval(1e-6)
fields = dict(page_type=0, pin=0, floor=1, digest=bytes(16), turn=0)
tables = [core.PageTable() for _ in range(300)]
for table in tables:
    for number in range(40):
        table.put(f"page {number}", (1, 2, 3, 40), (1, 2, 3, 1000), number + 1, **fields)
done, refused, faults = [], [], []

def batches(half):
    try:
        for turn in range(1, int(sys.argv[2])):
            slots = [[turn % 40, (turn * 7) % 40] for _ in half]
            try:
                core.turn_many(half, [300 + turn] * len(half), [turn] * len(half), slots)
            except TableInUse:
                refused.append(turn)
        done.append(1)
    except BaseException as error:
        faults.append(repr(error))

def meddle():
    try:
        number = 0
        while len(done) < 3:
            number += 1
            table = tables[number % 300]
            try:
                table.touch(number % 40, 1)
                table.put(f"more {number % 60}", (1, 2, 3, 9), (1, 2, 3, 1000), 1, **fields)
                table.select(200, 1)
            except TableInUse:
                refused.append(number)
    except BaseException as error:
        faults.append(repr(error))

halves = [tables[:200], tables[100:], tables[:100]]
threads = [threading.Thread(target=batches, args=(half,)) for half in halves]
threads.append(threading.Thread(target=meddle))
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for table in tables:
    table.check()
print(faults)
"""


def test_batches_and_single_calls_in_several_threads_leave_tables_in_order(core):
    ran = subprocess.run(
        [sys.executable, "-c", RACE, core.__name__, "200" if "_core" in core.__name__ else "4"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stdout.strip()) == (0, "[]"), ran.stderr
