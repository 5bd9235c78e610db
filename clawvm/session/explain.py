"""Why a page is at its level: one paragraph with the figures behind it."""

from __future__ import annotations

from collections.abc import Iterable

from .._backend import core
from ..pages import Fidelity, Page, Pin
from ..residency import Plan, last_turn

__all__ = ["explain", "least_worth", "worth_per_token"]


def explain(
    page: Page, pages: Iterable[Page], table: core.PageTable, plan: Plan | None, turn: int
) -> str:
    """Say at which level `page` is in the last plan, and why.

    Parameters
    ----------
    page : Page
        A live page.
    pages : iterable of Page
        All live pages, to find the least worth per token that is resident.
    table : PageTable
        Their records.
    plan : Plan or None
        The last plan; None when there is none that knew this content of the page.
    turn : int
        The session's turn.

    Returns
    -------
    str
    """
    if plan is None:
        return (
            f"{page.id} (version {page.version}) has not been in a plan yet: no prompt has been "
            "assembled since it came."
        )
    level = Fidelity(table.level(page.slot))
    head = (
        f"{page.id} ({page.label}, version {page.version}) is {_state(level)} "
        f"in the plan of turn {plan.turn}"
    )
    ladder = ", ".join(f"{rung.name.lower()} {form.tokens}" for rung, form in page.ladder.items())
    age = max(0, turn - last_turn(table, page.slot))
    facts = (
        f"Its levels cost ({ladder}) tokens; it was last touched {_turns(age)} ago; "
        f"its pin is {page.pin.name.lower()}."
    )
    return f"{head}: {_reason(page, level, pages, table, plan, turn)} {facts}"


def _state(level: Fidelity) -> str:
    return "not in the prompt" if level is Fidelity.NONE else f"at {level.name.lower()}"


def _turns(count: int) -> str:
    return "1 turn" if count == 1 else f"{count} turns"


def _reason(
    page: Page, level: Fidelity, pages: Iterable[Page], table: core.PageTable, plan: Plan, turn: int
) -> str:
    if level is Fidelity.FULL:
        room = plan.budget_tokens - plan.used_tokens
        return f"all of it fits; {room} of {plan.budget_tokens} tokens are left."
    if page.pin is Pin.HARD and level == next(rung for rung in page.ladder if rung >= page.floor):
        held = f"it is held at its floor ({page.floor.name.lower()})"
    else:
        held = "the budget was spent on pages worth more per token"
    dearer = next(rung for rung in page.ladder if rung > level)
    more = page.tokens(dearer) - page.tokens(level)
    worth = worth_per_token(page, level, dearer, table, turn)
    least = least_worth(pages, table, turn)
    left = plan.budget_tokens - plan.used_tokens
    return (
        f"{held}; {dearer.name.lower()} would cost {more} tokens more for a worth of {worth:.3g} "
        f"per token, the least that is resident earns {least:.3g}, and {left} tokens are left "
        "for what comes next."
    )


def least_worth(pages: Iterable[Page], table: core.PageTable, turn: int) -> float:
    """Return the least worth per token among the pages that had to earn their place."""
    return min(
        (
            worth_per_token(page, Fidelity.NONE, shown, table, turn)
            for page in pages
            if (shown := Fidelity(table.level(page.slot))) and _competes(page, turn)
        ),
        default=0.0,
    )


def _competes(page: Page, turn: int) -> bool:
    """Whether a page had to earn its place: not pinned, and not part of what has just come."""
    return page.pin is not Pin.HARD and page.request < turn


def worth_per_token(
    page: Page, lower: Fidelity, upper: Fidelity, table: core.PageTable, turn: int
) -> float:
    """Return the worth that a step adds per token, in the units of ``Page.weight`` after decay."""
    gain: int = table.value(page.slot, upper, turn) - table.value(page.slot, lower, turn)
    # value() is weight * quality (in thousandths) with 40 fraction bits.
    return gain / (1 << 40) / 1000 / (page.tokens(upper) - page.tokens(lower))
