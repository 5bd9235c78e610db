"""The sections of a payload: what each holds, and how it is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Final

import msgspec

from .._backend import core
from ..errors import SnapshotInvalid
from ..pages import Page
from .columns import page_columns, pages_of, row_columns, rows_of
from .header import Header
from .runs import count_of, from_runs, is_ascending, to_runs
from .sections import section
from .state import JSON, RECORD_BYTES, RowState, StateDelta
from .structs import decode_with, encode_into
from .texts import Numbers, refer

__all__ = ["SLOTS_MAX", "read_delta", "read_trees", "write_delta", "write_trees"]

SLOTS_MAX: Final = 1 << 20
"""Slots of one page table, at most: a list of free ones may take a hundred times its bytes."""
_OF_A_DELTA: Final = (b"RECS", b"PAGE", b"ARCH", b"ROWS", b"MSGS", b"SCAL")


Count = Annotated[int, msgspec.Meta(ge=0)]
_slot_of = attrgetter("slot")


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A page table's meta, and what else there is one of; the lists are runs."""

    # A short text, or the number of a long one.
    session_id: str | Count
    row_count: Count
    half_life: Count
    clock: Count
    end: Count
    free: list[Count]
    slots: list[Count]
    # For each archived page, in the order of the groups, its place among all of them.
    archived: list[Count]


_table_decoder = msgspec.msgpack.Decoder(_Table)


def write_delta(payload: bytearray, delta: StateDelta, numbers: Numbers) -> None:
    """Add the sections of a state or change."""
    where = f"session {delta.session_id!r}"
    _check_sizes(delta, where)
    table: Mapping[str, Any] = delta.table
    with section(payload, b"TABL"):
        meta = (table["half_life"], table["clock"], table["end"])
        runs = (to_runs(table["free"]), to_runs(delta.slots), _places(delta.archived))
        session_id = refer(delta.session_id, numbers)
        encode_into(payload, _Table(session_id, delta.row_count, *meta, *runs), where)
    if delta.records:
        with section(payload, b"RECS"):
            payload += delta.records
    if delta.pages:
        with section(payload, b"PAGE"):
            slots = delta.pages if is_ascending(list(delta.pages)) else sorted(delta.pages)
            page_columns(payload, list(map(delta.pages.__getitem__, slots)), numbers, where)
    if delta.archived:
        with section(payload, b"ARCH"):
            page_columns(payload, delta.archived, numbers, where)
    if delta.rows:
        owners, messages, places = row_columns(delta.rows)
        with section(payload, b"ROWS"):
            encode_into(payload, (to_runs(places), owners), where)
        with section(payload, b"MSGS"):
            core.pack_trees(payload, messages, numbers, "message", places)
    _write_named(payload, b"SCAL", delta.scalars, "scalar", numbers)


def _places(pages: Sequence[Page]) -> list[int]:
    places = sorted(range(len(pages)), key=lambda place: len(pages[place].texts))
    return to_runs(places)


def _write_named(
    payload: bytearray, tag: bytes, trees: Mapping[str, JSON], what: str, numbers: Numbers
) -> None:
    """Add a section of trees by name: a list of names and trees in turn, in order of the names."""
    if trees:
        with section(payload, tag):
            names = sorted(trees)
            flat = [item for name in names for item in (name, trees[name])]
            whose = [name for name in names for _ in range(2)]
            core.pack_trees(payload, flat, numbers, what, whose)


def _check_sizes(delta: StateDelta, where: str) -> None:
    """Refuse what no container has a place for, or what could not be read back."""
    end = delta.table["end"]
    if not isinstance(end, int) or end > SLOTS_MAX:
        raise SnapshotInvalid(
            f"{where}: a snapshot is of a page table of at most {SLOTS_MAX} slots, found {end}"
        )
    if len(delta.records) != len(delta.slots) * RECORD_BYTES:
        raise SnapshotInvalid(
            f"{where}: {len(delta.slots)} slots have records of "
            f"{len(delta.slots) * RECORD_BYTES} bytes, found {len(delta.records)}"
        )
    if core.get_slots(list(delta.pages.values()), Page, ("slot",)) != [list(delta.pages)]:
        slot, page = next(item for item in delta.pages.items() if item[1].slot != item[0])
        raise SnapshotInvalid(
            f"{where}: page {page.id!r} has slot {page.slot} and stands at slot {slot}"
        )


def write_trees(
    payload: bytearray, operations: Sequence[JSON], meta: Mapping[str, JSON], numbers: Numbers
) -> None:
    """Add the sections of operations and notes."""
    if operations:
        with section(payload, b"OPER"):
            count = range(len(operations))
            core.pack_trees(payload, list(operations), numbers, "operation", count)
    _write_named(payload, b"META", meta, "note", numbers)


