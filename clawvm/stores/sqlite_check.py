"""Checking a SQLite store from end to end."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple

from ..errors import StoreCorrupt
from .codec import Codec
from .packing import hint_of, is_sound, unpack_references
from .protocol import Finding, Space
from .sqlite_errors import ERRORS
from .sqlite_mend import add_share, drop_body, drop_share, drop_snapshot, reindex, release, set_hint
from .sqlite_rows import ROW_COLUMNS, decoded_row
from .sqlite_spaces import space_of

__all__ = ["Problem", "problems"]

_MESSAGES_MAX = 100
_BODIES_PER_READ = 500
_SHOWN_MAX = 10


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and what mends it: a function that looks again, and tells whether it did."""

    finding: Finding
    mend: Callable[[sqlite3.Connection], bool] | None = None


class _Known(NamedTuple):
    id: int
    space: Space
    deleted: bool


@dataclass(slots=True)
class _Uses:
    """What a space's rows and snapshot use: contents, and the bodies of their records."""

    contents: set[int] = field(default_factory=set)
    bodies: set[int] = field(default_factory=set)


def problems(connection: sqlite3.Connection, codec: Codec) -> list[Problem]:
    """Read everything in the store and return what is wrong with it."""
    return _Check(connection, codec).run()


class _Check:
    def __init__(self, connection: sqlite3.Connection, codec: Codec) -> None:
        self._connection = connection
        self._codec = codec
        self._problems: list[Problem] = []
        self._spaces: dict[int, _Known] = {}
        self._unreadable = 0
        #: Spaces of which something cannot be read: nobody can say what they do not refer to.
        self._unclear: set[int] = set()
        #: Owner of each content.
        self._owners: dict[int, int] = {}
        self._records: set[int] = set()
        self._shares: set[tuple[int, int]] = set()

    def run(self) -> list[Problem]:
        self._check_file()
        self._read_spaces()
        self._check_bodies()
        self._shares = set(self._read("SELECT body, space FROM shares", (), "the shared contents"))
        uses = {known.id: self._check_space(known) for known in self._spaces.values()}
        self._check_unused(uses)
        return self._problems

    def _note(
        self, where: object, what: str, mend: Callable[[sqlite3.Connection], bool] | None = None
    ) -> None:
        self._problems.append(Problem(Finding(str(where), what), mend))

    def _read(self, statement: str, values: tuple[object, ...], where: object) -> Iterator[Any]:
        """Go through what can be read of an answer; that the rest cannot is a finding."""
        try:
            yield from self._connection.execute(statement, values)
        except ERRORS as error:
            self._note(where, f"cannot be read: {error}")
            self._unreadable += 1

    def _check_file(self) -> None:
        statement = f"PRAGMA integrity_check({_MESSAGES_MAX})"
        messages = [message for (message,) in self._read(statement, (), "the file")]
        if messages not in ([], ["ok"]):
            what = "; ".join(message.replace("\n", " ") for message in messages)
            self._note("the file", what, reindex if " index " in what else None)

    def _read_spaces(self) -> None:
        columns = "id, tenant, scope, name, deleted"
        for number, tenant, scope, name, deleted in self._read(
            f"SELECT {columns} FROM spaces ORDER BY tenant, scope, name", (), "the list of spaces"
        ):
            try:
                space = space_of(tenant, scope, name)
            except StoreCorrupt as error:
                self._note(f"space {number}", str(error))
            else:
                self._spaces[number] = _Known(number, space, bool(deleted))

    def _check_bodies(self) -> None:
        last = 0
        while True:
            found = list(
                self._read(
                    "SELECT id, space, hint FROM bodies WHERE id > ? ORDER BY id LIMIT ?",
                    (last, _BODIES_PER_READ),
                    f"a body after the {last}th",
                )
            )
            for number, owner, hint in found:
                if hint is None:
                    self._records.add(number)
                else:
                    self._owners[number] = owner
                    self._check_content(number, owner, hint)
            if len(found) < _BODIES_PER_READ:
                return
            last = found[-1][0]

    def _check_content(self, number: int, owner: int, hint: int) -> None:
        known = self._spaces.get(owner)
        if known is None:
            self._note(f"content {number}", f"belongs to space {owner}, which is not there")
            return
        where = f"content {number} of {known.space}"
        for check, data in self._read(
            "SELECT checksum, data FROM bodies WHERE id = ?", (number,), where
        ):
            if not is_sound(data, number, check):
                self._note(where, "does not match its checksum")
                return
            try:
                content = self._codec.decode(data)
            except StoreCorrupt as error:
                self._note(where, str(error))
                return
            right = hint_of(self._codec.digest(content), known.space.tenant)
            if hint != right:
                self._note(where, "is entered under another digest", set_hint(number, right))

    def _check_space(self, known: _Known) -> _Uses:
        uses = _Uses()
        if known.deleted:
            # The next prune takes the rest of it away; until then it may look any way.
            self._collect(known, uses)
            return uses
        before, unreadable = len(self._problems), self._unreadable
        numbers = []
        for columns in self._select_rows("journal", known, f"the journal of {known.space}"):
            if isinstance(columns[0], int):
                numbers.append(columns[0])
            self._check_row(known, columns, f"row {columns[0]} of {known.space}", uses)
        gaps = [range(seq + 1, following) for seq, following in pairwise(numbers)]
        if any(gaps):
            self._note(known.space, f"lacks the rows {_shown(*gaps)}")
            self._unclear.add(known.id)
        sound = len(self._problems) == before
        self._check_snapshot(known, numbers, sound, uses)
        if self._unreadable > unreadable:
            self._unclear.add(known.id)
        return uses

    def _select_rows(self, table: str, known: _Known, where: str) -> Iterator[Any]:
        columns = ROW_COLUMNS.format(table=table)
        return self._read(
            f"SELECT {columns} WHERE {table}.space = ? ORDER BY seq", (known.id,), where
        )

    def _check_row(self, known: _Known, columns: Any, where: str, uses: _Uses) -> bool:
        uses.bodies.add(columns[3])
        try:
            row = decoded_row(known.id, columns, self._codec, where)
        except StoreCorrupt as error:
            self._note(where, str(error))
            self._unclear.add(known.id)
            return False
        uses.contents.update(row.contents)
        sound = True
        for number in sorted(set(row.contents)):
            owner = self._owners.get(number)
            home = None if owner is None else self._spaces.get(owner)
            if home is None or home.space.tenant != known.space.tenant:
                self._note(where, f"refers to content {number}, which is not there")
                sound = False
            elif owner != known.id and (number, known.id) not in self._shares:
                self._note(
                    where,
                    f"refers to content {number}, which is not entered as shared",
                    add_share(number, known.id),
                )
                self._shares.add((number, known.id))
        return sound

    def _check_snapshot(self, known: _Known, numbers: list[int], sound: bool, uses: _Uses) -> None:
        where = f"the snapshot of {known.space}"
        covered = 0
        for columns in self._select_rows("snapshots", known, where):
            covered = columns[0]
            whole = sound and len(numbers) > 0 and numbers[0] == 1 and numbers[-1] >= covered
            before = len(self._problems)
            if not self._check_row(known, columns, where, uses) and whole:
                # Nothing is lost without it: every row that it covers is still there.
                problem = self._problems.pop()
                del self._problems[before:]
                self._note(where, problem.finding.what, drop_snapshot(known.id, columns[3]))
        first = min(numbers, default=covered + 1)
        if first > covered + 1:
            self._note(known.space, f"lacks the rows {covered + 1} to {first - 1}")
            self._unclear.add(known.id)

    def _collect(self, known: _Known, uses: _Uses) -> None:
        for table in ("journal", "snapshots"):
            for body, refs in self._read(
                f"SELECT body, refs FROM {table} WHERE space = ?", (known.id,), known.space
            ):
                uses.bodies.add(body)
                try:
                    uses.contents.update(unpack_references(refs, body))
                except StoreCorrupt as error:
                    self._note(f"deleted {known.space}", str(error))

    def _check_unused(self, uses: dict[int, _Uses]) -> None:
        """Find what nothing refers to."""
        unused: dict[int, set[int]] = {}
        for number, owner in self._owners.items():
            if owner in uses.keys() - self._unclear and number not in uses[owner].contents:
                unused.setdefault(owner, set()).add(number)
        for owner, ids in unused.items():
            self._note(
                self._spaces[owner].space,
                f"no longer refers to its contents {_shown(sorted(ids))}",
                release(owner, ids),
            )
        for number, space in sorted(self._shares, key=str):
            known = uses.get(space, _Uses()).contents
            if self._owners.get(number) == space or (
                space not in self._unclear and number not in known
            ):
                self._note(
                    f"content {number}",
                    f"is wrongly entered as shared with space {space}",
                    drop_share(number, space),
                )
        if self._unclear or self._unreadable:
            return
        used = set[int]().union(*(use.bodies for use in uses.values()))
        for number in sorted(self._records - used):
            self._note(f"body {number}", "is the record of no row", drop_body(number))


def _shown(*parts: Sequence[int]) -> str:
    # A gap may be as long as a damaged number makes it.
    shown = ", ".join(map(str, islice(chain.from_iterable(parts), _SHOWN_MAX)))
    more = sum(map(len, parts)) - _SHOWN_MAX
    return f"{shown} and {more} more" if more > 0 else shown
