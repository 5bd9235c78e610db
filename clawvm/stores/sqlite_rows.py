"""The statements that write rows to a SQLite store, inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import chain
from typing import Any, TypeAlias

from .. import crash_points
from ..errors import ContentMissing, StoreCorrupt
from ..pages import Scope
from . import clock
from .codec import Codec
from .commit_queue import Job
from .packing import (
    Prepared,
    body_check,
    is_sound,
    pack_references,
    row_check,
    unpack_references,
)
from .protocol import Append, Row
from .rules import check_sequence, check_snapshot, check_token, renewal_due
from .sqlite_spaces import Standing, Standings, make_space

__all__ = ["ROW_COLUMNS", "Rows", "decoded_row", "in_parts", "references_of", "release_contents"]

_SESSION = Scope.SESSION

_IDS_PER_QUERY = 500
_ROWS_PER_STATEMENT = 32

_Body: TypeAlias = tuple[int, int, int | None, int, bytes]
_Alike: TypeAlias = dict[int, list[tuple[int, int, object, object]]]
_Columns: TypeAlias = tuple[int, int, int, int, int, bytes, int]

ROW_COLUMNS = (
    "seq, saved_at, token, body, refs, {table}.checksum, bodies.checksum, data "
    "FROM {table} LEFT JOIN bodies ON bodies.id = body"
)
"""What `decoded_row` takes, of the journal's table or the snapshots'."""


class Rows:
    """The rows of one transaction: checked one after the other, written many to a statement.

    Parameters
    ----------
    connection : sqlite3.Connection
        Inside the transaction.
    standings : Standings
        What decides about each row; it is kept up.
    codec : Codec
        The store's.
    """

    def __init__(self, connection: sqlite3.Connection, standings: Standings, codec: Codec) -> None:
        self._connection = connection
        self._standings = standings
        self._codec = codec
        self._bodies: list[_Body] = []
        self._shared: list[tuple[int, int]] = []
        self._rows: list[_Columns] = []

    def add(self, job: Job) -> tuple[int, ...]:
        """Take one job; raises one of our errors before anything of it is taken."""
        if job.snapshot:
            return self._write_snapshot(job.row, job.prepared)
        return self._add_row(job.row, job.prepared)

    def write(self) -> None:
        """Write what was taken."""
        if not self._rows:
            return
        crash_points.reach("store.contents")
        self._write_bodies()
        crash_points.reach("store.row")
        _insert(self._connection, "journal", self._rows)
        self._rows.clear()

    def _write_bodies(self) -> None:
        _insert(self._connection, "bodies", self._bodies)
        if self._shared:
            self._connection.executemany("INSERT OR IGNORE INTO shares VALUES (?, ?)", self._shared)
        self._bodies.clear()
        self._shared.clear()

    def _add_row(self, row: Append, prepared: Prepared) -> tuple[int, ...]:
        standing = self._standings.of(self._connection, row.space)
        if standing.id and row.seq <= standing.last:
            self.write()
            ids = _same_row(self._connection, standing.id, row, self._codec)
            if ids is not None:
                return ids
        check_token(row, standing.held)
        check_sequence(row, standing.last)
        resolved = self._resolved(standing, row, prepared)
        if not standing.id:
            standing.id, standing.held = make_space(self._connection, row.space)
        now = clock.now()
        body, check, ids = self._take_bodies(standing.id, prepared, resolved)
        self._rows.append(_columns(standing.id, row, now, body, check, ids))
        standing.last = row.seq
        if row.space.scope is _SESSION and renewal_due(standing.held, now):
            standing.held = standing.held._replace(expires_at=now + standing.held.ttl)
            self._connection.execute(
                "UPDATE spaces SET expires_at = ? WHERE id = ?",
                (standing.held.expires_at, standing.id),
            )
        return ids

    def _write_snapshot(self, row: Append, prepared: Prepared) -> tuple[int, ...]:
        self.write()
        standing = self._standings.of(self._connection, row.space)
        check_token(row, standing.held)
        before = self._connection.execute(
            "SELECT seq, body, refs FROM snapshots WHERE space = ?", (standing.id,)
        ).fetchone()
        check_snapshot(row, standing.last, 0 if before is None else before[0])
        resolved = self._resolved(standing, row, prepared)
        crash_points.reach("store.contents")
        body, check, ids = self._take_bodies(standing.id, prepared, resolved)
        self._write_bodies()
        crash_points.reach("store.row")
        self._connection.execute(
            "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?)",
            _columns(standing.id, row, clock.now(), body, check, ids),
        )
        if before is not None:
            # The new bodies have higher numbers, so that the highest one stays.
            self._connection.execute("DELETE FROM bodies WHERE id = ?", (before[1],))
            dropped = set(unpack_references(before[2], before[1])).difference(ids)
            release_contents(self._connection, standing.id, dropped)
        return ids

    def _resolved(
        self, standing: Standing, row: Append, prepared: Prepared
    ) -> list[int | tuple[int, bytes]]:
        if not row.contents:
            return []
        self.write()  # a row before this one may bring the same text
        return _resolve(self._connection, standing.id, row, prepared, self._codec)

    def _take_bodies(
        self, space: int, prepared: Prepared, resolved: Sequence[int | tuple[int, bytes]]
    ) -> tuple[int, int, tuple[int, ...]]:
        """Number a record, and its new contents behind it.

        Returns the record's id and checksum, and the ids of all contents.
        """
        body = number = self._standings.next_body
        stored = prepared.body
        check = body_check(body, stored)
        self._bodies.append((body, space, None, check, stored))
        if not resolved:
            self._standings.next_body = body + 1
            return body, check, ()
        # By identity: `_resolve` gives one form for a text that comes twice.
        fresh: dict[int, int] = {}
        ids = []
        for content in resolved:
            if isinstance(content, int):
                ids.append(abs(content))
                if content < 0:
                    self._shared.append((-content, space))
                continue
            known = fresh.get(id(content))
            if known is None:
                known = fresh[id(content)] = number = number + 1
                hint, stored = content
                self._bodies.append((number, space, hint, body_check(number, stored), stored))
            ids.append(known)
        self._standings.next_body = number + 1
        return body, check, tuple(ids)


def _insert(connection: sqlite3.Connection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Insert rows with few statements: at each one Python lets go of its lock, and waits for it."""
    for start in range(0, len(rows), _ROWS_PER_STATEMENT):
        part = rows[start : start + _ROWS_PER_STATEMENT]
        statement = _insertion(table, len(part), len(part[0]))
        connection.execute(statement, tuple(chain.from_iterable(part)))


