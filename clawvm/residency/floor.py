"""The floor of a prompt: what must be resident, whatever the policy."""

from __future__ import annotations

from collections.abc import Mapping

from ..pages import Fidelity, Page
from .plan import Decision, View

__all__ = ["required_levels", "unmet_floor"]


def required_levels(view: View) -> dict[int, Fidelity]:
    """Return the level that each page of the floor gets, the tail included as far as it fits.

    Hard pins and demands come first, at the cheapest level that satisfies them. The tail (what the
    model wrote last and what arrived since) follows, newest first: a line for every page, then the
    full text for every page that still fits. A newest page of which not even a line fits is
    required all the same, so that the caller hears of it.

    Used by every policy that has a budget, so that all of them start from the same ground.
    """
    required = {}
    for slot, page in view.pinned.items():
        floor = page.floor
        required[slot] = floor if floor in page.ladder else _rung(page, floor)
    for slot, level in view.demands.items():
        rung = _rung(view.pages[slot], level)
        required[slot] = max(rung, required.get(slot, Fidelity.NONE))
    if not view.tail:
        return required
    left = view.budget - sum(map(view.table.tokens, required, required.values()))
    newest_first = list(reversed(view.tail))
    for slot in newest_first:
        if required.get(slot):
            continue
        page = view.pages[slot]
        cheapest = _rung(page, Fidelity.POINTER)
        if page.tokens(cheapest) <= left or slot == newest_first[0]:
            required[slot] = cheapest
            left -= page.tokens(cheapest)
    for slot in newest_first:
        page = view.pages[slot]
        more = page.tokens(Fidelity.FULL) - page.tokens(required.get(slot, Fidelity.FULL))
        if slot in required and more <= left:
            required[slot] = Fidelity.FULL
            left -= more
    return required


def _rung(page: Page, level: Fidelity) -> Fidelity:
    """Return the cheapest level of the page's ladder that is at least `level`, or ``NONE``."""
    if level is Fidelity.NONE:
        return level
    return level if level in page.ladder else next(rung for rung in page.ladder if rung >= level)


def unmet_floor(view: View, required: Mapping[int, Fidelity]) -> Decision | None:
    """Return the decision that says the floor does not fit, or None when it does."""
    costs = {slot: view.pages[slot].tokens(level) for slot, level in required.items()}
    floor_tokens = sum(costs.values())
    if floor_tokens <= view.budget:
        return None
    dearest_first = sorted(costs, key=lambda slot: (-costs[slot], view.pages[slot].id))
    return Decision([], 0, floor_tokens, required=dearest_first, feasible=False)
