"""Limits, field table and dtype of a page record: what both back ends agree on, byte for byte."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "CHANGED",
    "FIELDS",
    "HALF_LIFE",
    "LEVELS",
    "LIVE",
    "MAX_BUDGET",
    "MAX_ID_ARENA",
    "MAX_ID_BYTES",
    "MAX_PAGES",
    "MAX_POSITION",
    "MAX_QUALITY",
    "MAX_SHOWN_TOKENS",
    "MAX_STATES",
    "MAX_TOKENS",
    "MAX_TURN",
    "MAX_WEIGHT",
    "MISSING_LEVEL",
    "NO_STEP",
    "RECORD",
    "RECORD_BYTES",
    "grown",
    "record_dtype",
    "record_offsets",
    "swapped",
    "swapped_words",
]

MAX_PAGES: Final = 1 << 24
"""Pages in one table; a slot fits 24 bits, which leaves the index 7 bits of hash to compare."""
MAX_ID_BYTES: Final = 512
"""Bytes of one page id in UTF-8."""
MAX_ID_ARENA: Final = (1 << 32) - 1
"""Bytes of all ids of one table, because a record keeps its id's place in 32 bits."""
MAX_TOKENS: Final = 0xFFFFFFFE
"""Tokens of one level."""
MISSING_LEVEL: Final = 0xFFFFFFFF
"""What a record stores as the token count of a level that its ladder lacks."""
MAX_QUALITY: Final = 1000
"""Quality of the full level; other levels are worth so many per mille of it."""
MAX_WEIGHT: Final = 1 << 24
"""Largest weight: with it the score of a page touched this very turn is 2**64."""
MAX_TURN: Final = (1 << 32) - 1
"""Last turn a table can count to."""
MAX_BUDGET: Final = (1 << 63) - 1
"""Largest budget in tokens; no table can fill it."""
MAX_STATES: Final = (1 << 31) - 1
"""States that the search of an exact selection can be allowed to keep."""
MAX_POSITION: Final = (1 << 25) - 1
"""Last position at which a prompt can show something."""
MAX_SHOWN_TOKENS: Final = 1 << 38
"""Tokens of one thing that is shown: 64 bits hold the sum of as many as there are positions."""
HALF_LIFE: Final = 32
"""Turns after which an untouched page is worth half, unless the table is told otherwise."""

LEVELS: Final = ("none", "pointer", "structured", "compressed", "full")
"""Names of the levels 0 to 4, for error messages."""
LIVE: Final = 1
"""Flag of a record that holds a page."""
CHANGED: Final = 2
"""Flag of a record, live or blank, that differs from what it was when the table was settled."""
NO_STEP: Final = -(1 << 31)
"""Density of a level that no step of the frontier ends at."""

FIELDS: Final = (
    ("digest", "Q", 2),
    ("heat", "q", 1),
    ("tokens", "I", 4),
    ("density", "i", 4),
    ("quality", "H", 4),
    ("last_turn", "I", 1),
    ("version", "I", 1),
    ("id_offset", "I", 1),
    ("id_hash", "I", 1),
    ("id_length", "H", 1),
    ("page_type", "B", 1),
    ("pin", "B", 1),
    ("floor", "B", 1),
    ("level", "B", 1),
    ("demand", "B", 1),
    ("flags", "B", 1),
)
"""Name, type (as in ``struct``) and count of each field, widest first so that there is no hole."""

RECORD_BYTES: Final = 88
"""Bytes of one record."""

RECORD: Final = struct.Struct("<" + "".join(f"{count}{code}" for _, code, count in FIELDS))
"""A dumped record: little-endian on every machine."""


def record_offsets() -> dict[str, int]:
    """Return the byte offset of each field by its name, in the record's order."""
    offsets = {}
    end = 0
    for name, code, count in FIELDS:
        offsets[name] = end
        end += struct.calcsize(code) * count
    return offsets


def record_dtype() -> np.dtype[np.void]:
    """Return the numpy dtype of a page record (native byte order, packed, no padding).

    numpy is imported here and not with the module, to keep ``import clawvm`` cheap.
    """
    import numpy as np

    return np.dtype(
        [(name, code, (count,)) if count > 1 else (name, code) for name, code, count in FIELDS]
    )


def swapped(records: bytes) -> bytes:
    """Return records with the bytes of every number in the opposite order.

    The compiled core copies records as they lie in memory; on a big-endian machine they pass
    through here on their way out and in.
    """
    opposite = struct.Struct(RECORD.format.replace("<", ">"))
    return b"".join(RECORD.pack(*numbers) for numbers in opposite.iter_unpack(records))


def swapped_words(words: bytes) -> bytes:
    """Return 32-bit numbers with their bytes in the opposite order, for big-endian machines too."""
    count = len(words) // 4
    return struct.pack(f"<{count}I", *struct.unpack(f">{count}I", words))


def grown(capacity: int, least: int) -> int:
    """Return the next capacity of a growing buffer: one sixteenth more, or `least` more.

    A page may cost 128 bytes with everything that belongs to it. Growth by half, the common
    choice, would leave up to 44 of the record's 88 bytes unused; a sixteenth leaves 6, and a
    large buffer grows in place by ``realloc``, so that the many small growths stay cheap.
    """
    return capacity + max(least, capacity >> 4)
