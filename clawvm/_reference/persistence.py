"""A page table as bytes: what changed, a dump of records, and a table made of one again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from . import restoring, validate
from .layout import CHANGED, MAX_ID_ARENA, RECORD_BYTES
from .record import Record, packed, tokens_at, unpacked
from .store import Store, locked

__all__ = ["Persistent"]


class Persistent(Store):
    """The part of `PageTable` that snapshots are made of."""

    @locked
    def changed(self) -> list[int]:
        """Return the slots whose record, live or freed, has changed since `settle`. O(pages).

        Ascending. A demand changes no record in this sense: it is over with the next plan.
        """
        return [slot for slot, record in enumerate(self._records) if record.flags & CHANGED]

    @locked
    def settle(self) -> None:
        """Count every record as unchanged from now on. O(pages)."""
        for record in self._records:
            record.flags &= ~CHANGED

    @locked
    def dump(self, slots: Sequence[int]) -> bytes:
        """Return the records in these slots, `RECORD_BYTES` each, little-endian.

        What a record owes to its process or its past is zero: the place and the hash of its id, a
        demand, the mark of a change. The same state gives the same bytes on every machine. A freed
        slot gives zeros.

        Parameters
        ----------
        slots : sequence of int
            In the order in which their records are wanted; each live, or freed.

        Raises
        ------
        PageNotFound
            When one has never held a page.
        """
        dumped = []
        for slot in tuple(slots):
            number = validate.slot(slot, len(self._records))
            if number < 0:
                validate.refuse_slot(slot, len(self._slots))
            dumped.append(packed(self._records[number]))
        return b"".join(dumped)

    @locked
    def meta(self) -> dict[str, int | list[int]]:
        """Return what belongs to no record.

        ``half_life``; ``clock``, the latest turn; ``end``, slots ever used; ``free``, the free ones
        in the order in which they were freed.
        """
        return {
            "half_life": self._half_life,
            "clock": self._clock,
            "end": len(self._records),
            "free": list(self._free),
        }

    @classmethod
    def restore(
        cls,
        meta: Mapping[str, int | Sequence[int]],
        slots: Sequence[int],
        records: bytes,
        page_ids: Sequence[str],
    ) -> Self:
        """Make a table that goes on as the dumped one would have. O(pages).

        Everything is checked first. No record counts as changed.

        Parameters
        ----------
        meta : mapping
            What `meta` returned.
        slots : sequence of int
            The slots that held a page, as `slots` returned them.
        records : bytes
            `dump` of these slots.
        page_ids : sequence of str
            The id of the page in each of them.

        Raises
        ------
        SnapshotInvalid
            When anything in it cannot have been a table's.
        """
        shape = restoring.shape(meta, slots, records, page_ids)
        table = cls(half_life=shape.half_life, capacity=max(shape.end, 1))
        table._records = [Record() for _ in range(shape.end)]
        table._free = shape.free
        table._clock = shape.clock
        for place, (slot, page_id) in enumerate(zip(shape.slots, shape.page_ids, strict=True)):
            start = place * RECORD_BYTES
            table._take_up(slot, page_id, unpacked(records[start : start + RECORD_BYTES]))
        return table

    def _take_up(self, slot: int, page_id: object, record: Record) -> None:
        """Check a dumped record and its id, and give them their slot."""
        text = restoring.identifier(slot, page_id)
        id_bytes = len(text.encode())
        fault = restoring.fault(record, id_bytes, self._clock, self._half_life)
        if fault is not None:
            restoring.refuse_record(slot, text, fault)
        if text in self._slots:
            restoring.refuse_twice(text, self._slots[text], slot)
        if self._arena_used + id_bytes > MAX_ID_ARENA:
            restoring.refuse_arena()
        record.page_id = text
        record.id_hash = hash(text) & 0xFFFFFFFF
        record.id_offset = self._arena_used
        self._arena_used += id_bytes
        self._records[slot] = record
        self._slots[text] = slot
        self._used_tokens += tokens_at(record, record.level)
