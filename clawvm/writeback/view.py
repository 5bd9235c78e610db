"""A journal as it is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ..pages import PageType
from ..snapshot import StateDelta
from .committing import NOTHING_SETTLED, Committer, Staged
from .delivery import CommitTicket
from .heads import Head
from .operations import TEXT_FIELD, Committed, Operation, Rejection
from .reading import JournalRow, decode_append, find_text, read_rows, text_parts

__all__ = ["JournalView", "Receipt"]

_FOLD_BYTES_MIN = 32 << 10
_LAST_FOLD_BYTES_MIN = 4 << 10


class Receipt(NamedTuple):
    """How a commit ended.

    Parameters
    ----------
    seq : int
        Number of the row; of the last one when there was nothing to write.
    committed : tuple of Committed
        What was committed, in order.
    rejected : tuple of Rejection
        What was refused; `Journal.rejected` lists it until it is retried with success.
    ticket : CommitTicket or None
        To be waited for, at the levels ``group`` and ``deferred``; None when it is on disk already.
    spooled : bool
        Whether it is in the local spool and not in the store.
    record_bytes : int
        Size of the row's record, before the store compresses it; its long texts are not part of it.
    """

    seq: int
    committed: tuple[Committed, ...]
    rejected: tuple[Rejection, ...]
    ticket: CommitTicket | None
    spooled: bool
    record_bytes: int = 0


class JournalView:
    """What a journal tells of itself; see `Journal`."""

    def __init__(self, committer: Committer) -> None:
        self.space = committer.space
        self._committer = committer
        self._delivery = committer.delivery
        self._lock = committer.lock
        self._staged: list[Staged] = []
        self._closed = False
        # Committed late, and not yet told of by a receipt.
        self._untold = NOTHING_SETTLED

    @property
    def seq(self) -> int:
        """Number of the last row, those in flight and in the spool included."""
        return self._committer.seq

    @property
    def staged(self) -> tuple[Operation, ...]:
        """What waits for the next commit."""
        return tuple(staged.operation for staged in self._staged)

    @property
    def waiting(self) -> int:
        """Rows that are in the spool, or in memory, because the store failed."""
        return self._delivery.waiting

    @property
    def down(self) -> Exception | None:
        """The store's last failure, while it lasts."""
        return self._delivery.down

    @property
    def lost(self) -> Exception | None:
        """Why this journal takes no more commits, once another holder has taken the session."""
        return self._delivery.lost

    @property
    def refused(self) -> tuple[Path, ...]:
        """Files with the rows that the store will never take, as somebody else had the session."""
        return tuple(self._delivery.refused_paths)

    def take_state(self) -> StateDelta | None:
        """Return the session's state as it was when the journal was opened, and forget it."""
        state, self._committer.state = self._committer.state, None
        return state

    def head(self, page_id: str, field: str = TEXT_FIELD) -> Head:
        """Return the last committed version and value of a field; version 0 when there is none."""
        return self._committer.heads.field(page_id, field)

    def fields(self) -> dict[tuple[str, str], Head]:
        """Return every committed field by page id and name."""
        return dict(self._committer.heads.fields)

    def beside_pages(self) -> dict[tuple[str, str], Head]:
        """Return the committed fields, but for those that the pages of `take_state` tell."""
        return dict(self._committer.heads.beside_pages())

    def page_type(self, page_id: str) -> PageType | None:
        """Return what a page was last committed as."""
        return self._committer.heads.page(page_id).page_type

    def rejected(self) -> list[Rejection]:
        """List what was refused and not retried with success since, oldest first."""
        return list(self._committer.rejections.values())

    def rows(self, first: int = 1) -> Iterator[JournalRow]:
        """Read the store's rows from number `first` on, decoded one block at a time."""
        return read_rows(self._committer.store, self.space, first)

    def history(self, page_id: str, field: str = TEXT_FIELD) -> list[tuple[int, Committed]]:
        """List the committed operations on a field that the store has, with their rows' numbers."""
        return [
            (row.transaction.seq, entry)
            for row in self.rows()
            for entry in row.transaction.committed
            if entry.operation.page_id == page_id and entry.operation.field == field
        ]

    def text_at(self, page_id: str, version: int) -> tuple[str, ...] | None:
        """Return the exact text of a version of a page, part by part; None when there is none.

        What the store returns has matched its checksums, or `StoreCorrupt` is raised.
        """
        head = self.head(page_id)
        if head.version == version:
            return text_parts(head.value)
        with self._lock:
            self._delivery.flush()
            waiting = [decode_append(row) for row in self._delivery.waiting_rows()]
        return find_text(self._committer.store, self.space, page_id, version, self.seq, waiting)

    @property
    def fold_due(self) -> bool:
        """Whether a snapshot row now saves more at the next opening than it costs."""
        committer = self._committer
        return committer.journal_bytes > max(_FOLD_BYTES_MIN, 2 * committer.snapshot_bytes)

    @property
    def fold_worth(self) -> bool:
        """Whether a snapshot row is worth its cost at the end of a session, before an opening."""
        committer = self._committer
        return committer.journal_bytes > max(_LAST_FOLD_BYTES_MIN, committer.snapshot_bytes // 4)
