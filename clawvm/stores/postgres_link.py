"""Connections to PostgreSQL: a bounded number, each call bounded in time, errors in our words.

psycopg_pool is not used: a caller would wait for the whole timeout while the server is down,
would not be told why, and would wait for the pool's own back-off once it is up again. Here a
connection is made by the call that needs it, so that a refusal is known at once.
"""

from __future__ import annotations

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

from ..errors import StoreCorrupt, StoreFailed, StoreInvalid
from .postgres_address import without_password

__all__ = ["Connection", "Link", "reason"]

T = TypeVar("T")

IDLE = TransactionStatus.IDLE

CONNECTIONS_MAX = 8
"""Loads of so many threads at once; more wait. A server has a hundred for all its clients."""

GRACE_SECONDS = 0.5
"""For how long after the deadline the server's own timeout is waited for: it leaves the connection
usable, while giving up on a silent server costs it."""

MAINTENANCE_SECONDS = 600.0
"""How long one statement of a check, a prune or a delete may take."""

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
        self.slots = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self.idle: list[Connection] = []
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
                connection = self._take(deadline)
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
                    self._give_back(connection)

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
            self._configure(connection, MAINTENANCE_SECONDS)
            done = work(connection)
            self._configure(connection, self.timeout)
        except BaseException:
            connection.close()  # with its long timeouts it is of no use to others
            raise
        return done

    def _take(self, deadline: float) -> Connection:
        if not self.slots.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise Late(f"all {CONNECTIONS_MAX} connections were in use")
        try:
            with self.lock:
                connection = self.idle.pop() if self.idle else None
            if connection is None:
                connection = self._connect()
            connection.deadline = deadline + GRACE_SECONDS
        except BaseException:
            self.slots.release()
            raise
        return connection

    def _connect(self) -> Connection:
        connection = Connection.connect(self.conninfo, autocommit=True, prepare_threshold=None)
        try:
            connection.deadline = time.monotonic() + self.timeout + GRACE_SECONDS
            self._configure(connection, self.timeout)
        except BaseException:
            connection.close()
            raise
        return connection

    @staticmethod
    def _configure(connection: Connection, seconds: float) -> None:
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

    def _give_back(self, connection: Connection) -> None:
        usable = not connection.closed and connection.info.transaction_status == IDLE
        dropped = [connection]
        with self.lock:
            if usable and not self.closed:
                self.idle.append(connection)
                dropped = []
            else:
                # What ended this one has likely ended those that stood idle, too.
                dropped += self.idle
                self.idle = []
        self.slots.release()
        for each in dropped:
            each.close()

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
            idle, self.idle = self.idle, []
        for connection in idle:
            connection.close()
