"""From an address to a store."""

from __future__ import annotations

from pathlib import Path

from ..errors import StoreInvalid
from .codec import Codec, Lz4Codec
from .protocol import Store

__all__ = ["open_store"]

_KNOWN = "memory:, sqlite:///file.db, sqlite:////absolute/file.db or postgresql://..."


def open_store(
    url: str, *, codec: Codec | None = None, timeout: float = 5.0, must_exist: bool = False
) -> Store:
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
    must_exist : bool, default False
        Make nothing: where there is no store, `StoreInvalid` is raised.

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
    if url == "memory:" and not must_exist:
        from .memory import MemoryStore

        return MemoryStore(codec)
    if separator and scheme == "sqlite":
        from .sqlite import SqliteStore
        from .sqlite_schema import is_new

        path = _path(url, rest)
        if must_exist and is_new(path, url):
            raise StoreInvalid(f"there is no store {url}; see to the address")
        return SqliteStore(path, url, codec, timeout)
    if separator and scheme in ("postgresql", "postgres"):
        from .postgres import PostgresStore

        return PostgresStore.open(url, codec=codec, timeout=timeout, must_exist=must_exist)
    if url == "memory:":
        raise StoreInvalid("the store memory: is new each time it is opened; name one on a disk")
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
