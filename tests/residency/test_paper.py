"""The published greedy, on cases worked by hand."""

from __future__ import annotations

import pytest

from clawvm.pages import Fidelity, PageType, Pin
from clawvm.residency import PaperPolicy
from clawvm.residency.paper import select_published

N, P, S, C, F = Fidelity
LADDER = {P: 10, S: 30, C: 60, F: 100}


def select(pages, budget, required=None, recency=None):
    return select_published(pages, required or {}, budget, recency or {})


def test_with_room_for_all_every_page_with_a_whole_ladder_climbs_to_full(make_page):
    # Steps of a page cost 10, 20, 30 and 40, so its score per token falls from rung to rung, the
    # cheap rungs of all pages come first, and each is the next when its turn comes.
    chosen = select([make_page("a", LADDER), make_page("b", LADDER)], 1_000)
    assert chosen.levels == {"a": F, "b": F}
    assert (chosen.unmet, chosen.used_tokens) == ({}, 200)


def test_pointers_are_prefetched_before_any_upgrade(make_page):
    pages = [make_page(name, LADDER) for name in "abc"]
    assert select(pages, 35).levels == {"a": P, "b": P, "c": P}


def test_prefetch_goes_by_recompute_cost_then_by_worth_then_by_id(make_page):
    pages = [make_page("a", {P: 10}), make_page("b", {P: 10}, cost=3), make_page("c", {P: 10})]
    assert select(pages, 10).levels == {"b": P}
    assert select(pages, 20).levels == {"b": P, "a": P}


def test_prefetch_takes_a_cheap_pointer_after_one_that_does_not_fit(make_page):
    pages = [make_page("a", {P: 50, F: 90}, cost=9), make_page("b", {P: 10, F: 90})]
    assert select(pages, 20).levels == {"b": P}


def test_of_equal_steps_the_greatest_page_id_goes_first(make_page):
    # 20 tokens of pointers, 20 are left: one upgrade to structured, and the list runs backwards.
    assert select([make_page("a", LADDER), make_page("b", LADDER)], 40).levels == {"a": P, "b": S}


def test_a_page_without_a_compressed_form_never_climbs_to_full(make_page):
    # Structured to full is two rungs: full would be the next rung only after compressed, whose
    # missing cost reads as 0 and so is no step at all.
    plan = make_page("plan", {P: 10, S: 30, F: 100}, PageType.PLAN)
    assert select([plan], 1_000).levels == {"plan": S}


def test_a_page_without_a_pointer_is_taken_at_structured_but_not_prefetched(make_page):
    # Rules have no pointer. Their structured form is rung 2 of a page at rung 0: never the next.
    rule = make_page("rule", {S: 30, F: 100}, PageType.CONSTRAINT, pin=Pin.NONE)
    assert select([rule], 1_000).levels == {}
    assert select([rule], 1_000, {"rule": S}).levels == {"rule": S}


def test_a_step_that_was_passed_over_is_never_come_back_to(make_page):
    # The step to compressed costs 2 and ranks before the step to structured, which costs 20; when
    # it is looked at the page is at pointer, and later nothing looks at it again.
    page = make_page("a", {P: 10, S: 30, C: 32, F: 100})
    assert select([page], 1_000).levels == {"a": S}


def test_a_required_page_that_does_not_fit_goes_unmet_with_no_cheaper_form(make_page):
    chosen = select([make_page("a", {S: 30, F: 100})], 99, {"a": F})
    assert chosen.levels == {}
    assert chosen.unmet == {"a": F}


def test_installation_goes_on_after_a_page_that_did_not_fit(make_page):
    pages = [make_page("a", {F: 200}, pin=Pin.HARD), make_page("b", {F: 50})]
    chosen = select(pages, 100, {"a": F, "b": F})
    assert (chosen.levels, chosen.unmet) == ({"b": F}, {"a": F})


def test_required_pages_go_by_pin_then_type_then_id(make_page):
    pages = [
        make_page("a", {F: 60}),
        make_page("b", {F: 60}, PageType.PLAN),
        make_page("c", {F: 60}, PageType.CONSTRAINT),
        make_page("d", {F: 60}, PageType.BOOTSTRAP),
    ]
    required = dict.fromkeys("abcd", F)
    assert list(select(pages, 240, required).levels) == ["d", "c", "b", "a"]
    assert list(select(pages, 130, required).unmet) == ["b", "a"]


