"""What a caller asks of several pages in one call."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from .arithmetic import score
from .frontier import present
from .record import Record, quality_at, tokens_at

__all__ = ["least_earner", "next_gain"]

_HARD = 2


def least_earner(records: Sequence[Record], now: int, spared: Collection[int]) -> int:
    """Return the slot of the resident page with the least value per token, -1 if there is none.

    Pages pinned hard have not earned their place, nor have those that the caller spares. Of two
    pages that earn the same it is that in the lower slot.
    """
    best, least = -1, (0, 1)
    for slot, record in enumerate(records):
        if not record.level or record.pin == _HARD or slot in spared:
            continue
        value = score(record.heat, now) * quality_at(record, record.level)
        tokens = tokens_at(record, record.level)
        if best < 0 or value * least[1] < least[0] * tokens:
            best, least = slot, (value, tokens)
    return best


def next_gain(record: Record, now: int) -> int:
    """Return what the next dearer level of a page would add to what it is worth."""
    levels = (level for level in range(record.level + 1, 5) if present(record.tokens, level))
    above = next(levels, record.level)
    return score(record.heat, now) * (quality_at(record, above) - quality_at(record, record.level))
