"""Page ids: odd texts, collisions in the index, the arena that holds their bytes."""

from __future__ import annotations

import random

import pytest

from clawvm.errors import LimitExceeded


def colliding(count: int, mask: int) -> list[str]:
    """Return ids whose hashes agree in the bits of `mask`, found by trying."""
    found: list[str] = []
    wanted = hash("page 0") & mask
    number = 0
    while len(found) < count:
        name = f"page {number}"
        if hash(name) & mask == wanted:
            found.append(name)
        number += 1
    return found


@pytest.mark.parametrize(
    "page_id",
    ["a\0b", "\0", "é", "日本語/パス", "🙂", "x" * 512, "é" * 256, " ", "a b\nc"],
)
def test_odd_ids_are_ids(table, put, page_id):
    slot = put(table, page_id)
    assert table.page_id(slot) == page_id
    assert table.find(page_id) == slot
    table.check()


def test_ids_that_differ_after_a_nul_byte_are_two(table, put):
    assert put(table, "a\0b") != put(table, "a\0c")
    assert table.find("a") == -1


def test_a_str_subclass_is_its_text(table, put):
    class Name(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return 1

        def __eq__(self, other: object) -> bool:
            return False

    slot = put(table, Name("a"))
    assert table.find("a") == table.find(Name("a")) == slot
    assert type(table.page_id(slot)) is str
    table.check()


def test_ids_of_one_place_in_the_index_are_told_apart(table, put):
    names = colliding(60, 127)
    slots = {name: put(table, name) for name in names}
    assert {name: table.find(name) for name in names} == slots
    table.check()


def test_ids_that_agree_in_place_and_tag_are_told_apart(table, put):
    names = colliding(6, 127 | 0x7F << 25)
    slots = {name: put(table, name) for name in names}
    assert {name: table.find(name) for name in names} == slots


def test_removal_closes_the_gap_in_a_chain_of_collisions(core, put):
    rng = random.Random(1)
    names = colliding(40, 127) + [f"other {number}" for number in range(20)]
    for _ in range(20):
        table = core.PageTable()
        for name in rng.sample(names, len(names)):
            put(table, name)
        gone = set(rng.sample(names, 30))
        for name in sorted(gone):
            table.remove(table.slot(name))
        assert [name in table for name in names] == [name not in gone for name in names]
        table.check()


def test_a_chain_may_wrap_round_the_end_of_the_index(core, put):
    names: list[str] = []
    number = 0
    while len(names) < 12:
        name = f"page {number}"
        if hash(name) & 15 >= 13:
            names.append(name)
        number += 1
    table = core.PageTable(capacity=12)
    for name in names:
        put(table, name)
    for name in names[::2]:
        table.remove(table.slot(name))
        table.check()
    assert [name in table for name in names] == [False, True] * 6


def test_the_arena_is_compacted_when_more_than_half_is_dead(table, put):
    for number in range(10):
        put(table, f"page {number}")
    for slot in range(5):
        table.remove(slot)
    assert table.stats["compactions"] == 0
    table.remove(5)
    assert table.stats["compactions"] == 1
    assert [table.page_id(slot) for slot in table.slots()] == [f"page {n}" for n in range(6, 10)]
    assert [table.record(slot)["id_offset"] for slot in table.slots()] == [0, 6, 12, 18]
    table.check()


def test_ids_that_would_not_fit_the_arena_are_refused(table, put):
    table._limit(100, 10)
    put(table, "12345")
    with pytest.raises(LimitExceeded, match="may take 10 bytes in all and this id would pass that"):
        put(table, "123456")
    assert len(table) == 1
    put(table, "67890")
    table.check()


def test_records_of_both_back_ends_are_equal_after_any_history(backends, put):
    rng = random.Random(3)
    tables = [core.PageTable(capacity=3) for core in backends]
    for _ in range(600):
        name = f"page {rng.randrange(60)}"
        if rng.random() < 0.45 and name in tables[0]:
            for table in tables:
                table.remove(table.slot(name))
        else:
            assert put(tables[0], name) == put(tables[1], name)
    assert (tables[0].records() == tables[1].records()).all()
