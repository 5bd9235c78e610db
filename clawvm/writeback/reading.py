"""The journal as it is read: opened, listed, searched for old versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from typing import NamedTuple

from ..errors import ContentMissing
from ..snapshot import Decoded, StateDelta, apply, decode
from ..stores import Append, Row, Space, Store
from .heads import Heads
from .merge import apply as merged
from .operations import (
    TEXT_FIELD,
    Committed,
    Json,
    OpKind,
    Rejection,
)
from .records import Transaction, transaction_of
from .snapshots import heads_of

__all__ = [
    "Fold",
    "JournalRow",
    "Loaded",
    "decode_append",
    "find_text",
    "fold_state",
    "load",
    "note_rejections",
    "read_row",
    "read_rows",
    "text_parts",
]

_BLOCK_ROWS = 64


class JournalRow(NamedTuple):
    """A row, decoded.

    Parameters
    ----------
    transaction : Transaction
        What was committed and refused.
    delta : StateDelta or None
        What changed of the session's state.
    size : int
        Bytes of the record.
    """

    transaction: Transaction
    delta: StateDelta | None
    size: int


class Loaded(NamedTuple):
    """A journal as it stands in the store.

    Parameters
    ----------
    last_seq : int
        Number of the last row.
    heads : Heads
        What is committed.
    rejections : dict of str to Rejection
        What was refused and not retried with success.
    state : StateDelta or None
        The session's state; None where no row has any.
    known : list of (str, int)
        Texts that the store has, with their ids.
    snapshot_bytes, journal_bytes : int
        Size of the snapshot's record and of the records after it.
    """

    last_seq: int
    heads: Heads
    rejections: dict[str, Rejection]
    state: StateDelta | None
    known: list[tuple[str, int]]
    snapshot_bytes: int
    journal_bytes: int


def load(store: Store, space: Space) -> Loaded:
    """Read a journal's snapshot and the rows after it.

    Raises
    ------
    StoreFailed, StoreCorrupt, ContentMissing, SnapshotInvalid
        When it cannot be read.
    """
    stored = store.load(space)
    while True:
        rows = stored.rows if stored.snapshot is None else [stored.snapshot, *stored.rows]
        try:
            texts = _contents(store, space, rows)
            break
        except ContentMissing:
            # Another writer may have replaced the snapshot since, and with it what it referred to.
            before, stored = stored.snapshot, store.load(space)
            if stored.snapshot == before:
                raise
    fold = Fold(space)
    known: list[tuple[str, int]] = []
    for row in rows:
        decoded = decode(row.record, [texts[ident] for ident in row.contents])
        known += zip(decoded.content_texts, row.contents, strict=True)
        if row is stored.snapshot:
            fold.snapshot(decoded)
        else:
            fold.row(_journal_row(space, row, decoded))
    return Loaded(
        stored.last_seq,
        fold.heads,
        fold.rejections,
        fold.state,
        known,
        0 if stored.snapshot is None else len(stored.snapshot.record),
        sum(len(row.record) for row in stored.rows),
    )


def fold_state(state: StateDelta | None, deltas: Sequence[StateDelta | None]) -> StateDelta | None:
    """Return a state with changes applied to it, in order.

    Neighbours are joined first, and the state comes last: that each change is applied to the whole
    state would take the square of their number.
    """
    parts = [delta for delta in deltas if delta is not None]
    while len(parts) > 1:
        pairs = zip_longest(parts[::2], parts[1::2])
        parts = [first if second is None else apply(first, second) for first, second in pairs]
    if not parts:
        return state
    return parts[0] if state is None else apply(state, parts[0])


class Fold:
    """What a journal comes to, as far as its rows have been read.

    Not safe for use by several threads at once.
    """

    def __init__(self, space: Space) -> None:
        self.heads = Heads()
        self.rejections: dict[str, Rejection] = {}
        self._state: StateDelta | None = None
        self._deltas: list[StateDelta] = []
        self._where = str(space)

    @property
    def state(self) -> StateDelta | None:
        """The session's state; None where no row has any."""
        self._state = fold_state(self._state, self._deltas)
        self._deltas = []
        return self._state

    def snapshot(self, decoded: Decoded) -> None:
        """Begin with a snapshot row; raises `SnapshotInvalid` when it is none."""
        self.heads, open_rejections = heads_of(decoded.delta, decoded.meta, self._where)
        self.rejections = {rejection.id: rejection for rejection in open_rejections}
        self._state, self._deltas = decoded.delta, []

    def row(self, row: JournalRow) -> None:
        """Take the next row in.

        Raises
        ------
        StoreCorrupt, SnapshotInvalid
            When it does not follow from those before it.
        """
        transaction = row.transaction
        self.heads.fold(transaction.committed, f"{self._where}, row {transaction.seq}")
        note_rejections(self.rejections, transaction)
        if row.delta is not None:
            self._deltas.append(row.delta)


