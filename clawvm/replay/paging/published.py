"""The paper's six policies: one greedy with features switched on and off (paper, section 4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from ...pages import Page
from ...residency import Decision, View, apply_levels, required_levels
from ...residency.paper import Score, aged, published_score, select_published
from ..workloads import Workload
from .forms import WEIGHT_UNIT

__all__ = ["PublishedPolicy", "lru_score", "recency_score", "with_lookahead"]

_LOOKAHEAD_WEIGHT = 2.2

Future = Callable[[str, int], int]
"""How often a page is demanded in the turns after one; from page id and turn, counted from 1."""


class PublishedPolicy:
    """The artifact's greedy at every turn, from nothing.

    What does not fit goes unmet, and the prompt is built without it.

    Parameters
    ----------
    score : callable or None, optional
        What a rung up is worth; None: no page climbs above what is required.
    prefetch : bool, optional
        Whether every other page gets a pointer first.
    future : callable, optional
        For the lookahead: adds 2.2 a demand to a page's score.
    """

    name = "published"

    def __init__(
        self,
        score: Score | None = published_score,
        *,
        prefetch: bool = True,
        future: Future | None = None,
    ) -> None:
        self._score = score
        self._prefetch = prefetch
        self._future = future
        self._recency: dict[str, float] = {}

    def decide(self, view: View) -> Decision:
        """Select anew; afterwards recency decays and rises for the demanded pages."""
        required = {view.pages[slot].id: level for slot, level in required_levels(view).items()}
        selected = select_published(
            list(view.pages.values()),
            required,
            view.budget,
            self._recency,
            utility=_utility,
            score=self._score_at(view.turn),
            prefetch=self._prefetch,
        )
        self._recency = aged(self._recency, (view.pages[slot].id for slot in view.demands))
        levels = {slot: selected.levels.get(page.id) for slot, page in view.pages.items()}
        return apply_levels(view, {slot: level for slot, level in levels.items() if level})

    def _score_at(self, turn: int) -> Score | None:
        score, future = self._score, self._future
        if score is None or future is None:
            return score
        return lambda page, base, recency: (
            score(page, base, recency) + _LOOKAHEAD_WEIGHT * future(page.id, turn)
        )


def recency_score(page: Page, base: float, recency: float) -> float:
    """Return what a rung up is worth to the paper's compaction hybrid."""
    return base + 0.9 * recency + 0.1 * page.recompute_cost


def lru_score(page: Page, base: float, recency: float) -> float:
    """Return what a rung up is worth to the paper's LRU: recency, which it takes per token."""
    return recency


def with_lookahead(workload: Workload, horizon: int) -> PublishedPolicy:
    """Return the paper's oracle: its greedy with a bonus for what the next turns demand."""
    demanded: dict[str, list[int]] = defaultdict(list)
    for turn, step in enumerate(workload.turns, 1):
        for demand in step.demands:
            demanded[demand.page_id].append(turn)

    def future(page_id: str, turn: int) -> int:
        return sum(turn < at <= turn + horizon for at in demanded[page_id])

    return PublishedPolicy(future=future)


def _utility(page: Page) -> float:
    return page.weight / WEIGHT_UNIT
