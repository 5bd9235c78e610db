"""Checking a store from end to end: its rows, what they say, and what they add up to."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from ..errors import SnapshotInvalid, StoreCorrupt
from ..pages import Scope
from ..snapshot import StateDelta, decode
from ..stores import Finding, Row, SpaceInfo, Store
from ..stores.spool import spool_of
from ..writeback import TEXT_FIELD
from ..writeback.reading import Fold, Loaded, load, read_row
from ..writeback.snapshots import rebuild_snapshot
from .coherence import contradictions, contradictions_of
from .reading import session_of
from .repairing import UNREADABLE, leased
from .saved import telling
from .spool_check import check_spool

__all__ = ["check_store"]

_SKIPPED_MAX = 1_000
_Key = TypeVar("_Key", bound=Hashable)


def check_store(
    store: Store, *, repair: bool = False, spool: str | os.PathLike[str] | None = None
) -> Iterator[Finding]:
    """Check a store, every session and project in it, and its spool.

    Parameters
    ----------
    store : Store
        It may be in use meanwhile; nothing is changed unless it is to be repaired.
    repair : bool, optional
        Mend what can be mended. Nothing that can still be read is lost by it.
    spool : path, optional
        Folder of the spool; by default the one that suits the store.

    Yields
    ------
    Finding
        What is wrong; nothing where all is well.

    Raises
    ------
    StoreFailed
        When the store cannot be reached.
    """
    yield from store.check(repair=repair)
    try:
        infos = store.spaces()
    except StoreCorrupt as error:
        yield Finding("the list of spaces", str(error))
        return
    for info in infos:
        yield from _SpaceCheck(store, info).run(repair=repair)
    folder = spool_of(store, spool)
    if folder is not None:
        yield from check_spool(store, folder, repair=repair)


class _SpaceCheck:
    """One run over one space."""

    def __init__(self, store: Store, info: SpaceInfo) -> None:
        self._store = store
        self._space = info.space
        self._last_seq = info.last_seq
        self._findings: list[Finding] = []
        # In what the snapshot differs from the rows: mended with it.
        self._differences: list[Finding] = []
        # What all rows add up to; None when the first ones are pruned, or one cannot be read.
        self._fold: Fold | None = Fold(info.space)
        self._folded = 0
        self._refused: set[str] = set()

    def run(self, *, repair: bool) -> Iterator[Finding]:
        snapshot = self._read_snapshot()
        self._read_rows(snapshot)
        yield from self._findings
        wrong = self._check_state()
        # A snapshot that holds together is left alone, for somebody to look at: it may be right.
        mended = repair and bool(wrong) and self._write_snapshot()
        for finding in (*self._differences, *wrong):
            yield replace(finding, mended=mended)

    def _note(self, where: object, what: str) -> None:
        self._findings.append(Finding(str(where), what))

    # The rows

    def _read_rows(self, snapshot: tuple[int, Fold] | None) -> None:
        for row in self._rows():
            if self._fold is not None and row.seq != self._folded + 1:
                self._fold = None
            self._read_row(row)
            if snapshot is not None and self._fold is not None and row.seq == snapshot[0]:
                self._compare(snapshot[1], self._fold)
        if self._folded < self._last_seq:
            self._fold = None

    def _compare(self, snapshot: Fold, rows: Fold) -> None:
        where = f"the snapshot of {self._space}"
        try:
            found = list(_differences(snapshot, rows))
        except SnapshotInvalid as error:
            self._note(self._space, f"has rows that do not add up: {error}")
            self._fold = None
            return
        self._differences += [Finding(where, what) for what in found]

    def _rows(self) -> Iterator[Row]:
        """Go through the rows that can be read; what the store says of the others is known."""
        first, skipped = 1, 0
        while first <= self._last_seq:
            try:
                for row in self._store.rows(self._space, first):
                    first, skipped = row.seq + 1, 0
                    yield row
                return
            except StoreCorrupt:
                # A row's number may be what is damaged: the next one that can be read is far away.
                first, skipped = first + 1, skipped + 1
                if skipped == _SKIPPED_MAX:
                    self._note(self._space, f"has rows from {first} on that were not looked at")
                    return

    def _read_row(self, row: Row) -> None:
        where = f"row {row.seq} of {self._space}"
        try:
            decoded = read_row(self._store, self._space, row)
            if decoded.delta is not None and self._space.scope is Scope.PROJECT:
                self._note(where, "holds the state of a session")
            self._refused |= {
                rejection.operation.page_id
                for rejection in decoded.transaction.rejected
                if rejection.operation.field == TEXT_FIELD
            }
            if self._fold is not None:
                self._fold.row(decoded)
                self._folded = row.seq
        except UNREADABLE as error:
            self._note(where, str(error))
            self._fold = None

    def _read_snapshot(self) -> tuple[int, Fold] | None:
        """Return the row that the snapshot is of and what it says, if that can be read."""
        where = f"the snapshot of {self._space}"
        try:
            row = self._store.load(self._space).snapshot
        except StoreCorrupt:
            return None  # it, or a row after it: `_check_state` tells
        if row is None:
            return None
        fold = Fold(self._space)
        try:
            contents = self._store.contents(self._space, row.contents)
            fold.snapshot(decode(row.record, contents))
        except UNREADABLE:
            return None
        if self._space.scope is Scope.PROJECT and fold.state is not None:
            self._note(where, "holds the state of a session")
        return row.seq, fold

    # What they add up to

    def _check_state(self) -> list[Finding]:
        where = str(self._space)
        journal = None
        try:
            journal = load(self._store, self._space)
            saved = session_of(self._store, self._space, journal)
        except UNREADABLE as error:
            state = None if journal is None else journal.state
            why = [] if state is None else contradictions_of(state)
            return [Finding(where, what) for what in (*why, f"cannot be opened: {error}")]
        return [Finding(*found) for found in contradictions(saved, self._refused)]

    def _write_snapshot(self) -> bool:
        """Put what all rows add up to in the place of a snapshot that is wrong."""
        fold = self._fold
        if fold is None or not self._folded:
            return False
        try:
            journal = Loaded(self._folded, fold.heads, fold.rejections, fold.state, [], 0, 0)
            rebuilt = session_of(self._store, self._space, journal)
        except SnapshotInvalid:
            return False
        if any(contradictions(rebuilt, self._refused)):
            return False
        with leased(self._store, self._space) as token:
            if token is None:
                return False  # who has it open may write one
            rebuild_snapshot(self._store, self._space, self._folded, token, fold)
        return not self._check_state()


def _differences(snapshot: Fold, rows: Fold) -> Iterator[str]:
    """Say in what a snapshot differs from what the rows up to it add up to."""
    if snapshot.heads.fields != rows.heads.fields:
        keys = _unequal(snapshot.heads.fields, rows.heads.fields)
        page_id, field = keys[0]
        yield f"has another value of field {field!r} of page {page_id!r} than the rows it covers"
    if snapshot.heads.pages != rows.heads.pages:
        (page_id, *_) = _unequal(snapshot.heads.pages, rows.heads.pages)
        yield f"has another type or trust of page {page_id!r} than the rows it covers"
    if (snapshot.state is None) is not (rows.state is None):
        yield "has a state where the rows it covers have none, or none where they have one"
    elif snapshot.state is not None and rows.state is not None:
        for name in _unequal(_by_name(snapshot.state), _by_name(rows.state)):
            yield f"has other {name} than the rows it covers"


def _by_name(state: StateDelta) -> dict[str, object]:
    # A session that was opened in between lists what was archived in the order of its making.
    archived = sorted(state.archived, key=lambda page: page.serial)
    names = ("table", "slots", "records", "pages", "rows", "row_count")
    parts = {name: getattr(state, name) for name in names}
    return {**parts, **telling(state.scalars), "archived pages": archived}


def _unequal(a: Mapping[_Key, object], b: Mapping[_Key, object]) -> list[_Key]:
    return [key for key in {**a, **b} if a.get(key) != b.get(key)]
