"""The default store: one SQLite file, one writer at a time, many rows to a sync. docs/stores.md."""

from __future__ import annotations

import atexit
import contextlib
import dataclasses
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import ClawVMError, ContentMissing, StoreCorrupt
from . import clock
from .codec import Codec
from .commit_queue import Batch, CommitQueue, Job, in_turn
from .file_lock import FileLock
from .packing import is_sound, prepare
from .protocol import (
    Append,
    Durability,
    Finding,
    Lease,
    PruneReport,
    Row,
    Space,
    SpaceInfo,
    Stored,
    Ticket,
)
from .rules import Held, check_free, check_space, lost, renewed
from .sqlite_check import problems
from .sqlite_connections import Connections
from .sqlite_maintenance import delete, list_spaces, prune
from .sqlite_rows import ROW_COLUMNS, Rows, decoded_row, in_parts
from .sqlite_schema import open_database
from .sqlite_spaces import Standings, find_space, make_space

__all__ = ["SqliteStore"]

_ROWS_PER_READ = 64


class SqliteStore:
    """A store in a file; made by `clawvm.stores.open_store`.

    Parameters
    ----------
    path : pathlib.Path
        The file; it is made when there is none.
    url : str
        How errors call it.
    codec : Codec
        What records and contents pass through; the one that the store was made with.
    timeout : float
        Seconds that a call waits at most for other writers.
    """

    durable = True

    def __init__(self, path: Path, url: str, codec: Codec, timeout: float) -> None:
        self.url = url
        self.codec = codec
        self._timeout = timeout
        lock = FileLock(Path(f"{path}-lock"))
        with contextlib.ExitStack() as undone:
            undone.callback(lock.close)
            reader = open_database(path, codec, url, lock, time.monotonic() + timeout)
            undone.callback(reader.close)
            self._connections = Connections(path, url, lock, timeout, reader)
            undone.pop_all()
        self._queue = CommitQueue(_Writer(self._connections, codec), timeout)
        # A store that nobody closes is written out when it is collected, or at the exit.
        self._collected = weakref.finalize(self, _collect, self._queue, self._connections)
        self._collected.atexit = False
        _open_stores.add(self)

    def acquire(self, space: Space, holder: str, ttl: float) -> Lease:
        """Take the lease on a session; see `Store.acquire`."""
        check_space(space)
        # Not synced: whoever holds a lease dies with the machine, and the first row that he appends
        # has the lease on disk before it.
        with self._transaction(f"acquire {space}", synced=False) as connection:
            now = clock.now()
            known = find_space(connection, space)
            check_free(space, Held() if known is None else known.held, holder, now)
            known = known or make_space(connection, space)
            held = Held(known.held.token + 1, holder, ttl, now + ttl)
            connection.execute(
                "UPDATE spaces SET token = ?, holder = ?, ttl = ?, expires_at = ? WHERE id = ?",
                (*held, known.id),
            )
            return renewed(space, held, now)

    def renew(self, lease: Lease) -> Lease:
        """Prolong a lease; see `Store.renew`."""
        with self._transaction(f"renew the lease on {lease.space}") as connection:
            now = clock.now()
            known = find_space(connection, lease.space)
            held = Held() if known is None else known.held
            if known is None or held.holder is None or held.token != lease.token:
                raise lost(lease.space, lease.token, held)
            held = held._replace(ttl=lease.ttl, expires_at=now + lease.ttl)
            connection.execute(
                "UPDATE spaces SET ttl = ?, expires_at = ? WHERE id = ?",
                (held.ttl, held.expires_at, known.id),
            )
            return renewed(lease.space, held, now)

    def release(self, lease: Lease) -> None:
        """Give a lease back, once what was appended under it is on disk; see `Store.release`."""
        self._queue.flush()
        with self._transaction(f"release {lease.space}", synced=False) as connection:
            known = find_space(connection, lease.space)
            if known is not None and known.held.token == lease.token:
                connection.execute("UPDATE spaces SET holder = NULL WHERE id = ?", (known.id,))

    def append(self, row: Append, durability: Durability = Durability.COMMIT) -> Ticket:
        """Write one row; see `Store.append`."""
        check_space(row.space)
        self._connections.check_usable()
        job = self._queue.submit(row, prepare(row, self.codec), durability)
        if durability is Durability.COMMIT:
            job.wait()
        return job

    def flush(self) -> None:
        """Wait until every row appended so far is on disk or refused."""
        self._connections.check_usable()
        self._queue.flush()

    def save_snapshot(self, row: Append) -> None:
        """Replace the space's snapshot; see `Store.save_snapshot`."""
        check_space(row.space)
        self._connections.check_usable()
        prepared = prepare(row, self.codec)
        self._queue.submit(row, prepared, Durability.COMMIT, snapshot=True).wait()

    def load(self, space: Space) -> Stored:
        """Read a space; see `Store.load`."""
        check_space(space)
        with self._connections.reading(f"load {space}") as connection:
            known = find_space(connection, space)
            if known is None:
                return Stored(None, [])
            found = connection.execute(
                f"SELECT {ROW_COLUMNS.format(table='snapshots')} WHERE snapshots.space = ?",
                (known.id,),
            ).fetchone()
            after = 0 if found is None else found[0]
            columns = connection.execute(
                f"SELECT {ROW_COLUMNS.format(table='journal')} "
                "WHERE journal.space = ? AND seq > ? ORDER BY seq",
                (known.id, after),
            ).fetchall()
        snapshot = None
        if found is not None:
            snapshot = decoded_row(known.id, found, self.codec, f"the snapshot of {space}")
        rows = [self._decoded(space, known.id, part) for part in columns]
        for expected, row in enumerate(rows, after + 1):
            if row.seq != expected:
                raise StoreCorrupt(
                    f"{space} has row {row.seq} where row {expected} is expected; "
                    f"run `clawvm fsck {self.url}`"
                )
        return Stored(snapshot, rows)

    def rows(self, space: Space, first: int = 1) -> Iterator[Row]:
        """Read the journal; see `Store.rows`. No transaction stays open between two rows."""
        check_space(space)
        while True:
            with self._connections.reading(f"read {space}") as connection:
                known = find_space(connection, space)
                if known is None:
                    return
                columns = connection.execute(
                    f"SELECT {ROW_COLUMNS.format(table='journal')} "
                    "WHERE journal.space = ? AND seq >= ? ORDER BY seq LIMIT ?",
                    (known.id, first, _ROWS_PER_READ),
                ).fetchall()
            for part in columns:
                yield self._decoded(space, known.id, part)
            if len(columns) < _ROWS_PER_READ:
                return
            first = columns[-1][0] + 1

    def contents(self, space: Space, ids: Sequence[int]) -> list[bytes]:
        """Return contents by id; see `Store.contents`."""
        check_space(space)
        rows: list[tuple[int, object, object]] = []
        with self._connections.reading(f"read contents of {space}") as connection:
            for part in in_parts(set(ids)):
                marks = ",".join("?" * len(part))
                rows += connection.execute(
                    "SELECT bodies.id, checksum, data FROM bodies "
                    "JOIN spaces ON spaces.id = bodies.space "
                    f"WHERE bodies.id IN ({marks}) AND hint IS NOT NULL AND tenant = ?",
                    (*part, space.tenant),
                )
        found: dict[int, bytes] = {}
        decode = self.codec.decode
        for number, check, data in rows:
            if not is_sound(data, number, check):
                raise StoreCorrupt(
                    f"content {number} of {space} does not match its checksum; "
                    f"run `clawvm fsck {self.url}`"
                )
            found[number] = decode(data)
        try:
            return [found[number] for number in ids]
        except KeyError as error:
            raise ContentMissing(
                f"the store {self.url} has no content {error} for tenant {space.tenant!r}; "
                "it was deleted, or the id is another store's"
            ) from None

    def spaces(self, tenant: str | None = None) -> list[SpaceInfo]:
        """List spaces; see `Store.spaces`. Reads the whole table of bodies for their sizes."""
        with self._connections.reading("list the spaces") as connection:
            return list_spaces(connection, tenant)

    def prune(self, before: float, *, tenant: str | None = None) -> PruneReport:
        """Delete what is old and no longer needed; see `Store.prune`."""
        return prune(self._connections, before, tenant, self._timeout)

    def delete(self, space: Space) -> None:
        """Delete a space; see `Store.delete`."""
        check_space(space)
        self._queue.flush()
        delete(self._connections, space, self._timeout)

    def check(self, *, repair: bool = False) -> list[Finding]:
        """Check everything; see `Store.check`. Writers go on meanwhile."""
        with self._connections.reading("be checked") as connection:
            found = problems(connection, self.codec)
        if not repair:
            return [problem.finding for problem in found]
        findings = []
        for problem in found:
            mended = False
            if problem.mend is not None:
                # What is too damaged to be mended stays a finding.
                with (
                    contextlib.suppress(StoreCorrupt),
                    self._transaction(f"mend {problem.finding.where}") as connection,
                ):
                    mended = problem.mend(connection)
            findings.append(dataclasses.replace(problem.finding, mended=mended))
        return findings

    def close(self) -> None:
        """Flush and release everything; a second call changes nothing."""
        if self._collected.detach() is not None:
            _finish(self._queue, self._connections)

    def _decoded(self, space: Space, number: int, columns: tuple[object, ...]) -> Row:
        return decoded_row(number, columns, self.codec, f"row {columns[0]} of {space}")

    def _transaction(
        self, what: str, *, synced: bool = True
    ) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        deadline = time.monotonic() + self._timeout
        return self._connections.transaction(deadline, what, synced=synced)