def test_a_pin_a_cost_and_recency_raise_a_page_in_the_order(make_page):
    # One step to structured fits. 5 by itself; +0.6 soft pin; +0.4 a unit of cost; +0.6 recency.
    def winner(b, recency=None):
        pages = [b, make_page("z", LADDER)]
        (name,) = [n for n, level in select(pages, 40, None, recency).levels.items() if level is S]
        return name

    assert winner(make_page("b", LADDER)) == "z"
    assert winner(make_page("b", LADDER, pin=Pin.SOFT)) == "b"
    assert winner(make_page("b", LADDER, cost=1)) == "b"
    assert winner(make_page("b", LADDER), {"b": 0.1}) == "b"
    assert winner(make_page("b", LADDER), {"b": 0.1, "z": 0.2}) == "z"


@pytest.mark.parametrize(
    ("fields", "recency"),
    [({"cost": 1}, 0.4 / 0.6), ({"pin": Pin.SOFT}, 0.6 / 0.6), ({"pin": Pin.HARD}, 2.0 / 0.6)],
)
def test_the_weights_of_pin_cost_and_recency_are_those_of_the_artifact(make_page, fields, recency):
    # One step to structured fits: page a with a pin or cost against page z with that much recency.
    pages = [make_page("a", LADDER, **fields), make_page("z", LADDER)]
    for more, levels in ((-0.01, {"a": S, "z": P}), (0.01, {"a": P, "z": S})):
        assert select(pages, 40, None, {"z": recency + more}).levels == levels


def test_the_utility_of_the_page_itself_is_not_read(make_page):
    pages = [make_page("a", LADDER, weight=1 << 24), make_page("b", LADDER, weight=1)]
    assert select(pages, 40).levels == {"a": P, "b": S}


# The policy ---


@pytest.fixture
def policy():
    return PaperPolicy()


def levels(view):
    return {page.id: Fidelity(view.table.level(slot)) for slot, page in view.pages.items()}


def test_the_policy_sets_the_levels_in_the_table(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 40)
    decision = policy.decide(view)
    assert levels(view) == {"a": P, "b": S}
    assert decision.moves == [(0, N, P), (1, N, S)]
    assert decision.used_tokens == view.table.used_tokens == 40
    assert not decision.epoch


def test_the_policy_selects_from_nothing_at_every_turn(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 1_000)
    policy.decide(view)
    view.budget = 40
    decision = policy.decide(view)
    assert levels(view) == {"a": P, "b": S}
    assert decision.epoch


def test_recency_rises_by_one_for_what_was_demanded_and_decays(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 1_000)
    view.demands = {0: F}
    policy.decide(view)
    assert policy._recency == {"a": 1.0}
    policy.decide(view)
    assert policy._recency == {"a": pytest.approx(1.88)}
    view.demands = {}
    policy.decide(view)
    assert policy._recency == {"a": pytest.approx(1.88 * 0.88)}


def test_recency_below_a_ten_thousandth_is_forgotten(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER)], 1_000)
    view.demands = {0: F}
    policy.decide(view)
    view.demands = {}
    for _ in range(72):
        policy.decide(view)
    assert policy._recency == {"a": pytest.approx(0.88**72)}
    policy.decide(view)
    assert policy._recency == {}


def test_recency_decides_the_next_turn(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 40)
    view.demands = {0: P}
    policy.decide(view)
    view.demands = {}
    policy.decide(view)
    assert levels(view) == {"a": S, "b": P}


def test_an_unmet_page_is_infeasible_and_moves_nothing(policy, make_page, make_view):
    view = make_view([make_page("a", {F: 100}, pin=Pin.HARD), make_page("b", LADDER)], 60)
    view.table.set_level(1, S)
    decision = policy.decide(view)
    assert not decision.feasible
    assert (decision.required, decision.floor_tokens, decision.moves) == ([0], 100, [])
    assert levels(view) == {"a": N, "b": S}
    assert policy._recency == {}
