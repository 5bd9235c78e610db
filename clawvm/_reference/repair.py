"""Bounded exchange: what is won back where the room runs out.

The greedy stops at the first step that does not fit. The pages just before and just after that
point are looked at together, with all their levels and not only those of the frontier: single
raises, and raises that one lowered page pays for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .arithmetic import score
from .frontier import best_fitting, present
from .record import Record, quality_at, tokens_at

__all__ = ["ROUNDS", "WINDOW", "Seat", "repair"]

WINDOW = 6
"""Pages on each side of the point where the room runs out."""
ROUNDS = 4
"""Exchanges at most."""


@dataclass(slots=True)
class Seat:
    """A page in a window: its record, the level it may not go below, and its level for now."""

    slot: int
    record: Record
    base: int
    level: int


class _Change(NamedTuple):
    """One page to another level: tokens that it costs, worth that it gains (or loses)."""

    seat: Seat
    level: int
    tokens: int
    worth: int


def repair(taken: Sequence[Seat], waiting: Sequence[Seat], left: int) -> int:
    """Improve the levels of the windows within `left` tokens; return the tokens left over.

    Up to `ROUNDS` times the change that gains most is made: a page of `waiting` is raised, alone
    or with a page of `taken` lowered for it. Of equal gains the first found counts: raising alone,
    then lowered pages in the order of `taken`, each from its level downwards; for each of these,
    raised pages in the order of `waiting`, each from its level upwards. At last every page of
    `waiting`, then of `taken`, is raised to what still fits.

    No page is lowered to nothing: a pointer that still names it costs little and is worth more to
    an agent than its quality says, for what is not named is asked for again.

    Worth is measured against the hottest page of both windows, so that it is the same at any turn
    and fits 64 bits.

    Parameters
    ----------
    taken : sequence of Seat
        The pages whose last step is the least dense, that step ascending.
    waiting : sequence of Seat
        The pages whose next step is the densest, that step descending. A page in both windows is
        the same object.
    left : int
        Tokens of the room that are not spent.
    """
    hottest = max((seat.record.heat for seat in (*taken, *waiting)), default=0)
    for _ in range(ROUNDS):
        raised = [change for seat in waiting for change in _raises(seat, hottest)]
        lowered = [change for seat in taken for change in _lowerings(seat, hottest)]
        best = _best(raised, lowered, left)
        if not best:
            break
        for change in best:
            change.seat.level = change.level
            left -= change.tokens
    for seat in (*waiting, *taken):
        if above := best_fitting(seat.record.tokens, seat.record.quality, seat.level, left):
            left -= tokens_at(seat.record, above) - tokens_at(seat.record, seat.level)
            seat.level = above
    return left


def _raises(seat: Seat, hottest: int) -> list[_Change]:
    return [
        _change(seat, level, hottest)
        for level in range(seat.level + 1, 5)
        if present(seat.record.tokens, level)
    ]


def _lowerings(seat: Seat, hottest: int) -> list[_Change]:
    return [
        _change(seat, level, hottest)
        for level in range(seat.level - 1, max(seat.base, 1) - 1, -1)
        if present(seat.record.tokens, level)
    ]


def _change(seat: Seat, level: int, hottest: int) -> _Change:
    record = seat.record
    rise = quality_at(record, level) - quality_at(record, seat.level)
    cost = tokens_at(record, level) - tokens_at(record, seat.level)
    return _Change(seat, level, cost, score(record.heat, hottest) * rise)


def _best(raised: Sequence[_Change], lowered: Sequence[_Change], left: int) -> tuple[_Change, ...]:
    """Return the changes that fit `left` together and gain most, none if none gains."""
    best: tuple[_Change, ...] = ()
    most = 0
    for up in raised:
        if up.tokens <= left and up.worth > most:
            best, most = (up,), up.worth
    for down in lowered:
        for up in raised:
            if up.seat is down.seat or up.tokens + down.tokens > left:
                continue
            if up.worth + down.worth > most:
                best, most = (down, up), up.worth + down.worth
    return best
