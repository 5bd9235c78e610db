"""What each method of a page table does, on both back ends."""

from __future__ import annotations

import pytest

from clawvm.errors import LimitExceeded, PageNotFound
from clawvm.pages import Fidelity, PageType, Pin


def test_a_new_table_is_empty(table):
    assert len(table) == 0
    assert table.slots() == []
    assert table.used_tokens == 0
    table.check()


def test_a_new_page_is_not_resident_and_has_version_one(table, put):
    slot = put(table, "a", digest=b"0123456789abcdef")
    assert (table.level(slot), table.version(slot)) == (0, 1)
    assert table.digest(slot) == b"0123456789abcdef"
    assert table.page_id(slot) == "a"
    assert table.used_tokens == 0


def test_slots_are_given_in_order_and_the_one_freed_last_first(table, put):
    assert [put(table, name) for name in "abcd"] == [0, 1, 2, 3]
    table.remove(1)
    table.remove(2)
    assert table.slots() == [0, 3]
    assert [put(table, name) for name in "efg"] == [2, 1, 4]
    table.check()


def test_find_slot_and_in_agree(table, put):
    slot = put(table, "a")
    assert table.find("a") == table.slot("a") == slot
    assert "a" in table
    assert table.find("b") == -1
    assert "b" not in table


def test_put_of_a_known_page_keeps_its_slot_and_replaces_its_fields(table, put):
    slot = put(table, "a")
    assert put(table, "a", (1, 2, 3, 4), page_type=2, pin=2, floor=3) == slot
    record = table.record(slot)
    assert record["tokens"] == (1, 2, 3, 4)
    assert (record["page_type"], record["pin"], record["floor"]) == (2, 2, 3)


def test_the_version_counts_contents(table, put):
    slot = put(table, "a", digest=b"a" * 16)
    put(table, "a", weight=7, digest=b"a" * 16)
    assert table.version(slot) == 1
    put(table, "a", digest=b"b" * 16)
    put(table, "a", digest=b"a" * 16)
    assert table.version(slot) == 3


def test_the_last_version_is_a_limit(table, put):
    slot = put(table, "a")
    table._poke(slot, "version", (1 << 32) - 1)
    put(table, "a")
    before = table.record(slot)
    with pytest.raises(LimitExceeded, match="has at most 4294967295 versions"):
        put(table, "a", (1, 2, 3, 4), digest=b"b" * 16)
    assert table.record(slot) == before


def test_a_resident_level_that_the_new_ladder_lacks_becomes_the_next_lower(table, put):
    slot = put(table, "a")
    table.set_level(slot, 3)
    put(table, "a", (10, 30, None, 100))
    assert (table.level(slot), table.used_tokens) == (2, 30)
    put(table, "a", (None, None, None, 100))
    assert (table.level(slot), table.used_tokens) == (0, 0)
    table.check()


def test_remove_forgets_a_page_and_its_tokens(table, put):
    slot = put(table, "a")
    table.set_level(slot, 4)
    table.remove(slot)
    assert (len(table), table.find("a"), table.used_tokens) == (0, -1, 0)
    assert put(table, "a", digest=b"b" * 16) == slot
    assert table.version(slot) == 1


def test_set_level_moves_used_tokens(table, put):
    a, b = put(table, "a"), put(table, "b")
    table.set_level(a, 4)
    table.set_level(b, 1)
    assert table.used_tokens == 110
    table.set_level(a, 0)
    assert table.used_tokens == 10


def test_admit_makes_pages_resident_in_full_and_tells_which_were_not(table, put):
    a, b, c = put(table, "a"), put(table, "b"), put(table, "c")
    table.set_level(a, 4)
    table.set_level(b, 1)
    assert table.admit([c, a, b, c]) == [(b, 1, 4), (c, 0, 4)]
    assert table.used_tokens == 300
    assert table.admit([]) == table.admit([a, b, c]) == []


def test_admit_moves_nothing_where_one_slot_has_no_page(table, put):
    slot = put(table, "a")
    with pytest.raises(PageNotFound, match="slot 7 holds no page"):
        table.admit([slot, 7])
    assert table.level(slot) == 0


def test_tokens_of_a_level(table, put):
    slot = put(table, "a", (10, None, 60, 100))
    assert [table.tokens(slot, level) for level in (0, 1, 3, 4)] == [0, 10, 60, 100]


def test_a_page_is_worth_half_after_a_half_life(core, put):
    table = core.PageTable(half_life=10)
    slot = put(table, "a", weight=4, turn=5)
    fresh = table.value(slot, 4, 5)
    assert table.value(slot, 4, 15) == fresh // 2
    assert table.value(slot, 3, 5) * 10 == fresh * 8
    assert table.value(slot, 0, 5) == 0


def test_a_weight_of_one_is_worth_two_to_the_fortieth(table, put):
    assert table.value(put(table, "a"), 4, 0) == 1000 << 40


def test_values_run_out_after_forty_half_lives(core, put):
    table = core.PageTable(half_life=1)
    slot = put(table, "a")
    assert [table.value(slot, 4, turn) for turn in (39, 40, 41, 1000)] == [2000, 1000, 0, 0]


def test_the_largest_score_stays_within_64_bits(table, put, core):
    slot = put(table, "a", weight=core.MAX_WEIGHT)
    assert table.value(slot, 4, 0) == ((1 << 64) - 1) * 1000


def test_touch_makes_a_page_fresh_again(table, put):
    slot = put(table, "a", turn=1)
    fresh = table.value(slot, 4, 1)
    assert table.value(slot, 4, 50) < fresh
    table.touch(slot, 50)
    assert table.value(slot, 4, 50) == fresh


