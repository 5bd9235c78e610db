"""One page's record, and what can be read off it alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from .layout import FIELDS, LIVE, RECORD

__all__ = ["Record", "fields", "packed", "quality_at", "required_level", "tokens_at", "unpacked"]

_HARD = 2


@dataclass(slots=True)
class Record:
    """The fields of `layout.FIELDS`, and the id that the compiled core keeps in its arena."""

    digest: tuple[int, int] = (0, 0)
    heat: int = 0
    tokens: tuple[int, ...] = (0, 0, 0, 0)
    density: tuple[int, ...] = (0, 0, 0, 0)
    quality: tuple[int, ...] = (0, 0, 0, 0)
    last_turn: int = 0
    version: int = 0
    id_offset: int = 0
    id_hash: int = 0
    id_length: int = 0
    page_type: int = 0
    pin: int = 0
    floor: int = 0
    level: int = 0
    demand: int = 0
    flags: int = 0
    page_id: str = ""


def fields(record: Record) -> dict[str, int | tuple[int, ...]]:
    """Return the record's fields by name, in the order of the layout."""
    return {name: getattr(record, name) for name, _, _ in FIELDS}


def packed(record: Record) -> bytes:
    """Return a record as it is dumped: without what it owes to its process or its past."""
    plain = fields(record) | {"id_offset": 0, "id_hash": 0, "demand": 0}
    plain["flags"] = record.flags & LIVE
    numbers: list[int] = []
    for value in plain.values():
        numbers.extend(value if isinstance(value, tuple) else (value,))
    return RECORD.pack(*numbers)


def unpacked(dumped: bytes) -> Record:
    """Return the record that was dumped, which nothing has been checked of; its id is not in it."""
    record = Record()
    numbers = iter(RECORD.unpack(dumped))
    for name, _, count in FIELDS:
        value = tuple(islice(numbers, count)) if count > 1 else next(numbers)
        setattr(record, name, value)
    return record


def required_level(record: Record) -> int:
    """Return the least level the page may have: the floor if pinned hard, or a demand above."""
    return max(record.floor if record.pin == _HARD else 0, record.demand)


def tokens_at(record: Record, level: int) -> int:
    """Return the tokens of a present level; level 0 costs nothing."""
    return record.tokens[level - 1] if level else 0


def quality_at(record: Record, level: int) -> int:
    """Return the quality of a present level in per mille of full; level 0 is worth nothing."""
    return record.quality[level - 1] if level else 0
