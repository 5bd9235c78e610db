"""The journal of a space: the only way into a store (paper, section 5).

Staged, validated, committed: what a commit writes is one row with every operation of the
transaction, refused ones included, and what changed of the session's state.
"""

from __future__ import annotations

from typing import Any

from .. import crash_points
from ..errors import (
    ContentMissing,
    JournalConflict,
    LimitExceeded,
    OperationInvalid,
    SessionClosed,
    StoreFailed,
    StoreInvalid,
)
from ..pages import Scope
from ..snapshot import StateDelta
from ..stores import Durability, Lease, Space, Store
from ..stores.spool import Spool
from .committing import NOTHING_SETTLED, Committer, DeltaOf, Settled, Staged
from .merge import canonical, size_problem
from .operations import Operation, Principal
from .snapshots import write_snapshot
from .undo import inverse
from .validate import Authority, check_stageable
from .view import JournalView, Receipt

__all__ = ["STAGED_MAX", "Journal", "Receipt"]

STAGED_MAX = 100_000
"""Most operations that wait for a commit."""


class Journal(JournalView):
    """Stages, validates and commits operations of one space.

    Open it with `Journal.open`. Operations by task: changing (`stage`, `commit`, `retry`, `undo`),
    looking (`rejected`, `head`, `history`, `text_at`, `rows`), snapshots (`fold_due`,
    `save_snapshot`).

    Notes
    -----
    Thread safety: safe. A project's journal may be shared by the sessions of a process; every
    operation staged by any of them goes with the next commit.
    """

    @classmethod
    def open(
        cls,
        store: Store,
        space: Space,
        authority: Authority,
        *,
        lease: Lease | None = None,
        spool: Spool | None = None,
    ) -> Journal:
        """Read a journal, and write first what an earlier process left in the spool.

        Parameters
        ----------
        store : Store
            Where it is.
        space : Space
            Whose journal; an unknown one is empty.
        authority : Authority
            What validation asks.
        lease : Lease, optional
            The right to write; a session needs one, a project has none.
        spool : Spool, optional
            Where commits go while the store is down; without one they fail.

        Raises
        ------
        StoreInvalid
            When the lease is missing, or another space's.
        StoreFailed, StoreCorrupt, SnapshotInvalid
            When the journal cannot be read.
        """
        if (lease is None) is (space.scope is Scope.SESSION) or (lease and lease.space != space):
            raise StoreInvalid(
                f"{space}: a session's journal is opened with that session's lease, a project's "
                f"with none, found {'none' if lease is None else f'one of {lease.space}'}"
            )
        token = 0 if lease is None else lease.token
        return cls(Committer(store, space, authority, token, spool))

    # Changing

    def stage(self, operation: Operation, *, own: bool = False) -> None:
        """Note an operation for the next commit, which validates it.

        Lists and objects are copied, but for an `own` one that nobody else has. What no check could
        even record is refused here.

        Raises
        ------
        OperationInvalid
            When it has no page, no field or no known op, or a member of the wrong Python type.
        LimitExceeded
            When `STAGED_MAX` operations wait already.
        SessionClosed
            After `close`.
        """
        check_stageable(operation)
        # What `Staged(operation)` comes to, without a call of Python for each.
        self._stage(tuple.__new__(Staged, (operation, 1, None, None)), own)

    def _stage(self, staged: Staged, own: bool = False) -> None:
        # No lock: a commit holds it while it waits for the disk, and an event loop may stage.
        if self._closed:
            self._check_open()
        operation = staged.operation
        value = operation.value
        if (
            isinstance(value, (list, dict))
            and not own
            and size_problem(operation.field, value) is None
        ):
            staged = staged._replace(operation=operation._replace(value=canonical(value)))
        if len(self._staged) >= STAGED_MAX:
            raise LimitExceeded(
                f"{self.space}: {STAGED_MAX} operations are staged already; commit them"
            )
        self._staged.append(staged)
        crash_points.reach("writeback.stage")

    def commit(
        self,
        boundary: str,
        delta: StateDelta | None = None,
        *,
        turn: int = 0,
        durability: Durability = Durability.COMMIT,
    ) -> Receipt:
        """Validate what is staged and write it, with `delta`, in one row.

        When this returns at level ``commit``, the row is on disk, in the store or in the spool, and
        so is every row before it.
        When it raises, everything that was staged is still staged. Where the store failed so that
        nobody knows whether the row was written, the next commit finds out first, and its receipt
        tells of both.

        Parameters
        ----------
        boundary : str
            Name of the boundary.
        delta : StateDelta, optional
            What changed of the session's state since the last commit that returned.
        turn : int, optional
            The session's turn.
        durability : Durability, optional
            When it is on disk. A project's journal waits in any case, because only the store can
            tell whether another writer was first.

        Raises
        ------
        LeaseLost
            When another holder has taken the session over; that is final, and what the store will
            never take is in the spool's refused file.
        JournalConflict
            When a project's journal was written by others each time this one tried, or a session's
            was written by somebody without its lease.
        StoreFailed, TimeoutError
            When the store failed and there is no spool; commit again.
        SpoolFull
            When it failed and the spool has no room.
        SessionClosed
            After `close`.
        """
        with self._lock:
            self._check_open()
            self._finish_older()
            receipt = self._write(boundary, delta, turn, durability)
            older, self._untold = self._untold, NOTHING_SETTLED
            if older is NOTHING_SETTLED:
                return receipt
            return receipt._replace(
                committed=older.committed + receipt.committed,
                rejected=older.rejected + receipt.rejected,
            )

    def _write(
        self, boundary: str, delta: StateDelta | None, turn: int, durability: Durability
    ) -> Receipt:
        staged = list(self._staged)
        if not staged and delta is None:
            # A boundary holds for what went before it at a lower level.
            spooled = durability is Durability.COMMIT and self._delivery.secure()
            return Receipt(self.seq, (), (), self._delivery.ticket(), spooled)
        note = self._committer.next_note(boundary, turn)
        parcel, transaction = self._committer.write(
            note, staged, delta, durability=durability, from_stage=len(staged)
        )
        del self._staged[: len(staged)]
        return Receipt(
            transaction.seq,
            transaction.committed,
            transaction.rejected,
            self._delivery.ticket(parcel),
            parcel.spooled,
            len(parcel.row.record),
        )

    def retry(self, rejection_id: str, **changes: Any) -> Operation:
        """Stage a refused operation again, with `changes` to its members.

        Raises
        ------
        OperationInvalid
            When no open rejection has this id, or a change is out of place.
        """
        with self._lock:
            rejection = self._committer.rejections.get(rejection_id)
            if rejection is None:
                raise OperationInvalid(
                    f"{self.space}: no open rejection has the id {rejection_id!r:.40}, there are "
                    f"{len(self._committer.rejections)}; see rejected()"
                )
            if unknown := changes.keys() - set(Operation._fields):
                raise OperationInvalid(
                    f"rejection {rejection_id}: an operation has no {', '.join(sorted(unknown))}"
                )
            operation = rejection.operation._replace(**changes)
            check_stageable(operation)
            self._stage(Staged(operation, rejection.attempt + 1, rejection_id))
            return operation

    def undo(
        self,
        seq: int,
        principal: Principal,
        *,
        turn: int = 0,
        delta_of: DeltaOf | None = None,
    ) -> Receipt:
        """Take back a committed transaction: its fields get their earlier values as new versions.

        It is undone whole or not at all: where a later commit has changed one of its fields, and
        was not undone itself, every operation is refused with ``DESTRUCTIVE_OP``. Operations that
        are staged stay staged.

        Parameters
        ----------
        seq : int
            The row to undo; an undo can be undone.
        principal : Principal
            Who asks.
        turn : int, optional
            The session's turn.
        delta_of : callable, optional
            Called with what is about to be committed; applies it to the session and returns what
            changed of the session's state.

        Raises
        ------
        OperationInvalid
            When there is no such row, or the values before it have been pruned.
        """
        with self._lock:
            self._check_open()
            self._finish_older()
            self._delivery.flush()
            if not 0 < seq <= self.seq:
                raise OperationInvalid(
                    f"{self.space}: row {seq} cannot be undone, the last one is {self.seq}"
                )
            operations = inverse(self._committer.store, self.space, seq, principal)
            parcel, transaction = self._committer.write(
                self._committer.next_note("undo", turn, undoes=seq),
                [Staged(operation, source="harness") for operation in operations],
                whole=True,
                delta_of=delta_of,
            )
            return Receipt(
                transaction.seq,
                transaction.committed,
                transaction.rejected,
                None,
                parcel.spooled,
                len(parcel.row.record),
            )

    # Snapshots

    def save_snapshot(self, state: StateDelta | None = None) -> bool:
        """Write the whole state, so that the next opening reads it and the few rows after it.

        Parameters
        ----------
        state : StateDelta, optional
            The session's whole state as of the last commit; a project has none.

        Returns
        -------
        bool
            False when nothing was written: rows still wait for the store, or another process has
            written a newer snapshot of a project.

        Raises
        ------
        StoreFailed
            When the store failed; nothing is lost, the rows are all there.
        LeaseLost
            When another holder has taken the session over.
        """
        with self._lock:
            self._check_open()
            self._finish_older()
            self._delivery.flush()
            if self._delivery.waiting or not self.seq:
                return False
            try:
                self._write_snapshot(state)
            except ContentMissing:
                self._committer.known.clear()  # a prune has taken some; bring the texts again
                self._write_snapshot(state)
            except JournalConflict:
                if self.space.scope is Scope.SESSION:
                    raise
                return False
            return True

    def _write_snapshot(self, state: StateDelta | None) -> None:
        committer = self._committer
        encoded = write_snapshot(
            committer.store,
            self.space,
            self.seq,
            self._delivery.token,
            state,
            committer.heads,
            committer.rejections.values(),
            committer.known,
        )
        committer.snapshot_bytes, committer.journal_bytes = len(encoded.data), 0
        # Texts of old versions are not needed again; knowing them would keep them in memory.
        texts = zip(encoded.content_texts, encoded.contents, strict=True)
        committer.known.clear()
        committer.known.update((text, known) for text, known in texts if isinstance(known, int))

    def close(self) -> None:
        """Wait for rows in flight and let the spool go; a second call changes nothing.

        What is staged is not committed: a boundary does that.

        Raises
        ------
        StoreFailed
            When rows that were in flight never reached the store and there was no room in a spool.
        LeaseLost, JournalConflict
            When it turns out only now that the session was taken over.
        """
        with self._lock:
            if self._closed:
                return
            self._closed = True
            lost = self._delivery.lost
            try:
                if lost is None:
                    self._delivery.flush()
                    self._committer.drain(at_once=True)
            finally:
                kept = self._delivery.close()
            if kept and lost is None:
                raise StoreFailed(
                    f"{self.space}: {kept} rows that had been promised for later never reached the "
                    "store; give the journal a spool"
                ) from self._delivery.down

    def _finish_older(self) -> None:
        settled = self._committer.settle()
        if settled is NOTHING_SETTLED:
            return
        del self._staged[: settled.from_stage]
        older = self._untold
        self._untold = Settled(
            older.committed + settled.committed, older.rejected + settled.rejected
        )

    def _check_open(self) -> None:
        if self._closed:
            raise SessionClosed(f"the journal of {self.space} is closed; open it again")
