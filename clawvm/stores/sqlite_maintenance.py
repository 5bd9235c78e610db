"""Listing, pruning and deleting in a SQLite store, in short transactions."""

from __future__ import annotations

import sqlite3
import time

from ..errors import LeaseHeld
from ..pages import Scope
from . import clock
from .packing import unpack_references
from .protocol import PruneReport, Space, SpaceInfo
from .rules import check_unheld, refused_rows
from .sqlite_connections import Connections
from .sqlite_rows import release_contents
from .sqlite_spaces import covered_seq, find_space, space_of

__all__ = ["delete", "list_spaces", "prune"]

# Rows deleted in one transaction, so that no other writer waits for long.
_ROWS_PER_STEP = 200

_EVERY_ROW = (1 << 63) - 1

_LIST = """
SELECT tenant, scope, name, holder, expires_at,
    MAX(COALESCE(rows.last, 0), COALESCE(snapshots.seq, 0)), COALESCE(rows.number, 0),
    COALESCE(sizes.bytes, 0), MAX(COALESCE(rows.saved_at, 0), COALESCE(snapshots.saved_at, 0))
FROM spaces
LEFT JOIN (
    SELECT space, MAX(seq) AS last, COUNT(*) AS number, MAX(saved_at) AS saved_at
    FROM journal GROUP BY space
) AS rows ON rows.space = spaces.id
LEFT JOIN snapshots ON snapshots.space = spaces.id
LEFT JOIN (
    SELECT space, SUM(LENGTH(data)) AS bytes FROM bodies GROUP BY space
) AS sizes ON sizes.space = spaces.id
WHERE deleted = 0 AND (? IS NULL OR tenant = ?)
ORDER BY tenant, scope, name
"""


def list_spaces(connection: sqlite3.Connection, tenant: str | None) -> list[SpaceInfo]:
    """List the spaces of one tenant, or of all."""
    return [
        SpaceInfo(
            space_of(owner, scope, name),
            last,
            rows,
            size,
            saved_at / 1000 if saved_at else None,
            holder,
            expires_at if holder is not None else None,
        )
        for owner, scope, name, holder, expires_at, last, rows, size, saved_at in (
            connection.execute(_LIST, (tenant, tenant))
        )
    ]


def delete(connections: Connections, space: Space, timeout: float) -> int:
    """Delete a space; return how many contents went with it.

    It is gone with the first transaction; the others, after which its rows and contents are gone
    too, are made up for by the next prune when this process dies before.
    """
    with connections.transaction(time.monotonic() + timeout, f"delete {space}") as connection:
        known = find_space(connection, space)
        if known is None:
            return 0
        check_unheld(space, known.held, clock.now())
        connection.execute("UPDATE spaces SET deleted = 1, holder = NULL WHERE id = ?", (known.id,))
        connection.execute(
            "UPDATE meta SET value = MAX(value, ?) WHERE name = 'token_floor'", (known.held.token,)
        )
    return _empty(connections, known.id, timeout)


def _empty(connections: Connections, space: int, timeout: float) -> int:
    """Delete everything of a space that is marked as deleted, and at last the mark."""
    contents = 0
    rows = _ROWS_PER_STEP
    while rows == _ROWS_PER_STEP:
        deadline = time.monotonic() + timeout
        with connections.transaction(deadline, "delete a space's rows") as connection:
            _, covered = _drop_rows(connection, "snapshots", space)
            rows, appended = _drop_rows(connection, "journal", space)
            contents += release_contents(connection, space, covered | appended)
            if rows < _ROWS_PER_STEP:
                connection.execute("DELETE FROM spaces WHERE id = ?", (space,))
    return contents


def _drop_rows(
    connection: sqlite3.Connection, table: str, space: int, last: int = _EVERY_ROW
) -> tuple[int, set[int]]:
    """Delete a step's worth of the rows up to `last`; return how many, and their contents."""
    found = connection.execute(
        f"SELECT seq, body, refs FROM {table} WHERE space = ? AND seq <= ? "
        f"ORDER BY seq LIMIT {_ROWS_PER_STEP}",
        (space, last),
    ).fetchall()
    _keep_numbers(connection)
    ids: set[int] = set()
    for seq, body, refs in found:
        ids.update(unpack_references(refs, body))
        connection.execute("DELETE FROM bodies WHERE id = ?", (body,))
        connection.execute(f"DELETE FROM {table} WHERE space = ? AND seq = ?", (space, seq))
    return len(found), ids


def _keep_numbers(connection: sqlite3.Connection) -> None:
    """Write down the highest number of a body before it may go: none is given twice."""
    connection.execute(
        "UPDATE meta SET value = MAX(value, COALESCE((SELECT MAX(id) FROM bodies), 0)) "
        "WHERE name = 'body_floor'"
    )


def prune(
    connections: Connections, before: float, tenant: str | None, timeout: float
) -> PruneReport:
    """Delete what is older than `before` and no longer needed; see `Store.prune`."""
    report = PruneReport()
    with connections.reading("list what can be pruned") as connection:
        spaces = list_spaces(connection, tenant)
        dead = connection.execute("SELECT id FROM spaces WHERE deleted = 1").fetchall()
    for (number,) in dead:
        report.contents += _empty(connections, number, timeout)
    for info in spaces:
        if info.space.scope is Scope.SESSION and (info.saved_at or 0) < before:
            try:
                report.contents += delete(connections, info.space, timeout)
                report.rows += info.rows
                report.spaces.append(info.space)
                continue
            except LeaseHeld as error:
                report.refused.append((info.space, str(error)))
        _prune_space(connections, info.space, before, report, timeout)
    return report


def _prune_space(
    connections: Connections, space: Space, before: float, report: PruneReport, timeout: float
) -> None:
    rows = _ROWS_PER_STEP
    while rows == _ROWS_PER_STEP:
        with connections.reading(f"prune {space}") as connection:
            known = find_space(connection, space)
            if known is None:
                return
            covered = covered_seq(connection, known.id)
            last = _last_old(connection, known.id, before)
        rows = 0
        if last > covered:
            reason = refused_rows(last - covered, covered)
            if (space, reason) not in report.refused:
                report.refused.append((space, reason))
        if min(last, covered) == 0:
            return
        deadline = time.monotonic() + timeout
        with connections.transaction(deadline, f"prune {space}") as connection:
            known = find_space(connection, space)
            if known is None:
                return
            rows, ids = _drop_rows(connection, "journal", known.id, min(last, covered))
            report.contents += release_contents(connection, known.id, ids)
        report.rows += rows


def _last_old(connection: sqlite3.Connection, space: int, before: float) -> int:
    """Return the last of the first rows that were all saved before a time; 0 for none."""
    first, end, young = connection.execute(
        "SELECT MIN(seq), MAX(seq), MIN(CASE WHEN saved_at >= ? THEN seq END) "
        "FROM journal WHERE space = ?",
        (before * 1000, space),
    ).fetchone()
    if first is None or young == first:
        return 0
    return int(end if young is None else young - 1)
