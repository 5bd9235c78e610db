"""The sections of a payload: what each holds, and how it is read back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final

import msgspec

from ..errors import SnapshotInvalid
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
from .state import JSON, RECORD_BYTES, TABLE_KEYS, StateDelta
from .texts import TextPool
from .trees import Packer, check_trees, decode_with, encoded

__all__ = [
    "SLOTS_MAX",
    "read_delta",
    "read_sizes",
    "read_trees",
    "write_delta",
    "write_trees",
]

SLOTS_MAX: Final = 1 << 20
"""Slots of one page table, at most: a list of free ones may take hundred times its bytes."""
Hook = Callable[[int, memoryview], JSON]
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


class _Texts(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    digest: Digest | None
    sizes: list[Count | None]


def write_delta(delta: StateDelta, pool: TextPool, packer: Packer) -> dict[bytes, bytes]:
    """Return the sections of a state or change."""
    where = f"session {delta.session_id!r}"
    _check_sizes(delta, where)
    table: Mapping[str, Any] = delta.table
    sections = {
        b"TABL": encoded(
            _Table(
                pool.refer(delta.session_id),
                delta.row_count,
                table["half_life"],
                table["clock"],
                table["end"],
                to_runs(table["free"]),
                to_runs(delta.slots),
            ),
            where,
        ),
        b"RECS": delta.records,
    }
    if delta.pages:
        pages = [delta.pages[slot] for slot in sorted(delta.pages)]
        sections[b"PAGE"] = encoded(page_columns(pages, pool), where)
    if delta.archived:
        sections[b"ARCH"] = encoded(page_columns(delta.archived, pool), where)
    if delta.rows:
        sections[b"ROWS"] = encoded(row_columns(delta.rows, packer), where)
    if delta.scalars:
        names = sorted(delta.scalars)
        trees = {name: packer.tree(delta.scalars[name], f"scalar {name!r}") for name in names}
        sections[b"SCAL"] = encoded(trees, where)
    return sections


def _check_sizes(delta: StateDelta, where: str) -> None:
    if set(delta.table) != set(TABLE_KEYS):
        raise SnapshotInvalid(
            f"{where}: a page table's meta has {', '.join(TABLE_KEYS)}, found {sorted(delta.table)}"
        )
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
    operations: Sequence[JSON], meta: Mapping[str, JSON], packer: Packer
) -> dict[bytes, bytes]:
    """Return the sections of operations and notes."""
    sections = {}
    if operations:
        trees = [packer.tree(tree, f"operation {place}") for place, tree in enumerate(operations)]
        sections[b"OPER"] = encoded(trees, "operations")
    if meta:
        notes = {name: packer.tree(meta[name], f"note {name!r}") for name in sorted(meta)}
        sections[b"META"] = encoded(notes, "notes")
    return sections


def read_sizes(
    data: memoryview | None, header: Header, contents: Sequence[bytes]
) -> list[int | None]:
    """Return the texts' sizes, None for those in `contents`, which are checked to be the ones."""
    texts = _Texts(None, []) if data is None else decode_with(data, _Texts, "TEXT", None)
    outside = texts.sizes.count(None)
    if len(texts.sizes) != header.texts or outside != header.contents:
        raise SnapshotInvalid(
            f"section TEXT has {len(texts.sizes)} texts, {outside} of them elsewhere; the header "
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
    return texts.sizes


def read_delta(
    sections: Mapping[bytes, memoryview], header: Header, texts: Sequence[str], hook: Hook
) -> StateDelta | None:
    """Return the state or change, if the container has one."""
    data = sections.get(b"TABL")
    if data is None:
        stray = [tag for tag in (b"RECS", b"PAGE", b"ARCH", b"ROWS", b"SCAL") if tag in sections]
        if stray or header.records:
            raise SnapshotInvalid(f"the snapshot has sections {stray} and no section b'TABL'")
        return None
    table = decode_with(data, _Table, "TABL", None)
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
        session_id=_session_id(table.session_id, texts),
        table={
            "half_life": table.half_life,
            "clock": table.clock,
            "end": table.end,
            "free": from_runs(table.free, table.end, "the free list"),
        },
        slots=from_runs(table.slots, table.end, "the slots"),
        records=records,
        pages=_pages(sections.get(b"PAGE"), texts),
        archived=_archived(sections.get(b"ARCH"), texts),
        rows=_rows(sections.get(b"ROWS"), hook),
        row_count=table.row_count,
        scalars=_scalars(sections.get(b"SCAL"), "SCAL", hook),
    )


def _session_id(reference: Text, texts: Sequence[str]) -> str:
    if isinstance(reference, str):
        return reference
    if reference >= len(texts):
        raise SnapshotInvalid(f"section TABL names text {reference} of {len(texts)}")
    return texts[reference]


def _pages(data: memoryview | None, texts: Sequence[str]) -> dict[int, Any]:
    if data is None:
        return {}
    pages = pages_of(decode_with(data, PageColumns, "PAGE", None), texts, "PAGE")
    slots = [page.slot for page in pages]
    if slots != sorted(set(slots)) or slots[:1] == [-1]:
        raise SnapshotInvalid("section PAGE is damaged: slots twice, out of order or missing")
    return dict(zip(slots, pages, strict=True))


def _archived(data: memoryview | None, texts: Sequence[str]) -> list[Any]:
    if data is None:
        return []
    return pages_of(decode_with(data, PageColumns, "ARCH", None), texts, "ARCH")


def _rows(data: memoryview | None, hook: Hook) -> dict[int, Any]:
    if data is None:
        return {}
    columns = decode_with(data, RowColumns, "ROWS", hook)
    check_trees(columns.messages, "ROWS")
    return rows_of(columns, "ROWS")


def _scalars(data: memoryview | None, where: str, hook: Hook) -> dict[str, JSON]:
    if data is None:
        return {}
    trees = decode_with(data, dict[str, Any], where, hook)
    check_trees(list(trees.values()), where)
    return trees


def read_trees(
    sections: Mapping[bytes, memoryview], hook: Hook
) -> tuple[list[JSON], dict[str, JSON]]:
    """Return the operations and the notes."""
    operations: list[JSON] = []
    if b"OPER" in sections:
        operations = decode_with(sections[b"OPER"], list[Any], "OPER", hook)
        check_trees(operations, "OPER")
    return operations, _scalars(sections.get(b"META"), "META", hook)
