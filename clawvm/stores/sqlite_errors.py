"""What SQLite's errors mean in this store's terms."""

from __future__ import annotations

import sqlite3

from ..errors import ClawVMError, StoreCorrupt, StoreFailed

__all__ = ["ERRORS", "is_busy", "primary_code", "translate"]

ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite's module raises: where the file is damaged, its own message may be no text."""

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})


def primary_code(error: Exception) -> int:
    """Return SQLite's result code without its extension; 0 when Python's module raised."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def is_busy(error: Exception) -> bool:
    """Whether another connection was in the way, so that trying again helps."""
    return primary_code(error) in _BUSY


def translate(error: Exception, url: str, what: str) -> ClawVMError:
    """Make the error that the caller sees, a `StoreCorrupt` or a `StoreFailed`."""
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    # A text that is no text, which Python's module finds, not SQLite: a value, or a message.
    undecodable = primary_code(error) == 0 and "decode" in str(error)
    # Our statements are fixed: a table or column that is missing was lost with the schema's text.
    lost = primary_code(error) == sqlite3.SQLITE_ERROR and "no such " in str(error)
    if primary_code(error) in _CORRUPT or undecodable or lost:
        return StoreCorrupt(
            f"the store {url} is damaged, it could not {what} ({name}: {error}); run `clawvm fsck`"
        )
    return StoreFailed(
        f"the store {url} could not {what} ({name}: {error}); see to the disk and the file's "
        "rights, and make the call again"
    )