class _Writer:
    """Writes a batch in one transaction; holds no store, so that one can be collected."""

    def __init__(self, connections: Connections, codec: Codec) -> None:
        self._connections = connections
        self._codec = codec
        self._standings = Standings()

    def __call__(self, batch: Batch, deadline: float) -> None:
        with self._connections.transaction(deadline, _Appending(batch)) as connection:
            self._standings.begin(connection)
            rows = Rows(connection, self._standings, self._codec)
            batch.grow()  # what has come while the transaction began goes along
            for job in in_turn(batch):
                try:
                    job.succeed(rows.add(job))
                except ClawVMError as error:
                    job.fail(error)
            rows.write()
            changes = connection.total_changes
        self._standings.keep(changes)


class _Appending:
    """What a batch is called in an error; no text is made of it before there is one."""

    __slots__ = ("_batch",)

    def __init__(self, batch: Sequence[Job]) -> None:
        self._batch = batch

    def __str__(self) -> str:
        if len(self._batch) > 1:
            return f"append {len(self._batch)} rows"
        return f"append to {self._batch[0].row.space}"


def _finish(queue: CommitQueue, connections: Connections) -> None:
    if connections.is_open():
        try:
            queue.flush()
        finally:
            connections.close()


def _collect(queue: CommitQueue, connections: Connections) -> None:
    # On a thread of its own: the collector may run on one that is inside the queue just now.
    threading.Thread(target=_finish, args=(queue, connections), daemon=True).start()


def _close_all() -> None:
    for store in list(_open_stores):
        store.close()


_open_stores: weakref.WeakSet[SqliteStore] = weakref.WeakSet()
atexit.register(_close_all)
