"""Checking a store in PostgreSQL: every row, content and reference; and mending what can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..errors import StoreCorrupt
from ..pages import Scope
from .codec import Codec
from .postgres_link import Link
from .postgres_rows import COLUMNS, open_content, open_row
from .protocol import Finding, Space

__all__ = ["check"]

PAGE = 500

# Rows by space; contents and references by tenant: each question with what its answer means.
MISSING = """
    SELECT s.tenant, s.scope, s.name, r.kind, r.seq, one
    FROM (SELECT space, 'row' AS kind, seq, contents FROM clawvm_row
        UNION ALL SELECT space, 'snapshot up to row', seq, contents FROM clawvm_snapshot) AS r
    JOIN clawvm_space s ON s.id = r.space CROSS JOIN unnest(r.contents) AS one
    WHERE NOT EXISTS (SELECT 1 FROM clawvm_content c WHERE c.id = one AND c.tenant = s.tenant)
    ORDER BY 1, 2, 3, 5, 6
"""

USED = """
    SELECT space, unnest(contents) AS content FROM clawvm_row
    UNION SELECT space, unnest(contents) FROM clawvm_snapshot
"""


class Check:
    """One run over the store."""

    def __init__(self, link: Link, codec: Codec, *, repair: bool) -> None:
        self.link = link
        self.codec = codec
        self.repair = repair
        self.findings: list[Finding] = []
        self.damaged: set[str] = set()  # tenants whose rows do not tell all that they referred to

    def query(self, query: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """Run a statement that may take long."""
        return self.link.rows("check", query, values, maintenance=True)

    def spaces(self) -> None:
        """Rows and snapshot of each space, and that no row is missing between them."""
        spaces = self.query(
            "SELECT id, tenant, scope, name FROM clawvm_space ORDER BY tenant, scope, name"
        )
        for space_id, tenant, scope, name in spaces:
            space = Space(tenant, Scope(scope), name)
            last_seq, covered, broken = self.snapshot(space, space_id)
            expected = None
            first = None
            for columns in self.rows_of(space_id, last_seq):
                seq = columns[0]
                if first is None:
                    first = seq
                    if seq > covered + 1:
                        self.gap(space, covered + 1, seq)
                elif seq != expected:
                    self.gap(space, expected, seq)
                expected = seq + 1
                try:
                    open_row(self.codec, space, space_id, columns)
                except StoreCorrupt as error:
                    self.findings.append(Finding(str(space), str(error)))
                    self.damaged.add(space.tenant)
                    broken = None
            end = covered if expected is None else expected - 1
            if end < last_seq:
                self.gap(space, end + 1, last_seq + 1)
                broken = None
            if broken is not None:
                self.broken_snapshot(space, space_id, broken, whole=first == 1)

    def snapshot(self, space: Space, space_id: int) -> tuple[int, int, str | None]:
        """The number of the space's last row, that of the last row covered, and what is broken."""
        ((last_seq, _, *columns),) = self.query(
            f"SELECT last_seq, n.* FROM clawvm_space LEFT JOIN "
            f"(SELECT space, {COLUMNS} FROM clawvm_snapshot) AS n ON space = id WHERE id = %s",
            (space_id,),
        ) or [(0, None, None)]
        if columns[0] is None:
            return last_seq, 0, None
        try:
            open_row(self.codec, space, space_id, columns, snapshot=True)
        except StoreCorrupt as error:
            return last_seq, columns[0], str(error)
        return last_seq, columns[0], None

    def broken_snapshot(self, space: Space, space_id: int, what: str, *, whole: bool) -> None:
        """Report it, and drop it when all rows from the first on are there to be read instead."""
        mended = False
        if self.repair and whole:
            self.query("DELETE FROM clawvm_snapshot WHERE space = %s RETURNING space", (space_id,))
            mended = True
        else:
            self.damaged.add(space.tenant)
        self.findings.append(Finding(str(space), what, mended))

    def gap(self, space: Space, first: int | None, after: int) -> None:
        """Report rows that are not there."""
        self.findings.append(Finding(str(space), f"rows {first} to {after - 1} are missing"))
        self.damaged.add(space.tenant)

    def rows_of(self, space_id: int, last_seq: int) -> Iterator[tuple[Any, ...]]:
        """Read the rows that were there when the check came to the space."""
        seq = 0
        while True:
            page = self.query(
                f"SELECT {COLUMNS} FROM clawvm_row WHERE space = %s AND seq > %s AND seq <= %s "
                "ORDER BY seq LIMIT %s",
                (space_id, seq, last_seq, PAGE),
            )
            yield from page
            if len(page) < PAGE:
                return
            seq = page[-1][0]

    def contents(self) -> None:
        """Every content against its checksum."""
        number = 0
        while True:
            page = self.query(
                "SELECT tenant, id, hint, data_sum, data FROM clawvm_content WHERE id > %s "
                "ORDER BY id LIMIT %s",
                (number, PAGE),
            )
            for tenant, *columns in page:
                try:
                    open_content(self.codec, tenant, columns)
                except StoreCorrupt as error:
                    self.findings.append(Finding(f"content {columns[0]}", str(error)))
            if len(page) < PAGE:
                return
            number = page[-1][1]

    def references(self) -> None:
        """Contents that are missing, that nothing refers to, and that are counted wrongly."""
        for tenant, scope, name, kind, seq, number in self.query(MISSING):
            where = str(Space(tenant, Scope(scope), name))
            self.findings.append(
                Finding(where, f"{kind} {seq} refers to content {number}, which is missing")
            )
        tenants = [tenant for (tenant,) in self.query("SELECT DISTINCT tenant FROM clawvm_content")]
        for tenant in tenants:
            self.tenant_references(tenant)

    def tenant_references(self, tenant: str) -> None:
        """The table of references of one tenant against what the rows say."""
        # What a damaged row referred to may be all that is left of it: nothing is taken away then.
        repair = self.repair and tenant not in self.damaged
        lost, spare, orphans = self.link.run(
            "check references",
            lambda connection: compare_references(connection, tenant, repair=repair),
            maintenance=True,
        )
        where = f"tenant {tenant!r}"
        wrong = [
            *(f"content {n} is not marked as used by space {space}" for n, space in lost),
            *(
                f"content {n} is marked as used by space {space}, which has none"
                for n, space in spare
            ),
            *(f"content {n} is used by nothing" for (n,) in orphans),
        ]
        self.findings += [Finding(where, what, repair) for what in wrong]


