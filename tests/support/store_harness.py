"""Places where stores are kept, one class for each kind, for the contract that all stores pass.

To plug in a store: a subclass of `Place`, and its line in PLACES of tests/stores/conftest.py.
"""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest
from postgres import Server

from clawvm.pages import Scope
from clawvm.stores import Append, Codec, Durability, Space, Store, clock, open_store

SESSION = Space("acme", Scope.SESSION, "s1")
OTHER = Space("acme", Scope.SESSION, "s2")
STRANGER = Space("globex", Scope.SESSION, "s1")
PROJECT = Space("acme", Scope.PROJECT, "p1")

HOLDER = "test-holder-a"
RIVAL = "test-holder-b"


class Place:
    """Where one store is kept for the length of a test."""

    kind: str
    #: Whether several `Store` objects, of several processes, can be open on it.
    shared = True

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch
        self.opened: list[Store] = []

    @property
    def url(self) -> str:
        raise NotImplementedError

    def open(self, *, codec: Codec | None = None, timeout: float = 5.0) -> Store:
        """Open the store once more; it is closed at the end of the test."""
        store = open_store(self.url, codec=codec, timeout=timeout)
        self.opened.append(store)
        return store

    def move_clock(self, seconds: float) -> None:
        """Have the store's clock go forward, or back, by so many seconds."""
        before = clock.now
        self.monkeypatch.setattr(clock, "now", lambda: before() + seconds)

    def close(self) -> None:
        """Close everything and clean up."""
        for store in self.opened:
            store.close()


class MemoryPlace(Place):
    """The one store object is the place; opening it again gives the same."""

    kind = "memory"
    shared = False
    url = "memory:"

    def open(self, *, codec: Codec | None = None, timeout: float = 5.0) -> Store:
        if not self.opened:
            return super().open(codec=codec, timeout=timeout)
        return self.opened[0]


class SqlitePlace(Place):
    kind = "sqlite"

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    @property
    def path(self) -> Path:
        return self.folder / "agents.db"


class PostgresPlace(Place):
    """A schema of its own in the server of the test session."""

    kind = "postgresql"
    numbers = itertools.count(1)

    def __init__(self, server: Server, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        self.server = server
        self.schema = f"place_{next(self.numbers)}"
        self.parameters = {"options": f"-csearch_path={self.schema}"}
        self.moved = 0.0
        server.execute(f"CREATE SCHEMA {self.schema}")

    @property
    def url(self) -> str:
        return self.server.url(**self.parameters)

    def execute(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement in the schema, behind the stores' backs."""
        return self.server.execute(f"SET search_path TO {self.schema}; {statement}")

    def move_clock(self, seconds: float) -> None:
        if not self.opened:
            self.open()
        self.moved += seconds
        self.execute(
            "CREATE OR REPLACE FUNCTION clawvm_now() RETURNS double precision LANGUAGE sql AS "
            f"'SELECT extract(epoch FROM clock_timestamp())::double precision + {self.moved}'"
        )


def text(number: int, size: int = 700) -> bytes:
    """Return the text of that number, long enough to be a content."""
    line = f"line {number} of a text that belongs to nobody else\n".encode()
    return (line * (size // len(line) + 1))[:size]


def fill(store: Store, space: Space, rows: int, *, token: int = 0, first: int = 1) -> None:
    """Append rows with one new content each."""
    for seq in range(first, first + rows):
        row = Append(space, seq, f"record {seq}".encode(), [text(seq)], token)
        store.append(row, Durability.GROUP)
    store.flush()


def wait_for_next_millisecond() -> None:
    """Return when a new row gets a later time than the ones before."""
    end = time.time() + 0.002
    while time.time() < end:
        time.sleep(0.001)
