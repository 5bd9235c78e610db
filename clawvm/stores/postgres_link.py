"""Connections to PostgreSQL: a bounded number, each call bounded in time, errors in our words."""

from __future__ import annotations

import logging
import math
import os
import random
import threading
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolClosed

from ..errors import StoreCorrupt, StoreFailed, StoreInvalid
from .postgres_address import without_password

__all__ = ["Connection", "Link", "reason"]

T = TypeVar("T")

IDLE = TransactionStatus.IDLE

# The pool logs every refusal, which we raise; where the application has set up no logging, Python
# would write it to the terminal.
logging.getLogger("psycopg.pool").addHandler(logging.NullHandler())

CONNECTIONS_MAX = 8
"""Loads of so many threads at once; more wait. A server has a hundred for all its clients."""

GRACE_SECONDS = 0.5
"""For how long after the deadline the server's own timeout is waited for: it leaves the connection
usable, while giving up on a silent server costs it."""

MAINTENANCE_SECONDS = 600.0
"""How long one statement of a check, a prune or a delete may take."""

#: What psycopg is told of every connection.
AS_WE_WORK: dict[str, Any] = {"autocommit": True, "prepare_threshold": None}

#: Lost to another transaction, and won when it is tried again.
TRANSIENT = (errors.SerializationFailure, errors.DeadlockDetected)

#: The tables are not there, or not as we made them.
FOREIGN = (
    errors.UndefinedTable,
    errors.UndefinedFunction,
    errors.UndefinedColumn,
    errors.DuplicateTable,
    errors.DuplicateFunction,
    errors.InvalidSchemaName,
    errors.InvalidCatalogName,
)


class Late(psycopg.OperationalError):
    """The server has not answered in time."""


class Connection(psycopg.Connection[tuple[Any, ...]]):
    """A connection whose calls end at `deadline` even when the server says nothing at all."""

    deadline = math.inf

    def wait(self, gen: PQGen[T], *arguments: Any, **named: Any) -> T:
        """As psycopg's, which returns here at every 0.1 s without news."""
        return super().wait(self._until_late(gen), *arguments, **named)

    def _until_late(self, gen: PQGen[T]) -> Generator[Any, Any, T]:
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and time.monotonic() > self.deadline:
                    raise Late("no answer in time")
                wanted = gen.send(ready)
        except StopIteration as end:
            value: T = end.value
            return value


class Pool(ConnectionPool[Connection]):
    """A pool that ends when no connection can be made, and says why to all who wait for one.

    psycopg's own lets them wait for the whole of their timeout, gives no reason, and keeps a place
    in its queue for each of them until a connection is made after all. Who finds it closed opens
    another one, and so there is no back-off to sit out when the server is up again.
    """

    def __init__(self, conninfo: str, timeout: float) -> None:
        self.refusal: psycopg.Error | None = None
        self._address = conninfo
        self._seconds = timeout
        super().__init__(
            conninfo,
            connection_class=Connection,
            kwargs=AS_WE_WORK,
            configure=self._set_up,
            name="clawvm",
            min_size=0,
            max_size=CONNECTIONS_MAX,
            reconnect_timeout=0.0,  # a second attempt, at once, and then `reconnect_failed`
            num_workers=1,
            open=True,
        )

    def _set_up(self, connection: Connection) -> None:
        connection.deadline = time.monotonic() + self._seconds + GRACE_SECONDS
        limit(connection, self._seconds)

    def reconnect_failed(self) -> None:
        """End, unless there are connections: who waits gets one of those when it is given back."""
        if self.get_stats()["pool_size"]:
            return
        try:
            with Connection.connect(self._address, **AS_WE_WORK) as connection:
                self._set_up(connection)
        except psycopg.Error as error:
            self.refusal = error
        self.end()

    def end(self) -> None:
        """Close without waiting for it."""
        # On a thread of its own: this one may be the pool's, and would wait for itself.
        threading.Thread(target=self.close, name="clawvm-end", daemon=True).start()


def limit(connection: Connection, seconds: float) -> None:
    """Have the server end what takes longer, and wait for the disk before it confirms."""
    # By a statement and not by `options` at connecting, which belong to whoever wrote the url.
    # Waiting for the disk is only ever turned on: a server that waits for its standby does on.
    connection.execute(
        """
        SELECT set_config('statement_timeout', %(ms)s, false),
            set_config('lock_timeout', %(ms)s, false),
            set_config('idle_in_transaction_session_timeout', %(ms)s, false),
            set_config('default_transaction_isolation', 'read committed', false),
            set_config('synchronous_commit', CASE current_setting('synchronous_commit')
                WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, false)
        """,
        {"ms": str(max(1, int(seconds * 1000)))},
    )


def reason(error: psycopg.Error) -> str:
    """What the server or the driver said, in one line."""
    said = error.diag.message_primary or str(error) or type(error).__name__
    return " ".join(said.split())


