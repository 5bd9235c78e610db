"""A page table as bytes: what changed, what a dump says, what a table made of one does."""

from __future__ import annotations

import random
import struct
import tracemalloc

import hypothesis.strategies as st
import pytest
from hypothesis import given

from clawvm import _backend, _reference
from clawvm._reference import layout
from clawvm.errors import ClawVMError, PageNotFound, SnapshotInvalid

CORES = [_reference] if _backend.backend == "reference" else [_backend.core, _reference]


def fill(table, put, random_pages, seed=1, count=40):
    """Put, free, select and touch, so that every field and the free list have something in them."""
    rng = random.Random(seed)
    for page in random_pages(rng, count):
        put(table, **page)
    for slot in rng.sample(range(count), count // 4):
        table.remove(slot)
    table.select(2000, 120)
    for slot in table.slots()[::3]:
        table.touch(slot, 130)
        table.demand(slot, 4)
    return table


def restored(core, table):
    slots = table.slots()
    ids = [table.page_id(slot) for slot in slots]
    return core.PageTable.restore(table.meta(), slots, table.dump(slots), ids)


def dumped(table):
    slots = table.slots()
    return table.meta(), slots, table.dump(slots), [table.page_id(slot) for slot in slots]


def figures(plan):
    return (plan.feasible, plan.used_tokens, plan.value, plan.bound, plan.required, plan.moves)


# -- What changed --------------------------------------------------------------------------------


def test_a_new_page_counts_as_changed_until_the_table_is_settled(table, put):
    slot = put(table, "a")
    assert table.changed() == [slot]
    table.settle()
    assert table.changed() == []


def test_changed_slots_are_ascending_and_a_freed_one_is_among_them(table, put):
    for name in "abcd":
        put(table, name)
    table.settle()
    table.remove(2)
    table.set_level(0, 1)
    table.touch(3, 9)
    assert table.changed() == [0, 2, 3]


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda table: table.touch(0, 6), True),
        (lambda table: table.touch(0, 5), False),
        (lambda table: table.advance(0, 9), True),
        (lambda table: table.advance(0, 1), False),
        (lambda table: table.reweigh(0, 2), True),
        (lambda table: table.reweigh(0, 1), False),
        (lambda table: table.set_pin(0, 2), True),
        (lambda table: table.set_pin(0, 0), False),
        (lambda table: table.set_floor(0, 3), True),
        (lambda table: table.set_floor(0, 1), False),
        (lambda table: table.set_level(0, 2), True),
        (lambda table: table.set_level(0, 0), False),
        (lambda table: table.demand(0, 4), False),
        (lambda table: table.select(100, 5), True),
        (lambda table: table.clear_demands(), False),
    ],
)
def test_a_record_counts_as_changed_when_a_field_has_another_value(table, put, change, counts):
    put(table, "a", turn=5)
    table.settle()
    change(table)
    assert table.changed() == ([0] if counts else [])


def test_a_selection_that_moves_nothing_changes_nothing(table, put):
    put(table, "a")
    table.select(100, 0)
    table.settle()
    table.select(100, 7)
    assert table.changed() == []


def test_a_change_is_a_flag_beside_the_one_of_a_live_record(table, put):
    slot = put(table, "a")
    assert table.record(slot)["flags"] == layout.LIVE | layout.CHANGED
    table.settle()
    assert table.record(slot)["flags"] == layout.LIVE
    table.check()


# -- Dumps ---------------------------------------------------------------------------------------


def test_a_dump_is_the_packed_little_endian_record_without_hash_place_and_demand(table, put):
    put(table, "other")
    slot = put(table, "é", (7, None, 9, 20), pin=2, floor=3, digest=bytes(range(16)), turn=258)
    table.set_level(slot, 3)
    table.demand(slot, 4)
    record = table.record(slot)
    assert table.dump([slot]) == struct.pack(
        "<2Qq4I4i4HIIIIHBBBBBB",
        *(0x0001020304050607, 0x08090A0B0C0D0E0F, record["heat"]),
        *(7, 0xFFFFFFFF, 9, 20),
        *record["density"],
        *(150, 0, 800, 1000),
        *(258, 1, 0, 0, 2, 4, 2, 3, 3, 0, 1),
    )


def test_a_freed_slot_is_dumped_as_zeros(table, put):
    for name in "abc":
        put(table, name)
    table.remove(1)
    table.remove(0)
    assert table.dump([1, 0]) == bytes(2 * layout.RECORD_BYTES)


