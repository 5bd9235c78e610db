"""Journals opened for the tests of write-back, and a store that fails when told to."""

from __future__ import annotations

from typing import Any, cast

from operations import AUTHORITY, PROJECT, SESSION, operation

from clawvm.errors import StoreFailed
from clawvm.snapshot import StateDelta
from clawvm.stores import Append, Durability, Space, Store, Ticket
from clawvm.stores.spool import Spool
from clawvm.writeback import Journal, OpKind, Receipt

HOLDER = "test-holder"


def open_session(
    store: Store, spool: Spool | None = None, *, space: Space = SESSION, holder: str = HOLDER
) -> Journal:
    lease = store.acquire(space, holder, 60.0)
    return Journal.open(store, space, AUTHORITY, lease=lease, spool=spool)


def open_project(store: Store, spool: Spool | None = None) -> Journal:
    return Journal.open(store, PROJECT, AUTHORITY, spool=spool)


def delta(number: int) -> StateDelta:
    """A change of an empty session's state that is told apart by its number."""
    table: dict[str, Any] = {"half_life": 6, "clock": number, "end": 0, "free": []}
    return StateDelta("s1", table, scalars={"number": number})


class FailingStore:
    """A store that is down while `down` is true.

    With `answers_lost`, a row is written and the caller is told that the store failed: what a
    connection that breaks between the commit and its answer looks like. With `late`, rows below
    level ``commit`` fail by their tickets, which are not done when they are first asked.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.down = False
        self.answers_lost = False
        self.late = False
        self.appends = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def append(self, row: Append, durability: Durability = Durability.COMMIT) -> Ticket:
        self.appends += 1
        later = self.late and durability is not Durability.COMMIT
        if later and (self.down or self.answers_lost):
            if not self.down:
                self._store.append(row, durability)
            return FailedTicket()
        if self.down:
            raise StoreFailed("the store is down: told to fail")
        ticket = self._store.append(row, durability)
        if self.answers_lost:
            ticket.wait(10)
            raise StoreFailed("the connection was lost: told to fail")
        return ticket

    def load(self, space: Space) -> Any:
        if self.down:
            raise StoreFailed("the store is down: told to fail")
        return self._store.load(space)

    def rows(self, space: Space, first: int = 1) -> Any:
        if self.down:
            raise StoreFailed("the store is down: told to fail")
        return self._store.rows(space, first)


class FailedTicket:
    """A row whose failure is not known at once."""

    def __init__(self) -> None:
        self.asked = False

    def done(self) -> bool:
        asked, self.asked = self.asked, True
        return asked

    def wait(self, timeout: float | None = None) -> tuple[int, ...]:
        self.asked = True
        raise StoreFailed("the store failed after the append: told to fail")

    def __await__(self) -> Any:
        raise NotImplementedError


def as_store(failing: FailingStore) -> Store:
    return cast(Store, failing)


def line(number: int, **options: Any) -> Any:
    return operation(OpKind.APPEND, f"{number}", page_id="log", **options)


def commit(journal: Journal, *operations: Any, **options: Any) -> Receipt:
    for op in operations:
        journal.stage(op)
    return journal.commit("turn", **options)


def numbers(journal: Journal) -> list[str]:
    value = journal.head("log").value
    return value.split("\n") if isinstance(value, str) else []


def in_store(store: Store, space: Any = SESSION) -> list[int]:
    return [row.seq for row in store.rows(space)]
