"""ClawVM's own policy: append between epochs, demote in one pass."""

from __future__ import annotations

import re

import pytest

from clawvm.errors import OptionUnknown, PageInvalid, PolicyUnknown
from clawvm.pages import Fidelity, Pin
from clawvm.residency import ClawVMPolicy, PaperPolicy, Plan, last_turn, policy_named

N, P, S, C, F = Fidelity
LADDER = {P: 10, S: 30, C: 60, F: 100}


@pytest.fixture
def policy():
    return ClawVMPolicy()


def levels(view):
    return {page.id: Fidelity(view.table.level(slot)) for slot, page in view.pages.items()}


def test_policies_are_made_by_name():
    assert isinstance(policy_named("clawvm"), ClawVMPolicy)
    assert isinstance(policy_named("paper"), PaperPolicy)
    assert policy_named("paper") is not policy_named("paper")


@pytest.mark.parametrize("name", ["", "ClawVM", "lru"])
def test_an_unknown_name_is_refused_with_those_that_there_are(name):
    with pytest.raises(PolicyUnknown, match="there are 'clawvm', 'paper'"):
        policy_named(name)


@pytest.mark.parametrize("percent", [0, -1, 101])
def test_a_low_water_mark_is_a_percentage(percent):
    with pytest.raises(PageInvalid, match=str(percent)):
        ClawVMPolicy(low_water_percent=percent)


@pytest.mark.parametrize("percent", [1, 70, 100])
def test_the_low_water_mark_is_kept(percent):
    assert ClawVMPolicy(percent).low_water_percent == percent


@pytest.mark.parametrize("solver", ["greedy", "EXACT", "", None, ["exact"]])
def test_an_unknown_solver_is_refused_with_those_that_there_are(solver):
    expected = re.escape(
        f"a solver of the policy 'clawvm' is one of 'auto', 'repair', 'exact'; found {solver!r}"
    )
    with pytest.raises(OptionUnknown, match=expected):
        ClawVMPolicy(solver=solver)


def trap(make_page):
    """Pages of which the densest alone is worth less than two others that fit without it."""
    return [
        make_page("dense", {F: 60}, weight=70),
        make_page("a", {F: 50}, weight=50),
        make_page("b", {F: 50}, weight=50),
    ]


def test_an_exact_epoch_is_the_best_there_is_and_says_so(make_page, make_view):
    view = make_view(trap(make_page), 100)
    decision = ClawVMPolicy(100, solver="exact").decide(view)
    assert levels(view) == {"dense": N, "a": F, "b": F}
    assert decision.epoch
    assert decision.proven
    assert decision.value <= decision.bound <= decision.value * (1 + 2**-22)


def test_an_epoch_by_greedy_and_repair_proves_nothing(make_page, make_view):
    decision = ClawVMPolicy(100, solver="repair").decide(make_view(trap(make_page), 100))
    assert decision.epoch
    assert decision.proven is None


def test_an_epoch_is_exact_where_the_greedy_leaves_much_open(policy, make_page, make_view):
    view = make_view(trap(make_page), 100)
    before = {slot: view.table.level(slot) for slot in view.pages}
    decision = policy.decide(view)
    assert decision.proven
    after = {slot: view.table.level(slot) for slot in view.pages}
    assert decision.moves == [(s, before[s], after[s]) for s in after if before[s] != after[s]]


def test_an_epoch_is_the_greedys_where_its_bound_leaves_little_open(make_page, make_view):
    pages = [make_page(f"p{n}", {F: 10}, weight=100 - n) for n in range(10)]
    decision = ClawVMPolicy(50).decide(make_view(pages, 80))
    assert decision.epoch
    assert decision.proven is None


def test_an_exact_epoch_reports_a_floor_that_does_not_fit(make_page, make_view):
    pages = [make_page("a", {F: 100}, pin=Pin.HARD), make_page("b", LADDER)]
    decision = ClawVMPolicy(solver="exact").decide(make_view(pages, 60, fresh=[0]))
    assert not decision.feasible
    assert (decision.required, decision.floor_tokens, decision.moves) == ([0], 100, [])


