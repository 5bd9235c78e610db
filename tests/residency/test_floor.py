"""What must be in a prompt, whatever the policy."""

from __future__ import annotations

import pytest

from clawvm.pages import Fidelity, PageType, Pin
from clawvm.residency import required_levels, unmet_floor

P, S, C, F = Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.COMPRESSED, Fidelity.FULL
LADDER = {P: 10, S: 30, C: 60, F: 100}


def required(view):
    return {view.pages[slot].id: level for slot, level in required_levels(view).items()}


@pytest.fixture
def tail(make_page, make_view):
    """``tail(budget, ...)``: a view with the pages t0, t1, t2 as its tail, oldest first."""

    def call(budget, *more, ladder=LADDER):
        pages = [make_page(f"t{n}", ladder) for n in range(3)]
        view = make_view([*pages, *more], budget)
        view.tail = [page.slot for page in pages]
        return view

    return call


def test_nothing_is_required_of_pages_without_a_pin(make_page, make_view):
    assert required(make_view([make_page("p", LADDER)], 1_000)) == {}


def test_a_hard_pin_is_required_at_its_floor(make_page, make_view):
    page = make_page("p", LADDER, pin=Pin.HARD, floor=S)
    assert required(make_view([page], 1_000)) == {"p": S}


def test_a_hard_pin_without_a_floor_requires_nothing(make_page, make_view):
    page = make_page("p", LADDER, pin=Pin.HARD, floor=Fidelity.NONE)
    assert required(make_view([page], 1_000)) == {"p": Fidelity.NONE}


def test_a_soft_pin_is_not_required(make_page, make_view):
    assert required(make_view([make_page("p", LADDER, PageType.PLAN)], 1_000)) == {}


def test_a_floor_that_the_ladder_lacks_is_met_by_the_next_dearer_level(make_page, make_view):
    page = make_page("p", {P: 10, F: 100}, pin=Pin.HARD, floor=S)
    assert required(make_view([page], 1_000)) == {"p": F}


@pytest.mark.parametrize(("demand", "level"), [(P, S), (C, C)])
def test_of_floor_and_demand_the_higher_counts(make_page, make_view, demand, level):
    view = make_view([make_page("p", LADDER, pin=Pin.HARD, floor=S)], 1_000)
    view.demands = {0: demand}
    assert required(view) == {"p": level}


def test_a_tail_that_fits_is_required_in_full(tail):
    assert required(tail(300)) == {"t2": F, "t1": F, "t0": F}


def test_where_not_all_fits_the_newest_is_in_full(tail):
    assert required(tail(209)) == {"t2": F, "t1": P, "t0": P}
    assert required(tail(210)) == {"t2": F, "t1": F, "t0": P}


def test_a_newest_page_that_does_not_fit_in_full_leaves_the_room_to_older_ones(
    make_page, make_view
):
    old, new = make_page("old", LADDER), make_page("new", {P: 10, F: 1_000})
    view = make_view([old, new], 200)
    view.tail = [old.slot, new.slot]
    assert required(view) == {"new": P, "old": F}


def test_older_pages_of_which_not_even_a_line_fits_are_not_required(tail):
    assert required(tail(25)) == {"t2": P, "t1": P}


def test_the_newest_page_is_required_even_if_not_a_line_fits(tail):
    assert required(tail(5)) == {"t2": P}


def test_pins_go_before_the_tail(tail, make_page):
    rule = make_page("rule", {S: 250, F: 400}, PageType.CONSTRAINT)
    assert required(tail(300, rule)) == {"rule": S, "t2": P, "t1": P, "t0": P}


def test_a_pinned_page_of_the_tail_is_raised_to_full_where_it_fits(make_page, make_view):
    page = make_page("p", LADDER, pin=Pin.HARD)
    view = make_view([page], 100)
    view.tail = [page.slot]
    assert required(view) == {"p": F}
    view.budget = 99
    assert required(view) == {"p": P}


def test_the_newest_page_is_required_even_if_its_pin_asks_nothing(make_page, make_view):
    view = make_view([make_page("p", LADDER, pin=Pin.HARD, floor=Fidelity.NONE)], 50)
    view.tail = [0]
    assert required(view) == {"p": P}


def test_a_floor_that_fits_is_no_decision(tail):
    view = tail(300)
    assert unmet_floor(view, required_levels(view)) is None


def test_a_floor_that_does_not_fit_names_its_pages_dearest_first(make_page, make_view):
    pages = [
        make_page(name, {F: tokens}, pin=Pin.HARD)
        for name, tokens in (("b", 10), ("a", 10), ("c", 90))
    ]
    view = make_view(pages, 100)
    decision = unmet_floor(view, required_levels(view))
    assert not decision.feasible
    assert decision.floor_tokens == 110
    assert [view.pages[slot].id for slot in decision.required] == ["c", "a", "b"]
    assert decision.moves == []
