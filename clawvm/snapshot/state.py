"""A session's state as plain data: whole, or what changed of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple, TypeAlias

from .._backend import core
from ..errors import SnapshotInvalid
from ..pages import Page
from .runs import is_ascending

__all__ = ["JSON", "Decoded", "Encoded", "Kind", "RowState", "StateDelta", "apply", "check_kind"]

# A recursive alias would have mypy follow it through every message; what is inside is checked when
# it is written.
JSON: TypeAlias = Any
"""None, bool, int, float, str, and lists and string-keyed dicts of these."""

RECORD_BYTES = 88
TABLE_KEYS = ("half_life", "clock", "end", "free")


class Kind(IntEnum):
    """What a container holds.

    ``SNAPSHOT``: a whole state, in a file or a snapshot row. ``DELTA``: what changed since a base
    that is named by its digest. ``RECORD``: a journal row: operations, and what they changed.
    """

    SNAPSHOT = 1
    DELTA = 2
    RECORD = 3


class RowState(NamedTuple):
    """One message of the conversation, and which page each of its parts belongs to.

    Parameters
    ----------
    message : dict
        As the harness gave it.
    owners : tuple of (int, int)
        For each part the slot of its page and the number of the part in it; slot -1 for a page
        that is gone.
    """

    message: dict[str, Any]
    owners: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class StateDelta:
    """What changed of a session since an earlier state; a whole state is a delta on nothing.

    The pages and messages may be those that the session goes on using: write the delta before the
    session changes them.

    Parameters
    ----------
    session_id : str
        Whose state.
    table : dict
        `PageTable.meta` after the change: ``half_life``, ``clock``, ``end``, ``free``.
    slots : list of int
        Slots whose record changed and that hold a page, ascending. One that was freed is in the
        table's free list.
    records : bytes
        `PageTable.dump` of `slots`: 88 bytes each.
    pages : dict of int to Page
        By slot, the pages whose content or fields changed.
    archived : list of Page
        Pages archived since, in order.
    rows : dict of int to (RowState or None)
        By position, the messages that changed; None for one that is gone. A whole state has every
        position.
    row_count : int
        Positions there are after the change, gone ones included.
    scalars : dict of str to JSON
        Everything else by name; of a name that changed, the whole new value.
    """

    session_id: str
    table: dict[str, int | list[int]]
    slots: list[int] = field(default_factory=list)
    records: bytes = b""
    pages: dict[int, Page] = field(default_factory=dict)
    archived: list[Page] = field(default_factory=list)
    rows: dict[int, RowState | None] = field(default_factory=dict)
    row_count: int = 0
    scalars: dict[str, JSON] = field(default_factory=dict)


class Encoded(NamedTuple):
    """A container as written.

    Parameters
    ----------
    data : bytes
        The container.
    contents : list of (bytes or int)
        The external texts that it refers to, in order: UTF-8, or the id that `known` had for it.
        Empty unless external texts were asked for.
    content_texts : list of str
        The texts of `contents`.
    digest : bytes
        16 bytes that name what is in it; a delta on it names it by these.
    """

    data: bytes
    contents: list[bytes | int]
    content_texts: list[str]
    digest: bytes


class Decoded(NamedTuple):
    """A container as read.

    Parameters
    ----------
    kind : Kind
        What it holds.
    delta : StateDelta or None
        The state or change; None in a record of operations alone.
    operations : list
        The operations of a record, as they were given.
    meta : dict
        What the writer noted beside them.
    content_texts : list of str
        The texts of the contents that it refers to, in order.
    digest : bytes
        16 bytes that name what is in it.
    base : bytes or None
        Digest of what a delta is a delta on.
    """

    kind: Kind
    delta: StateDelta | None
    operations: list[JSON]
    meta: dict[str, JSON]
    content_texts: list[str]
    digest: bytes
    base: bytes | None


def apply(base: StateDelta, delta: StateDelta) -> StateDelta:
    """Return `base` with the changes of `delta`; neither is changed, pages are shared.

    Raises
    ------
    SnapshotInvalid
        When they are of two sessions.
    """
    if base.session_id != delta.session_id:
        raise SnapshotInvalid(
            f"a change of session {delta.session_id!r} cannot be applied to session "
            f"{base.session_id!r}; load the base that it was saved on"
        )
    records = {**_by_slot(base), **_by_slot(delta)}
    pages = {**base.pages, **delta.pages}
    for slot in _free(delta):
        records.pop(slot, None)
        pages.pop(slot, None)
    slots = sorted(records)
    return StateDelta(
        session_id=base.session_id,
        table=delta.table,
        slots=slots,
        records=b"".join(map(records.__getitem__, slots)),
        pages=dict(sorted(pages.items())),
        archived=base.archived + delta.archived,
        rows=_without_gone(base.rows, delta),
        row_count=delta.row_count,
        scalars={**base.scalars, **delta.scalars},
    )


def _free(delta: StateDelta) -> list[int]:
    free = delta.table["free"]
    assert isinstance(free, list)
    return free


def _by_slot(delta: StateDelta) -> dict[int, bytes]:
    chunks = range(0, len(delta.records), RECORD_BYTES)
    records = [delta.records[start : start + RECORD_BYTES] for start in chunks]
    return dict(zip(delta.slots, records, strict=True))


def _without_gone(
    rows: dict[int, RowState | None], delta: StateDelta
) -> dict[int, RowState | None]:
    merged = {**rows, **delta.rows}
    return {place: merged[place] for place in sorted(merged) if place < delta.row_count}


def check_kind(
    kind: Kind, delta: StateDelta | None, operations: Sequence[JSON], base: bytes | None
) -> None:
    """Refuse a container whose parts are not those of its kind.

    Raises
    ------
    SnapshotInvalid
        When one is missing, or is not of that kind.
    """
    if (base is not None) != (kind is Kind.DELTA) or (base is not None and len(base) != 16):
        raise SnapshotInvalid(
            f"a delta, and nothing else, names its base by 16 bytes; found base={base!r} in a "
            f"{kind.name.lower()}"
        )
    if kind is not Kind.RECORD and (delta is None or operations):
        raise SnapshotInvalid(
            f"a {kind.name.lower()} has a state and no operations, found "
            f"{'no state' if delta is None else 'a state'} and {len(operations)} operations"
        )
    if delta is not None:
        _check_slots(delta)
        if kind is Kind.SNAPSHOT:
            _check_whole(delta)


def _check_slots(delta: StateDelta) -> None:
    """Refuse slots that are twice, both in use and free, or beyond the table's end."""
    if delta.table.keys() != set(TABLE_KEYS) or type(delta.table["free"]) is not list:
        raise SnapshotInvalid(
            f"session {delta.session_id!r}: a page table's meta has {', '.join(TABLE_KEYS)} (a "
            f"list), found {delta.table!r}"
        )
    free, end = set(_free(delta)), delta.table["end"]
    slots, pages = delta.slots, list(delta.pages)
    named = slots if pages == slots else sorted({*slots, *pages})
    if (
        len(free) != len(_free(delta))
        or not is_ascending(slots)
        or not free.isdisjoint(named)
        or (free and not 0 <= min(free) <= max(free) < end)  # type: ignore[operator]
        or (named and not 0 <= named[0] <= named[-1] < end)  # type: ignore[operator]
    ):
        raise SnapshotInvalid(
            f"session {delta.session_id!r}: slots are whole numbers below {end}, ascending, each "
            "named once and not free; pages stand in such slots"
        )