@cache
def _insertion(table: str, rows: int, columns: int) -> str:
    marks = f"({', '.join('?' * columns)})"
    return f"INSERT INTO {table} VALUES {', '.join([marks] * rows)}"


def _columns(
    space: int, row: Append, now: float, body: int, check: int, ids: Sequence[int]
) -> _Columns:
    saved_at = int(now * 1000)
    refs = pack_references(ids, body) if ids else b""
    total = row_check(space, row.seq, saved_at, row.token, body, check, refs)
    return space, row.seq, saved_at, row.token, body, refs, total


def _same_row(
    connection: sqlite3.Connection, space: int, row: Append, codec: Codec
) -> tuple[int, ...] | None:
    """Return the ids of a row that is there already, if it is this very row."""
    found = connection.execute(
        "SELECT journal.token, body, refs, bodies.checksum, data FROM journal "
        "LEFT JOIN bodies ON bodies.id = body WHERE journal.space = ? AND seq = ?",
        (space, row.seq),
    ).fetchone()
    if found is None or found[0] != row.token:
        return None
    _, body, refs, check, data = found
    ids = unpack_references(refs, body)
    if len(ids) != len(row.contents) or not _equals(body, check, data, row.record, codec):
        return None
    for number, content in zip(ids, row.contents, strict=True):
        if isinstance(content, int):
            if number != content:
                return None
            continue
        stored = connection.execute(
            "SELECT checksum, data FROM bodies WHERE id = ?", (number,)
        ).fetchone()
        if stored is None or not _equals(number, stored[0], stored[1], content, codec):
            return None
    return ids


def _equals(number: int, check: object, data: object, text: bytes, codec: Codec) -> bool:
    """Whether a stored body is sound and holds exactly `text`."""
    if not is_sound(data, number, check):
        return False
    try:
        return codec.decode(data) == text
    except StoreCorrupt:
        return False


