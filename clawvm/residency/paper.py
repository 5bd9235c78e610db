"""The published greedy, for comparison (paper, section 4 and appendix A; the artifact as ported).

Kept with its own rules, stalls included: an upgrade is applied only if it is exactly the page's
next rung of the ladder pointer < structured < compressed < full, a rung that the page lacks costs 0
there, the single pass never comes back to a step that it skipped, a required page that does not fit
goes unmet at that representation with no fallback to a cheaper one (it may still climb from
nothing in the second phase), and selection starts from
nothing at every turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple

from ..pages import Fidelity, Page, PageType, Pin
from .floor import required_levels
from .plan import Decision, View, apply_levels

__all__ = [
    "PIN_WEIGHT",
    "PaperPolicy",
    "PublishedSelection",
    "Score",
    "aged",
    "published_score",
    "select_published",
]

Score = Callable[[Page, float, float], float]
"""What one rung up is worth, from the page, its base utility and its recency."""

PIN_WEIGHT = {Pin.HARD: 2.0, Pin.SOFT: 0.6, Pin.NONE: 0.0}
_TYPE_PRIORITY = {PageType.BOOTSTRAP: 2, PageType.CONSTRAINT: 1}
_RECENCY_WEIGHT = 0.6
_RECOMPUTE_WEIGHT = 0.4
_RECENCY_DECAY = 0.88
_RECENCY_LEAST = 1e-4


class PublishedSelection(NamedTuple):
    """Levels by page id, required pages that did not fit by page id, and tokens used."""

    levels: dict[str, Fidelity]
    unmet: dict[str, Fidelity]
    used_tokens: int


def published_score(page: Page, base: float, recency: float) -> float:
    """Return what a rung up is worth: the paper's utility with its published weights."""
    return (
        base
        + PIN_WEIGHT[page.pin]
        + _RECENCY_WEIGHT * recency
        + _RECOMPUTE_WEIGHT * page.recompute_cost
    )


def _session_utility(page: Page) -> float:
    """Return the base utility on the artifact's scale: 7 for rules, 5 for everything else."""
    return 7.0 if page.type in _TYPE_PRIORITY else 5.0


def aged(recency: Mapping[str, float], demanded: Iterable[str]) -> dict[str, float]:
    """Return the recency after a turn: all of it decays, that of the demanded pages rises."""
    decayed = ((page_id, value * _RECENCY_DECAY) for page_id, value in recency.items())
    after = {page_id: value for page_id, value in decayed if value >= _RECENCY_LEAST}
    for page_id in demanded:
        after[page_id] = after.get(page_id, 0.0) + 1.0
    return after


def select_published(
    pages: Sequence[Page],
    required: Mapping[str, Fidelity],
    budget: int,
    recency: Mapping[str, float],
    *,
    utility: Callable[[Page], float] = _session_utility,
    score: Score | None = published_score,
    prefetch: bool = True,
) -> PublishedSelection:
    """Select as the paper's artifact does.

    Parameters
    ----------
    pages : sequence of Page
        The page table.
    required : mapping of str to Fidelity
        Hard-pinned pages at their floor and this turn's demands, by page id.
    budget : int
        Tokens.
    recency : mapping of str to float
        Recency by page id; a page that is not there has 0.
    utility : callable, optional
        Base utility of a page; by default that of a session's pages.
    score : callable or None, optional
        What a rung up is worth; None: no page climbs.
    prefetch : bool, optional
        Whether every page that is not required gets a pointer first.

    Returns
    -------
    PublishedSelection
    """
    by_id = {page.id: page for page in pages}
    levels: dict[str, Fidelity] = {}
    unmet: dict[str, Fidelity] = {}
    left = budget

    def take(page_id: str, level: Fidelity, tokens: int) -> bool:
        nonlocal left
        if tokens > left:
            return False
        levels[page_id] = level
        left -= tokens
        return True

    def priority(page_id: str) -> tuple[int, int, int]:
        page = by_id[page_id]
        return int(page.pin), _TYPE_PRIORITY.get(page.type, 0), int(utility(page) * 1000)

    for page_id in sorted(sorted(required), key=priority, reverse=True):
        level = required[page_id]
        if not take(page_id, level, by_id[page_id].tokens(level)):
            unmet[page_id] = level
    for page in sorted(
        sorted(pages, key=lambda page: page.id) if prefetch else (),
        key=lambda page: (page.recompute_cost, utility(page)),
        reverse=True,
    ):
        if page.id not in levels and page.id not in unmet and Fidelity.POINTER in page.ladder:
            take(page.id, Fidelity.POINTER, page.tokens(Fidelity.POINTER))
    for _, page_id, rung, more in _upgrades(pages, recency, utility, score) if score else ():
        if levels.get(page_id, Fidelity.NONE) == rung - 1:
            take(page_id, Fidelity(rung), more)
    return PublishedSelection(levels, unmet, budget - left)


def _upgrades(
    pages: Sequence[Page],
    recency: Mapping[str, float],
    utility: Callable[[Page], float],
    score: Score,
) -> list[tuple[float, str, int, int]]:
    """List every single-rung upgrade as (score per token, page id, rung, tokens), best first."""
    steps = []
    for page in pages:
        worth = score(page, utility(page), recency.get(page.id, 0.0))
        for rung in range(Fidelity.POINTER, Fidelity.FULL + 1):
            more = _rung_tokens(page, rung) - _rung_tokens(page, rung - 1)
            if more > 0:
                steps.append((worth / more, page.id, rung, more))
    steps.sort(key=itemgetter(0, 1, 2), reverse=True)
    return steps


def _rung_tokens(page: Page, rung: int) -> int:
    form = page.ladder.get(Fidelity(rung))
    return form.tokens if form else 0


class PaperPolicy:
    """The published greedy at every turn, over the pages of a session.

    What the model wrote last and what arrived since is demanded as far as it fits, as for every
    policy.
    """

    name = "paper"

    def __init__(self) -> None:
        self._recency: dict[str, float] = {}

    def decide(self, view: View) -> Decision:
        """Select anew; afterwards recency decays and rises for the demanded pages."""
        required = {view.pages[slot].id: level for slot, level in required_levels(view).items()}
        slot_of = {page.id: slot for slot, page in view.pages.items()}
        selected = select_published(list(view.pages.values()), required, view.budget, self._recency)
        if selected.unmet:
            floor_tokens = sum(
                view.pages[slot_of[page_id]].tokens(level) for page_id, level in required.items()
            )
            unmet = [slot_of[page_id] for page_id in selected.unmet]
            return Decision([], 0, floor_tokens, required=unmet, feasible=False)
        self._recency = aged(self._recency, required)
        levels = {slot_of[page_id]: level for page_id, level in selected.levels.items()}
        return apply_levels(view, levels)

    def saved(self) -> dict[str, float]:
        """Return the recency of each page; a float comes back from its shortest text unchanged."""
        return self._recency

    def restore(self, saved: dict[str, float]) -> None:
        """Go on from a saved recency."""
        self._recency = dict(saved)