def test_records_are_dumped_in_the_order_asked_for(table, put):
    for name in "ab":
        put(table, name, turn=ord(name))
    assert table.dump([1, 0]) == table.dump([1]) + table.dump([0])
    assert table.dump([]) == b""


@pytest.mark.parametrize("slot", [2, -1, None, 1.0, True, 1 << 80])
def test_a_slot_that_never_held_a_page_cannot_be_dumped(table, put, slot):
    put(table, "a")
    put(table, "b")
    with pytest.raises(PageNotFound, match=r"holds no page \(the table has 2\)"):
        table.dump([0, slot])


def test_meta_tells_half_life_clock_end_and_the_free_slots_as_they_were_freed(core, put):
    table = core.PageTable(half_life=7)
    for name in "abcde":
        put(table, name, turn=3)
    for slot in (3, 1, 4):
        table.remove(slot)
    assert table.meta() == {"half_life": 7, "clock": 3, "end": 5, "free": [3, 1, 4]}


def test_both_back_ends_dump_the_same_bytes(backends, put, random_pages):
    compiled, reference = (fill(core.PageTable(), put, random_pages) for core in backends)
    assert dumped(compiled) == dumped(reference)
    assert compiled.changed() == reference.changed()


def test_records_are_swapped_number_by_number():
    record = struct.pack("<2Qq4I4i4HIIIIHBBBBBB", *range(26))
    assert layout.swapped(record) == struct.pack(">2Qq4I4i4HIIIIHBBBBBB", *range(26))
    assert layout.swapped(layout.swapped(record * 3)) == record * 3


# -- Restoring -----------------------------------------------------------------------------------


def test_a_restored_table_dumps_what_it_was_made_of(core, put, random_pages):
    table = fill(core.PageTable(half_life=9), put, random_pages)
    again = restored(core, table)
    again.check()
    assert dumped(again) == dumped(table)
    assert again.used_tokens == table.used_tokens
    assert again.changed() == []


def test_an_empty_table_is_restored(core):
    table = restored(core, core.PageTable(half_life=3))
    assert (len(table), table.meta()["half_life"]) == (0, 3)
    table.check()


def test_a_table_of_freed_slots_alone_is_restored(core, put):
    table = core.PageTable()
    for name in "abc":
        put(table, name)
    for slot in (1, 2, 0):
        table.remove(slot)
    again = restored(core, table)
    again.check()
    assert [put(again, name) for name in "xyzw"] == [0, 2, 1, 3]


def test_each_back_end_restores_what_the_other_dumped(backends, put, random_pages):
    compiled, reference = backends
    table = fill(compiled.PageTable(), put, random_pages)
    across = restored(reference, table)
    back = restored(compiled, across)
    assert dumped(across) == dumped(back) == dumped(table)


def test_a_restored_table_grows(core, put):
    table = core.PageTable(capacity=1)
    for number in range(30):
        put(table, f"page {number}")
    again = restored(core, table)
    for number in range(30, 300):
        assert put(again, f"page {number}") == number
    again.check()


def test_a_thousand_pages_are_restored_by_their_ids(core, put):
    table = core.PageTable()
    for number in range(1000):
        put(table, f"page {number}", turn=number)
    again = restored(core, table)
    assert [again.slot(f"page {number}") for number in range(1000)] == list(range(1000))


def good():
    """A dump of three pages in four slots."""
    table = _reference.PageTable()
    for name in "abcd":
        table.put(
            name, (10, None, 60, 100), (150, 1, 800, 1000), 3,
            page_type=4, pin=0, floor=1, digest=bytes(16), turn=5,
        )  # fmt: skip
    table.remove(1)
    return list(dumped(table))


def poked(field, value, place=0):
    """The records of `good` with one number changed."""
    numbers = list(layout.RECORD.unpack_from(good()[2], place * layout.RECORD_BYTES))
    index = 0
    for name, _, count in layout.FIELDS:
        if name == field.split(".")[0]:
            index += int(field.split(".")[1]) if "." in field else 0
            break
        index += count
    numbers[index] = value
    before = good()[2][: place * layout.RECORD_BYTES]
    after = good()[2][(place + 1) * layout.RECORD_BYTES :]
    return before + layout.RECORD.pack(*numbers) + after


