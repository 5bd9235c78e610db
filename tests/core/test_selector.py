"""What a selection decides, case by case, on both back ends."""

from __future__ import annotations

import random

import pytest


def levels(table):
    return [table.level(slot) for slot in table.slots()]


def test_an_empty_table_has_an_empty_plan(table):
    plan = table.select(100, 0)
    assert plan.feasible
    assert (plan.value, plan.bound, plan.used_tokens, plan.steps) == (0, 0, 0, 0)
    assert (plan.required, plan.moves) == ([], [])


def test_with_room_for_all_every_page_is_full_and_the_bound_is_exact(table, put):
    for name in "abc":
        put(table, name)
    plan = table.select(300, 0)
    assert levels(table) == [4, 4, 4]
    assert plan.used_tokens == table.used_tokens == 300
    assert plan.value == plan.bound == 3 * 1000 << 40


def test_moves_tell_what_changed_in_slot_order(table, put):
    for name in "abc":
        put(table, name)
    table.set_level(1, 4)
    table.set_level(2, 2)
    plan = table.select(300, 0)
    assert plan.moves == [(0, 0, 4), (2, 2, 4)]
    assert plan.packed == b"\0\0\0\x40" + b"\2\0\0\x42"
    assert table.select(300, 0).moves == []


def test_the_worthier_page_is_raised_first(table, put):
    put(table, "a", (None, None, None, 100), weight=1)
    put(table, "b", (None, None, None, 100), weight=2)
    table.select(100, 0)
    assert levels(table) == [0, 4]


def test_the_more_recent_page_is_raised_first(table, put):
    put(table, "a", (None, None, None, 100), turn=1)
    put(table, "b", (None, None, None, 100), turn=9)
    table.select(100, 9)
    assert levels(table) == [0, 4]


@pytest.mark.parametrize("names", ["ab", "ba"])
def test_equal_pages_are_raised_by_id(table, put, names):
    for name in names:
        put(table, name, (None, None, None, 100))
    table.select(100, 0)
    assert table.level(table.slot("a")) == 4
    assert table.level(table.slot("b")) == 0


def test_ids_are_ordered_by_their_bytes_and_a_prefix_comes_first(table, put):
    names = ["b", "a\0", "é", "aa", "a", "🙂", "\uffff"]
    for name in names:
        put(table, name, (None, None, None, 10))
    for count in range(1, len(names) + 1):
        table.select(10 * count, 0)
        resident = [table.page_id(slot) for slot in table.slots() if table.level(slot)]
        assert sorted(resident) == sorted(names, key=str.encode)[:count]


def test_the_first_level_of_many_pages_comes_before_the_last_of_one(table, put):
    for name in "abcd":
        put(table, name)
    table.select(40, 0)
    assert levels(table) == [1, 1, 1, 1]


def test_a_level_under_the_hull_is_skipped_until_it_fills_a_gap(table, put):
    put(table, "a", (40, 50, None, 100), (10, 20, 1, 1000))
    table.select(99, 0)
    assert levels(table) == [2]
    table.select(100, 0)
    assert levels(table) == [4]


def test_what_does_not_fit_leaves_its_room_to_others(table, put):
    put(table, "big", (None, None, None, 500), weight=1000)
    put(table, "small", (None, None, None, 80))
    table.select(100, 0)
    assert levels(table) == [0, 4]


def test_a_dearer_level_of_less_quality_is_never_chosen(table, put):
    put(table, "a", (10, 20, 30, 1000), (500, 400, 300, 1000))
    table.select(100, 0)
    assert levels(table) == [1]


def test_a_hard_pin_holds_its_floor_whatever_else_is_worth(table, put):
    put(table, "rule", (None, 60, None, 101), weight=1, pin=2, floor=2)
    put(table, "rich", (None, None, None, 50), weight=1 << 20)
    plan = table.select(100, 0)
    assert levels(table) == [2, 0]
    assert (plan.floor_tokens, plan.used_tokens, plan.required) == (60, 60, [])


