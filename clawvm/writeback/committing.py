"""From staged to committed: one row for one transaction, decided again when others were first."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from threading import RLock
from typing import NamedTuple

from .. import crash_points
from ..errors import ContentMissing, JournalConflict
from ..pages import Scope
from ..snapshot import Kind, StateDelta, encode
from ..stores import Append, Durability, Space, Store
from ..stores.spool import Spool
from .delivery import DOWN, Delivery, Parcel
from .heads import Heads
from .operations import Committed, Operation, ReasonCode, Rejection
from .reading import JournalRow, decode_append, fold_state, load, note_rejections, read_rows
from .records import Transaction, note_of, operation_trees, recordable
from .validate import Authority, Verdict, judge

__all__ = ["NOTHING_SETTLED", "Committer", "DeltaOf", "Note", "Settled", "Staged"]

_CONFLICTS_MAX = 200
_REJECTIONS_MAX = 1_000

DeltaOf = Callable[[Sequence[Committed]], StateDelta | None]


class Staged(NamedTuple):
    """An operation that waits for a commit.

    Parameters
    ----------
    operation : Operation
        What was asked for.
    attempt : int
        1, and one more for each retry.
    retries : str or None
        Id of the rejection that it is a retry of.
    source : str or None
        What its evidence resolved to, where that was decided before: an undo, a row of the spool.
    """

    operation: Operation
    attempt: int = 1
    retries: str | None = None
    source: str | None = None


class Note(NamedTuple):
    """What a row says of its commit beside the operations."""

    commit_id: str
    boundary: str
    turn: int
    at: float
    undoes: int = 0
    settled: tuple[str, ...] = ()


class _Prepared(NamedTuple):
    parcel: Parcel
    trial: Heads
    transaction: Transaction
    from_stage: int


class Settled(NamedTuple):
    """What a row that was in doubt has brought, now that it is known to be written."""

    committed: tuple[Committed, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    from_stage: int = 0


NOTHING_SETTLED = Settled()


class Committer:
    """What is committed of a space, and the way of a commit to the store.

    Its callers hold `lock`.
    """

    def __init__(
        self, store: Store, space: Space, authority: Authority, token: int, spool: Spool | None
    ) -> None:
        self.space = space
        self.store = store
        self.authority = authority
        self.lock = RLock()
        own_spool = None if spool is None else spool.of(space)
        self.delivery = Delivery(store, space.scope, token, own_spool, self.lock, self._learn)
        self.state: StateDelta | None = None
        self.rejections: dict[str, Rejection] = {}
        self._doubtful: _Prepared | None = None
        self._writer = secrets.token_hex(6)
        self._commits = 0
        try:
            self._load()
            self.take_over()
        except BaseException:
            self.delivery.close()  # others may open the spool that this one has locked
            raise

    def _load(self) -> None:
        loaded = load(self.store, self.space)
        self.seq = loaded.last_seq
        self.heads, self.state = loaded.heads, loaded.state
        self.rejections, self._loaded_texts = loaded.rejections, loaded.known
        self._known: dict[str, int] = {}
        self.snapshot_bytes, self.journal_bytes = loaded.snapshot_bytes, loaded.journal_bytes

    @property
    def known(self) -> dict[str, int]:
        """Texts that the store has, with their ids."""
        if self._loaded_texts:
            # Not before the first commit: it takes a look at every character of them.
            self._known.update(self._loaded_texts)
            self._loaded_texts.clear()
        return self._known

    def settle(self) -> Settled:
        """Bring older rows to an end before a new one is made."""
        self.drain()
        prepared, self._doubtful = self._doubtful, None
        if prepared is None:
            return NOTHING_SETTLED
        try:
            self._send(prepared, Durability.COMMIT)
        except JournalConflict:
            if self.space.scope is Scope.SESSION:
                raise
            self.catch_up()
            return NOTHING_SETTLED
        transaction = prepared.transaction
        return Settled(transaction.committed, transaction.rejected, prepared.from_stage)

    def drain(self, at_once: bool = False) -> None:
        """Write the rows that wait; those of a project are decided anew where others were first."""
        try:
            self.delivery.drain(at_once)
        except JournalConflict:
            if self.space.scope is Scope.SESSION:
                raise
            self.rebase()

    def next_note(self, boundary: str, turn: int, undoes: int = 0) -> Note:
        """Name a new commit: no two rows of a space are ever alike, whoever writes them."""
        self._commits += 1
        return Note(f"{self._writer}.{self._commits}", boundary, turn, time.time(), undoes)

    def write(
        self,
        note: Note,
        staged: Sequence[Staged],
        delta: StateDelta | None = None,
        *,
        durability: Durability = Durability.COMMIT,
        whole: bool = False,
        delta_of: DeltaOf | None = None,
        carried: Sequence[Rejection] = (),
        from_stage: int = 0,
        ahead: bool = False,
    ) -> tuple[Parcel, Transaction]:
        """Validate and write one transaction; see `Journal.commit`.

        With `whole`, everything is refused when one operation is: an undo. `carried` are refusals
        of an earlier try of it. `from_stage` operations leave the stage with it. With `ahead`, it
        does not wait for the rows of the spool, being one.
        """
        for attempt in range(_CONFLICTS_MAX):
            trial, transaction = self._validated(note, staged, whole, carried)
            crash_points.reach("writeback.validated")
            if delta_of is not None and transaction.committed:
                delta = delta_of(transaction.committed)
            prepared = self._encoded(trial, transaction, delta, from_stage)
            crash_points.reach("writeback.encoded")
            try:
                self._send(prepared, durability, ahead)
            except ContentMissing:
                if not self.known:
                    raise
                self.known.clear()  # a prune has taken some of them; bring the texts again
                continue
            except JournalConflict:
                if self.space.scope is Scope.SESSION:
                    raise
                # The other has got on, so somebody always does; wait a little longer each time.
                time.sleep(random.random() * min(attempt, 20) / 1000)
                self.catch_up()
                continue
            return prepared.parcel, transaction
        raise JournalConflict(
            f"{self.space}: other writers were first {_CONFLICTS_MAX} times in a row; what is "
            "staged is still staged, commit again"
        )

    def _encoded(
        self, trial: Heads, transaction: Transaction, delta: StateDelta | None, from_stage: int
    ) -> _Prepared:
        encoded = encode(
            Kind.RECORD,
            delta,
            operation_trees(transaction.committed, transaction.rejected),
            note_of(transaction),
            external=True,
            known=self.known,
        )
        token = self.delivery.token
        row = Append(self.space, transaction.seq, encoded.data, encoded.contents, token)
        return _Prepared(Parcel(row, encoded.content_texts), trial, transaction, from_stage)

    def _send(self, prepared: _Prepared, durability: Durability, ahead: bool = False) -> None:
        parcel = prepared.parcel
        try:
            self.delivery.send(parcel, durability, ahead)
        except BaseException:
            # Sent, and no answer: before anything else is written, this very row is sent again.
            if parcel.doubtful and not parcel.spooled and not ahead:
                self._doubtful = prepared
            raise
        crash_points.reach("writeback.appended")
        self.heads.update(prepared.trial)
        self._enter(prepared.transaction, len(parcel.row.record))

    def _enter(self, transaction: Transaction, size: int) -> None:
        self.seq = transaction.seq
        self.journal_bytes += size
        note_rejections(self.rejections, transaction)
        while len(self.rejections) > _REJECTIONS_MAX:
            del self.rejections[next(iter(self.rejections))]

    def _validated(
        self, note: Note, staged: Sequence[Staged], whole: bool, carried: Sequence[Rejection]
    ) -> tuple[Heads, Transaction]:
        trial = Heads(self.heads)
        judged = [self._judged(item, trial) for item in staged]
        if whole and any(verdict.code for verdict, _ in judged):
            trial = Heads(self.heads)
            judged = [(_refused_with_others(verdict), None) for verdict, _ in judged]
        seq = self.seq + 1
        committed: list[Committed] = []
        rejected: list[Rejection] = []
        for item, (verdict, entry) in zip(staged, judged, strict=True):
            if entry is not None:
                committed.append(entry)
                continue
            assert verdict.code is not None
            operation = item.operation
            if verdict.code is ReasonCode.SCHEMA_INVALID:
                operation = recordable(operation)
            rejected.append(
                Rejection(
                    "", operation, verdict.code, verdict.reason, note.turn, note.at, item.attempt
                )
            )
        named = tuple(
            rejection._replace(id=f"{seq}.{number}")
            for number, rejection in enumerate([*rejected, *carried], len(committed))
        )
        retried = tuple(item.retries for item in staged if item.retries is not None)
        return trial, Transaction(
            seq,
            note.commit_id,
            note.boundary,
            note.turn,
            note.at,
            tuple(committed),
            named,
            note.settled + retried,
            note.undoes,
        )

    def _judged(self, item: Staged, trial: Heads) -> tuple[Verdict, Committed | None]:
        operation = item.operation
        source = item.source or self.authority.source_of(operation.evidence)
        verdict = judge(operation, trial, self.space, self.authority, source)
        code, _, version, before, value, untrusted = verdict
        if code is not None:
            return verdict, None
        committed = tuple.__new__(Committed, (operation, version, before, untrusted))
        trial.put(committed, value)
        return verdict, committed

    def _learn(self, texts: list[str], ids: tuple[int, ...]) -> None:
        self.known.update(zip(texts, ids, strict=True))

    # Other writers, other processes

    def catch_up(self) -> None:
        """Read what others have appended to a project's journal."""
        for row in read_rows(self.store, self.space, self.seq + 1):
            transaction = row.transaction
            self.heads.fold(transaction.committed, f"{self.space}, row {transaction.seq}")
            self._enter(transaction, row.size)

    def rebase(self) -> None:
        """Decide the waiting rows of a project anew, behind what others have written meanwhile.

        Each is recognised by its commit id where it is in the store already.
        """
        waiting = [decode_append(row) for row in self.delivery.waiting_rows()]
        try:
            self._load()
        except DOWN as error:
            self.delivery.note_failure(error)
            return
        try:
            rows = read_rows(self.store, self.space, min(row.transaction.seq for row in waiting))
            landed = {row.transaction.commit_id for row in rows}
            while waiting:
                transaction = waiting[0].transaction
                if transaction.commit_id not in landed:
                    self._write_again(transaction)
                self.delivery.drop_waiting()
                del waiting[0]
        except DOWN as error:
            self.delivery.note_failure(error)
            # What still waits counts as committed until the store can say more.
            for row in waiting:
                trial, transaction = self._validated(*_staged_again(row.transaction))
                self.heads.update(trial)
                self._enter(transaction, row.size)

    def _write_again(self, transaction: Transaction) -> None:
        note, staged, whole, carried = _staged_again(transaction)
        self.write(note, staged, whole=whole, carried=carried, ahead=True)

    def take_over(self) -> None:
        """Bring the rows that an earlier process left in the spool to the store.

        Rows of a session that do not continue its journal, because another holder has written
        since, are set aside for good; `Delivery.refused_paths` tells where.
        """
        if not self.delivery.waiting:
            return
        if self.space.scope is Scope.PROJECT:
            self.rebase()
            return
        waiting = [decode_append(row) for row in self.delivery.waiting_rows()]
        rows = read_rows(self.store, self.space, waiting[0].transaction.seq)
        landed = {row.transaction.seq: row.transaction.commit_id for row in rows}
        continued: list[JournalRow] = []
        for row in waiting:
            transaction = row.transaction
            if landed.get(transaction.seq) == transaction.commit_id:
                self.delivery.drop_waiting()
            elif transaction.seq != self.seq + 1:
                self.delivery.refuse_waiting()
                break
            else:
                self.heads.fold(transaction.committed, f"spool of {self.space}")
                self._enter(transaction, row.size)
                continued.append(row)
        self.state = fold_state(self.state, [row.delta for row in continued])
        self.delivery.drain()


def _staged_again(
    transaction: Transaction,
) -> tuple[Note, list[Staged], bool, tuple[Rejection, ...]]:
    """Return a transaction as what it was made of; who may do what was decided then."""
    staged = [
        Staged(entry.operation, source="tool" if entry.untrusted else "harness")
        for entry in transaction.committed
    ]
    note = Note(
        transaction.commit_id,
        transaction.boundary,
        transaction.turn,
        transaction.at,
        transaction.undoes,
        transaction.settled,
    )
    return note, staged, transaction.undoes > 0, transaction.rejected


def _refused_with_others(verdict: Verdict) -> Verdict:
    if verdict.code is not None:
        return verdict
    return Verdict(
        ReasonCode.DESTRUCTIVE_OP,
        "a transaction is undone whole or not at all, and another of its fields cannot be",
    )
