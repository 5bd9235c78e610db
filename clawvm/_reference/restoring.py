"""Checks of a dump before a page table is made of it, and the sentences that refuse one.

The compiled core checks records and ids in C and comes here for the rest, and for the sentence
when one is out of order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, NoReturn

from ..errors import ClawVMError, SnapshotInvalid
from . import invariants, validate
from .layout import LIVE, MAX_ID_ARENA, MAX_PAGES, MAX_TURN, RECORD_BYTES
from .record import Record, fields, unpacked

__all__ = [
    "Shape",
    "fault",
    "identifier",
    "refuse_arena",
    "refuse_dumped",
    "refuse_record",
    "refuse_twice",
    "shape",
]

_KEYS = ("half_life", "clock", "end", "free")


class Shape(NamedTuple):
    """The parts of a dump, of plain types and of sizes that agree."""

    half_life: int
    clock: int
    end: int
    free: list[int]
    slots: list[int]
    page_ids: list[str]


def shape(meta: object, slots: object, records: object, page_ids: object) -> Shape:
    """Check everything about a dump but its records and its ids.

    Raises
    ------
    SnapshotInvalid
        If anything is out of its range, or the sizes do not agree.
    """
    if not isinstance(meta, Mapping) or set(meta) != set(_KEYS):
        raise SnapshotInvalid(
            f"a page table's meta has the keys {', '.join(_KEYS)}, found {validate.shown(meta)}"
        )
    half_life = _whole(meta["half_life"], 1, MAX_TURN, "half life")
    clock = _whole(meta["clock"], 0, MAX_TURN, "clock")
    end = _whole(meta["end"], 0, MAX_PAGES, "end")
    free = _slots(meta["free"], "free list")
    live = _slots(slots, "list of slots")
    if not isinstance(page_ids, Sequence) or isinstance(page_ids, (str, bytes)):
        raise SnapshotInvalid(f"page ids must be a list, found {validate.shown(page_ids)}")
    if type(records) is not bytes or len(records) != len(live) * RECORD_BYTES:
        found = f"{len(records)} bytes" if type(records) is bytes else validate.shown(records)
        raise SnapshotInvalid(
            f"the records of {len(live)} slots take {len(live) * RECORD_BYTES} bytes, found {found}"
        )
    if len(page_ids) != len(live):
        raise SnapshotInvalid(
            f"a page table of {len(live)} slots in use has as many ids, found {len(page_ids)}"
        )
    _check_partition(live, free, end)
    return Shape(half_life, clock, end, free, live, list(page_ids))


def identifier(slot: int, page_id: object) -> str:
    """Return a page's id as a plain str."""
    try:
        return validate.identifier(page_id)[0]
    except ClawVMError as error:
        raise SnapshotInvalid(f"slot {slot}: {error}") from None


def fault(record: Record, id_bytes: int, clock: int, half_life: int) -> str | None:
    """Return what is wrong with a dumped record, None if nothing is."""
    if record.flags != LIVE or record.demand or record.id_offset or record.id_hash:
        return "a field that a dump leaves at zero is not"
    if record.id_length != id_bytes:
        return f"its id takes {record.id_length} bytes in the record and {id_bytes} in the list"
    return invariants.record_fault(fields(record), clock, half_life)


def refuse_dumped(
    slot: int, page_id: str, dumped: bytes, id_bytes: int, clock: int, half_life: int
) -> NoReturn:
    """Refuse a record that `fault` finds something wrong with, as bytes."""
    what = fault(unpacked(dumped), id_bytes, clock, half_life)
    assert what is not None, f"both back ends have the same rules, and {dumped!r} keeps them"
    refuse_record(slot, page_id, what)


def refuse_record(slot: int, page_id: str, what: str) -> NoReturn:
    raise SnapshotInvalid(f"slot {slot} (page {validate.shown(page_id)}): {what}")


def refuse_twice(page_id: str, first: int, second: int) -> NoReturn:
    raise SnapshotInvalid(
        f"slots {first} and {second} both hold the page {validate.shown(page_id)}; "
        "each page has one slot"
    )


def refuse_arena() -> NoReturn:
    raise SnapshotInvalid(f"the page ids take more than {MAX_ID_ARENA} bytes in all")


def _whole(value: object, low: int, high: int, what: str) -> int:
    if type(value) is not int or not low <= value <= high:
        raise SnapshotInvalid(
            f"a page table's {what} is a whole number from {low} to {high}, "
            f"found {validate.shown(value)}"
        )
    return value


def _slots(value: object, what: str) -> list[int]:
    if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
        raise SnapshotInvalid(f"a page table's {what} is a list, found {validate.shown(value)}")
    slots = list(value)
    if not set(map(type, slots)) <= {int}:
        odd = next(slot for slot in slots if type(slot) is not int)
        raise SnapshotInvalid(
            f"a page table's {what} has whole numbers, found {validate.shown(odd)}"
        )
    return slots


def _check_partition(live: list[int], free: list[int], end: int) -> None:
    """Refuse unless every slot below `end` is live or free, and none is both or twice."""
    every = {*live, *free}
    if (
        len(live) + len(free) == end == len(every)
        and (not every or (min(every) >= 0 and max(every) < end))
        and live == sorted(live)
    ):
        return
    outside = [slot for slot in every if not 0 <= slot < end]
    if outside:
        raise SnapshotInvalid(
            f"slots of a table of {end} are below that and not negative, found {min(outside)}"
        )
    if len(every) == end == len(live) + len(free):
        raise SnapshotInvalid("the slots in use are not in ascending order")
    raise SnapshotInvalid(
        f"{len(live)} slots in use and {len(free)} free ones name {len(every)} different slots of "
        f"a table of {end}; each is either in use or free, and named once"
    )
