"""The statements that write rows to a SQLite store, inside a transaction of the caller's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

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
from .protocol import Append, Row, Space
from .rules import Held, check_sequence, check_snapshot, check_token, renewal_due

__all__ = [
    "ROW_COLUMNS",
    "Known",
    "apply",
    "find_space",
    "make_space",
    "release_contents",
    "space_of",
]

_IDS_PER_QUERY = 500

ROW_COLUMNS = (
    "seq, saved_at, token, body, refs, {table}.checksum, bodies.checksum, data "
    "FROM {table} LEFT JOIN bodies ON bodies.id = body"
)
"""What `decoded_row` takes, of the journal's table or the snapshots'."""


_STANDING = """
SELECT
    MAX(COALESCE((SELECT MAX(id) FROM bodies), 0), value) + 1,
    id,
    COALESCE(
        (SELECT MAX(seq) FROM journal WHERE space = spaces.id),
        (SELECT seq FROM snapshots WHERE space = spaces.id),
        0
    ),
    token,
    holder,
    ttl,
    expires_at
FROM meta LEFT JOIN spaces ON tenant = ? AND scope = ? AND spaces.name = ? AND deleted = 0
WHERE meta.name = 'body_floor'
"""


class Known(NamedTuple):
    """A space as its row says."""

    id: int
    held: Held


class _Standing(NamedTuple):
    """What decides about a row: the space, the number of its last row, that of the next body."""

    known: Known | None
    last: int
    body: int


def find_space(connection: sqlite3.Connection, space: Space) -> Known | None:
    """Look a space up."""
    row = connection.execute(
        "SELECT id, token, holder, ttl, expires_at FROM spaces "
        "WHERE tenant = ? AND scope = ? AND name = ? AND deleted = 0",
        (space.tenant, space.scope.value, space.name),
    ).fetchone()
    return None if row is None else Known(row[0], Held(*row[1:]))


def space_of(tenant: object, scope: object, name: object) -> Space:
    """Return the space that a row names.

    Raises
    ------
    StoreCorrupt
        When it names none.
    """
    found = next((one for one in Scope if one == scope), None)
    if found is None or not isinstance(tenant, str) or not isinstance(name, str):
        raise StoreCorrupt(
            f"a space has the scope {scope!r}, the tenant {tenant!r} and the name {name!r}, of "
            "which one is none; run `clawvm fsck`"
        )
    return Space(tenant, found, name)


def make_space(connection: sqlite3.Connection, space: Space) -> Known:
    """Enter a space; its tokens go on from those of any space that was deleted."""
    (floor,) = connection.execute("SELECT value FROM meta WHERE name = 'token_floor'").fetchone()
    cursor = connection.execute(
        "INSERT INTO spaces (tenant, scope, name, token) VALUES (?, ?, ?, ?)",
        (space.tenant, space.scope.value, space.name, floor),
    )
    assert cursor.lastrowid is not None
    return Known(cursor.lastrowid, Held(floor))


def covered_seq(connection: sqlite3.Connection, space: int) -> int:
    """Return the last row that a space's snapshot covers; 0 when it has none."""
    row = connection.execute("SELECT seq FROM snapshots WHERE space = ?", (space,)).fetchone()
    return 0 if row is None else int(row[0])


def _standing(connection: sqlite3.Connection, space: Space) -> _Standing:
    """Look up in one statement, which every commit waits for, what decides about a row.

    The last row may have gone with all before it by a prune, which leaves the snapshot. No body
    ever had the next one's number: an old id never names another text.
    """
    row = connection.execute(_STANDING, (space.tenant, space.scope.value, space.name)).fetchone()
    body, number, last, *held = row
    known = None if number is None else Known(number, Held(*held))
    return _Standing(known, last, body)


def apply(connection: sqlite3.Connection, job: Job, codec: Codec) -> tuple[int, ...]:
    """Write one job of a batch; raises one of our errors before anything of it is written."""
    if job.snapshot:
        return _write_snapshot(connection, job.row, job.prepared, codec)
    return _write_row(connection, job.row, job.prepared, codec)


def _write_row(
    connection: sqlite3.Connection, row: Append, prepared: Prepared, codec: Codec
) -> tuple[int, ...]:
    known, last, body = _standing(connection, row.space)
    if known is not None and row.seq <= last:
        ids = _same_row(connection, known.id, row, codec)
        if ids is not None:
            return ids
    check_token(row, Held() if known is None else known.held)
    check_sequence(row, last)
    resolved = _resolve(connection, known, row, prepared, codec)
    known = known or make_space(connection, row.space)
    now = clock.now()
    crash_points.reach("store.contents")
    ids = _insert_bodies(connection, known.id, body, prepared, resolved)
    crash_points.reach("store.row")
    connection.execute(
        "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?)",
        _columns(known.id, row, now, body, ids, prepared),
    )
    if row.space.scope is Scope.SESSION and renewal_due(known.held, now):
        connection.execute(
            "UPDATE spaces SET expires_at = ? WHERE id = ?", (now + known.held.ttl, known.id)
        )
    return ids


