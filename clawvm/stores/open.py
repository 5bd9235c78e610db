"""From an address to a store."""

from __future__ import annotations

from pathlib import Path

from ..errors import StoreInvalid
from .codec import Codec, Lz4Codec
from .protocol import Store

__all__ = ["open_store"]

_KNOWN = "memory:, sqlite:///file.db, sqlite:////absolute/file.db or postgresql://..."


def open_store(url: str, *, codec: Codec | None = None, timeout: float = 5.0) -> Store:
    """Open a store, making it where there is none.

    Parameters
    ----------
    url : str
        ``memory:``, ``sqlite:///file.db`` (relative to the working directory),
        ``sqlite:////absolute/file.db``, or ``postgresql://user@host/database``.
    codec : Codec, optional
        What everything at rest passes through: `Lz4Codec` unless given. A store can only be opened
        with the codec, and the key, that it was made with.
    timeout : float, default 5.0
        Seconds that a call waits at most for other writers or for a server.

    Raises
    ------
    StoreInvalid
        When the address is not understood, or what is there is no store of ours, or a newer one,
        or was made with another codec.
    StoreFailed
        When the file or server cannot be used.
    """
    codec = codec or Lz4Codec()
    scheme, separator, rest = url.partition(":")
    if url == "memory:":
        from .memory import MemoryStore

        return MemoryStore(codec)
    if separator and scheme == "sqlite":
        from .sqlite import SqliteStore

        return SqliteStore(_path(url, rest), url, codec, timeout)
    if separator and scheme in ("postgresql", "postgres"):
        from .postgres import PostgresStore

        return PostgresStore.open(url, codec=codec, timeout=timeout)
    # The address is not shown: it may hold a password.
    raise StoreInvalid(
        f"a store's address starts with {scheme!r}, which is no known kind; give {_KNOWN}"
    )


def _path(url: str, rest: str) -> Path:
    name = rest.removeprefix("///")
    if name == rest or not name or "?" in name or name == ":memory:":
        raise StoreInvalid(
            f"the store {url!r} names no file; give sqlite:///file.db for a file in the working "
            "directory, sqlite:////absolute/file.db elsewhere, memory: for none"
        )
    return Path(name)