def test_what_is_new_enters_at_full(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 200)
    decision = policy.decide(view)
    assert decision.moves == [(0, N, F), (1, N, F)]
    assert (decision.used_tokens, decision.epoch, decision.value) == (200, False, None)


def test_what_is_not_new_stays_as_it_is(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 200, fresh=[1])
    view.table.set_level(0, P)
    assert policy.decide(view).moves == [(1, N, F)]
    assert levels(view) == {"a": P, "b": F}


def test_a_demand_is_met_in_place(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER)], 200, fresh=[], demands={0: C})
    assert policy.decide(view).moves == [(0, N, C)]


def test_a_pin_is_held_between_epochs_too(policy, make_page, make_view):
    page = make_page("a", LADDER, pin=Pin.HARD, floor=S)
    view = make_view([page], 200, fresh=[])
    assert policy.decide(view).moves == [(0, N, S)]
    assert policy.decide(view).moves == []


def test_one_token_too_much_is_an_epoch(policy, make_page, make_view):
    pages = [make_page("a", LADDER), make_page("b", LADDER)]
    assert not policy.decide(make_view(pages, 200)).epoch
    view = make_view(pages, 199)
    decision = policy.decide(view)
    assert decision.epoch
    assert decision.used_tokens == view.table.used_tokens <= 199 * 70 // 100
    assert decision.value <= decision.bound


def test_a_compaction_is_an_epoch_even_with_room(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 250, compacting=True)
    decision = policy.decide(view)
    assert decision.epoch
    assert decision.used_tokens <= 175


def test_a_required_set_above_the_mark_is_kept(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER), make_page("b", LADDER)], 190, tail=[0])
    view.demands = {1: C}
    decision = policy.decide(view)
    assert levels(view) == {"a": F, "b": C}
    assert decision.used_tokens == 160 > 190 * 70 // 100


def test_the_dearer_page_wins_an_epoch(policy, make_page, make_view):
    pages = [make_page("a", {F: 100}, weight=10), make_page("b", {F: 100}, weight=11)]
    view = make_view(pages, 150)
    policy.decide(view)
    assert levels(view) == {"a": N, "b": F}


def test_a_pinned_page_counts_as_just_used_in_an_epoch(policy, make_page, make_view):
    view = make_view([make_page("a", LADDER, pin=Pin.HARD), make_page("b", LADDER)], 120, turn=9)
    policy.decide(view)
    assert last_turn(view.table, 0) == 9
    assert last_turn(view.table, 1) == 0


def test_an_infeasible_floor_leaves_every_level(policy, make_page, make_view):
    pages = [make_page("a", {F: 100}, pin=Pin.HARD), make_page("b", LADDER)]
    view = make_view(pages, 60, fresh=[0])
    view.table.set_level(1, S)
    decision = policy.decide(view)
    assert not decision.feasible
    assert (decision.required, decision.floor_tokens, decision.moves) == ([0], 100, [])
    assert levels(view) == {"a": N, "b": S}
    view.table.check()


def test_demands_do_not_outlive_their_prompt(policy, make_page, make_view):
    view = make_view([make_page("a", {F: 100}), make_page("b", {F: 100})], 100)
    view.demands = {0: F}
    policy.decide(view)
    assert levels(view)["a"] is F
    view.demands, view.fresh, view.compacting = {}, [], True
    policy.decide(view)
    assert view.table.used_tokens <= 70


def test_a_plan_is_feasible_unless_tokens_are_missing():
    plan = Plan("clawvm", 1, 100, 90, 0, (), epoch=False, prefix_tokens_kept=0)
    assert plan.feasible
    missing = Plan("clawvm", 1, 100, 0, 110, (), False, 0, missing_tokens=10)
    assert not missing.feasible


def test_a_low_water_mark_that_was_set_holds_for_every_budget():
    assert ClawVMPolicy(40).low_water(100_000) == 40_000
