"""Listing, pruning and deleting spaces in PostgreSQL."""

from __future__ import annotations

from functools import partial
from typing import Any

from ..errors import LeaseHeld
from ..pages import Scope
from .postgres_link import Connection, Link
from .protocol import PruneReport, Space, SpaceInfo
from .rules import Held, check_unheld, refused_rows

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

# Whether nobody has used a session since, the last row that its snapshot covers, and the last of
# the first rows that are all old: a row is never deleted before the one in front of it.
OLD = """
    SELECT s.tenant, s.scope, s.name, s.scope = 'session' AND coalesce(s.saved_at, 0) < %(before)s,
        coalesce(n.seq, 0), CASE WHEN o.last >= o.first THEN o.last ELSE 0 END
    FROM clawvm_space s LEFT JOIN clawvm_snapshot n ON n.space = s.id
    LEFT JOIN (SELECT space, min(seq) AS first,
        coalesce(min(seq) FILTER (WHERE saved_at >= %(before)s) - 1, max(seq)) AS last
        FROM clawvm_row GROUP BY space) AS o ON o.space = s.id
    WHERE s.tenant = coalesce(%(tenant)s, s.tenant)
    ORDER BY s.tenant, s.scope, s.name
"""

# Locks in the order of `clawvm_append_1`: the tenant, then the space.
LOCK_SPACE = """
    SELECT s.id FROM clawvm_space s
    WHERE s.tenant = %s AND s.scope = %s AND s.name = %s FOR NO KEY UPDATE
"""

PRUNE = """
    WITH gone AS (
        DELETE FROM clawvm_row r USING clawvm_snapshot n
        WHERE r.space = %(space)s AND n.space = r.space AND r.seq <= least(n.seq, %(last)s)
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
    """Delete old sessions and covered rows, space by space, so that no writer waits for long."""
    report = PruneReport()
    old = link.rows(
        "look for old rows", OLD, {"before": before, "tenant": tenant}, maintenance=True
    )
    for owner, scope, name, unused, covered, last in old:
        space = Space(owner, Scope(scope), name)
        rows = contents = 0
        if unused:
            try:
                rows, contents = delete(link, space)
                report.spaces.append(space)
                last = 0
            except LeaseHeld as error:
                report.refused.append((space, str(error)))
        if last > covered:
            report.refused.append((space, refused_rows(last - covered, covered)))
        if min(last, covered):
            rows, contents = link.run("prune", partial(prune_space, space=space, last=last))
        report.rows += rows
        report.contents += contents
    return report


def prune_space(connection: Connection, space: Space, last: int) -> tuple[int, int]:
    """Delete the covered rows of one space up to `last`, and what only they referred to."""
    with connection.transaction():
        space_id = lock(connection, space)
        rows, contents = one(connection, PRUNE, {"space": space_id, "last": last})
        (gone,) = one(
            connection,
            "SELECT clawvm_drop(%s, clawvm_unused(%s, %s::bigint[]))",
            (space_id, space_id, contents),
        )
        return rows, gone


def delete(link: Link, space: Space) -> tuple[int, int]:
    """Delete a space that nobody holds; return how many rows and contents went with it."""
    return link.run("delete", partial(delete_space, space=space))


def delete_space(connection: Connection, space: Space) -> tuple[int, int]:
    """As `delete`, on one connection."""
    with connection.transaction():
        space_id = lock(connection, space)
        if space_id is None:
            return 0, 0
        *held, now = one(
            connection,
            "SELECT token, holder, ttl, expires_at, clawvm_now() FROM clawvm_space WHERE id = %s",
            (space_id,),
        )
        check_unheld(space, Held(*held), now)
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
        rows = connection.execute("DELETE FROM clawvm_row WHERE space = %s", (space_id,)).rowcount
        connection.execute("DELETE FROM clawvm_snapshot WHERE space = %s", (space_id,))
        (gone,) = one(connection, "SELECT clawvm_drop(%s, %s::bigint[])", (space_id, contents))
        connection.execute("DELETE FROM clawvm_space WHERE id = %s", (space_id,))
        return rows, gone


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
