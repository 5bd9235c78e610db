"""Residency selection: the floor, then upgrades by value gained per token, then a repair.

The problem is a multiple-choice knapsack: one level per page, tokens within the budget, value as
high as possible. Here every selection starts from nothing, which is the specification; the
compiled core goes on from its last plan and comes to the same.

1. *Prefix.* The steps of all pages' concave frontiers are taken in order of density (key
   descending, then page id) up to the first that does not fit, the split step. A step's key is the
   page's heat plus the step's density. It does not depend on the turn.
2. *Guard.* If raising the split step's page alone from its base to where the split step ends gains
   more than the whole prefix, that raise is made first and the prefix is taken of the others.
3. *Repair.* `repair.repair`, on the pages next to where the room ran out.

Half of the optimum above the floor is certain. The fractional relaxation gains what the prefix
gains and part of the split step. Its page's raise from the base to the split step's end gains at
least as much as the split step and fits the room alone, since dearer levels are not in the
frontier. So prefix and raise together gain at least the relaxation's optimum, the better of them
at least half of it, and the repair only adds to that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from .arithmetic import group_of, mantissa, score, total_of
from .frontier import base_level, densities
from .layout import LIVE, NO_STEP
from .record import Record, quality_at, required_level, tokens_at
from .repair import WINDOW, Seat, repair

__all__ = [
    "Outcome",
    "Selection",
    "floor_slots",
    "packed_moves",
    "plan_value",
    "select",
    "unpacked_moves",
]

_MARGIN_SHIFT = 16
# Two densities are compared by their rounded logarithms: log2q is low by less than 1.002 units
# and the rule "one unit below the step before" lowers a step by at most 3 more, so that an order
# of keys can be wrong by 5.01 units of 2**-20, a factor of 1 + 3.4e-6. It enters the bound twice;
# the tables of powers add 2**-25. In all less than 7e-6, and 2**-16 is 15e-6.


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
        Value of the plan; 0 if infeasible. Scores are added up before they are rounded, so that it
        may differ in the last places from the sum of ``PageTable.value`` over the pages.
    bound : int
        A value that no assignment within the budget and above the floor exceeds; 0 if infeasible.
    required : list of int
        If infeasible, the slots of the floor's pages, dearest first, then by page id; else empty.
    moves : list of (slot, old level, new level)
        Pages whose level changed, by slot.
    packed : bytes
        The same, 4 bytes a move, little-endian: the slot in the low 24 bits, above it the old
        level in 4 bits and the new one in 4.
    steps : int
        Pages that the plan holds above their floor.
    """

    feasible: bool
    budget: int
    floor_tokens: int
    used_tokens: int
    value: int
    bound: int
    required: list[int]
    packed: bytes
    steps: int

    def __init__(self) -> None:
        raise TypeError("a Selection is made by PageTable.select()")

    @cached_property
    def moves(self) -> list[tuple[int, int, int]]:
        return unpacked_moves(self.packed)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(feasible={self.feasible}, budget={self.budget}, "
            f"floor_tokens={self.floor_tokens}, used_tokens={self.used_tokens}, "
            f"value={self.value}, bound={self.bound}, required={len(self.required)} pages, "
            f"moves={len(self.packed) // 4}, steps={self.steps})"
        )


def packed_moves(moves: Iterable[tuple[int, int, int]]) -> bytes:
    """Return moves as in `Selection.packed`."""
    return b"".join(struct.pack("<I", slot | old << 24 | new << 28) for slot, old, new in moves)


def unpacked_moves(packed: bytes) -> list[tuple[int, int, int]]:
    """Return the moves of a `Selection.packed`."""
    words = (word for (word,) in struct.iter_unpack("<I", packed))
    return [(word & 0xFFFFFF, word >> 24 & 15, word >> 28) for word in words]


class Outcome(NamedTuple):
    """A plan before it is committed: levels by slot, None if the floor does not fit."""

    levels: dict[int, int] | None
    floor_tokens: int
    required: list[int]
    value: int
    bound: int
    steps: int


@dataclass(frozen=True, slots=True)
class _Page:
    """A live page: where it starts, and the densities of its steps from there."""

    slot: int
    record: Record
    base: int
    densities: tuple[int, ...]

    def steps(self) -> list[_Step]:
        steps = []
        level = self.base
        for above in range(self.base + 1, 5):
            if self.densities[above - 1] != NO_STEP:
                key = self.record.heat + self.densities[above - 1]
                steps.append(_Step(self, level, above, key))
                level = above
        return steps


class _Step(NamedTuple):
    """One step of a page's frontier."""

    page: _Page
    level: int
    above: int
    key: int

    @property
    def cost(self) -> int:
        return tokens_at(self.page.record, self.above) - tokens_at(self.page.record, self.level)

    @property
    def order(self) -> tuple[int, str]:
        return -self.key, self.page.record.page_id