SHAPES = [
    (0, {"half_life": 32}, "a page table's meta has the keys half_life, clock, end, free, found"),
    (0, None, "meta has the keys"),
    (0, {"half_life": 0, "clock": 5, "end": 4, "free": [1]}, "half life is a whole number from 1"),
    (0, {"half_life": 32, "clock": True, "end": 4, "free": [1]}, "clock is a whole number"),
    (0, {"half_life": 32, "clock": 1 << 32, "end": 4, "free": [1]}, "clock is a whole number"),
    (0, {"half_life": 32, "clock": 5, "end": (1 << 24) + 1, "free": [1]}, "end is a whole number"),
    (0, {"half_life": 32, "clock": 5, "end": 1 << 24, "free": [1]}, "named once"),
    (0, {"half_life": 32, "clock": 5, "end": 3, "free": [1]}, "slots of a table of 3 are below"),
    (0, {"half_life": 32, "clock": 5, "end": 4, "free": []}, "either in use or free"),
    (0, {"half_life": 32, "clock": 5, "end": 4, "free": [1, 1]}, "named once"),
    (0, {"half_life": 32, "clock": 5, "end": 5, "free": [1, 3]}, "named once"),
    (0, {"half_life": 32, "clock": 5, "end": 4, "free": [-1]}, "found -1"),
    (0, {"half_life": 32, "clock": 5, "end": 4, "free": "1"}, "free list is a list"),
    (0, {"half_life": 32, "clock": 5, "end": 4, "free": [1.0]}, "free list has whole numbers"),
    (1, [0, 2, 2], "named once"),
    (1, [2, 0, 3], "not in ascending order"),
    (1, [0, 2], "the records of 2 slots take 176 bytes, found 264"),
    (1, 3, "list of slots is a list"),
    (2, good()[2][:-1], "take 264 bytes, found 263"),
    (2, bytearray(good()[2]), "take 264 bytes, found bytearray"),
    (3, ["a", "c"], "as many ids, found 2"),
    (3, "acd", "page ids must be a list"),
    (3, ["a", "c", "a"], "slots 0 and 3 both hold the page 'a'"),
    (3, ["a", "c", ""], "slot 3: a page id must not be empty"),
    (3, ["a", 7, "d"], "slot 2: a page id must be a str, found 7"),
    (3, ["a", "c\udc80", "d"], "slot 2: page id .* lone surrogate"),
    (3, ["a", "c" * 513, "d"], "slot 2: a page id may have 512 bytes"),
    (3, ["a", "cc", "d"], r"slot 2 \(page 'cc'\): its id takes 1 bytes in the record and 2"),
]

RECORDS = [
    ("flags", 0, "a field that a dump leaves at zero is not"),
    ("flags", 3, "a field that a dump leaves at zero is not"),
    ("demand", 1, "a field that a dump leaves at zero is not"),
    ("id_offset", 1, "a field that a dump leaves at zero is not"),
    ("id_hash", 1, "a field that a dump leaves at zero is not"),
    ("id_length", 0, "its id takes 0 bytes"),
    ("tokens.3", 0xFFFFFFFF, "the full level is missing"),
    ("tokens.0", 0, "the ladder does not ascend"),
    ("tokens.2", 100, "the ladder does not ascend"),
    ("quality.1", 5, "a quality is out of range"),
    ("quality.2", 0, "a quality is out of range"),
    ("quality.3", 999, "a quality is out of range"),
    ("quality.0", 1001, "a quality is out of range"),
    ("density.0", 4, "densities are stale"),
    ("level", 2, "the resident level is missing"),
    ("level", 5, "the resident level is missing"),
    ("pin", 3, "pin, floor or demand is out of range"),
    ("floor", 5, "pin, floor or demand is out of range"),
    ("last_turn", 6, "its last turn is after the clock"),
    ("heat", -(1 << 63), "its weight is out of range"),
    ("heat", (1 << 63) - 1, "its weight is out of range"),
    ("version", 0, "it has no version"),
]


@pytest.mark.parametrize(("place", "value", "sentence"), SHAPES)
def test_a_dump_of_the_wrong_shape_is_refused(core, place, value, sentence):
    parts = good()
    parts[place] = value
    with pytest.raises(SnapshotInvalid, match=sentence):
        core.PageTable.restore(*parts)


@pytest.mark.parametrize(("field", "value", "sentence"), RECORDS)
def test_a_record_out_of_order_is_refused(core, field, value, sentence):
    meta, slots, _, ids = good()
    with pytest.raises(SnapshotInvalid, match=rf"slot 2 \(page 'c'\): {sentence}"):
        core.PageTable.restore(meta, slots, poked(field, value, place=1), ids)


