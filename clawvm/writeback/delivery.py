"""Rows on their way to the store: in order, through the spool when the store is down."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from threading import RLock

from ..errors import ClawVMError, ContentMissing, JournalConflict, LeaseLost, SpoolFull, StoreFailed
from ..pages import Scope
from ..stores import Append, Durability, Store, Ticket
from ..stores.spool import SpaceSpool

__all__ = ["CommitTicket", "Delivery", "Parcel"]

BACKOFF_FIRST = 0.1
BACKOFF_MAX = 30.0
DRAIN_SECONDS = 1.0
"""A commit that finds the store back again spends no more on what has piled up meanwhile."""
_PROJECT_WAIT = 30.0

DOWN = (StoreFailed, TimeoutError)


@dataclass(slots=True)
class Parcel:
    """A row, with the texts of its contents, whose ids are learnt when it has arrived."""

    row: Append
    texts: list[str]
    ticket: Ticket | None = None
    spooled: bool = False
    doubtful: bool = False  # the store has not answered: it may be written or not
    error: Exception | None = None

    def whole(self) -> Append:
        """The row with every content as bytes, as it can be written anywhere."""
        contents = [text.encode("utf-8", "surrogatepass") for text in self.texts]
        return replace(self.row, contents=contents)


class CommitTicket:
    """A commit at level ``group`` or ``deferred`` on its way to the disk.

    Thread safety: safe.
    """

    def __init__(self, delivery: Delivery, parcel: Parcel) -> None:
        self._delivery = delivery
        self._parcel = parcel

    @property
    def spooled(self) -> bool:
        """Whether it went to the local spool because the store failed."""
        return self._parcel.spooled

    def done(self) -> bool:
        """Whether it is on disk, in the store or in the spool, or refused."""
        ticket = self._parcel.ticket
        return self.spooled or self._parcel.error is not None or ticket is None or ticket.done()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is on disk.

        Raises
        ------
        LeaseLost
            When another holder had taken the session over.
        StoreFailed, SpoolFull
            When the store failed and there is no spool, or no room in it. The commit is kept in
            memory and goes before the next one.
        TimeoutError
            When `timeout` seconds have passed; it is still on its way.
        """
        self._delivery.wait_for(self._parcel, timeout)

    def __await__(self) -> Generator[object, None, None]:
        import asyncio

        return asyncio.to_thread(self.wait).__await__()