def check(link: Link, codec: Codec, *, repair: bool) -> list[Finding]:
    """Check everything; see `Store.check`."""
    run = Check(link, codec, repair=repair)
    run.spaces()
    run.contents()
    run.references()
    return run.findings


def compare_references(
    connection: Any, tenant: str, *, repair: bool
) -> tuple[list[Any], list[Any], list[Any]]:
    """References that are not in the table, that are only there, and contents without any.

    The tenant's lock keeps writers out, who change rows and references together.
    """
    used = f"""
        SELECT u.content, u.space FROM ({USED}) AS u
        JOIN clawvm_content c ON c.id = u.content AND c.tenant = %(tenant)s
        JOIN clawvm_space s ON s.id = u.space AND s.tenant = c.tenant
    """
    marked = """
        SELECT r.content, r.space FROM clawvm_reference r
        JOIN clawvm_content c ON c.id = r.content AND c.tenant = %(tenant)s
    """
    values = {"tenant": tenant}
    with connection.transaction():
        connection.execute("SELECT clawvm_lock(%s, %s)", (tenant, True))
        lost = connection.execute(f"{used} EXCEPT {marked} ORDER BY 1, 2", values).fetchall()
        spare = connection.execute(f"{marked} EXCEPT {used} ORDER BY 1, 2", values).fetchall()
        if repair:
            cursor = connection.cursor()
            cursor.executemany("INSERT INTO clawvm_reference VALUES (%s, %s)", lost)
            cursor.executemany(
                "DELETE FROM clawvm_reference WHERE content = %s AND space = %s", spare
            )
        orphans = connection.execute(
            f"SELECT id FROM clawvm_content WHERE tenant = %(tenant)s AND id NOT IN "
            f"(SELECT content FROM ({used}) AS all_used) ORDER BY id",
            values,
        ).fetchall()
        if repair:
            connection.execute(
                "DELETE FROM clawvm_content WHERE id = ANY(%s)",
                ([number for (number,) in orphans],),
            )
    return lost, spare, orphans