def read_delta(
    sections: Mapping[bytes, memoryview], header: Header, texts: list[str | None]
) -> StateDelta | None:
    """Return the state or change, if the container has one."""
    data = sections.get(b"TABL")
    if data is None:
        stray = sorted(sections.keys() & set(_OF_A_DELTA))
        if stray or header.records:
            raise SnapshotInvalid(f"the snapshot has sections {stray} and no section b'TABL'")
        return None
    table = decode_with(_table_decoder, data, "TABL")
    records = bytes(sections.get(b"RECS", b""))
    if not count_of(table.slots) == header.records == len(records) / RECORD_BYTES:
        raise SnapshotInvalid(
            f"the header counts {header.records} records, section TABL {count_of(table.slots)} "
            f"slots, and section RECS has {len(records)} bytes"
        )
    if table.end > SLOTS_MAX:
        raise SnapshotInvalid(
            f"a snapshot is of a page table of at most {SLOTS_MAX} slots, found {table.end}"
        )
    return StateDelta(
        session_id=_text_of(table.session_id, texts, "TABL"),
        table={
            "half_life": table.half_life,
            "clock": table.clock,
            "end": table.end,
            "free": from_runs(table.free, table.end, "the free list"),
        },
        slots=from_runs(table.slots, table.end, "the slots"),
        records=records,
        pages=_read_pages(sections.get(b"PAGE"), texts),
        archived=_read_archive(sections.get(b"ARCH"), table.archived, texts),
        rows=_read_rows(sections.get(b"ROWS"), sections.get(b"MSGS"), texts),
        row_count=table.row_count,
        scalars=_read_named(sections.get(b"SCAL"), "SCAL", texts),
    )


def _text_of(reference: object, texts: Sequence[str | None], where: str) -> str:
    text = reference if isinstance(reference, str) else None
    if isinstance(reference, int) and 0 < reference < len(texts):
        text = texts[reference]
    if text is None:
        raise SnapshotInvalid(
            f"section {where} is damaged: {reference!r} is no text, nor one of {len(texts) - 1}"
        )
    return text


def _read_pages(data: memoryview | None, texts: list[str | None]) -> dict[int, Page]:
    if data is None:
        return {}
    pages = pages_of(data, texts, "PAGE")
    (slots,) = core.get_slots(pages, Page, ("slot",))
    if not is_ascending(slots):
        pages.sort(key=_slot_of)
        slots.sort()
    by_slot = dict(zip(slots, pages, strict=True))
    if len(by_slot) != len(pages) or -1 in by_slot:
        raise SnapshotInvalid("section PAGE is damaged: two pages in one slot, or one in none")
    return by_slot


def _read_archive(
    data: memoryview | None, runs: Sequence[int], texts: list[str | None]
) -> list[Page]:
    pages = [] if data is None else pages_of(data, texts, "ARCH")
    places = from_runs(runs, len(pages), "the places of section ARCH")
    ordered = dict(zip(places, pages, strict=False))
    if len(ordered) != len(pages):
        raise SnapshotInvalid("section ARCH is damaged: two pages in one place, or one in none")
    return [ordered[place] for place in range(len(pages))]


def _read_rows(
    data: memoryview | None, messages: memoryview | None, texts: list[str | None]
) -> dict[int, RowState | None]:
    if data is None or messages is None:
        if data is not messages:
            raise SnapshotInvalid("the snapshot has one of the sections ROWS and MSGS")
        return {}
    runs, owners = core.unpack_owners(data, "ROWS")
    return rows_of(runs, owners, core.unpack_trees(messages, texts, "MSGS"), "ROWS")


def _read_named(data: memoryview | None, where: str, texts: list[str | None]) -> dict[str, JSON]:
    if data is None:
        return {}
    flat = core.unpack_trees(data, texts, where)
    names = flat[::2]
    stray = [name for name in names if type(name) is not str]
    if stray:
        raise SnapshotInvalid(f"section {where} is damaged: {stray[0]!r} is no text")
    if len(flat) % 2 or names != sorted(set(names)):
        raise SnapshotInvalid(f"section {where} is damaged: a name without a value, or twice")
    return dict(zip(names, flat[1::2], strict=True))


def read_trees(
    sections: Mapping[bytes, memoryview], texts: list[str | None]
) -> tuple[list[JSON], dict[str, JSON]]:
    """Return the operations and the notes."""
    operations: list[JSON] = []
    if b"OPER" in sections:
        operations = core.unpack_trees(sections[b"OPER"], texts, "OPER")
    return operations, _read_named(sections.get(b"META"), "META", texts)
