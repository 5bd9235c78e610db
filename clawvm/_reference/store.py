"""The state under a page table, and the changes of it that public methods are made of."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import RLock
from typing import TypeVar, cast

from . import validate
from .arithmetic import log2q, turn_heat
from .frontier import densities, present
from .layout import (
    CHANGED,
    HALF_LIFE,
    LIVE,
    MAX_ID_ARENA,
    MAX_PAGES,
    MAX_TOKENS,
    NO_STEP,
    grown,
)
from .record import Record, tokens_at

__all__ = ["Store", "locked"]

_MIN_GROWTH = 16
_STATS = (
    *("probes", "resizes", "compactions", "log2"),
    *("selects", "steps", "frontiers", "allocations"),
)


_Method = TypeVar("_Method", bound=Callable[..., object])


def locked(method: _Method) -> _Method:
    """Let one thread at a time into the table, once per public call."""

    @wraps(method)
    def call(self: Store, *args: object, **kwargs: object) -> object:
        with self._lock:
            return method(self, *args, **kwargs)

    return cast("_Method", call)


class Store:
    """Records by slot, slots by id, free slots, the clock and the counts kept beside them.

    The compiled core keeps the bytes of all ids in one arena and has its own hash index. Here a
    dict resolves ids, and of the arena only the sizes and offsets are kept, as the records show
    them.
    """

    def __init__(self, *, half_life: int = HALF_LIFE, capacity: int = 64) -> None:
        self._lock = RLock()
        self._half_life = validate.half_life(half_life)
        self._capacity = validate.capacity(capacity)
        self._records: list[Record] = []
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._arena_used = 0
        self._arena_dead = 0
        self._used_tokens = 0
        self._clock = 0
        self._stats = dict.fromkeys(_STATS, 0)
        self._limits = (MAX_PAGES, MAX_ID_ARENA)

    def _record(self, slot: object) -> Record:
        number = validate.slot(slot, len(self._records))
        if number < 0 or not self._records[number].flags & LIVE:
            validate.refuse_slot(slot, len(self._slots))
        return self._records[number]

    def _at(self, slot: object, level: object) -> tuple[Record, int]:
        """Return the record and a level that it has."""
        wanted, record = validate.level(level), self._record(slot)
        if not present(record.tokens, wanted):
            validate.refuse_missing_level(record.page_id, wanted, record.tokens)
        return record, wanted

    def _now(self, turn: int) -> int:
        return turn_heat(max(turn, self._clock), self._half_life)

    def _log2(self, x: int) -> int:
        self._stats["log2"] += 1
        return log2q(x)

    def _set(self, record: Record, field: str, value: int) -> None:
        """Replace a field, and note it if that changes anything."""
        if getattr(record, field) != value:
            setattr(record, field, value)
            record.flags |= CHANGED

    def _see(self, record: Record, turn: int) -> None:
        record.last_turn = max(record.last_turn, turn)
        self._clock = max(self._clock, turn)

    def _touch(self, record: Record, turn: int) -> None:
        before = record.last_turn
        self._see(record, turn)
        if record.last_turn > before:
            record.heat += turn_heat(record.last_turn, self._half_life)
            record.heat -= turn_heat(before, self._half_life)
            record.flags |= CHANGED

    def _add(self, page: validate.Page) -> int:
        """Give a new page a slot, the one freed last if there is one, and a place for its id."""
        pages, id_bytes = self._limits
        if len(self._slots) >= pages:
            validate.refuse_pages(pages)
        if self._arena_used + page.id_bytes > id_bytes:
            validate.refuse_arena(id_bytes)
        if self._free:
            slot = self._free.pop()
        else:
            slot = len(self._records)
            if slot == self._capacity:
                self._capacity = min(grown(self._capacity, _MIN_GROWTH), MAX_PAGES)
                self._stats["resizes"] += 1
            self._records.append(Record())
        self._records[slot] = Record(
            version=1,
            id_offset=self._arena_used,
            id_hash=hash(page.page_id) & 0xFFFFFFFF,
            id_length=page.id_bytes,
            flags=LIVE | CHANGED,
            page_id=page.page_id,
        )
        self._arena_used += page.id_bytes
        self._slots[page.page_id] = slot
        return slot

    def _set_ladder(
        self, record: Record, tokens: tuple[int, ...], quality: tuple[int, ...]
    ) -> None:
        self._used_tokens -= tokens_at(record, record.level)
        record.tokens, record.quality = tokens, quality
        record.density = densities(tokens, quality, 0, MAX_TOKENS)
        self._stats["log2"] += 2 * sum(density != NO_STEP for density in record.density)
        while not present(tokens, record.level):
            record.level -= 1
        self._used_tokens += tokens_at(record, record.level)

    def _compact(self) -> None:
        """Close the gaps that removed ids left among the others, in slot order."""
        end = 0
        for record in self._records:
            if record.flags & LIVE:
                record.id_offset = end
                end += record.id_length
        self._arena_used, self._arena_dead = end, 0
        self._stats["compactions"] += 1

    def _commit(self, levels: dict[int, int]) -> list[tuple[int, int, int]]:
        """Make the planned levels resident, drop the demands and tell what moved."""
        moves = []
        for slot, level in levels.items():
            record = self._records[slot]
            record.demand = 0
            if level != record.level:
                moves.append((slot, record.level, level))
                self._used_tokens += tokens_at(record, level) - tokens_at(record, record.level)
                record.level = level
                record.flags |= CHANGED
        return moves
