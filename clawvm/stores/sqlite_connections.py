"""A SQLite store's connections: one that writes, under a lock, and a few that read."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

from .. import crash_points
from ..errors import StoreFailed
from .commit_queue import Busy
from .file_lock import FileLock
from .sqlite_errors import ERRORS, is_busy, translate
from .sqlite_schema import connect_reader, connect_writer

__all__ = ["Connections"]

READERS_MAX = 8

_PAUSE_SECONDS_MIN = 0.0002
_PAUSE_SECONDS_MAX = 0.005


class Connections:
    """Opens connections when they are needed, and anew after the disk has failed.

    Parameters
    ----------
    path : pathlib.Path
        The file, which is there.
    url : str
        How errors call it.
    lock : FileLock
        Held around each transaction that writes.
    timeout : float
        Seconds that a reader waits for a connection.
    reader : sqlite3.Connection
        The first that reads; closed with the others.
    """

    def __init__(
        self, path: Path, url: str, lock: FileLock, timeout: float, reader: sqlite3.Connection
    ) -> None:
        self._path = path
        self._name = os.fspath(path)
        self._url = url
        self._lock = lock
        self._timeout = timeout
        self._identity = _identity(self._name, url)
        self._writing = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._syncs = True
        self._readers = [reader]
        self._reading = threading.BoundedSemaphore(READERS_MAX)
        self._process = os.getpid()
        self._closed = False
        _alive.add(self)

    @contextlib.contextmanager
    def transaction(
        self, deadline: float, what: object, *, synced: bool = True
    ) -> Iterator[sqlite3.Connection]:
        """Write: everything in the block, or nothing.

        What is not `synced` is on disk with the next transaction that is, at the latest.
        Raises `Busy` when other writers were there until `deadline` (monotonic). Every error of
        SQLite comes out as one of ours, which says that it was to do `what`: a text, or what
        becomes one when it is needed.
        """
        self.check_usable()
        if not self._writing.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise self._busy(what)
        locked = False
        try:
            self._lock.take(deadline)
            locked = True
            self._check_same_file()
            connection = self._begin(deadline, what, synced)
            try:
                crash_points.reach("store.begin")
                yield connection
                crash_points.reach("store.commit")
                connection.execute("COMMIT")
            except BaseException:
                self._roll_back(connection)
                raise
            crash_points.reach("store.committed")
        except ERRORS as error:
            # After an error of the disk a connection may go on failing; a new one looks afresh.
            self._drop_writer()
            raise translate(error, self._url, str(what)) from error
        finally:
            if locked:
                self._lock.give_back()
            self._writing.release()

    def _begin(self, deadline: float, what: object, synced: bool) -> sqlite3.Connection:
        pause = _PAUSE_SECONDS_MIN
        while True:
            try:
                if self._writer is None:
                    self._writer, self._syncs = connect_writer(self._path), True
                if self._syncs is not synced:
                    level = "FULL" if synced else "NORMAL"
                    self._writer.execute(f"PRAGMA synchronous = {level}")
                    self._syncs = synced
                self._writer.execute("BEGIN IMMEDIATE")
                return self._writer
            except sqlite3.Error as error:
                if not is_busy(error):
                    self._drop_writer()
                    raise
                if time.monotonic() >= deadline:
                    raise self._busy(what) from error
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 1.5, _PAUSE_SECONDS_MAX)

    def _roll_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except sqlite3.Error:
            # Closing it undoes it as well; what is raised is the error that led here.
            self._drop_writer()

    def _drop_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            with contextlib.suppress(sqlite3.Error):
                writer.close()

    @contextlib.contextmanager
    def reading(self, what: str) -> Iterator[sqlite3.Connection]:
        """Read one state of the database, whatever is written meanwhile."""
        self.check_usable()
        if not self._reading.acquire(timeout=self._timeout):
            raise self._busy(what)
        try:
            connection = None
            try:
                connection = self._take_reader()
                self._begin_reading(connection)
                yield connection
                # Nothing was written; after a page that cannot be read a COMMIT would complain.
                connection.execute("ROLLBACK")
            except BaseException:
                if connection is not None:
                    connection.close()
                raise
            self._give_back(connection)
        except ERRORS as error:
            raise translate(error, self._url, what) from error
        finally:
            self._reading.release()

    def _take_reader(self) -> sqlite3.Connection:
        try:
            return self._readers.pop()
        except IndexError:
            return connect_reader(self._path)

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed:
            connection.close()
        else:
            self._readers.append(connection)

    def _begin_reading(self, connection: sqlite3.Connection) -> None:
        # Readers wait for nobody, except for who recovers the log after a crash.
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                connection.execute("BEGIN")
                connection.execute("SELECT 1 FROM meta").fetchone()
                return
            except sqlite3.Error as error:
                if not is_busy(error) or time.monotonic() >= deadline:
                    raise
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            time.sleep(_PAUSE_SECONDS_MAX)

    def close(self) -> None:
        """Close all of them; the last one of all processes leaves a single file."""
        if not self.is_open():
            return
        with self._writing:
            self._closed = True
            for connection in (*self._readers, self._writer):
                if connection is not None:
                    connection.close()
            self._readers.clear()
            self._writer = None
            self._lock.close()

    def is_open(self) -> bool:
        """Whether they can be used, by this process."""
        return not self._closed and self._process == os.getpid()

    def check_usable(self) -> None:
        """Raise `StoreFailed` when the store is closed, or another process's."""
        if self._process != os.getpid():
            raise StoreFailed(
                f"the store {self._url} was opened by process {self._process} and is used in its "
                f"child {os.getpid()}; open it anew after the fork"
            )
        if self._closed:
            raise StoreFailed(f"the store {self._url} is closed; open it again")

    def _check_same_file(self) -> None:
        if _identity(self._name, self._url) != self._identity:
            raise StoreFailed(
                f"{self._path} was replaced by another file while the store was open; "
                "close the store and open it again"
            )

    def _busy(self, what: object) -> Busy:
        return Busy(
            f"the store {self._url} could not {what}: other writers were there for too long; "
            "make the call again, or find out who writes for so long"
        )

    def abandon(self) -> None:
        """Leave every connection as it is, for good: in a forked child they are the parent's.

        SQLite's connections must not even be closed there, so they are kept from the collector.
        """
        for connection in (*self._readers, self._writer):
            if connection is not None:
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))
        self._lock.close()


def _identity(path: str, url: str) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError as error:
        raise StoreFailed(
            f"the store {url} is gone: {error}; put the file back, or open another one"
        ) from error
    return status.st_dev, status.st_ino


_alive: weakref.WeakSet[Connections] = weakref.WeakSet()


def _after_fork() -> None:
    for connections in list(_alive):
        connections.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