class Link:
    """The connections of one store."""

    def __init__(self, url: str, timeout: float) -> None:
        """Understand the address; nothing is connected yet."""
        self.url = without_password(url)
        self.timeout = timeout
        try:
            given: dict[str, Any] = conninfo_to_dict(url)
        except psycopg.Error as error:
            raise StoreInvalid(
                f"store {self.url}: not an address that PostgreSQL understands: {error}; "
                "write postgresql://user@host:port/database"
            ) from error
        ours: dict[str, Any] = {
            "fallback_application_name": "clawvm",
            "connect_timeout": max(2, math.ceil(timeout)),  # libpq's least is 2
            "tcp_user_timeout": int(timeout * 1000),
            "keepalives_idle": max(1, int(timeout)),
            "keepalives_interval": max(1, int(timeout)),
            "keepalives_count": 3,
        }
        self.conninfo = make_conninfo(**{**ours, **given, "client_encoding": "UTF8"})
        self.process = os.getpid()
        self.lock = threading.Lock()
        self.pool: Pool | None = None
        self.closed = False

    def run(
        self,
        what: str,
        work: Callable[[Connection], T],
        *,
        deadline: float | None = None,
        maintenance: bool = False,
    ) -> T:
        """Run `work` on a connection; every `work` must be safe to be run again.

        It is run again after a lost race of transactions, and once when the connection broke, which
        one that stood idle while the server restarted has done unnoticed.
        """
        self.check_usable()
        if deadline is None:
            deadline = time.monotonic() + (MAINTENANCE_SECONDS if maintenance else self.timeout)
        broken = False
        attempt = 0
        while True:
            connection = None
            try:
                pool, connection = self._take(deadline)
                return self._unhurried(connection, work) if maintenance else work(connection)
            except TRANSIENT as error:
                attempt += 1
                pause = random.uniform(0.0, min(0.25, 0.002 * 2.0**attempt))
                if time.monotonic() + pause > deadline:
                    raise self.failure(what, error) from error
                time.sleep(pause)
            except psycopg.Error as error:
                lost = connection is not None and connection.broken and not isinstance(error, Late)
                if broken or not lost or time.monotonic() > deadline:
                    raise self.failure(what, error) from error
                broken = True
            finally:
                if connection is not None:
                    give_back(pool, connection)

    def rows(
        self,
        what: str,
        query: str,
        values: Any = (),
        *,
        deadline: float | None = None,
        maintenance: bool = False,
    ) -> list[tuple[Any, ...]]:
        """Run one statement, which is a transaction of its own, and return its rows."""
        return self.run(
            what,
            lambda connection: connection.execute(query.encode(), values, binary=True).fetchall(),
            deadline=deadline,
            maintenance=maintenance,
        )

    def _unhurried(self, connection: Connection, work: Callable[[Connection], T]) -> T:
        try:
            limit(connection, MAINTENANCE_SECONDS)
            done = work(connection)
            limit(connection, self.timeout)
        except BaseException:
            connection.close()  # with its long timeouts it is of no use to others
            raise
        return done

    def _take(self, deadline: float) -> tuple[Pool, Connection]:
        while True:
            pool = self._open_pool()
            try:
                connection = pool.getconn(max(0.0, deadline + GRACE_SECONDS - time.monotonic()))
            except PoolClosed:
                if pool.refusal is not None:
                    raise pool.refusal from None
            except psycopg.Error:
                raise  # too late; what is being connected serves the next call
            except BaseException:
                # A connection handed to a wait that was interrupted is counted as in use for ever.
                pool.end()
                raise
            else:
                connection.deadline = deadline + GRACE_SECONDS
                return pool, connection

    def _open_pool(self) -> Pool:
        with self.lock:
            self.check_usable()
            if self.pool is None or self.pool.closed:
                self.pool = Pool(self.conninfo, self.timeout)
            return self.pool

    def failure(self, what: str, error: psycopg.Error) -> StoreFailed | StoreInvalid | StoreCorrupt:
        """The error of ours that says what `error` of the driver means."""
        start = f"store {self.url}: {what}: {reason(error)}; "
        if isinstance(error, FOREIGN):
            return StoreInvalid(f"{start}the tables are not those that this version made")
        if isinstance(error, (errors.DataCorrupted, errors.IndexCorrupted)):
            return StoreCorrupt(f"{start}run clawvm fsck, and restore what it names from a backup")
        return StoreFailed(
            f"{start}it was done wholly or not at all; making the call again is safe"
        )

    def check_usable(self) -> None:
        """Raise `StoreFailed` when the store is closed, or another process's."""
        if self.process != os.getpid():
            raise StoreFailed(
                f"the store {self.url} was opened by process {self.process} and cannot be used by "
                f"its child {os.getpid()}; open it anew after the fork"
            )
        if self.closed:
            raise StoreFailed(f"the store {self.url} is closed; open another one")

    def close(self) -> None:
        """Close what stands idle; what is in use is closed when it is given back."""
        with self.lock:
            self.closed = True
            pool, self.pool = self.pool, None
        if pool is not None:
            pool.close(self.timeout)


def give_back(pool: Pool, connection: Connection) -> None:
    """Return a connection to the pool, which replaces it when it is of no more use."""
    if connection.closed or connection.info.transaction_status != IDLE:
        # What ended this one has likely ended those that stand idle, too.
        pool.drain()
    pool.putconn(connection)
