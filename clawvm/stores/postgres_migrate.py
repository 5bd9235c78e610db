"""Bringing a schema to the version that this code knows, and refusing what is none of ours."""

from __future__ import annotations

from ..errors import StoreCorrupt, StoreFailed, StoreInvalid
from .codec import Codec
from .postgres_link import Connection, Link, reason
from .postgres_schema import ENCODING, MIGRATION_LOCK, MIGRATIONS

__all__ = ["migrate"]

PROBE = b"clawvm"
"""Stored as the codec makes it, so that another key is found before anything is read or written."""

Found = tuple[int, str, bytes]


def migrate(link: Link, codec: Codec, *, must_exist: bool = False) -> None:
    """Make or bring forward the tables, and check that they are written with this codec.

    With `must_exist` none are made.
    """
    from psycopg.errors import InsufficientPrivilege

    try:
        found = link.run("open", read)
        if found is None and must_exist:
            raise StoreInvalid(
                f"there is no store {link.url}: the database has no tables of one in its "
                "search_path; see to the address"
            )
        if found is None or found[0] < len(MIGRATIONS):
            found = link.run("make the tables", lambda connection: bring(connection, codec))
    except StoreFailed as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise StoreInvalid(
                f"store {link.url}: {reason(error.__cause__)}; give the role the right to create "
                "in the first schema of its search_path, or name another schema: "
                "?options=-csearch_path%3Dname"
            ) from error
        raise
    version, name, probe = found
    if version > len(MIGRATIONS):
        raise StoreInvalid(
            f"store {link.url}: its tables have version {version}, this ClawVM knows versions up "
            f"to {len(MIGRATIONS)}; use a newer ClawVM"
        )
    if name != codec.name:
        raise StoreInvalid(
            f"store {link.url} is written with the codec {name!r}, found {codec.name!r}; "
            "open it with the codec it was made with"
        )
    try:
        plain = codec.decode(probe)
    except StoreCorrupt:
        plain = b""
    if plain != PROBE:
        raise StoreInvalid(
            f"store {link.url} is written with the codec {name!r} under another key; "
            "open it with the key it was made with"
        )


def read(connection: Connection) -> Found | None:
    """What is known of the tables; None when there are none."""
    # Not by `to_regclass`, which may remember from before the lock that there was no table.
    row = connection.execute("""
        SELECT EXISTS (SELECT 1 FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
                WHERE relname = 'clawvm_meta' AND n.nspname = ANY (current_schemas(false))),
            current_setting('server_encoding')
    """).fetchone()
    assert row is not None
    there, encoding = row
    if encoding != ENCODING:
        raise StoreInvalid(
            f"the database is encoded in {encoding}, expected {ENCODING}; make it with "
            f"CREATE DATABASE ... ENCODING '{ENCODING}' TEMPLATE template0"
        )
    if not there:
        return None
    found = connection.execute("SELECT version, codec, probe FROM clawvm_meta").fetchone()
    return None if found is None else (found[0], found[1], found[2])


def bring(connection: Connection, codec: Codec) -> Found:
    """Run the migrations that are missing, each in a transaction of its own.

    Another process that starts at the same time waits at the lock, and then finds the work done.
    """
    while True:
        with connection.transaction():
            connection.execute(
                "SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (MIGRATION_LOCK,)
            )
            found = read(connection)
            version = 0 if found is None else found[0]
            if found is not None and version >= len(MIGRATIONS):
                return found
            connection.execute(MIGRATIONS[version].encode())
            if found is None:
                connection.execute(
                    "INSERT INTO clawvm_meta (version, codec, probe) VALUES (%s, %s, %s)",
                    (version + 1, codec.name, codec.encode(PROBE)),
                )
            else:
                connection.execute("UPDATE clawvm_meta SET version = %s", (version + 1,))
