"""The tables of a SQLite store, and how a file is opened, made, or refused. See docs/stores.md."""

from __future__ import annotations

import os
import sqlite3
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .. import crash_points
from ..errors import StoreCorrupt, StoreFailed, StoreInvalid
from .codec import Codec
from .file_lock import FileLock
from .sqlite_errors import ERRORS, is_busy, primary_code, translate

__all__ = ["APPLICATION_ID", "SCHEMA_VERSION", "connect", "open_database"]

APPLICATION_ID = 0x436C5756  # "ClWV"
SCHEMA_VERSION = 1

PAGE_SIZE = 2048
WAL_PAGES = 2048
WAL_BYTES_KEPT = 16 * 1024 * 1024

_BUSY_PAUSE_SECONDS = 0.003

_PROBE = b"clawvm"

# The first 72 bytes of a database: 16 that tell what it is, and the last 4 whose.
_HEADER = struct.Struct(">16s52xI")
_MAGIC = b"SQLite format 3\0"

_T = TypeVar("_T")

_SCHEMA = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value NOT NULL) WITHOUT ROWID;
CREATE TABLE spaces (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant TEXT NOT NULL,
    scope TEXT NOT NULL,
    name TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    token INTEGER NOT NULL,
    holder TEXT,
    ttl REAL NOT NULL DEFAULT 0,
    expires_at REAL NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX spaces_by_name ON spaces (tenant, scope, name) WHERE deleted = 0;
CREATE TABLE bodies (
    id INTEGER PRIMARY KEY,
    space INTEGER NOT NULL,
    hint INTEGER,
    checksum INTEGER NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX contents_by_hint ON bodies (hint) WHERE hint IS NOT NULL;
CREATE TABLE shares (body INTEGER, space INTEGER, PRIMARY KEY (body, space)) WITHOUT ROWID;
CREATE TABLE journal (
    space INTEGER,
    seq INTEGER,
    saved_at INTEGER NOT NULL,
    token INTEGER NOT NULL,
    body INTEGER NOT NULL,
    refs BLOB NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (space, seq)
) WITHOUT ROWID;
CREATE TABLE snapshots (
    space INTEGER PRIMARY KEY,
    seq INTEGER NOT NULL,
    saved_at INTEGER NOT NULL,
    token INTEGER NOT NULL,
    body INTEGER NOT NULL,
    refs BLOB NOT NULL,
    checksum INTEGER NOT NULL
);
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
"""


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """Open one connection in autocommit, which never waits by itself."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_writer(path: Path) -> sqlite3.Connection:
    """Open the connection that commits."""
    connection = connect(path, mode="rw")
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = FAST")
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection:
    """Open a connection that cannot write."""
    connection = connect(path, mode="rw")
    try:
        connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def is_new(path: Path, url: str) -> bool:
    """Whether there is nothing at `path` yet; `StoreInvalid` when what is there is not ours."""
    try:
        status = path.stat()
    except FileNotFoundError:
        if not path.absolute().parent.is_dir():
            raise StoreFailed(
                f"the store {url} cannot be made: there is no folder {path.absolute().parent}; "
                "make it first"
            ) from None
        return True
    except OSError as error:
        raise StoreFailed(f"the store {url} cannot be looked at: {error}") from error
    if not path.is_file():
        raise StoreInvalid(f"the store {url} is no file; name a file")
    return status.st_size == 0


def check_ours(connection: sqlite3.Connection, url: str) -> None:
    """Raise `StoreInvalid` for another program's database, or one of a newer version."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION_ID:
        raise StoreInvalid(
            f"{url} is a database of another program (application id {application:#x}, expected "
            f"{APPLICATION_ID:#x}); name another file"
        )
    if version > SCHEMA_VERSION:
        raise StoreInvalid(
            f"{url} has version {version} of the store's tables, this ClawVM knows up to "
            f"{SCHEMA_VERSION}; upgrade ClawVM"
        )


def check_codec(connection: sqlite3.Connection, codec: Codec, url: str) -> None:
    """Raise `StoreInvalid` when the store was made with another codec or another key."""
    meta = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    if meta.get("codec") != codec.name:
        raise StoreInvalid(
            f"{url} was made with the codec {meta.get('codec')!r} and is opened with "
            f"{codec.name!r}; open it with its own"
        )
    try:
        probe = codec.decode(meta.get("probe", b""))
    except StoreCorrupt as error:
        raise StoreInvalid(
            f"{url} cannot be read with this {codec.name!r} codec: {error}; open it with its key"
        ) from error
    if probe != _PROBE:
        raise StoreInvalid(
            f"{url}: the codec {codec.name!r} reads {probe[:20]!r} for {_PROBE!r}; "
            "open the store with the codec that made it"
        )


def create(path: Path, codec: Codec) -> None:
    """Make the tables in a new file, in one transaction, and then turn to the write-ahead log."""
    connection = connect(path, mode="rwc")
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("PRAGMA synchronous = EXTRA")
        connection.execute("BEGIN EXCLUSIVE")
        for statement in _SCHEMA.split(";"):
            connection.execute(statement)
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)",
            [
                ("codec", codec.name),
                ("probe", codec.encode(_PROBE)),
                ("body_floor", 0),
                ("token_floor", 0),
            ],
        )
        crash_points.reach("store.create")
        connection.execute("COMMIT")
    finally:
        connection.close()
    sync_folder(path.absolute().parent)


def sync_folder(folder: Path) -> None:
    """Have the folder itself on disk: a file whose name is lost is lost."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def open_database(
    path: Path, codec: Codec, url: str, lock: FileLock, deadline: float
) -> sqlite3.Connection:
    """Make the store if there is none, else check that it is ours; return a connection to read it.

    A file that is not ours is only looked at, through a connection that cannot write.
    """
    try:
        if is_new(path, url) or has_journal(path):
            with lock.held(deadline):
                recover(path)
                if is_new(path, url):
                    create(path, codec)
        reader = retry_busy(lambda: examine(path, codec, url), deadline)
        if journal_mode(reader) != "wal":
            reader.close()
            retry_busy(lambda: use_wal(path, lock, deadline), deadline)
            reader = connect_reader(path)
        return reader
    except ERRORS as error:
        if primary_code(error) == sqlite3.SQLITE_NOTADB:
            raise StoreInvalid(f"{url} is no SQLite database; name another file") from error
        raise translate(error, url, "be opened") from error
    except OSError as error:
        raise StoreFailed(f"the store {url} cannot be opened: {error}") from error


def retry_busy(action: Callable[[], _T], deadline: float) -> _T:
    """Do it again while another connection is in the way."""
    while True:
        try:
            return action()
        except sqlite3.Error as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
        time.sleep(_BUSY_PAUSE_SECONDS)


def has_journal(path: Path) -> bool:
    """Whether a process died while it made the store; later logs have another name."""
    return Path(f"{path}-journal").exists()


def recover(path: Path) -> None:
    """Have SQLite undo the making of a store that was not finished."""
    if has_journal(path) and path.exists():
        connection = connect(path, mode="rw")
        try:
            connection.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        finally:
            connection.close()


def examine(path: Path, codec: Codec, url: str) -> sqlite3.Connection:
    """Check what is there; return the connection that has read it."""
    if not has_our_id(path):
        # Even a connection that writes nothing could bring another program's log into its file.
        connection = connect(path, mode="ro")
        try:
            check_ours(connection, url)
        finally:
            connection.close()
    connection = connect_reader(path)
    try:
        check_ours(connection, url)
        check_codec(connection, codec, url)
    except BaseException:
        connection.close()
        raise
    return connection


def has_our_id(path: Path) -> bool:
    """Whether the file's header is that of a database of ours."""
    with path.open("rb", buffering=0) as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return False
    magic, application = _HEADER.unpack(header)
    return bool(magic == _MAGIC and application == APPLICATION_ID)


def use_wal(path: Path, lock: FileLock, deadline: float) -> None:
    """Turn a database to the write-ahead log when it is not there yet; that lasts."""
    connection = connect(path, mode="rw")
    try:
        if journal_mode(connection) != "wal":
            with lock.held(deadline):
                connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


def journal_mode(connection: sqlite3.Connection) -> str:
    """Return the database's journal mode."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    return str(mode)