def _resolve(
    connection: sqlite3.Connection,
    space: int,
    row: Append,
    prepared: Prepared,
    codec: Codec,
) -> list[int | tuple[int, bytes]]:
    """Find contents that are there already: their ids, negative where another space owns them.

    What is not there stays as (hint, stored bytes). Nothing is written.
    """
    named = [content for content in prepared.contents if isinstance(content, int)]
    owned = dict(_owners(connection, set(named))) if named else {}
    hints = {content[0] for content in prepared.contents if not isinstance(content, int)}
    alike = _alike(connection, row.space.tenant, hints) if hints else {}
    # Where each text has a hint of its own, none comes twice.
    once = len(hints) + len(named) == len(prepared.contents)
    resolved: list[int | tuple[int, bytes]] = []
    fresh: dict[bytes, tuple[int, bytes]] = {}
    for content, text in zip(prepared.contents, row.contents, strict=True):
        if isinstance(content, int):
            if not space or not _refers(connection, space, content, owned.get(content)):
                raise ContentMissing(
                    f"{row.space} refers to no content {content}; append the text instead"
                )
            resolved.append(content)
            continue
        assert not isinstance(text, int)
        for number, owner, check, data in alike.get(content[0], ()):
            if _equals(number, check, data, text, codec):
                resolved.append(number if owner == space else -number)
                break
        else:
            # A codec may have made two forms of a text that comes twice; one is stored.
            resolved.append(content if once else fresh.setdefault(text, content))
    return resolved


def _owners(connection: sqlite3.Connection, ids: Iterable[int]) -> Iterator[tuple[int, int]]:
    for part in in_parts(ids):
        marks = ",".join("?" * len(part))
        yield from connection.execute(
            f"SELECT id, space FROM bodies WHERE id IN ({marks}) AND hint IS NOT NULL", part
        )


def _refers(connection: sqlite3.Connection, space: int, content: int, owner: int | None) -> bool:
    if owner is None or owner == space:
        return owner is not None
    row = connection.execute(
        "SELECT 1 FROM shares WHERE body = ? AND space = ?", (content, space)
    ).fetchone()
    return row is not None


def _alike(connection: sqlite3.Connection, tenant: str, hints: Iterable[int]) -> _Alike:
    """Return (id, owner, checksum, data) of this tenant's contents with these hints, by hint."""
    found: _Alike = {}
    for part in in_parts(hints):
        marks = ",".join("?" * len(part))
        for hint, *candidate in connection.execute(
            "SELECT hint, bodies.id, space, checksum, data FROM bodies "
            f"JOIN spaces ON spaces.id = space WHERE hint IN ({marks}) AND tenant = ?",
            (*part, tenant),
        ):
            found.setdefault(hint, []).append(tuple(candidate))
    return found


def in_parts(ids: Iterable[int]) -> Iterator[list[int]]:
    """Cut ids into lists short enough for one statement."""
    ordered = sorted(ids)
    for start in range(0, len(ordered), _IDS_PER_QUERY):
        yield ordered[start : start + _IDS_PER_QUERY]


def references_of(connection: sqlite3.Connection, space: int) -> set[int]:
    """Return the ids of all contents that a space's rows and its snapshot refer to."""
    ids: set[int] = set()
    for table in ("journal", "snapshots"):
        for body, refs in connection.execute(
            f"SELECT body, refs FROM {table} WHERE space = ?", (space,)
        ):
            ids.update(unpack_references(refs, body))
    return ids


def release_contents(connection: sqlite3.Connection, space: int, ids: set[int]) -> int:
    """Give up a space's hold on contents that it no longer refers to; return how many are deleted.

    One that other spaces share goes to one of them.
    """
    if not ids:
        return 0
    deleted = 0
    for number in sorted(ids - references_of(connection, space)):
        owner = connection.execute("SELECT space FROM bodies WHERE id = ?", (number,)).fetchone()
        if owner is None or owner[0] != space:
            connection.execute("DELETE FROM shares WHERE body = ? AND space = ?", (number, space))
            continue
        heir = connection.execute(
            "SELECT space FROM shares WHERE body = ? LIMIT 1", (number,)
        ).fetchone()
        if heir is None:
            connection.execute("DELETE FROM bodies WHERE id = ?", (number,))
            deleted += 1
        else:
            connection.execute("DELETE FROM shares WHERE body = ? AND space = ?", (number, heir[0]))
            connection.execute("UPDATE bodies SET space = ? WHERE id = ?", (heir[0], number))
    return deleted


def decoded_row(space: int, columns: Sequence[Any], codec: Codec, what: str) -> Row:
    """Check and decode (seq, saved_at, token, body, refs, checksum, body's checksum, data)."""
    seq, saved_at, token, body, refs, check, body_sum, data = columns
    if data is None:
        raise StoreCorrupt(f"{what}: its record is missing; run `clawvm fsck`")
    if not is_sound(data, body, body_sum) or not isinstance(refs, bytes):
        raise StoreCorrupt(f"{what}: the record does not match its checksum; run `clawvm fsck`")
    if row_check(space, seq, saved_at, token, body, body_sum, refs) != check:
        raise StoreCorrupt(f"{what}: the row does not match its checksum; run `clawvm fsck`")
    return Row(seq, codec.decode(data), unpack_references(refs, body), saved_at / 1000)