def test_an_id_of_a_subclass_counts_by_its_text_alone(core):
    class Odd(str):
        __slots__ = ()

        def __hash__(self):
            return 1

    meta, slots, records, _ = good()
    table = core.PageTable.restore(meta, slots, records, [Odd("a"), "c", "d"])
    table.check()
    assert table.slot("a") == 0


def outcome(core, parts):
    try:
        table = core.PageTable.restore(*parts)
    except ClawVMError as error:
        return type(error), str(error)
    table.check()
    return dumped(table)


@given(
    place=st.integers(0, 3 * layout.RECORD_BYTES - 1),
    value=st.integers(0, 255),
    second=st.tuples(st.integers(0, 3 * layout.RECORD_BYTES - 1), st.integers(0, 255)),
)
def test_a_mutated_record_is_refused_alike_or_makes_a_table_in_order(place, value, second):
    meta, slots, records, ids = good()
    mutated = bytearray(records)
    mutated[place] = value
    mutated[second[0]] = second[1]
    outcomes = [outcome(core, (meta, slots, bytes(mutated), ids)) for core in CORES]
    assert all(one == outcomes[0] for one in outcomes)


@given(records=st.binary(min_size=264, max_size=264))
def test_random_records_are_refused(records):
    meta, slots, _, ids = good()
    for core in CORES:
        with pytest.raises(SnapshotInvalid):
            core.PageTable.restore(meta, slots, records, ids)


# -- Random histories ----------------------------------------------------------------------------

NAMES = [f"page {number}" for number in range(12)]
STEP = st.tuples(
    st.sampled_from(["put", "put", "remove", "touch", "reweigh", "pin", "level", "demand"]),
    st.sampled_from(NAMES),
    st.integers(0, 4),
    st.integers(0, 200),
)
SELECT = st.tuples(st.just("select"), st.just(""), st.integers(1, 900), st.integers(0, 200))
HISTORY = st.lists(st.one_of(STEP, SELECT), max_size=40)


def act(table, step):
    """Do one step of a history; returns what the table answered."""
    kind, name, number, turn = step
    if kind == "select":
        return figures(table.select(number, turn))
    if kind == "put":
        tokens = [5 + number, None if turn % 2 else 20, None if turn % 3 else 40, 60 + turn]
        fields = {"page_type": number, "pin": number % 3, "floor": number, "turn": turn}
        digest = bytes([number]) * 16
        return table.put(name, tokens, (9, 99, 400, 1000), 1 + turn, digest=digest, **fields)
    slot = table.find(name)
    if slot < 0:
        return None
    if kind == "remove":
        return table.remove(slot)
    if kind == "touch":
        return table.touch(slot, turn)
    if kind == "reweigh":
        return table.reweigh(slot, 1 + turn)
    if kind == "pin":
        return table.set_pin(slot, number % 3)
    if kind == "demand":
        return table.demand(slot, number)
    if number == 0 or table.record(slot)["tokens"][number - 1] != layout.MISSING_LEVEL:
        return table.set_level(slot, number)
    return None


@given(before=HISTORY, after=HISTORY)
def test_a_restored_table_goes_on_as_the_dumped_one(before, after):
    tables = [core.PageTable(half_life=16) for core in CORES]
    for step in before:
        assert len({repr(act(table, step)) for table in tables}) == 1
    for table in tables:
        table.clear_demands()
    tables += [restored(core, table) for core in CORES for table in tables]
    for step in after:
        assert len({repr(act(table, step)) for table in tables}) == 1
    for table in tables:
        table.check()
        assert dumped(table) == dumped(tables[0])


@given(histories=st.lists(HISTORY, min_size=1, max_size=6))
def test_incremental_dumps_folded_together_equal_a_full_one(histories):
    for core in CORES:
        table = core.PageTable()
        records = {}
        for history in histories:
            for step in history:
                act(table, step)
            slots = table.changed()
            packed = table.dump(slots)
            size = layout.RECORD_BYTES
            for place, slot in enumerate(slots):
                records[slot] = packed[place * size : (place + 1) * size]
            table.settle()
            end = table.meta()["end"]
            assert b"".join(records[slot] for slot in range(end)) == table.dump(range(end))


def test_a_huge_end_with_few_slots_allocates_nothing(core):
    parts = good()
    parts[0] = {"half_life": 32, "clock": 5, "end": 1 << 24, "free": [1]}
    outcome(core, parts)  # whatever is imported at the first time
    tracemalloc.start()
    try:
        with pytest.raises(SnapshotInvalid):
            core.PageTable.restore(*parts)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
