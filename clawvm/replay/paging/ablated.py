"""Our policy with one of its own mechanisms taken away; those of a session are `Mechanisms`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from heapq import heappop, heappush

from ...pages import Fidelity, Page
from ...residency import ClawVMPolicy, Decision, Policy, View, required_levels

__all__ = ["EveryTurn", "PlainGreedy"]


class EveryTurn:
    """Selects anew at every turn, as after a compaction: no epochs, no low-water mark."""

    name = "every-turn"

    def __init__(self) -> None:
        self._policy: Policy = ClawVMPolicy(100)

    def decide(self, view: View) -> Decision:
        """Let an epoch decide."""
        return self._policy.decide(replace(view, compacting=True))


class PlainGreedy:
    """Selects by gain per token up to the first step that does not fit: no guard and no repair."""

    name = "plain-greedy"

    def __init__(self) -> None:
        self._policy = ClawVMPolicy()

    def decide(self, view: View) -> Decision:
        """Let the policy decide, and select once more where it ran an epoch."""
        table = view.table
        before = {slot: table.level(slot) for slot in view.pages}
        decision = self._policy.decide(view)
        if not decision.epoch:
            return decision
        levels = required_levels(view)
        floor_tokens = sum(map(table.tokens, levels, levels.values()))
        low_water = self._policy.low_water(view.budget)
        _fill(view, levels, max(low_water, floor_tokens) - floor_tokens)
        moves = []
        # Down before up, so that the table never holds more than the budget.
        for slot in sorted(before, key=lambda slot: levels.get(slot, 0) > table.level(slot)):
            table.set_level(slot, levels.get(slot, Fidelity.NONE))
        for slot, old in sorted(before.items()):
            if table.level(slot) != old:
                moves.append((slot, old, table.level(slot)))
        return replace(decision, moves=moves, used_tokens=table.used_tokens, value=None, bound=None)


def _fill(view: View, levels: dict[int, Fidelity], room: int) -> None:
    """Raise pages along the concave frontiers of their ladders, best gain per token first."""
    heap: list[tuple[float, str, int]] = []
    frontiers = {}
    upcoming = {}
    for slot, page in view.pages.items():
        frontiers[slot] = _frontier(view, page, levels.get(slot, Fidelity.NONE))
        upcoming[slot] = next(frontiers[slot], None)
        if (step := upcoming[slot]) is not None:
            heappush(heap, (-step[0], page.id, slot))
    while heap:
        _, page_id, slot = heappop(heap)
        step = upcoming[slot]
        assert step is not None
        _, level, cost = step
        if cost > room:
            return
        levels[slot] = level
        room -= cost
        upcoming[slot] = next(frontiers[slot], None)
        if (following := upcoming[slot]) is not None:
            heappush(heap, (-following[0], page_id, slot))


def _frontier(view: View, page: Page, base: Fidelity) -> Iterator[tuple[float, Fidelity, int]]:
    """Yield each step up as (gain per token, level, tokens), the steepest first."""
    table, turn = view.table, view.turn
    while base is not Fidelity.FULL:
        worth, cost = table.value(page.slot, base, turn), page.tokens(base)
        steps = [
            (
                (table.value(page.slot, level, turn) - worth) / (page.tokens(level) - cost),
                level,
                page.tokens(level) - cost,
            )
            for level in page.ladder
            if level > base
        ]
        best = max(steps)
        yield best
        base = best[1]