class Delivery:
    """What a journal uses to write rows; it never changes their order.

    Rows are, oldest first: in the spool; in memory, because the store failed and there was no
    room in the spool or no spool; in flight, at level ``group`` or ``deferred``.
    """

    def __init__(
        self,
        store: Store,
        scope: Scope,
        token: int,
        spool: SpaceSpool | None,
        lock: RLock,
        learn: Callable[[list[str], tuple[int, ...]], None],
    ) -> None:
        self.store = store
        self.token = token
        self.spool = spool
        self.lost: Exception | None = None
        self.refused_paths: list[Path] = []
        self._scope = scope
        self._lock = lock
        self._learn = learn
        self._kept: list[Parcel] = []
        self._flying: deque[Parcel] = deque()
        self._down: Exception | None = None
        self._backoff = 0.0
        self._try_at = 0.0

    @property
    def waiting(self) -> int:
        """Rows that the store does not have for all we know, those in flight not counted."""
        return len(self._kept) + (0 if self.spool is None else len(self.spool))

    @property
    def down(self) -> Exception | None:
        """The store's last failure; None while it works."""
        return self._down

    def waiting_rows(self) -> Iterator[Append]:
        """Read the rows that wait, in order."""
        if self.spool is not None:
            yield from self.spool.rows()
        yield from (parcel.whole() for parcel in self._kept)

    def drop_waiting(self) -> None:
        """Forget the first row that waits: it is in the store."""
        if self.spool is not None and len(self.spool):
            self.spool.drop()
        else:
            self._kept.pop(0).error = None

    def refuse_waiting(self) -> None:
        """Set aside, for good, rows that do not continue the journal."""
        if self.spool is not None:
            self.refused_paths += self.spool.refuse()

    def send(self, parcel: Parcel, durability: Durability, ahead: bool = False) -> None:
        """Write a row: to the store, or behind the rows that wait; with `ahead`, before them.

        Raises
        ------
        JournalConflict
            When another writer was first; for a session that is the end, as is `LeaseLost`.
        StoreFailed, TimeoutError
            When the store failed and there is no spool; whether the row was written is not known.
        SpoolFull
            When there is no room in the spool; the row is nowhere.
        """
        self._raise_lost()
        self.settle()
        if self.waiting and not ahead:
            self._put_aside(parcel)
            return
        parcel.doubtful = True
        try:
            ticket = self.store.append(parcel.row, durability)
            if durability is Durability.COMMIT or self._scope is Scope.PROJECT:
                self._learn(parcel.texts, ticket.wait(_PROJECT_WAIT))
                self.settle()  # rows before this one are on disk as well
            else:
                parcel.ticket = ticket
                self._flying.append(parcel)
        except DOWN as error:
            self.note_failure(error)
            if self.spool is None or ahead:
                raise
            self._put_aside(parcel)
        except ClawVMError as error:  # an answer: it is not written
            parcel.doubtful = False
            if self._flying and isinstance(error, JournalConflict):
                self.flush()  # it may only follow from a row in flight that has just failed
                if self.waiting:
                    self._put_aside(parcel)
                    return
            self._refused(error, parcel)
            raise
        else:
            parcel.doubtful = False
            self._down, self._backoff = None, 0.0

    def drain(self, at_once: bool = False) -> None:
        """Write the rows that wait, unless the store failed a moment ago and it is not `at_once`.

        Raises
        ------
        JournalConflict
            When the rows of a project have to be decided anew, or a session was lost.
        LeaseLost
            When a session was taken over; its rows have been set aside.
        """
        self._raise_lost()
        self.settle()
        start = time.monotonic()
        while self.waiting and (at_once or start >= self._try_at):
            row = replace(next(self.waiting_rows()), token=self.token)
            try:
                self.store.append(row, Durability.COMMIT)
            except DOWN as error:
                self.note_failure(error)
                return
            except (LeaseLost, JournalConflict) as error:
                self._refused(error)
                raise
            self._down, self._backoff = None, 0.0
            self.drop_waiting()
            if time.monotonic() - start > DRAIN_SECONDS:
                return

    def note_failure(self, error: Exception) -> None:
        """Note that the store is down and save the rows in flight, which failed with it."""
        self._down = error
        self._backoff = min(max(BACKOFF_FIRST, 2 * self._backoff), BACKOFF_MAX)
        self._try_at = time.monotonic() + self._backoff
        while self._flying:
            parcel = self._flying.popleft()
            parcel.error = error
            self._kept.append(parcel)
        self._spool_kept()

    def settle(self) -> None:
        """Look at the rows in flight: learn of those that have arrived, save those that failed."""
        while self._flying:
            parcel = self._flying[0]
            assert parcel.ticket is not None
            if not parcel.ticket.done():
                return
            self._take_answer(parcel, 0)

    def wait_for(self, parcel: Parcel, timeout: float | None) -> None:
        """Wait for a row in flight; see `CommitTicket.wait`."""
        ticket = parcel.ticket
        if ticket is not None and parcel.error is None and not parcel.spooled:
            try:
                ticket.wait(timeout)  # without the lock: others may commit meanwhile
            except TimeoutError:
                if not ticket.done():
                    raise
            except (StoreFailed, LeaseLost, JournalConflict, ContentMissing):
                pass  # settle takes the answer again, and does what has to be done about it
        with self._lock:
            self.settle()
            if any(each is parcel for each in self._flying):
                self.flush()  # its answer came before those of the rows in front of it
            if parcel.error is not None and not parcel.spooled:
                raise parcel.error

    def flush(self) -> None:
        """Wait until no row is in flight."""
        if self._flying:
            with contextlib.suppress(*DOWN):  # each row's ticket tells more
                self.store.flush()
        while self._flying:
            self._take_answer(self._flying[0], _PROJECT_WAIT)

    def ticket(self, parcel: Parcel | None = None) -> CommitTicket | None:
        """Return a ticket for a row in flight, by default the last; None when there is none."""
        if parcel is None:
            parcel = self._flying[-1] if self._flying else None
        return None if parcel is None or parcel.ticket is None else CommitTicket(self, parcel)

    def secure(self) -> bool:
        """Wait until every row is on disk; return whether some are in the spool.

        Raises
        ------
        StoreFailed, SpoolFull
            When some are in memory only.
        """
        self.flush()
        self._raise_lost()
        self._raise_kept()
        return self.waiting > 0

    def close(self) -> int:
        """Leave what waits to the spool's next reader; return how many rows are nowhere."""
        if self.spool is not None:
            self.spool.close()
        return len(self._kept)

    def _take_answer(self, parcel: Parcel, timeout: float) -> None:
        assert parcel.ticket is not None
        try:
            ids = parcel.ticket.wait(timeout)
        except (*DOWN, ContentMissing) as error:
            # A content that a prune has taken is brought again when the row is kept whole.
            self.note_failure(error)
        except (LeaseLost, JournalConflict) as error:
            self._lose(error)
        else:
            self._learn(parcel.texts, ids)
            self._flying.popleft()

    def _raise_kept(self) -> None:
        self._spool_kept()
        if self._kept:
            error = self._kept[0].error
            assert error is not None  # only what failed is kept
            raise error

    def _raise_lost(self) -> None:
        if self.lost is not None:
            raise self.lost

    def _spool_kept(self) -> None:
        if self.spool is None:
            return
        while self._kept:
            try:
                self.spool.write(self._kept[0].whole())
            except (SpoolFull, StoreFailed) as error:
                self._kept[0].error = error
                return  # it stays in memory, before everything that comes
            self._kept.pop(0).spooled = True

    def _put_aside(self, parcel: Parcel) -> None:
        assert self.spool is not None
        try:
            self._raise_kept()
            self.spool.write(parcel.whole())
        except SpoolFull:
            # Where there is no room to wait in, the next commit asks the store at once.
            self._try_at = 0.0
            raise
        parcel.spooled = True

    def _refused(self, error: Exception, *parcels: Parcel) -> None:
        conflict = isinstance(error, JournalConflict) and self._scope is Scope.SESSION
        if conflict or isinstance(error, LeaseLost):
            self._lose(error, *parcels)

    def _lose(self, error: Exception, *parcels: Parcel) -> None:
        """Set aside everything that the store will never take."""
        self.lost = error
        self._kept += [*self._flying, *parcels]
        self._flying.clear()
        refused = list(self._kept)
        self._spool_kept()
        for parcel in refused:
            parcel.error, parcel.spooled = error, False
        if self.spool is not None:
            self.refused_paths += self.spool.refuse()
