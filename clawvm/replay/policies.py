"""The policies that a replay compares: what harnesses do today, the paper's, and ours.

All of them get the same pages, the same representations, the same budget and the same floor: hard
pins, and the tail (what the model wrote last and what arrived since) as far as it fits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import groupby

from ..errors import PolicyUnknown
from ..pages import Fidelity, Page, PageType
from ..residency import (
    ClawVMPolicy,
    Decision,
    PaperPolicy,
    Policy,
    View,
    apply_levels,
    last_turn,
    required_levels,
    unmet_floor,
)

__all__ = [
    "POLICY_NAMES",
    "FullPolicy",
    "LruPolicy",
    "ToolClearingPolicy",
    "WindowPolicy",
    "make_policy",
]

_RESULTS_KEPT = 3
_LRU_POINTER_PERCENT = 10

Levels = dict[int, Fidelity]


class FullPolicy:
    """The whole history, whatever it costs; it knows no budget."""

    name = "full"

    def decide(self, view: View) -> Decision:
        """Show every page whole: what is there already stays as it is."""
        moves = []
        for slot in sorted(view.fresh):
            old = view.table.level(slot)
            view.table.set_level(slot, Fidelity.FULL)
            if old != Fidelity.FULL:
                moves.append((slot, old, int(Fidelity.FULL)))
        return Decision(moves, view.table.used_tokens)


class WindowPolicy:
    """Drop the oldest: whole requests, newest first, up to the first that does not fit."""

    name = "sliding-window"

    def decide(self, view: View) -> Decision:
        """Keep as many of the last requests as fit."""
        levels = required_levels(view)
        short = unmet_floor(view, levels)
        if short is not None:
            return short
        left = _rules_whole(view, levels)
        _newest_requests(view, levels, left, lambda page: Fidelity.FULL)
        return apply_levels(view, levels)


class ToolClearingPolicy:
    """Keep the last three tool results, show a pointer for each older one; then drop the oldest."""

    name = "tool-clearing"

    def decide(self, view: View) -> Decision:
        """Clear old results, then keep as many of the last requests as fit."""
        levels = required_levels(view)
        short = unmet_floor(view, levels)
        if short is not None:
            return short
        left = _rules_whole(view, levels)
        results = sorted(
            (page for page in view.pages.values() if page.is_tool), key=lambda page: page.position
        )
        cleared = {page.slot for page in results[:-_RESULTS_KEPT]}
        _newest_requests(
            view,
            levels,
            left,
            lambda page: next(iter(page.ladder)) if page.slot in cleared else Fidelity.FULL,
        )
        return apply_levels(view, levels)


class LruPolicy:
    """Whole pages by last touch up to the first misfit, pointers in the budget's last tenth."""

    name = "lru"

    def decide(self, view: View) -> Decision:
        """Keep what was touched last."""
        levels = required_levels(view)
        short = unmet_floor(view, levels)
        if short is not None:
            return short
        left = _rules_whole(view, levels)
        reserve = min(left, view.budget * _LRU_POINTER_PERCENT // 100)
        touched = {slot: last_turn(view.table, slot) for slot in view.pages}
        newest_first = sorted(
            (page for page in view.pages.values() if levels.get(page.slot) is not Fidelity.FULL),
            key=lambda page: (-touched[page.slot], -page.position, page.id),
        )
        for page in newest_first:
            more = page.tokens(Fidelity.FULL) - page.tokens(levels.get(page.slot, Fidelity.NONE))
            if more > left - reserve:
                break
            levels[page.slot] = Fidelity.FULL
            left -= more
        for page in newest_first:
            cheapest = next(iter(page.ladder))
            if page.slot not in levels and page.tokens(cheapest) <= left:
                levels[page.slot] = cheapest
                left -= page.tokens(cheapest)
        return apply_levels(view, levels)


def _rules_whole(view: View, levels: Levels) -> int:
    """Raise the rules (system messages, instructions) to full where they fit; return the rest."""
    left = view.budget - sum(view.pages[slot].tokens(level) for slot, level in levels.items())
    for page in sorted(view.pinned.values(), key=lambda page: page.position):
        more = page.tokens(Fidelity.FULL) - page.tokens(levels[page.slot])
        if page.type in (PageType.BOOTSTRAP, PageType.CONSTRAINT) and more <= left:
            levels[page.slot] = Fidelity.FULL
            left -= more
    return left


def _newest_requests(
    view: View, levels: Levels, left: int, wanted: Callable[[Page], Fidelity]
) -> None:
    """Admit whole requests at the wanted levels, newest first, up to the first misfit."""
    for _, request in groupby(_newest_first(view.pages.values()), key=lambda page: page.request):
        raised = {
            page.slot: max(wanted(page), levels.get(page.slot, Fidelity.NONE)) for page in request
        }
        more = sum(
            view.pages[slot].tokens(level)
            - view.pages[slot].tokens(levels.get(slot, Fidelity.NONE))
            for slot, level in raised.items()
        )
        if more > left:
            return
        levels.update(raised)
        left -= more


def _newest_first(pages: Iterable[Page]) -> list[Page]:
    return sorted(pages, key=lambda page: (-page.request, -page.position, page.id))


_POLICIES: dict[str, Callable[[], Policy]] = {
    policy.name: policy
    for policy in (
        FullPolicy,
        WindowPolicy,
        ToolClearingPolicy,
        LruPolicy,
        PaperPolicy,
        ClawVMPolicy,
    )
}
POLICY_NAMES = tuple(_POLICIES)


def make_policy(name: str) -> Policy:
    """Return a new policy object.

    Raises
    ------
    PolicyUnknown
        When `name` is not in `POLICY_NAMES`.
    """
    if name not in _POLICIES:
        raise PolicyUnknown(f"no policy is called {name!r}; there are {', '.join(POLICY_NAMES)}")
    return _POLICIES[name]()
