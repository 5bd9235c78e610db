"""Listing, pruning and deleting spaces in PostgreSQL."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..errors import LeaseHeld
from ..pages import Scope
from .holder import is_dead
from .postgres_link import Connection, Link
from .protocol import PruneReport, Space, SpaceInfo
from .rules import refused_rows

__all__ = ["delete", "list_spaces", "prune"]

LIST = """
    SELECT s.tenant, s.scope, s.name, s.last_seq, coalesce(r.n, 0),
        coalesce(r.bytes, 0) + coalesce(octet_length(n.record), 0) + coalesce(c.bytes, 0),
        s.saved_at, s.holder, s.expires_at
    FROM clawvm_space s
    LEFT JOIN clawvm_snapshot n ON n.space = s.id
    LEFT JOIN (SELECT space, count(*) AS n, sum(octet_length(record)) AS bytes
        FROM clawvm_row GROUP BY space) r ON r.space = s.id
    LEFT JOIN (SELECT f.space, sum(octet_length(t.data)) AS bytes
        FROM clawvm_reference f JOIN clawvm_content t ON t.id = f.content
        GROUP BY f.space) c ON c.space = s.id
    WHERE s.tenant = coalesce(%s, s.tenant)
    ORDER BY s.tenant, s.scope, s.name
"""

OLD = """
    SELECT s.tenant, s.scope, s.name, coalesce(max(n.seq), 0),
        count(*) FILTER (WHERE r.seq > coalesce(n.seq, 0))
    FROM clawvm_space s JOIN clawvm_row r ON r.space = s.id
    LEFT JOIN clawvm_snapshot n ON n.space = s.id
    WHERE r.saved_at < %s AND s.tenant = coalesce(%s, s.tenant)
    GROUP BY s.id ORDER BY s.tenant, s.scope, s.name
"""

# Locks in the order of `clawvm_append_1`: the tenant, then the space.
LOCK_SPACE = """
    SELECT s.id FROM clawvm_space s
    WHERE s.tenant = %s AND s.scope = %s AND s.name = %s FOR NO KEY UPDATE
"""

PRUNE = """
    WITH gone AS (
        DELETE FROM clawvm_row r USING clawvm_snapshot n
        WHERE r.space = %(space)s AND n.space = r.space AND r.seq <= n.seq
            AND r.saved_at < %(before)s
        RETURNING r.contents)
    SELECT (SELECT count(*) FROM gone),
        (SELECT coalesce(array_agg(DISTINCT one), '{}') FROM gone, unnest(gone.contents) AS one)
"""


def list_spaces(link: Link, tenant: str | None) -> list[SpaceInfo]:
    """List the spaces of one tenant, or of all."""
    found = link.rows("list spaces", LIST, (tenant,), maintenance=True)
    return [
        SpaceInfo(Space(owner, Scope(scope), name), last_seq, rows, int(size), *rest)
        for owner, scope, name, last_seq, rows, size, *rest in found
    ]


def prune(link: Link, before: float, tenant: str | None) -> PruneReport:
    """Delete covered rows space by space, so that no writer waits for more than one of them."""
    report = PruneReport()
    old = link.rows("look for old rows", OLD, (before, tenant), maintenance=True)
    for owner, scope, name, covered, left in old:
        space = Space(owner, Scope(scope), name)
        if left:
            report.refused.append((space, refused_rows(left, covered)))
        rows, contents = link.run("prune", partial(prune_space, space=space, before=before))
        if rows:
            report.rows += rows
            report.contents += contents
            report.spaces.append(space)
    return report


def prune_space(connection: Connection, space: Space, before: float) -> tuple[int, int]:
    """Delete the old covered rows of one space and what only they referred to."""
    with connection.transaction():
        space_id = lock(connection, space)
        if space_id is None:
            return 0, 0
        rows, contents = one(connection, PRUNE, {"space": space_id, "before": before})
        (gone,) = one(
            connection,
            "SELECT clawvm_drop(%s, clawvm_unused(%s, %s::bigint[]))",
            (space_id, space_id, contents),
        )
        return rows, gone


def delete(link: Link, space: Space) -> None:
    """Delete a space and what only it referred to."""
    dead = None
    while True:
        held = link.run("delete", partial(delete_free, space=space, dead=dead))
        if held is None:
            return
        token, holder, expires_at, now = held
        if token == dead or not is_dead(holder):
            raise LeaseHeld(str(space), holder, expires_at, expires_at - now)
        dead = token


def delete_free(
    connection: Connection, space: Space, dead: int | None
) -> tuple[int, str, float, float] | None:
    """Delete a space that nobody holds, or return who holds it."""
    with connection.transaction():
        space_id = lock(connection, space)
        if space_id is None:
            return None
        token, holder, ttl, expires_at, now = one(
            connection,
            "SELECT token, holder, ttl, expires_at, clawvm_now() FROM clawvm_space WHERE id = %s",
            (space_id,),
        )
        if holder is not None and token != dead and now < expires_at <= now + ttl:
            return token, holder, expires_at, now
        (contents,) = one(
            connection,
            """
            SELECT coalesce(array_agg(DISTINCT one), '{}') FROM (
                SELECT unnest(contents) AS one FROM clawvm_row WHERE space = %(space)s
                UNION ALL
                SELECT unnest(contents) FROM clawvm_snapshot WHERE space = %(space)s) AS used
            """,
            {"space": space_id},
        )
        connection.execute("DELETE FROM clawvm_row WHERE space = %s", (space_id,))
        connection.execute("DELETE FROM clawvm_snapshot WHERE space = %s", (space_id,))
        connection.execute("SELECT clawvm_drop(%s, %s::bigint[])", (space_id, contents))
        connection.execute("DELETE FROM clawvm_space WHERE id = %s", (space_id,))
    return None


def lock(connection: Connection, space: Space) -> int | None:
    """Keep everybody else from a tenant's contents and one space; None when it is not there."""
    connection.execute("SELECT clawvm_lock(%s, true)", (space.tenant,))
    found = connection.execute(LOCK_SPACE, (space.tenant, space.scope.value, space.name)).fetchone()
    return None if found is None else found[0]


def one(connection: Connection, query: str, values: Any) -> tuple[Any, ...]:
    """The one row of a query that always has one."""
    row = connection.execute(query.encode(), values).fetchone()
    assert row is not None
    return row
