"""A session that is written to turn by turn while its store fails, and what must be there of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from story import count

from clawvm import PageType, Session
from clawvm.session.fsck import check_store
from clawvm.stores import Store, open_store

__all__ = ["Traffic", "text"]


def text(number: int) -> str:
    return f"what was known at turn {number}\n" * 40


class Traffic:
    """Turns of one session; every commit that was acknowledged is expected to be there.

    Parameters
    ----------
    store : Store
        Where the session is.
    spool : Path
        Where its commits go while the store is down.
    name : str, optional
        Of the session.
    """

    def __init__(self, store: Store, spool: Path, name: str = "traffic", **options: Any) -> None:
        self.store = store
        self.spool = spool
        self.name = name
        self.options = options
        self.turn = 0
        self.session = self.open(store)
        self.session.put("rules", PageType.BOOTSTRAP, "Be brief.")

    def open(self, store: Store) -> Session:
        return Session(
            self.name, budget=20_000, counter=count, store=store, spool=self.spool, **self.options
        )

    def begin(self) -> None:
        """Do what the next boundary commits: a page's new text, and a line of a log."""
        self.turn += 1
        self.session.put("note", PageType.EVIDENCE, text(self.turn))
        self.session.stage("log", "lines", "append", str(self.turn), evidence="rules")

    def turns(self, number: int) -> list[str]:
        """Take some turns; how each of them ended."""
        outcomes = []
        for _ in range(number):
            self.begin()
            outcomes.append(self.session.boundary("turn").outcome)
        return outcomes

    def turns_until(self, done: Callable[[], bool]) -> list[str]:
        """Take turns until something is so; each of them returns, whatever the store does."""
        outcomes: list[str] = []
        while not done():
            assert len(outcomes) < 2_000
            outcomes += self.turns(1)
        return outcomes

    def until_drained(self) -> None:
        """Take turns until nothing waits for the store any more."""
        self.turns(1)
        self.turns_until(lambda: self.session.journal.waiting == 0)
        assert self.session.journal.down is None

    def verify(self, url: str | None = None) -> None:
        """Check that every turn is there, once and in order, and that nothing waits anywhere."""
        self.session.close()
        store = self.store if url is None else open_store(url)
        with self.open(store) as session:
            history = session.journal.history("note")
            assert [entry.version for _, entry in history] == list(range(1, self.turn + 1))
            for version in range(1, self.turn + 1):
                assert session.recall("note", version).text == text(version)
            lines = [str(number) for number in range(1, self.turn + 1)]
            assert session.journal.head("log", "lines").value == "\n".join(lines)
            assert session.faults.explicit == 0
        assert list(check_store(store, spool=self.spool)) == []
        assert list(self.spool.glob("*")) == []
        if url is not None:
            store.close()
