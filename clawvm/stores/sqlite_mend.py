"""Mending a SQLite store: each function makes one that looks again, in a transaction, and mends.

What a check has seen may have changed since; a mend that finds it so does nothing and says False.
Nothing that can still be read is deleted, except what nothing refers to.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from ..errors import StoreCorrupt
from .packing import unpack_references
from .sqlite_rows import references_of, release_contents

__all__ = [
    "add_share",
    "drop_body",
    "drop_share",
    "drop_snapshot",
    "reindex",
    "release",
    "set_hint",
]

Mend = Callable[[sqlite3.Connection], bool]


def reindex(connection: sqlite3.Connection) -> bool:
    """Make the indexes anew from their tables."""
    connection.execute("REINDEX")
    return connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def set_hint(content: int, hint: int) -> Mend:
    """Enter a content under its own digest."""

    def mend(connection: sqlite3.Connection) -> bool:
        cursor = connection.execute("UPDATE bodies SET hint = ? WHERE id = ?", (hint, content))
        return cursor.rowcount == 1

    return mend


def add_share(content: int, space: int) -> Mend:
    """Enter a content as shared with a space that refers to it."""

    def mend(connection: sqlite3.Connection) -> bool:
        cursor = connection.execute("INSERT OR IGNORE INTO shares VALUES (?, ?)", (content, space))
        return cursor.rowcount == 1

    return mend


def drop_share(content: int, space: int) -> Mend:
    """Strike out that a content is shared with a space that has it, or does not refer to it."""

    def mend(connection: sqlite3.Connection) -> bool:
        owner = connection.execute("SELECT space FROM bodies WHERE id = ?", (content,)).fetchone()
        if owner != (space,) and content in references_of(connection, space):
            return False
        cursor = connection.execute(
            "DELETE FROM shares WHERE body = ? AND space = ?", (content, space)
        )
        return cursor.rowcount == 1

    return mend


def release(space: int, contents: set[int]) -> Mend:
    """Delete contents that nothing refers to, or give them to a space that does."""

    def mend(connection: sqlite3.Connection) -> bool:
        unused = contents - references_of(connection, space)
        release_contents(connection, space, unused)
        return unused == contents

    return mend


def drop_body(body: int) -> Mend:
    """Delete the record of no row."""

    def mend(connection: sqlite3.Connection) -> bool:
        cursor = connection.execute(
            "DELETE FROM bodies WHERE id = ? AND hint IS NULL "
            "AND id NOT IN (SELECT body FROM journal) AND id NOT IN (SELECT body FROM snapshots)",
            (body,),
        )
        return cursor.rowcount == 1

    return mend


def drop_snapshot(space: int, body: int) -> Mend:
    """Delete a snapshot that cannot be read, all of whose rows can."""

    def mend(connection: sqlite3.Connection) -> bool:
        found = connection.execute(
            "SELECT refs FROM snapshots WHERE space = ? AND body = ?", (space, body)
        ).fetchone()
        if found is None:
            return False
        connection.execute("DELETE FROM snapshots WHERE space = ?", (space,))
        connection.execute("DELETE FROM bodies WHERE id = ? AND hint IS NULL", (body,))
        try:
            release_contents(connection, space, set(unpack_references(found[0], body)))
        except StoreCorrupt:
            # Its references cannot be read; the next check finds what nothing refers to.
            return True
        return True

    return mend
