"""Random lives of journals: whatever fails, what was acknowledged is there, once, in order."""

from __future__ import annotations

import contextlib
import random
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
from journals import FailingStore, open_project, open_session
from operations import PROJECT, SESSION, operation

from clawvm.errors import SpoolFull, StoreFailed
from clawvm.pages import Scope
from clawvm.stores import Durability, Space, Store
from clawvm.stores.open import open_store
from clawvm.stores.spool import Spool
from clawvm.writeback import OpKind
from clawvm.writeback.delivery import CommitTicket, Delivery
from clawvm.writeback.journal import Journal
from clawvm.writeback.reading import read_rows

LIVES = 60
STEPS = 40


class Life:
    """One journal that is used, loses its store, crashes and comes back; others write beside it."""

    def __init__(self, seed: int, space: Space, folder: Path) -> None:
        self.rng = random.Random(seed)
        self.space = space
        self.store = open_store("memory:")
        self.failing = FailingStore(self.store)
        self.failing.late = bool(seed % 2)
        self.spool = Spool(folder, 4_000) if seed % 3 else None
        self.count = 0
        self.acknowledged: list[str] = []
        self.pending: list[str] = []
        self.promised: list[tuple[list[str], CommitTicket | None]] = []
        self.doubtful: set[str] = set()
        self.journal = self.opened(cast(Store, self.failing))

    def opened(self, store: Store) -> Journal:
        if self.space.scope is Scope.PROJECT:
            return open_project(store, self.spool)
        return open_session(store, self.spool)

    def commit(self) -> None:
        for _ in range(self.rng.randrange(3)):
            self.count += 1
            self.journal.stage(self.line(f"own-{self.count}"))
            self.pending.append(f"own-{self.count}")
        level = self.rng.choice(list(Durability)) if self.spool else Durability.COMMIT
        try:
            receipt = self.journal.commit("turn", durability=level)
        except (StoreFailed, SpoolFull):
            assert set(self.pending) >= {op.value for op in self.journal.staged}
            return
        assert receipt.rejected == ()
        assert [entry.operation.value for entry in receipt.committed] == self.pending
        assert self.journal.staged == ()
        self.promised.append((list(self.pending), receipt.ticket))
        self.pending.clear()
        if receipt.ticket is None:  # on disk, and so is everything before it
            self.acknowledged += [value for values, _ in self.promised for value in values]
            self.promised.clear()

    def wait(self) -> None:
        """Wait for everything that was promised for later."""
        while self.promised:
            values, ticket = self.promised[0]
            assert ticket is not None
            try:
                ticket.wait(10)
            except (StoreFailed, SpoolFull):
                return
            self.acknowledged += values
            del self.promised[0]

    def write_beside(self) -> None:
        if self.space.scope is Scope.PROJECT:
            self.count += 1
            other = open_project(self.store)
            other.stage(self.line(f"other-{self.count}"))
            other.commit("turn")
            self.acknowledged.append(f"other-{self.count}")

    def line(self, value: str) -> Any:
        return operation(OpKind.APPEND, value, page_id="log", scope=self.space.scope)

    def crash(self) -> None:
        """Forget the journal as a killed process does: only the spool's files stay."""
        self.doubtful.update(self.pending)
        self.doubtful.update(value for values, _ in self.promised for value in values)
        self.pending.clear()
        self.promised.clear()
        if self.journal._delivery.spool is not None:
            self.journal._delivery.spool.close()
        self.failing.down = self.failing.answers_lost = False
        self.journal = self.opened(cast(Store, self.failing))

    def snapshot(self) -> None:
        with contextlib.suppress(StoreFailed, SpoolFull):
            self.journal.save_snapshot()

    def toggle(self, name: str) -> None:
        setattr(self.failing, name, not getattr(self.failing, name))

    def live(self) -> None:
        steps = [
            self.commit,
            self.commit,
            self.commit,
            self.wait,
            lambda: self.toggle("down"),
            lambda: self.toggle("answers_lost"),
            self.write_beside,
            self.crash,
            self.snapshot,
        ]
        for _ in range(STEPS):
            self.rng.choice(steps)()
        self.failing.down = self.failing.answers_lost = False
        self.crash()

    def check(self) -> None:
        rows = list(read_rows(self.store, self.space))
        assert [row.transaction.seq for row in rows] == list(range(1, len(rows) + 1))
        found = [str(entry.operation.value) for row in rows for entry in row.transaction.committed]
        assert len(found) == len(set(found))
        assert set(self.acknowledged) <= set(found)
        assert set(found) <= set(self.acknowledged) | self.doubtful
        own = [value for value in found if value.startswith("own")]
        assert own == sorted(own, key=lambda value: int(value.removeprefix("own-")))
        assert str(self.journal.head("log").value or "").split("\n") == (found or [""])
        assert self.journal.head("log").version == len(found)


@pytest.mark.parametrize("space", [SESSION, PROJECT], ids=["session", "project"])
@pytest.mark.parametrize("eager", [False, True])
def test_what_was_acknowledged_is_there_once_and_in_order(
    space: Space, eager: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if eager:
        drain = Delivery.drain
        monkeypatch.setattr(Delivery, "drain", lambda self, at_once=True: drain(self, True))
    for seed in range(LIVES):
        with tempfile.TemporaryDirectory() as folder:
            life = Life(seed, space, Path(folder))
            life.live()
            life.check()
