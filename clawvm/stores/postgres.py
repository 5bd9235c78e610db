"""The store in PostgreSQL, where many machines share sessions; needs the extra ``postgres``."""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import ContentMissing, LeaseHeld, StoreCorrupt, StoreInvalid
from ..pages import Scope
from .codec import Codec, Lz4Codec
from .holder import is_dead
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
from .rules import Held, check_space, lost

if TYPE_CHECKING:
    from .commit_queue import CommitQueue, Job
    from .postgres_link import Link

__all__ = ["PostgresStore"]

ID_MAX = 2**63 - 1

# A page of `rows`, so that a long journal is never in memory at once.
PAGE_ROWS = 256

THIS_SPACE = "(SELECT id FROM clawvm_space WHERE tenant = %s AND scope = %s AND name = %s)"


class PostgresStore:
    """Journals in a PostgreSQL database; see `Store` for what each method does.

    Use `open`. Appended rows of all threads go through one queue, and one call of a function in the
    database writes all that have gathered.
    """

    durable = True

    def __init__(self, link: Link, codec: Codec, timeout: float) -> None:
        from .commit_queue import CommitQueue

        self.url = link.url
        self._link = link
        self.codec = codec
        self._queue = CommitQueue(Writer(link, codec), timeout)
        # A store that nobody closes is written out when it is collected, or at the exit.
        self._finish = weakref.finalize(self, finish, self._queue, link)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        codec: Codec | None = None,
        timeout: float = 5.0,
        must_exist: bool = False,
    ) -> PostgresStore:
        """Connect, make the tables where there are none, and check that they are ours.

        Parameters
        ----------
        url : str
            As libpq takes it: ``postgresql://user@host:port/database?parameters``.
        codec : Codec, optional
            What is stored passes through it; `Lz4Codec` unless given.
        timeout : float
            Seconds that a call may take before it raises `StoreFailed`.
        must_exist : bool, optional
            Make no tables: where there are none, `StoreInvalid` is raised.

        Raises
        ------
        StoreInvalid
            When the address is not understood, psycopg is not installed, or the tables are of
            another codec, a newer version, or not ours.
        StoreFailed
            When the server cannot be reached.
        """
        try:
            from .postgres_link import Link
            from .postgres_migrate import migrate
        except ImportError as error:
            raise StoreInvalid(
                f"PostgreSQL needs psycopg and psycopg_pool ({error}); install clawvm[postgres]"
            ) from error
        codec = codec or Lz4Codec()
        link = Link(url, timeout)
        try:
            migrate(link, codec, must_exist=must_exist)
        except BaseException:
            link.close()
            raise
        return cls(link, codec, timeout)

    def acquire(self, space: Space, holder: str, ttl: float) -> Lease:
        """Take the lease on a session; see `Store.acquire`."""
        key = parts(space)
        if space.scope is Scope.PROJECT:
            raise StoreInvalid(
                f"{space} takes no lease: its writers go by row numbers; append with token 0"
            )
        dead = None
        while True:
            answer = self._rows(
                "acquire",
                "SELECT * FROM clawvm_acquire_1(%s, %s, %s, %s, %s, %s)",
                (*key, holder, ttl, dead),
            )
            granted, token, who, expires_at, now = answer[0]
            if granted:
                return Lease(space, holder, token, ttl, expires_at)
            if token == dead or not is_dead(who):
                raise LeaseHeld(str(space), who, expires_at, expires_at - now)
            dead = token

    def renew(self, lease: Lease) -> Lease:
        """Prolong a lease; see `Store.renew`."""
        answer = self._rows(
            "renew",
            """
            UPDATE clawvm_space SET ttl = %s, expires_at = clawvm_now() + %s
            WHERE tenant = %s AND scope = %s AND name = %s AND token = %s AND holder IS NOT NULL
            RETURNING expires_at
            """,
            (lease.ttl, lease.ttl, *parts(lease.space), lease.token),
        )
        if not answer:
            raise lost(lease.space, lease.token, self._held(lease.space))
        return Lease(lease.space, lease.holder, lease.token, lease.ttl, answer[0][0])

    def release(self, lease: Lease) -> None:
        """Give a lease back, once what was appended under it is on disk; see `Store.release`."""
        self.flush()
        self._rows(
            "release",
            """
            UPDATE clawvm_space SET holder = NULL, ttl = NULL, expires_at = NULL
            WHERE tenant = %s AND scope = %s AND name = %s AND token = %s RETURNING id
            """,
            (*parts(lease.space), lease.token),
        )

    def append(self, row: Append, durability: Durability = Durability.COMMIT) -> Ticket:
        """Write one row; see `Store.append`."""
        job = self._submit(row, durability, snapshot=False)
        if durability is Durability.COMMIT:
            job.wait()
        return job

    def flush(self) -> None:
        """Wait until every row appended so far is on disk; see `Store.flush`."""
        self._link.check_usable()
        self._queue.flush()

    def save_snapshot(self, row: Append) -> None:
        """Replace the space's snapshot; see `Store.save_snapshot`."""
        self._submit(row, Durability.COMMIT, snapshot=True).wait()

    def load(self, space: Space) -> Stored:
        """Read a space; see `Store.load`."""
        from .postgres_rows import COLUMNS, open_row

        found = self._rows(
            "load",
            f"""
            WITH owner AS (SELECT id, last_seq FROM clawvm_space
                WHERE tenant = %s AND scope = %s AND name = %s),
            base AS (SELECT * FROM clawvm_snapshot WHERE space = (SELECT id FROM owner))
            SELECT owner.id, owner.last_seq, true, {COLUMNS} FROM owner, base
            UNION ALL
            SELECT owner.id, owner.last_seq, false, {COLUMNS} FROM owner
                LEFT JOIN clawvm_row ON space = id AND seq > coalesce((SELECT seq FROM base), 0)
            ORDER BY 3 DESC, 4
            """,
            parts(space),
        )
        snapshot = None
        rows: list[Row] = []
        for space_id, _, is_snapshot, *columns in found:
            if columns[0] is None:
                continue
            row = open_row(self.codec, space, space_id, columns, snapshot=is_snapshot)
            if is_snapshot:
                snapshot = row
            else:
                rows.append(row)
        stored = Stored(snapshot, rows)
        first = 1 if snapshot is None else snapshot.seq + 1
        last_seq = found[0][1] if found else 0
        if [row.seq for row in rows] != list(range(first, last_seq + 1)):
            raise StoreCorrupt(
                f"{space}: rows {first} to {last_seq} were expected, found "
                f"{len(rows)} up to {stored.last_seq}; run `clawvm fsck`"
            )
        return stored

    def rows(self, space: Space, first: int = 1) -> Iterator[Row]:
        """Read the journal; see `Store.rows`."""
        from .postgres_rows import COLUMNS, open_row

        while True:
            page = self._rows(
                "read rows",
                f"""
                SELECT space, {COLUMNS} FROM clawvm_row
                WHERE space = {THIS_SPACE} AND seq >= %s ORDER BY seq LIMIT %s
                """,
                (*parts(space), first, PAGE_ROWS),
            )
            for space_id, *columns in page:
                row = open_row(self.codec, space, space_id, columns)
                yield row
                first = row.seq + 1
            if len(page) < PAGE_ROWS:
                return

    def contents(self, space: Space, ids: Sequence[int]) -> list[bytes]:
        """Return contents by id; see `Store.contents`."""
        from .postgres_rows import open_content

        check_space(space)
        wanted = [number for number in set(ids) if 0 < number <= ID_MAX]
        found = {
            columns[0]: open_content(self.codec, space.tenant, columns)
            for columns in self._rows(
                "read contents",
                "SELECT id, hint, data_sum, data FROM clawvm_content "
                "WHERE tenant = %s AND id = ANY(%s)",
                (space.tenant, wanted),
            )
        }
        for number in ids:
            if number not in found:
                raise ContentMissing(
                    f"the store {self.url} has no content {number} for tenant {space.tenant!r}; "
                    "it was deleted, or the id is another store's"
                )
        return [found[number] for number in ids]

    def spaces(self, tenant: str | None = None) -> list[SpaceInfo]:
        """List spaces; see `Store.spaces`."""
        from .postgres_upkeep import list_spaces

        return list_spaces(self._link, tenant)

    def prune(self, before: float, *, tenant: str | None = None) -> PruneReport:
        """Delete rows that snapshots cover; see `Store.prune`."""
        from .postgres_upkeep import prune

        return prune(self._link, before, tenant)

    def delete(self, space: Space) -> None:
        """Delete a space; see `Store.delete`."""
        from .postgres_upkeep import delete

        self.flush()
        delete(self._link, space)

    def check(self, *, repair: bool = False) -> list[Finding]:
        """Check everything that is stored; see `Store.check`."""
        from .postgres_check import check

        return check(self._link, self.codec, repair=repair)

    def close(self) -> None:
        """Write what is queued and close the connections; see `Store.close`."""
        self._finish()

    def _submit(self, row: Append, durability: Durability, *, snapshot: bool) -> Job:
        from .packing import prepare

        check_space(row.space)
        if row.space.scope is Scope.PROJECT and row.token != 0:
            raise StoreInvalid(
                f"{row.space} takes no lease, found token {row.token}; append with token 0"
            )
        for content in row.contents:
            if isinstance(content, int) and not 0 < content <= ID_MAX:
                raise ContentMissing(
                    f"{row.space} refers to no content {content}; append the text instead of the id"
                )
        self._link.check_usable()
        return self._queue.submit(row, prepare(row, self.codec), durability, snapshot=snapshot)

    def _rows(self, what: str, query: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        return self._link.rows(what, query, values)

    def _held(self, space: Space) -> Held:
        found = self._rows(
            "read the lease",
            "SELECT token, holder FROM clawvm_space WHERE tenant = %s AND scope = %s AND name = %s",
            parts(space),
        )
        return Held(token=found[0][0], holder=found[0][1]) if found else Held()


class Writer:
    """Writes batches of the queue; knows no store, so that one can be collected."""

    def __init__(self, link: Link, codec: Codec) -> None:
        self._link = link
        self.codec = codec

    def __call__(self, jobs: Sequence[Job], deadline: float) -> None:
        from .postgres_append import write

        write(self._link, self.codec, jobs, deadline)


def finish(queue: CommitQueue, link: Link) -> None:
    """Write what is queued and close the connections; those of a parent process are left alone."""
    if link.closed or link.process != os.getpid():
        return
    try:
        queue.flush()
    finally:
        link.close()


def parts(space: Space) -> tuple[str, str, str]:
    """The key of a space, as plain texts that the database can take."""
    check_space(space)
    return space.tenant, space.scope.value, space.name
