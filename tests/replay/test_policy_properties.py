"""What every policy with a budget promises, on random pages: the budget, the floor, the truth."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clawvm.pages import RULES, Fidelity, PageForm, PageType, Pin, Provenance
from clawvm.replay.policies import POLICY_NAMES, make_policy
from clawvm.residency import View
from clawvm.session.book import PageBook
from clawvm.session.ladders import Made

BUDGETED = [name for name in POLICY_NAMES if name != "full"]


class Plan(NamedTuple):
    """A page to be: its type, the steps of its ladder in tokens, its pin, when it arrives."""

    page_type: PageType
    steps: list[int]
    pin: Pin
    request: int
    is_tool: bool
    in_tail: bool


plans = st.builds(
    Plan,
    st.sampled_from(PageType),
    st.lists(st.integers(1, 120), min_size=1, max_size=4),
    st.sampled_from(Pin),
    st.integers(1, 6),
    st.booleans(),
    st.booleans(),
)


def book_of(pages: list[Plan]) -> tuple[PageBook, list[int]]:
    """Put the pages in the order of their requests; return them and the slots of the tail."""
    book = PageBook("s")
    tail = []
    for number, plan in enumerate(sorted(pages, key=lambda plan: plan.request)):
        levels = RULES[plan.page_type].levels[-len(plan.steps) :]
        ladder, tokens = {}, 0
        for place, (level, step) in enumerate(zip(levels, plan.steps, strict=False)):
            tokens += step
            quality = 1000 if level is Fidelity.FULL else 100 + 200 * place
            ladder[level] = PageForm(("x",), (tokens,), quality)
        page = book.define(
            f"p{number}",
            plan.page_type,
            (f"p{number}",),
            Made(ladder, 1000),
            Provenance("user", "test", plan.request),
            plan.request,
            label="page",
            pin=plan.pin,
            is_tool=plan.is_tool,
        )
        page.position = number
        if plan.in_tail and plan.request == 6:
            tail.append(page.slot)
    return book, tail


@pytest.mark.parametrize("policy", BUDGETED)
@settings(max_examples=300)
@given(
    pages=st.lists(plans, min_size=1, max_size=15),
    budgets=st.lists(st.integers(1, 900), min_size=1, max_size=4),
)
def test_no_budget_is_passed_no_floor_missed_and_every_move_told(
    policy: str, pages: list[Plan], budgets: list[int]
) -> None:
    book, tail = book_of(pages)
    table, chosen = book.table, make_policy(policy)
    for turn, budget in enumerate(budgets, 7):
        before = {slot: table.level(slot) for slot in book.by_slot}
        decision = chosen.decide(
            View(table, book.by_slot, book.pinned, budget, turn, list(book.fresh), tail, {})
        )
        after = {slot: table.level(slot) for slot in book.by_slot}
        if not decision.feasible:
            assert decision.floor_tokens > budget
            assert decision.required
            assert after == before
            continue
        book.fresh.clear()
        assert decision.used_tokens == table.used_tokens <= budget
        assert all(after[slot] >= page.floor for slot, page in book.pinned.items())
        assert not tail or after[tail[-1]]
        changed = [(slot, before[slot], after[slot]) for slot in sorted(after)]
        assert decision.moves == [move for move in changed if move[1] != move[2]]