def note_rejections(rejections: dict[str, Rejection], transaction: Transaction) -> None:
    """Enter what a transaction refused, and strike out what it settled."""
    for ident in transaction.settled:
        rejections.pop(ident, None)
    for rejection in transaction.rejected:
        rejections[rejection.id] = rejection


def decode_append(row: Append) -> JournalRow:
    """Decode a row that brings its contents along, such as one in the spool."""
    contents = [content for content in row.contents if isinstance(content, bytes)]
    decoded = decode(row.record, contents)
    where = f"spool of {row.space}"
    transaction = transaction_of(row.seq, decoded.operations, decoded.meta, where)
    return JournalRow(transaction, decoded.delta, len(row.record))


def read_rows(store: Store, space: Space, first: int = 1) -> Iterator[JournalRow]:
    """Read and decode the journal from row `first` on, a block of rows at a time."""
    source = store.rows(space, first)
    while block := list(islice(source, _BLOCK_ROWS)):
        texts = _contents(store, space, block)
        for row in block:
            decoded = decode(row.record, [texts[ident] for ident in row.contents])
            yield _journal_row(space, row, decoded)


def read_row(store: Store, space: Space, row: Row) -> JournalRow:
    """Decode one row that was read from the store."""
    return _journal_row(space, row, decode(row.record, store.contents(space, row.contents)))


def _journal_row(space: Space, row: Row, decoded: Decoded) -> JournalRow:
    transaction = transaction_of(row.seq, decoded.operations, decoded.meta, str(space))
    return JournalRow(transaction, decoded.delta, len(row.record))


def _contents(store: Store, space: Space, rows: Sequence[Row]) -> dict[int, bytes]:
    wanted = sorted({ident for row in rows for ident in row.contents})
    return dict(zip(wanted, store.contents(space, wanted), strict=True)) if wanted else {}


def text_parts(value: Json) -> tuple[str, ...] | None:
    """Return the parts of a page's text; None for a tombstone."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        return tuple(part for part in value if isinstance(part, str))
    return None


def find_text(
    store: Store,
    space: Space,
    page_id: str,
    version: int,
    last_seq: int,
    newest: Sequence[JournalRow],
) -> tuple[str, ...] | None:
    """Find the exact text of an old version of a page, newest rows first.

    Parameters
    ----------
    store : Store
        Where the rows are.
    space : Space
        Whose journal.
    page_id : str
        Which page.
    version : int
        Which version of its text.
    last_seq : int
        Where to begin.
    newest : sequence of JournalRow
        Rows that the store does not have yet.

    Returns
    -------
    tuple of str or None
        Its parts, or None when the journal has no such version, or none any more.
    """
    later: list[Committed] = []  # appends that lead from what is still to be found to the version
    wanted = version
    for row in chain(reversed(newest), _backwards(store, space, last_seq)):
        for entry in reversed(row.transaction.committed):
            operation = entry.operation
            named = operation.page_id == page_id and operation.field == TEXT_FIELD
            if not named or entry.version != wanted:
                continue
            later.append(entry)
            if operation.op is OpKind.SET or not entry.before:
                return _replayed(later)
            wanted = entry.before
        if row.delta is not None and not later:
            for page in (*row.delta.pages.values(), *row.delta.archived):
                if page.id == page_id and page.version == version:
                    return page.texts
    return None


def _backwards(store: Store, space: Space, last_seq: int) -> Iterator[JournalRow]:
    end = last_seq
    while end > 0:
        first = max(1, end - _BLOCK_ROWS + 1)
        block = list(islice(read_rows(store, space, first), end - first + 1))
        yield from reversed([row for row in block if row.transaction.seq <= end])
        end = first - 1


def _replayed(entries: list[Committed]) -> tuple[str, ...] | None:
    value: Json = None
    for entry in reversed(entries):
        value = merged(entry.operation.op, value, entry.operation.value)
    return text_parts(value)
