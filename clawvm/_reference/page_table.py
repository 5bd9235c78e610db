"""The page table: packed records by slot, ids to slots, the recency clock and the selector."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from . import invariants, validate
from .arithmetic import score, turn_heat
from .batches import least_earner, next_gain
from .dirty import digest_bytes, digest_words, next_version
from .layout import CHANGED, LIVE, record_dtype
from .record import Record, fields, quality_at, required_level, tokens_at
from .selecting import Selecting
from .store import locked

if TYPE_CHECKING:
    import numpy as np

__all__ = ["PageTable"]

LEVEL_FULL = 4


class PageTable(Selecting):
    """Pages of one session: what each level costs and is worth, and which level is resident.

    A page lives in a slot, a small number that is stable until the page is removed. Levels are 0
    (none), 1 (pointer), 2 (structured), 3 (compressed) and 4 (full); a ladder may lack any of 1
    to 3. A method that raises has changed nothing.

    Parameters
    ----------
    half_life : int
        Turns after which an untouched page is worth half, 1 to ``MAX_TURN``.
    capacity : int
        Pages to make room for at once; the table grows beyond it.

    Notes
    -----
    *Time.* The table's clock is the latest turn it has been told of. A page's last turn never goes
    back, and `select` and `value` read an earlier turn than the clock as the clock.

    *Thread safety.* Each public call is atomic; two calls in a row are not.
    """

    # -- Pages by id ------------------------------------------------------------------------------

    @locked
    def put(
        self,
        page_id: str,
        tokens: Sequence[int | None],
        quality: Sequence[int],
        weight: int,
        *,
        page_type: int,
        pin: int,
        floor: int,
        digest: bytes,
        turn: int,
    ) -> int:
        """Add a page, or replace what is known of it. O(1).

        A new page starts at level 0 and version 1. A known page keeps its slot and its demand, its
        version counts up if the digest differs, and its resident level is kept or, if the new
        ladder lacks it, becomes the next lower one that is there.

        Parameters
        ----------
        page_id : str
            1 to ``MAX_ID_BYTES`` bytes in UTF-8.
        tokens : sequence of 4 ints or None
            Tokens of each level, pointer to full, strictly increasing; None where it is missing.
        quality : sequence of 4 ints
            Worth of each level, 1 to 1000 per mille of full; ignored where the level is missing.
        weight : int
            What the page is worth against others, 1 to ``MAX_WEIGHT``.
        page_type : int
            The caller's number for its type, 0 to 255.
        pin : int
            0 (none), 1 (soft) or 2 (hard); only a hard pin makes the floor a constraint.
        floor : int
            Least level of a hard pinned page.
        digest : bytes
            16 bytes that identify the content.
        turn : int
            When this happened, 0 to ``MAX_TURN``.

        Returns
        -------
        int
            The page's slot.

        Raises
        ------
        PageInvalid, LadderInvalid
            If an argument is out of its range.
        LimitExceeded
            If the page, its id or a token count passes a limit.
        """
        page = validate.page(page_id, tokens, quality, weight, page_type, pin, floor, digest, turn)
        words = digest_words(page.digest)
        slot = self._slots.get(page.page_id, -1)
        if slot < 0:
            slot = self._add(page)
            record = self._records[slot]
        else:
            record = self._records[slot]
            record.version = next_version(record.version, record.digest, words)
        record.digest = words
        record.flags |= CHANGED
        self._set_ladder(record, page.tokens, page.quality)
        record.page_type, record.pin, record.floor = page.page_type, page.pin, page.floor
        self._see(record, page.turn)
        record.heat = self._log2(page.weight) + turn_heat(record.last_turn, self._half_life)
        return slot

    @locked
    def find(self, page_id: str) -> int:
        """Return the page's slot, -1 if there is none. O(1)."""
        return self._slots.get(validate.identifier(page_id)[0], -1)

    @locked
    def slot(self, page_id: str) -> int:
        """Return the page's slot; raises `PageNotFound` if there is none."""
        text, _ = validate.identifier(page_id)
        if text not in self._slots:
            validate.refuse_id(text)
        return self._slots[text]

    @locked
    def page_id(self, slot: int) -> str:
        """Return the id of the page in this slot."""
        return self._record(slot).page_id

    @locked
    def __contains__(self, page_id: str) -> bool:
        return validate.identifier(page_id)[0] in self._slots

    @locked
    def __len__(self) -> int:
        return len(self._slots)

    @locked
    def slots(self) -> list[int]:
        """Return the slots that hold a page, ascending."""
        return [slot for slot, record in enumerate(self._records) if record.flags & LIVE]

    @locked
    def remove(self, slot: int) -> None:
        """Forget a page; its slot is the next that `put` gives to a new page. O(1) amortised."""
        record = self._record(slot)
        self._used_tokens -= tokens_at(record, record.level)
        del self._slots[record.page_id]
        self._arena_dead += record.id_length
        self._records[slot] = Record(flags=CHANGED)
        self._free.append(slot)
        if self._arena_dead * 2 > self._arena_used:
            self._compact()

    # -- Fields of one page -----------------------------------------------------------------------

    @locked
    def touch(self, slot: int, turn: int) -> None:
        """Record that the page was used at this turn; an earlier turn changes nothing."""
        turn, record = validate.turn(turn), self._record(slot)
        self._touch(record, turn)

    @locked
    def reweigh(self, slot: int, weight: int) -> None:
        """Replace the page's weight."""
        weight, record = validate.weight(weight), self._record(slot)
        self._set(record, "heat", self._log2(weight) + turn_heat(record.last_turn, self._half_life))

    @locked
    def advance(self, slot: int, version: int) -> None:
        """Count the page's contents up to `version`; a lower one changes nothing.

        For contents that were made elsewhere, such as by another writer of the store.
        """
        version, record = validate.version(version), self._record(slot)
        self._set(record, "version", max(version, record.version))

    @locked
    def set_pin(self, slot: int, pin: int) -> None:
        """Replace the page's pin: 0 (none), 1 (soft) or 2 (hard)."""
        pin, record = validate.pin(pin), self._record(slot)
        self._set(record, "pin", pin)

    @locked
    def set_floor(self, slot: int, floor: int) -> None:
        """Replace the level that a hard pin holds the page at, or above."""
        floor, record = validate.floor(floor), self._record(slot)
        self._set(record, "floor", floor)

    @locked
    def demand(self, slot: int, level: int) -> None:
        """Require the page at this level or above in the next feasible `select`.

        Of several demands the highest counts.
        """
        level, record = validate.level(level), self._record(slot)
        record.demand = max(record.demand, level)

    @locked
    def clear_demands(self) -> None:
        """Drop all demands. O(pages)."""
        for record in self._records:
            record.demand = 0

    @locked
    def level(self, slot: int) -> int:
        """Return the page's resident level."""
        return self._record(slot).level

    @locked
    def set_level(self, slot: int, level: int) -> None:
        """Set the resident level without a selection: 0, or a level that the ladder has."""
        record, level = self._at(slot, level)
        self._used_tokens += tokens_at(record, level) - tokens_at(record, record.level)
        self._set(record, "level", level)

    @locked
    def admit(self, slots: Iterable[int]) -> list[tuple[int, int, int]]:
        """Make pages resident in full, and return those that were not.

        Returns
        -------
        list of (slot, level before, level now)
            In slot order.
        """
        moves = []
        for slot, record in [(int(slot), self._record(slot)) for slot in slots]:
            if record.level < LEVEL_FULL:
                moves.append((slot, record.level, LEVEL_FULL))
                self._used_tokens += tokens_at(record, LEVEL_FULL)
                self._used_tokens -= tokens_at(record, record.level)
                self._set(record, "level", LEVEL_FULL)
        moves.sort()
        return moves

    @locked
    def tokens(self, slot: int, level: int) -> int:
        """Return the tokens of one level, 0 for level 0; a missing level is `LadderInvalid`."""
        return tokens_at(*self._at(slot, level))

    @property
    @locked
    def used_tokens(self) -> int:
        """Tokens of all pages at their resident levels."""
        return self._used_tokens

    @locked
    def version(self, slot: int) -> int:
        """Return how many contents the page has had."""
        return self._record(slot).version

    @locked
    def digest(self, slot: int) -> bytes:
        """Return the 16 bytes that identify the page's content."""
        return digest_bytes(self._record(slot).digest)

    @locked
    def value(self, slot: int, level: int, turn: int) -> int:
        """Return what the page is worth at a level and turn, an exact integer."""
        turn = validate.turn(turn)
        record, level = self._at(slot, level)
        return score(record.heat, self._now(turn)) * quality_at(record, level)

    @locked
    def required_level(self, slot: int) -> int:
        """Return the least level of the next plan: the floor if pinned hard, or a demand above."""
        return required_level(self._record(slot))

    # -- Several pages at once --------------------------------------------------------------------

    @locked
    def below_floor(self, slots: Iterable[int]) -> list[int]:
        """Return those of some slots whose page is at a lower level than its floor."""
        return [slot for slot in slots if (page := self._record(slot)).level < page.floor]

    @locked
    def next_gains(self, slots: Iterable[int], turn: int) -> list[int]:
        """Return what the next dearer level of some pages would add, 0 for one at full.

        Parameters
        ----------
        slots : iterable of int
            Which pages, at the levels that are resident.
        turn : int
            The turn at which it counts.
        """
        now = self._now(validate.turn(turn))
        return [next_gain(self._record(slot), now) for slot in slots]

    @locked
    def least_earner(self, spared: Iterable[int], turn: int) -> int:
        """Return the slot of the resident page of least value per token, -1 if there is none. O(N).

        Parameters
        ----------
        spared : iterable of int
            Slots of pages that have not had to earn their place, beside those pinned hard.
        turn : int
            The turn at which it counts.
        """
        now = self._now(validate.turn(turn))
        pages = [self._record(slot) for slot in spared]
        return least_earner(self._records, now, {self._slots[page.page_id] for page in pages})

    # -- Inspection -------------------------------------------------------------------------------

    @locked
    def record(self, slot: int) -> dict[str, int | tuple[int, ...]]:
        """Return the fields of one record by name."""
        return fields(self._record(slot))

    @locked
    def records(self) -> np.ndarray[tuple[int], np.dtype[np.void]]:
        """Return a copy of the live records in slot order, as a numpy array of `record_dtype`."""
        import numpy as np

        rows = [tuple(fields(record).values()) for record in self._records if record.flags & LIVE]
        return np.array(rows, dtype=record_dtype())

    @property
    @locked
    def nbytes(self) -> int:
        """Bytes that records, index and ids take; here what the containers and records take."""
        containers: Iterable[object] = (self._records, self._slots, self._free)
        held = sum(sys.getsizeof(container) for container in containers)
        return held + len(self._records) * sys.getsizeof(Record()) + self._arena_used

    @property
    @locked
    def stats(self) -> dict[str, int]:
        """Work done so far.

        ``probes`` (index entries looked at), ``resizes`` and ``compactions`` (of records and ids),
        ``log2`` (logarithms taken by `put` and `reweigh`), ``selects``, ``steps`` (taken or given
        back by them), ``frontiers`` (looked at for pages that had changed) and ``allocations`` (of
        memory for the plan). Here, without an index and with nothing kept, ``steps`` are the pages
        that the plans raise, and ``probes``, ``frontiers`` and ``allocations`` are 0.
        """
        return dict(self._stats)

    @locked
    def check(self) -> None:
        """Walk every invariant; raises ``AssertionError`` with a dump of the state. O(N)."""
        invariants.check(
            self._records,
            self._slots,
            self._free,
            clock=self._clock,
            used_tokens=self._used_tokens,
            arena_used=self._arena_used,
            arena_dead=self._arena_dead,
            half_life=self._half_life,
        )

    # -- Hooks for tests --------------------------------------------------------------------------

    @locked
    def _poke(self, slot: int, field: str, value: int) -> None:
        """Overwrite one plain field of a record, whatever comes of it."""
        setattr(self._records[slot], field, value)

    @locked
    def _limit(self, pages: int, id_bytes: int) -> None:
        """Lower the limits of this table, so that a test can reach them."""
        self._limits = (pages, id_bytes)