def test_a_floor_that_the_ladder_lacks_is_met_by_the_next_level_up(table, put):
    put(table, "rule", (10, None, 60, 90), pin=2, floor=2)
    assert table.select(60, 0).floor_tokens == 60
    assert levels(table) == [3]


def test_a_demand_holds_for_one_selection(table, put):
    put(table, "a", weight=1)
    put(table, "b", weight=1000)
    table.demand(0, 4)
    assert table.select(100, 0).floor_tokens == 100
    assert levels(table) == [4, 0]
    assert table.select(100, 0).floor_tokens == 0
    assert levels(table) == [0, 4]


def test_a_floor_that_does_not_fit_is_reported_and_changes_nothing(table, put):
    put(table, "a", (None, None, None, 30), pin=2)
    put(table, "b", (None, None, None, 70), pin=2)
    put(table, "c", (None, None, None, 70), pin=2)
    table.set_level(0, 4)
    table.demand(0, 4)
    plan = table.select(100, 0)
    assert not plan.feasible
    assert (plan.floor_tokens, plan.budget, plan.used_tokens) == (170, 100, 30)
    assert plan.required == [1, 2, 0]
    assert (plan.moves, plan.value, plan.bound, plan.steps) == ([], 0, 0, 0)
    assert levels(table) == [4, 0, 0]
    assert table.required_level(0) == 4
    assert table.select(170, 0).feasible


def test_a_floor_that_takes_the_whole_budget_is_feasible(table, put):
    put(table, "a", pin=2, floor=1)
    put(table, "b")
    plan = table.select(10, 0)
    assert plan.feasible
    assert levels(table) == [1, 0]
    assert plan.value == plan.bound == 150 << 40


def test_one_huge_page_beats_dust(table, put):
    put(table, "dust", (None, None, None, 1), weight=20)
    put(table, "huge", (None, None, None, 100), weight=1000)
    plan = table.select(100, 0)
    assert levels(table) == [0, 4]
    assert (plan.used_tokens, plan.steps) == (100, 1)


def test_a_page_that_cannot_fit_does_not_lure_the_room_into_a_poor_stand_in(table, put):
    put(table, "bait", (None, None, 99, 101), (1, 1, 1, 1000), weight=600)
    for number in range(100):
        put(table, f"dust {number}", (None, None, None, 1), weight=5)
    plan = table.select(100, 0)
    assert plan.value * 2 >= 100 * 5 * 1000 << 40


def test_the_turn_scales_values_and_leaves_the_plan(core, random_pages):
    plans = []
    for turn in (100, 132, 5000):
        table = core.PageTable()
        for page in random_pages(random.Random(4), 30):
            table.put(**page)
        plan = table.select(900, turn)
        plans.append((plan.moves, plan.value >> 30))
    assert plans[0][0] == plans[1][0] == plans[2][0]
    assert plans[0][1] >> 1 == plans[1][1]
    assert plans[2][1] == 0


def test_the_largest_numbers_stay_exact(table, put, core):
    names = [f"page {number}" for number in range(40)]
    for name in names:
        put(
            table,
            name,
            (1, 2, 3, core.MAX_TOKENS),
            weight=core.MAX_WEIGHT,
            turn=core.MAX_TURN,
        )
    plan = table.select((1 << 63) - 1, core.MAX_TURN)
    assert plan.used_tokens == 40 * core.MAX_TOKENS
    assert plan.value == plan.bound == pytest.approx(40 * 1000 << 64, rel=2**-24)
    table.select(40 * core.MAX_TOKENS - 1, core.MAX_TURN)
    assert sorted(levels(table)) == [3] + [4] * 39


def test_a_selection_shows_its_figures(table, put):
    put(table, "a")
    assert repr(table.select(10, 0)) == (
        "Selection(feasible=True, budget=10, floor_tokens=0, used_tokens=10, "
        "value=164926744166400, bound=164926744166400, required=0 pages, moves=1, steps=1)"
    )
