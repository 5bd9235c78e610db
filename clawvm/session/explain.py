"""Why a page is at its level: one paragraph with the figures behind it."""

from __future__ import annotations

from itertools import takewhile

from ..pages import LEVELS, Fidelity, Page, Pin
from ..residency import Plan, last_turn
from .book import PageBook

__all__ = ["explain", "least_worth", "worth_per_token"]


def explain(page: Page, book: PageBook, plan: Plan | None, turn: int) -> str:
    """Say at which level `page` is in the last plan, and why.

    Parameters
    ----------
    page : Page
        A live page.
    book : PageBook
        The session's pages, to find the least worth per token that is resident.
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
    level = LEVELS[book.table.level(page.slot)]
    head = (
        f"{page.id} ({page.label}, version {page.version}) is {_state(level)} "
        f"in the plan of turn {plan.turn}"
    )
    ladder = ", ".join(f"{rung.name.lower()} {form.tokens}" for rung, form in page.ladder.items())
    age = max(0, turn - last_turn(book.table, page.slot))
    facts = (
        f"Its levels cost ({ladder}) tokens; it was last touched {_turns(age)} ago; "
        f"its pin is {page.pin.name.lower()}."
    )
    return f"{head}: {_reason(page, level, book, plan, turn)} {facts}"


def _state(level: Fidelity) -> str:
    return "not in the prompt" if level is Fidelity.NONE else f"at {level.name.lower()}"


def _turns(count: int) -> str:
    return "1 turn" if count == 1 else f"{count} turns"


def _reason(page: Page, level: Fidelity, book: PageBook, plan: Plan, turn: int) -> str:
    if level is Fidelity.FULL:
        room = plan.budget_tokens - plan.used_tokens
        return f"all of it fits; {room} of {plan.budget_tokens} tokens are left."
    if page.pin is Pin.HARD and level == next(rung for rung in page.ladder if rung >= page.floor):
        held = f"it is held at its floor ({page.floor.name.lower()})"
    else:
        held = "the budget was spent on pages worth more per token"
    dearer = next(rung for rung in page.ladder if rung > level)
    more = page.tokens(dearer) - page.tokens(level)
    (gain,) = book.table.next_gains([page.slot], turn)
    worth = worth_per_token(gain, more)
    least = least_worth(book, turn)
    left = plan.budget_tokens - plan.used_tokens
    return (
        f"{held}; {dearer.name.lower()} would cost {more} tokens more for a worth of {worth:.3g} "
        f"per token, the least that is resident earns {least:.3g}, and {left} tokens are left "
        "for what comes next."
    )


def least_worth(book: PageBook, turn: int) -> float:
    """Return the least worth per token among the pages that had to earn their place.

    Those are not pinned, and not part of what has just come: that is the last of the pages.
    """
    newest_first = reversed(book.live.values())
    came = takewhile(lambda page: page.request >= turn, newest_first)
    slot = book.table.least_earner([page.slot for page in came], turn)
    if slot < 0:
        return 0.0
    page, level = book.by_slot[slot], LEVELS[book.table.level(slot)]
    return worth_per_token(book.table.value(slot, level, turn), page.tokens(level))


def worth_per_token(gain: int, tokens: int) -> float:
    """Return what a step adds per token, in the units of ``Page.weight`` after decay."""
    # A gain is weight * quality (in thousandths) with 40 fraction bits.
    return gain / (1 << 40) / 1000 / tokens
