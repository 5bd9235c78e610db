"""The spaces of a SQLite store, and what decides about the next row of each."""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from ..errors import StoreCorrupt
from ..pages import Scope
from .protocol import Space
from .rules import Held

__all__ = [
    "Known",
    "Standing",
    "Standings",
    "covered_seq",
    "find_space",
    "make_space",
    "space_of",
]

# So many spaces are remembered.
_STANDINGS_MAX = 4096

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


class Standing:
    """What decides about a space's next row; its `id` is 0 as long as there is no such space."""

    __slots__ = ("held", "id", "last")

    def __init__(self, number: int, held: Held, last: int) -> None:
        self.id = number
        self.held = held
        self.last = last


class Standings:
    """What decides about rows, remembered from one transaction of the writer's to the next.

    It holds as long as nothing else was written: another connection's commit changes the data
    version, this one's own statements its count of changes.
    """

    def __init__(self) -> None:
        self.next_body = 0
        self._spaces: dict[Space, Standing] = {}
        self._begun: tuple[sqlite3.Connection, int] | None = None
        self._kept: tuple[tuple[sqlite3.Connection, int], int] | None = None

    def begin(self, connection: sqlite3.Connection) -> None:
        """Forget what may have changed since `keep`; the transaction has begun."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        self._begun = (connection, version)
        known = self._kept == (self._begun, connection.total_changes)
        self._kept = None
        if not known or len(self._spaces) > _STANDINGS_MAX:
            self._spaces.clear()
            self.next_body = 0

    def keep(self, changes: int) -> None:
        """Remember everything: the transaction was committed with so many changes so far."""
        assert self._begun is not None
        self._kept = (self._begun, changes)

    def of(self, connection: sqlite3.Connection, space: Space) -> Standing:
        """Return a space's standing, looked up in one statement when it is not known.

        The last row may have gone with all before it by a prune, which leaves the snapshot. No body
        ever had the next one's number: an old id never names another text.
        """
        standing = self._spaces.get(space)
        if standing is None:
            name = (space.tenant, space.scope.value, space.name)
            body, number, last, *held = connection.execute(_STANDING, name).fetchone()
            self.next_body = self.next_body or body
            standing = Standing(number or 0, Held(*held) if number else Held(), last)
            self._spaces[space] = standing
        return standing
