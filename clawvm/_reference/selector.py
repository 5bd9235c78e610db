"""Residency selection: the floor, then upgrades by value gained per token, then what still fits.

The problem is a multiple-choice knapsack: one level per page, tokens within the budget, value as
high as possible. The greedy walks the pages' concave frontiers in order of density. Two things
make its answer trustworthy: a single large raise that beats all it did is taken instead, which
gives at least half of the optimum above the floor, and the fractional relaxation gives a bound
that no assignment can beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heapreplace
from itertools import pairwise
from typing import NamedTuple

from .arithmetic import score
from .frontier import base_level, densities, next_level, present
from .layout import LIVE, MISSING_LEVEL
from .record import Record, quality_at, required_level, tokens_at

__all__ = ["Outcome", "Selection", "select"]

_MARGIN_SHIFT = 16
# Two densities are compared by their rounded logarithms: log2q is low by less than 1.002 units
# and the rule "one unit below the step before" lowers a step by at most 3 more, so that an order
# of keys can be wrong by 5.01 units of 2**-20, a factor of 1 + 3.4e-6. It enters the bound twice;
# the score tables add 2**-26. In all less than 7e-6, and 2**-16 is 15e-6.


class Selection:
    """What ``PageTable.select`` decided.

    Attributes
    ----------
    feasible : bool
        Whether the floor fits the budget. If not, nothing was changed.
    budget : int
        The budget in tokens.
    floor_tokens : int
        Tokens of the floor: each required page at its cheapest level that satisfies it.
    used_tokens : int
        Tokens of the plan; if infeasible, of the levels as they are.
    value : int
        Value of the plan; 0 if infeasible.
    bound : int
        A value that no assignment within the budget and above the floor exceeds; 0 if infeasible.
    required : list of int
        Slots of the floor's pages, dearest first, then by page id.
    moves : list of (slot, old level, new level)
        Pages whose level changed, by slot.
    steps : int
        Raises that the plan is made of.
    """

    __slots__ = (
        "bound",
        "budget",
        "feasible",
        "floor_tokens",
        "moves",
        "required",
        "steps",
        "used_tokens",
        "value",
    )

    feasible: bool
    budget: int
    floor_tokens: int
    used_tokens: int
    value: int
    bound: int
    required: list[int]
    moves: list[tuple[int, int, int]]
    steps: int

    def __init__(self) -> None:
        raise TypeError("a Selection is made by PageTable.select()")

    def __repr__(self) -> str:
        return (
            f"Selection(feasible={self.feasible}, budget={self.budget}, "
            f"floor_tokens={self.floor_tokens}, used_tokens={self.used_tokens}, "
            f"value={self.value}, bound={self.bound}, required={len(self.required)} pages, "
            f"moves={len(self.moves)}, steps={self.steps})"
        )


class Outcome(NamedTuple):
    """A plan before it is committed: levels by slot, None if the floor does not fit."""

    levels: dict[int, int] | None
    floor_tokens: int
    required: list[int]
    value: int
    bound: int
    steps: int


class _Candidate(NamedTuple):
    """A live page, with the level it starts from and its score."""

    slot: int
    record: Record
    base: int
    score: int

    def gain(self, level: int, above: int) -> int:
        return self.score * (quality_at(self.record, above) - quality_at(self.record, level))

    def cost(self, level: int, above: int) -> int:
        return tokens_at(self.record, above) - tokens_at(self.record, level)


@dataclass(slots=True)
class _Run:
    """What one pass of the greedy has done so far, above the floor."""

    room: int
    levels: dict[int, int] = field(default_factory=dict)
    gain: int = 0
    quality: int = 0
    steps: int = 0
    bound: int | None = None

    def raise_page(self, page: _Candidate, above: int) -> None:
        level = self.levels.get(page.slot, page.base)
        self.room -= page.cost(level, above)
        self.gain += page.gain(level, above)
        self.quality += quality_at(page.record, above) - quality_at(page.record, level)
        self.levels[page.slot] = above
        self.steps += 1

    def fix_bound(self, page: _Candidate, above: int) -> None:
        """Bound the gain of every assignment, seen from the first step that does not fit.

        All steps of a higher density have been taken, so the fractional optimum is what they gained
        and the rest of the room filled at this step's density. Scores are truncated: each is low by
        less than 1, hence the qualities beside the gain and the ``+ 1``.
        """
        level = self.levels.get(page.slot, page.base)
        rise = quality_at(page.record, above) - quality_at(page.record, level)
        fraction = -(-(page.score + 1) * rise * self.room // page.cost(level, above))
        loose = self.gain + self.quality + fraction
        self.bound = loose + (loose >> _MARGIN_SHIFT) + 1


def select(records: Sequence[Record], budget: int, now: int) -> Outcome:
    """Decide the level of every live page.

    Parameters
    ----------
    records : sequence of Record
        By slot, dead ones included.
    budget : int
        Tokens, at least 1.
    now : int
        ``turn_heat`` of this turn.
    """
    pages = []
    for slot, record in enumerate(records):
        if record.flags & LIVE:
            base = base_level(record.tokens, required_level(record))
            pages.append(_Candidate(slot, record, base, score(record.heat, now)))
    floor_tokens = sum(tokens_at(page.record, page.base) for page in pages)
    required = [page for page in pages if page.base]
    required.sort(key=lambda page: (-tokens_at(page.record, page.base), page.record.page_id))
    required_slots = [page.slot for page in required]
    if floor_tokens > budget:
        return Outcome(None, floor_tokens, required_slots, 0, 0, 0)

    room = budget - floor_tokens
    run = _greedy(pages, room)
    bound = run.gain if run.bound is None else run.bound
    single = _best_single(pages, room, run.gain)
    if single is not None:
        run = _around(pages, room, *single)

    levels = {page.slot: page.base for page in pages} | run.levels
    floor_value = sum(page.score * quality_at(page.record, page.base) for page in required)
    return Outcome(
        levels, floor_tokens, required_slots, floor_value + run.gain, floor_value + bound, run.steps
    )


def _greedy(pages: Sequence[_Candidate], room: int) -> _Run:
    """Raise pages along their frontiers, densest step first, ties by page id.

    A step that does not fit ends its page's climb: the page is raised to the level of most quality
    that still fits, if there is one. With less room than the smallest difference between two
    neighbouring levels of any page nothing can fit any more, and the walk ends early.
    """
    run = _Run(room)
    heap = []
    for page in pages:
        steps = densities(page.record.tokens, page.record.quality, page.base, room)
        if above := next_level(steps, page.base):
            key = page.record.heat + steps[above - 1]
            heap.append((-key, page.record.page_id, above, page, steps))
    heapify(heap)
    smallest = min((_smallest_gap(page.record.tokens) for page in pages), default=0)
    while heap:
        _, page_id, above, page, steps = heap[0]
        level = run.levels.get(page.slot, page.base)
        if page.cost(level, above) <= run.room:
            run.raise_page(page, above)
            if further := next_level(steps, above):
                key = page.record.heat + steps[further - 1]
                heapreplace(heap, (-key, page_id, further, page, steps))
                continue
        else:
            if run.bound is None:
                run.fix_bound(page, above)
            if stand_in := _best_fitting(page, level, run.room):
                run.raise_page(page, stand_in)
        heappop(heap)
        if run.bound is not None and run.room < smallest:
            break
    return run


def _smallest_gap(tokens: Sequence[int]) -> int:
    """Return the smallest token difference between neighbouring levels, level 0 included."""
    counts = [0, *(count for count in tokens if count != MISSING_LEVEL)]
    return min(after - before for before, after in pairwise(counts))


def _best_fitting(page: _Candidate, level: int, room: int) -> int:
    """Return the level above `level` with the most quality that fits (then fewest tokens), or 0."""
    best, best_quality = 0, quality_at(page.record, level)
    for above in range(level + 1, 5):
        if not present(page.record.tokens, above) or page.cost(level, above) > room:
            continue
        if quality_at(page.record, above) > best_quality:
            best, best_quality = above, quality_at(page.record, above)
    return best


def _best_single(
    pages: Sequence[_Candidate], room: int, to_beat: int
) -> tuple[_Candidate, int] | None:
    """Return the raise of one page from its base that gains most, if more than `to_beat`."""
    best = None
    for page in sorted(pages, key=lambda page: page.record.page_id):
        above = _best_fitting(page, page.base, room)
        if above and page.gain(page.base, above) > to_beat:
            best, to_beat = (page, above), page.gain(page.base, above)
    return best


def _around(pages: Sequence[_Candidate], room: int, first: _Candidate, above: int) -> _Run:
    """Raise one page first, then let the greedy have the others."""
    others = [page for page in pages if page.slot != first.slot]
    run = _greedy(others, room - first.cost(first.base, above))
    run.raise_page(first, above)
    return run
