"""The sections of a payload: what each holds, and how it is read back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, Final

import msgspec

from ..errors import SnapshotInvalid
from ..pages import Page
from .columns import (
    Count,
    PageColumns,
    RowColumns,
    Text,
    page_columns,
    pages_of,
    row_columns,
    rows_of,
)
from .header import Header, digest_of_all
from .runs import count_of, from_runs, to_runs
from .sections import section
from .state import JSON, RECORD_BYTES, RowState, StateDelta
from .texts import TextPool, Written
from .trees import Hook, Packer, check_trees, decode_with, encode_into

__all__ = [
    "SLOTS_MAX",
    "read_delta",
    "read_items",
    "read_trees",
    "write_delta",
    "write_texts",
    "write_trees",
]

SLOTS_MAX: Final = 1 << 20
"""Slots of one page table, at most: a list of free ones may take a hundred times its bytes."""
_OF_A_DELTA: Final = (b"RECS", b"PAGE", b"ARCH", b"ROWS", b"MSGS", b"SCAL")
Digest = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]


class _Table(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """A page table's meta, and what else there is one of; the lists are runs."""

    session_id: Text
    row_count: Count
    half_life: Count
    clock: Count
    end: Count
    free: list[Count]
    slots: list[Count]


class _Archive(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """Pages out of the table; for each, in the order of the groups, its place among all (runs)."""

    places: list[Count]
    groups: list[PageColumns]


class _Texts(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    digest: Digest | None
    items: list[Any]


def write_delta(payload: bytearray, delta: StateDelta, pool: TextPool, packer: Packer) -> None:
    """Add the sections of a state or change."""
    where = f"session {delta.session_id!r}"
    _check_sizes(delta, where)
    table: Mapping[str, Any] = delta.table
    with section(payload, b"TABL"):
        meta = (table["half_life"], table["clock"], table["end"])
        runs = (to_runs(table["free"]), to_runs(delta.slots))
        session_id = packer.refer(delta.session_id)
        encode_into(payload, _Table(session_id, delta.row_count, *meta, *runs), where)
    if delta.records:
        with section(payload, b"RECS"):
            payload += delta.records
    if delta.pages:
        with section(payload, b"PAGE"):
            pages = [delta.pages[slot] for slot in sorted(delta.pages)]
            encode_into(payload, page_columns(pages, pool, packer), where)
    if delta.archived:
        with section(payload, b"ARCH"):
            groups = page_columns(delta.archived, pool, packer)
            encode_into(payload, _Archive(_places(delta.archived), groups), where)
    if delta.rows:
        columns, messages = row_columns(delta.rows, packer)
        with section(payload, b"ROWS"):
            encode_into(payload, columns, where)
        with section(payload, b"MSGS"):
            encode_into(payload, messages, where)
    _write_named(payload, b"SCAL", delta.scalars, "scalar", packer)


def _places(pages: Sequence[Page]) -> list[int]:
    places = sorted(range(len(pages)), key=lambda place: len(pages[place].texts))
    return to_runs(places)


def _write_named(
    payload: bytearray, tag: bytes, trees: Mapping[str, JSON], what: str, packer: Packer
) -> None:
    """Add a section of trees by name: a list of names and trees in turn, in order of the names."""
    if trees:
        with section(payload, tag):
            flat: list[Any] = []
            for name in sorted(trees):
                flat += (packer.refer(name), packer.tree(trees[name], f"{what} {name!r}"))
            encode_into(payload, flat, what)


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
    for slot, page in delta.pages.items():
        if page.slot != slot:
            raise SnapshotInvalid(
                f"{where}: page {page.id!r} has slot {page.slot} and stands at slot {slot}"
            )


def write_trees(
    payload: bytearray, operations: Sequence[JSON], meta: Mapping[str, JSON], packer: Packer
) -> None:
    """Add the sections of operations and notes."""
    if operations:
        trees = [packer.tree(tree, f"operation {place}") for place, tree in enumerate(operations)]
        with section(payload, b"OPER"):
            encode_into(payload, trees, "operations")
    _write_named(payload, b"META", meta, "note", packer)


def write_texts(payload: bytearray, texts: Written) -> None:
    """Add the section of the texts."""
    if texts.items:
        with section(payload, b"TEXT"):
            encode_into(payload, _Texts(texts.digest, texts.items), "texts")


def read_items(
    data: memoryview | None, header: Header, contents: Sequence[bytes]
) -> list[str | bytes | None]:
    """Return the texts as stored, None for those in `contents`, which are checked to be the ones.

    Raises
    ------
    SnapshotInvalid
        When their number is not the header's, or the contents are others.
    """
    texts = _Texts(None, []) if data is None else decode_with(data, _Texts, "TEXT")
    outside = texts.items.count(None)
    if not {str, bytes, type(None)}.issuperset(map(type, texts.items)):
        raise SnapshotInvalid("section TEXT is damaged: it has something that is no text")
    if len(texts.items) != header.texts or outside != header.contents:
        raise SnapshotInvalid(
            f"section TEXT has {len(texts.items)} texts, {outside} of them elsewhere; the header "
            f"says {header.texts} and {header.contents}"
        )
    if len(contents) != outside:
        raise SnapshotInvalid(
            f"the record refers to {outside} contents of its store and was given {len(contents)}"
        )
    if texts.digest != (digest_of_all(contents) if contents else None):
        raise SnapshotInvalid(
            f"the {outside} contents are not those that the record was written with"
        )
    return texts.items


def read_delta(
    sections: Mapping[bytes, memoryview], header: Header, texts: Sequence[str | None], hook: Hook
) -> StateDelta | None:
    """Return the state or change, if the container has one."""
    data = sections.get(b"TABL")
    if data is None:
        stray = sorted(sections.keys() & set(_OF_A_DELTA))
        if stray or header.records:
            raise SnapshotInvalid(f"the snapshot has sections {stray} and no section b'TABL'")
        return None
    table = decode_with(data, _Table, "TABL")
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
        archived=_read_archive(sections.get(b"ARCH"), texts),
        rows=_read_rows(sections.get(b"ROWS"), sections.get(b"MSGS"), hook),
        row_count=table.row_count,
        scalars=_read_named(sections.get(b"SCAL"), "SCAL", texts, hook),
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


def _read_pages(data: memoryview | None, texts: Sequence[str | None]) -> dict[int, Page]:
    if data is None:
        return {}
    pages = pages_of(decode_with(data, list[PageColumns], "PAGE"), texts, "PAGE")
    pages.sort(key=attrgetter("slot"))
    by_slot = {page.slot: page for page in pages}
    if len(by_slot) != len(pages) or -1 in by_slot:
        raise SnapshotInvalid("section PAGE is damaged: two pages in one slot, or one in none")
    return by_slot


def _read_archive(data: memoryview | None, texts: Sequence[str | None]) -> list[Page]:
    if data is None:
        return []
    archive = decode_with(data, _Archive, "ARCH")
    pages = pages_of(archive.groups, texts, "ARCH")
    places = from_runs(archive.places, len(pages), "section ARCH")
    ordered = dict(zip(places, pages, strict=False))
    if len(ordered) != len(pages):
        raise SnapshotInvalid("section ARCH is damaged: two pages in one place, or one in none")
    return [ordered[place] for place in range(len(pages))]


def _read_rows(
    data: memoryview | None, messages: memoryview | None, hook: Hook
) -> dict[int, RowState | None]:
    if data is None or messages is None:
        if data is not messages:
            raise SnapshotInvalid("the snapshot has one of the sections ROWS and MSGS")
        return {}
    columns = decode_with(data, RowColumns, "ROWS")
    trees = decode_with(messages, list[Any], "MSGS", hook)
    check_trees(messages, trees, "MSGS")
    return rows_of(columns, trees, "ROWS")


def _read_named(
    data: memoryview | None, where: str, texts: Sequence[str | None], hook: Hook
) -> dict[str, JSON]:
    if data is None:
        return {}
    flat = decode_with(data, list[Any], where, hook)
    check_trees(data, flat, where)
    names = [_text_of(name, texts, where) for name in flat[::2]]
    if len(flat) % 2 or names != sorted(set(names)):
        raise SnapshotInvalid(f"section {where} is damaged: a name without a value, or twice")
    return dict(zip(names, flat[1::2], strict=True))


def read_trees(
    sections: Mapping[bytes, memoryview], texts: Sequence[str | None], hook: Hook
) -> tuple[list[JSON], dict[str, JSON]]:
    """Return the operations and the notes."""
    operations: list[JSON] = []
    if b"OPER" in sections:
        operations = decode_with(sections[b"OPER"], list[Any], "OPER", hook)
        check_trees(sections[b"OPER"], operations, "OPER")
    return operations, _read_named(sections.get(b"META"), "META", texts, hook)
