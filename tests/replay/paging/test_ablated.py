"""Our policy without one of its own parts."""

from __future__ import annotations

import pytest
from random_workloads import random_workload

from clawvm._backend import core
from clawvm.pages import Fidelity, Page, PageType, Pin
from clawvm.replay.paging.ablated import EveryTurn, PlainGreedy
from clawvm.replay.paging.forms import page_of, put_page
from clawvm.replay.workloads import PageSpec
from clawvm.residency import ClawVMPolicy, Decision, Policy, View


def decide(policy: Policy, pages: list[PageSpec], budget: int) -> tuple[Decision, dict[str, int]]:
    """Put all pages at once, and return the decision and the levels."""
    table = core.PageTable()
    by_slot: dict[int, Page] = {}
    for spec in pages:
        page = page_of(spec, 1, cheaper_forms=True)
        page.slot = put_page(table, page, 1)
        by_slot[page.slot] = page
    pinned = {slot: page for slot, page in by_slot.items() if page.pin is Pin.HARD}
    view = View(table, by_slot, pinned, budget, 1, list(by_slot), (), {})
    decision = policy.decide(view)
    return decision, {page.id: table.level(slot) for slot, page in by_slot.items()}


def spec(name: str, tokens: int, utility: int) -> PageSpec:
    cost = (None, None, None, tokens)
    return PageSpec(name, PageType.EVIDENCE, Pin.NONE, Fidelity.POINTER, cost, utility, 0)


def test_the_plain_greedy_stops_at_the_first_step_that_does_not_fit() -> None:
    # Room for 70 (the low-water mark of 100): the densest is taken, the next does not fit, and the
    # last, which would, is not looked at.
    pages = [spec("dense", 10, 30), spec("large", 65, 60), spec("small", 20, 10)]

    decision, levels = decide(PlainGreedy(), pages, 94)

    assert decision.epoch
    assert levels == {"dense": Fidelity.FULL, "large": Fidelity.NONE, "small": Fidelity.NONE}
    assert decide(ClawVMPolicy(), pages, 94)[1]["large"] == Fidelity.FULL


@pytest.mark.parametrize("seed", range(40))
def test_its_plans_hold_budget_and_floor_and_tell_what_moved(seed: int) -> None:
    pages = list(random_workload(seed).pages)

    decision, levels = decide(PlainGreedy(), pages, 150)

    if not decision.feasible:
        assert not decision.moves
        return
    costs = {page.id: (0, *page.tokens) for page in pages}
    assert sum(costs[name][level] or 0 for name, level in levels.items()) <= 150
    assert decision.used_tokens == sum(costs[name][level] or 0 for name, level in levels.items())
    assert all(levels[page.id] >= page.floor for page in pages if page.pin is Pin.HARD)
    assert {old for _, old, _ in decision.moves} <= {0}
    assert len(decision.moves) == sum(level > 0 for level in levels.values())


def test_every_turn_is_an_epoch_even_where_all_fits() -> None:
    decision, levels = decide(EveryTurn(), [spec("log", 10, 5)], 100)
    assert decision.epoch
    assert levels == {"log": Fidelity.FULL}