def _check_whole(state: StateDelta) -> None:
    """Refuse a state in which something is referred to and not there."""
    end, used, free = state.table["end"], len(state.slots), len(_free(state))
    if used + free != end:
        raise SnapshotInvalid(
            f"session {state.session_id!r}: {used} slots in use and {free} free ones are not the "
            f"{end} slots of its page table"
        )
    if list(state.pages) != state.slots:
        raise SnapshotInvalid(
            f"session {state.session_id!r}: {used} slots in use, and pages for "
            f"{len(state.pages)}; each has one, in the same order"
        )
    (ids,) = core.get_slots([*state.pages.values(), *state.archived], Page, ("id",))
    if len(set(ids)) != len(state.pages) + len(state.archived):
        raise SnapshotInvalid(f"session {state.session_id!r}: two pages have one id")
    if list(state.rows) != list(range(state.row_count)):
        raise SnapshotInvalid(
            f"session {state.session_id!r}: {state.row_count} positions and messages at "
            f"{len(state.rows)} of them; each has one, or None"
        )
    owners = core.last_parts(state.rows.values())
    owners.pop(-1, None)
    if not owners.keys() <= state.pages.keys():
        raise SnapshotInvalid(
            f"session {state.session_id!r}: a message belongs to slot "
            f"{min(owners.keys() - state.pages.keys())}, which holds no page"
        )