def _write_snapshot(
    connection: sqlite3.Connection, row: Append, prepared: Prepared, codec: Codec
) -> tuple[int, ...]:
    known, last, body = _standing(connection, row.space)
    check_token(row, Held() if known is None else known.held)
    before = None
    if known is not None:
        before = connection.execute(
            "SELECT seq, body, refs FROM snapshots WHERE space = ?", (known.id,)
        ).fetchone()
    check_snapshot(row, last, 0 if before is None else before[0])
    assert known is not None
    resolved = _resolve(connection, known, row, prepared, codec)
    crash_points.reach("store.contents")
    ids = _insert_bodies(connection, known.id, body, prepared, resolved)
    crash_points.reach("store.row")
    connection.execute(
        "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?)",
        _columns(known.id, row, clock.now(), body, ids, prepared),
    )
    if before is not None:
        # The new bodies have higher numbers, so that the highest one stays.
        connection.execute("DELETE FROM bodies WHERE id = ?", (before[1],))
        dropped = set(unpack_references(before[2], before[1])).difference(ids)
        release_contents(connection, known.id, dropped)
    return ids


def _columns(
    space: int, row: Append, now: float, body: int, ids: Sequence[int], prepared: Prepared
) -> tuple[int, int, int, int, int, bytes, int]:
    saved_at = int(now * 1000)
    refs = pack_references(ids, body)
    check = body_check(body, prepared.body)
    total = row_check(space, row.seq, saved_at, row.token, body, check, refs)
    return space, row.seq, saved_at, row.token, body, refs, total


def _insert_bodies(
    connection: sqlite3.Connection,
    space: int,
    body: int,
    prepared: Prepared,
    resolved: Sequence[int | tuple[int, bytes]],
) -> tuple[int, ...]:
    """Insert a record under `body`, its new contents behind it; return all contents' ids."""
    number = body
    bodies: list[tuple[int, int, int | None, int, bytes]] = [
        (body, space, None, body_check(body, prepared.body), prepared.body)
    ]
    fresh: dict[tuple[int, bytes], int] = {}
    shared: list[tuple[int, int]] = []
    ids = []
    for content in resolved:
        if isinstance(content, int):
            ids.append(abs(content))
            if content < 0:
                shared.append((-content, space))
            continue
        if content not in fresh:
            number += 1
            hint, stored = content
            fresh[content] = number
            bodies.append((number, space, hint, body_check(number, stored), stored))
        ids.append(fresh[content])
    connection.executemany("INSERT INTO bodies VALUES (?, ?, ?, ?, ?)", bodies)
    if shared:
        connection.executemany("INSERT OR IGNORE INTO shares VALUES (?, ?)", shared)
    return tuple(ids)


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
    known: Known | None,
    row: Append,
    prepared: Prepared,
    codec: Codec,
) -> list[int | tuple[int, bytes]]:
    """Find contents that are there already: their ids, negative where another space owns them.

    What is not there stays as (hint, stored bytes). Nothing is written.
    """
    if not row.contents:
        return []
    named = {content for content in row.contents if isinstance(content, int)}
    owned = {} if known is None else dict(_owners(connection, named))
    hints = {content[0] for content in prepared.contents if not isinstance(content, int)}
    alike = _alike(connection, row.space.tenant, hints)
    resolved: list[int | tuple[int, bytes]] = []
    fresh: dict[bytes, tuple[int, bytes]] = {}
    for content, text in zip(prepared.contents, row.contents, strict=True):
        if isinstance(content, int):
            if known is None or not _refers(connection, known.id, content, owned.get(content)):
                raise ContentMissing(
                    f"{row.space} refers to no content {content}; append the text instead"
                )
            resolved.append(content)
            continue
        assert not isinstance(text, int)
        for number, owner, check, data in alike.get(content[0], ()):
            if _equals(number, check, data, text, codec):
                resolved.append(number if known is not None and owner == known.id else -number)
                break
        else:
            # A codec may have made two forms of a text that comes twice; one is stored.
            resolved.append(fresh.setdefault(text, content))
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


def _alike(
    connection: sqlite3.Connection, tenant: str, hints: Iterable[int]
) -> dict[int, list[tuple[int, int, object, object]]]:
    """Return (id, owner, checksum, data) of this tenant's contents with these hints, by hint."""
    found: dict[int, list[tuple[int, int, object, object]]] = {}
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