@dataclass(slots=True)
class _Prefix:
    """The steps before the first that does not fit, that step if there is one, the room left."""

    taken: list[_Step]
    split: _Step | None
    left: int


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
    live = [(slot, record) for slot, record in enumerate(records) if record.flags & LIVE]
    bases = {slot: base_level(record.tokens, required_level(record)) for slot, record in live}
    floor_tokens = sum(tokens_at(record, bases[slot]) for slot, record in live)
    if floor_tokens > budget:
        return Outcome(None, floor_tokens, floor_slots(live, bases), 0, 0, 0)

    room = budget - floor_tokens
    pages = [
        _Page(slot, record, base, densities(record.tokens, record.quality, base, room))
        for (slot, record), base in zip(live, bases.values(), strict=True)
    ]
    steps = sorted((step for page in pages for step in page.steps()), key=lambda step: step.order)
    prefix = _prefix(steps, room)
    levels = dict(bases)
    levels.update((step.page.slot, step.above) for step in prefix.taken)
    bound = _bound(records, levels, prefix, now)
    single = _single(prefix)
    if single is not None:
        levels, prefix = _around(steps, bases, room, single)

    seats = _repaired(steps, levels, prefix.left)
    levels.update((seat.slot, seat.level) for seat in seats)
    raised = sum(levels[slot] != base for slot, base in bases.items())
    return Outcome(levels, floor_tokens, [], plan_value(records, levels, now), bound, raised)


def floor_slots(live: Sequence[tuple[int, Record]], bases: Mapping[int, int]) -> list[int]:
    """Return the slots of the floor, dearest first, then by page id."""
    required = [
        (-tokens_at(record, bases[slot]), record.page_id, slot)
        for slot, record in live
        if bases[slot]
    ]
    return [slot for _, _, slot in sorted(required)]


def _prefix(steps: Sequence[_Step], room: int) -> _Prefix:
    """Take steps in their order up to the first that does not fit the room."""
    for place, step in enumerate(steps):
        if step.cost > room:
            return _Prefix(list(steps[:place]), step, room)
        room -= step.cost
    return _Prefix(list(steps), None, room)


def _single(prefix: _Prefix) -> _Step | None:
    """Return the split step's page raised from its base, if that gains more than the prefix.

    Gains are measured against the heat of that page, so that they are the same at any turn.
    """
    split = prefix.split
    if split is None:
        return None
    record = split.page.record
    most = score(record.heat, record.heat) * (
        quality_at(record, split.above) - quality_at(record, split.page.base)
    )
    gain = sum(
        score(step.page.record.heat, record.heat)
        * (quality_at(step.page.record, step.above) - quality_at(step.page.record, step.level))
        for step in prefix.taken
    )
    return split._replace(level=split.page.base) if most > gain else None


def _around(
    steps: Sequence[_Step], bases: Mapping[int, int], room: int, single: _Step
) -> tuple[dict[int, int], _Prefix]:
    """Raise one page first, then take the prefix of the others."""
    others = [step for step in steps if step.page is not single.page]
    prefix = _prefix(others, room - single.cost)
    raised = {step.page.slot: step.above for step in prefix.taken}
    return dict(bases) | raised | {single.page.slot: single.above}, prefix


def _repaired(steps: Sequence[_Step], levels: Mapping[int, int], left: int) -> list[Seat]:
    """Return the pages next to where the room ran out, at their repaired levels."""
    last = [step for step in steps if levels[step.page.slot] == step.above]
    following = [step for step in steps if levels[step.page.slot] == step.level]
    seats: dict[int, Seat] = {}

    def seat(step: _Step) -> Seat:
        page = step.page
        fresh = Seat(page.slot, page.record, page.base, levels[page.slot])
        return seats.setdefault(page.slot, fresh)

    taken = [seat(step) for step in last[: -WINDOW - 1 : -1]]
    waiting = [seat(step) for step in following[:WINDOW]]
    if waiting:
        repair(taken, waiting, left)
    return list(seats.values())


def plan_value(records: Sequence[Record], levels: Mapping[int, int], now: int) -> int:
    """Return what the pages are worth together: scores are added up before they are rounded."""
    groups: dict[int, int] = {}
    for slot, level in levels.items():
        heat = records[slot].heat
        groups.setdefault(group_of(heat), 0)
        groups[group_of(heat)] += mantissa(heat) * quality_at(records[slot], level)
    return total_of(groups, now)


def _bound(records: Sequence[Record], levels: Mapping[int, int], prefix: _Prefix, now: int) -> int:
    """Bound the value of every assignment, seen from the first step that does not fit.

    All steps of a higher density have been taken, so the fractional optimum is what they gained
    and the rest of the room filled at this step's density. The value and the score are low by less
    than 1 each, hence the ``+ 1`` and the ``+ 2``.
    """
    value, split = plan_value(records, levels, now), prefix.split
    if split is None:
        return value
    record = split.page.record
    rise = quality_at(record, split.above) - quality_at(record, split.level)
    fraction = -(-(score(record.heat, now) + 1) * rise * prefix.left // split.cost)
    loose = value + fraction
    return loose + (loose >> _MARGIN_SHIFT) + 2
