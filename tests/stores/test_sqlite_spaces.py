"""What a SQLite store remembers between two commits is forgotten when anybody else has written."""

from __future__ import annotations

import pytest
from store_harness import HOLDER, PROJECT, SESSION, SqlitePlace

from clawvm import crash_points
from clawvm.errors import JournalConflict, LeaseLost, StoreFailed
from clawvm.stores import Append
from clawvm.stores.sqlite import SqliteStore


def row(seq: int) -> Append:
    return Append(PROJECT, seq, b"row %d" % seq, [b"text %d" % seq * 100])


def test_a_row_of_another_store_object_is_seen(sqlite: SqlitePlace) -> None:
    one, other = sqlite.open(), sqlite.open()
    one.append(row(1))
    other.append(row(2))
    with pytest.raises(JournalConflict, match="has a row 2 already"):
        one.append(Append(PROJECT, 2, b"late"))
    one.append(row(3))
    other.append(row(4))
    assert [each.record for each in one.rows(PROJECT)] == [b"row %d" % seq for seq in range(1, 5)]
    assert one.check() == []


def test_a_lease_that_another_store_object_took_is_seen(sqlite: SqlitePlace) -> None:
    one, other = sqlite.open(), sqlite.open()
    lease = one.acquire(SESSION, HOLDER, 60.0)
    one.append(Append(SESSION, 1, b"first", [], lease.token))
    other.acquire(SESSION, HOLDER, 60.0)
    with pytest.raises(LeaseLost):
        one.append(Append(SESSION, 2, b"late", [], lease.token))


def test_a_deletion_through_the_same_store_object_is_seen(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    store.append(row(1))
    store.append(row(2))
    store.delete(PROJECT)
    with pytest.raises(JournalConflict, match="the last row is 0"):
        store.append(row(3))
    store.append(row(1))
    assert store.load(PROJECT).last_seq == 1
    assert store.check() == []


def test_a_row_that_was_rolled_back_is_not_counted(
    sqlite: SqlitePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = sqlite.open()
    store.append(row(1))

    def fail(name: str) -> None:
        if name == "store.commit":
            raise OSError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(crash_points, "hook", fail)
        with pytest.raises((OSError, StoreFailed)):
            store.append(row(2))
    store.append(row(2))
    assert store.load(PROJECT).last_seq == 2
    assert store.check() == []


def test_the_next_row_of_a_space_looks_nothing_up(sqlite: SqlitePlace) -> None:
    store = sqlite.open()
    assert isinstance(store, SqliteStore)
    store.append(Append(PROJECT, 1, b"first"))
    writer = store._connections._writer
    assert writer is not None
    statements: list[str] = []
    writer.set_trace_callback(statements.append)
    store.append(Append(PROJECT, 2, b"second"))
    verbs = [statement.split()[0] for statement in statements]
    assert verbs == ["BEGIN", "PRAGMA", "INSERT", "INSERT", "COMMIT"]