def test_a_turn_never_goes_back(table, put):
    slot = put(table, "a", turn=50)
    table.touch(slot, 3)
    put(table, "a", turn=4)
    assert table.record(slot)["last_turn"] == 50
    assert table.value(slot, 4, 10) == table.value(slot, 4, 50)


def test_advance_counts_contents_that_were_made_elsewhere(table, put):
    slot = put(table, "a")
    table.advance(slot, 7)
    assert table.version(slot) == 7
    table.advance(slot, 3)
    assert table.version(slot) == 7
    put(table, "a", digest=b"another digest!!")
    assert table.version(slot) == 8


def test_reweigh_changes_value_and_keeps_recency(table, put):
    slot = put(table, "a", weight=1, turn=9)
    table.reweigh(slot, 2)
    assert table.value(slot, 4, 9) == 2 * 1000 << 40
    assert table.record(slot)["last_turn"] == 9


def test_only_a_hard_pin_makes_the_floor_required(table, put):
    slot = put(table, "a", floor=2)
    assert table.required_level(slot) == 0
    table.set_pin(slot, 1)
    assert table.required_level(slot) == 0
    table.set_pin(slot, 2)
    assert table.required_level(slot) == 2
    table.set_floor(slot, 3)
    assert table.required_level(slot) == 3


def test_the_highest_demand_counts_and_clears(table, put):
    slot = put(table, "a")
    table.demand(slot, 3)
    table.demand(slot, 1)
    assert table.required_level(slot) == 3
    table.clear_demands()
    assert table.required_level(slot) == 0


def test_put_keeps_a_demand(table, put):
    slot = put(table, "a")
    table.demand(slot, 2)
    put(table, "a", digest=b"b" * 16)
    assert table.required_level(slot) == 2


def test_enums_numpy_ints_and_anything_with_index_are_whole_numbers(table, put):
    numpy = pytest.importorskip("numpy")

    class Seven:
        def __index__(self) -> int:
            return 7

    slot = put(
        table,
        "a",
        (numpy.uint32(5), Seven(), 60, numpy.int64(100)),
        numpy.array([1, 2, 3, 1000]),
        numpy.uint8(3),
        page_type=PageType.PLAN,
        pin=Pin.HARD,
        floor=Fidelity.STRUCTURED,
        turn=Seven(),
    )
    assert table.record(slot)["tokens"] == (5, 7, 60, 100)
    assert table.required_level(numpy.int8(slot)) == Fidelity.STRUCTURED
    assert table.select(numpy.int64(7), Seven()).used_tokens == 7


def test_stats_count_the_same_work_on_both_back_ends(backends, put):
    counts = []
    for core in backends:
        table = core.PageTable(capacity=1)
        for number in range(40):
            put(table, f"page {number}")
        for slot in range(30):
            table.remove(slot)
        table.select(500, 1)
        counts.append(table.stats)
    assert list(counts[0]) == list(counts[1])
    assert counts[0].pop("probes") > 40
    assert counts[1].pop("probes") == 0
    assert counts[0].pop("steps") > 0
    assert counts[1].pop("steps") == 10
    assert counts[0].pop("frontiers") == 10
    assert 0 < counts[0].pop("allocations") < 10
    assert counts[1].pop("frontiers") == counts[1].pop("allocations") == 0
    assert counts[0] == counts[1]
    assert counts[0]["resizes"] == 3
    assert counts[0]["compactions"] >= 1


@pytest.mark.parametrize("capacity", [1, 2, 16, 17, 64])
@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_a_table_grows_past_its_capacity(core, put, capacity, extra):
    table = core.PageTable(capacity=capacity)
    names = [f"page {number}" for number in range(capacity + extra)]
    assert [put(table, name) for name in names] == list(range(len(names)))
    assert [table.find(name) for name in names] == list(range(len(names)))
    assert table.stats["resizes"] == max(extra, 0)
    table.check()


def test_a_full_table_refuses_a_new_page_and_takes_a_known_one(table, put):
    table._limit(2, 100)
    put(table, "a")
    put(table, "b")
    with pytest.raises(LimitExceeded, match="holds at most 2 pages and this one is full"):
        put(table, "c")
    assert table.slots() == [0, 1]
    assert put(table, "a", digest=b"b" * 16) == 0
    table.check()


def test_check_reports_a_broken_record_with_a_dump(table, put):
    slot = put(table, "a")
    table._poke(slot, "level", 3)
    with pytest.raises(AssertionError, match="levels cost 60 tokens and the table says 0") as error:
        table.check()
    assert "'last_turn': 0" in str(error.value) or "last_turn=0" in str(error.value)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("heat", -1, "its weight is out of range"),
        ("last_turn", 99, "its last turn is after the clock"),
        ("demand", 9, "pin, floor or demand is out of range"),
        ("version", 0, "it has no version"),
        ("level", 7, "the resident level is missing"),
    ],
)
def test_check_names_the_broken_rule(table, put, field, value, fault):
    table._poke(put(table, "a"), field, value)
    with pytest.raises(AssertionError, match=f"slot 0: {fault}"):
        table.check()


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("flags", 0, r"the free list (\[\] )?is not the dead slots"),
        ("flags", 0, "0 live records"),
        ("id_hash", 1, "slot 0: the (index|id)"),
        ("id_length", 2, "ids take 2 bytes, the table says 1 - 0"),
    ],
)
def test_check_compares_records_with_what_is_kept_beside_them(table, put, field, value, fault):
    table._poke(put(table, "a"), field, value)
    with pytest.raises(AssertionError, match=fault):
        table.check()
