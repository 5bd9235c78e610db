"""A store that is down: the journal goes on through the spool, and tells nothing but the truth."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from journals import (
    FailedTicket,
    FailingStore,
    as_store,
    commit,
    delta,
    in_store,
    line,
    numbers,
    open_session,
)
from operations import AUTHORITY, SESSION, USER

from clawvm.errors import JournalConflict, LeaseLost, SpoolFull, StoreFailed
from clawvm.stores import Durability, Store
from clawvm.stores.spool import Spool
from clawvm.writeback import delivery
from clawvm.writeback.heads import Head
from clawvm.writeback.journal import Journal


def test_commits_go_to_the_spool_and_from_there_to_the_store(
    failing: FailingStore, spool: Spool, store: Store, at_once: None
) -> None:
    journal = open_session(as_store(failing), spool)
    assert not commit(journal, line(1)).spooled
    failing.down = True
    assert [commit(journal, line(n)).spooled for n in (2, 3)] == [True, True]
    assert (journal.waiting, journal.seq, isinstance(journal.down, StoreFailed)) == (2, 3, True)
    failing.down = False
    assert not commit(journal, line(4)).spooled
    assert (journal.waiting, journal.down) == (0, None)
    assert in_store(store) == [1, 2, 3, 4]
    assert numbers(open_session(store)) == ["1", "2", "3", "4"]
    assert list(spool.folder.iterdir()) == []


def test_the_state_goes_through_the_spool(
    failing: FailingStore, spool: Spool, store: Store
) -> None:
    journal = open_session(as_store(failing), spool)
    commit(journal, delta=delta(1))
    failing.down = True
    commit(journal, line(1), delta=delta(2))
    journal.close()
    again = open_session(store, spool)
    state = again.take_state()
    assert state is not None
    assert state.scalars == {"number": 2}
    assert (in_store(store), again.waiting) == ([1, 2], 0)


def test_a_dead_store_is_not_asked_again_at_once(failing: FailingStore, spool: Spool) -> None:
    journal = open_session(as_store(failing), spool)
    failing.down = True
    commit(journal, line(1))
    asked = failing.appends
    journal._delivery._try_at = float("inf")
    for number in range(20):
        commit(journal, line(number))
    assert failing.appends == asked
    assert journal.waiting == 21


def test_each_failure_doubles_the_pause(failing: FailingStore, spool: Spool, at_once: None) -> None:
    journal = open_session(as_store(failing), spool)
    failing.down = True
    pauses = []
    for number in range(12):
        commit(journal, line(number))
        pauses.append(journal._delivery._backoff)
    assert pauses[:3] == [0.1, 0.2, 0.4]
    assert pauses[-1] == 30.0


def test_without_a_spool_the_caller_is_told_and_nothing_is_lost(
    failing: FailingStore, store: Store
) -> None:
    journal = open_session(as_store(failing))
    failing.down = True
    for number in (1, 2):
        journal.stage(line(number))
        with pytest.raises(StoreFailed):
            journal.commit("turn")
    assert len(journal.staged) == 2
    failing.down = False
    receipt = journal.commit("turn")
    assert [entry.operation.value for entry in receipt.committed] == ["1", "2"]
    assert journal.staged == ()
    assert numbers(open_session(store)) == ["1", "2"]


@pytest.mark.parametrize("spooled", [False, True])
def test_a_lost_answer_does_not_commit_twice(
    failing: FailingStore, spool: Spool, store: Store, spooled: bool, at_once: None
) -> None:
    journal = open_session(as_store(failing), spool if spooled else None)
    failing.answers_lost = True
    if spooled:
        assert commit(journal, line(1)).spooled
    else:
        journal.stage(line(1))
        with pytest.raises(StoreFailed, match="connection was lost"):
            journal.commit("turn")
    failing.answers_lost = False
    receipt = commit(journal, line(2))
    assert [entry.operation.value for entry in receipt.committed] == ["1", "2"][spooled:]
    assert in_store(store) == [1, 2]
    assert numbers(open_session(store)) == ["1", "2"]


def test_a_lost_answer_before_a_crash_is_recognised(
    failing: FailingStore, spool: Spool, store: Store
) -> None:
    journal = open_session(as_store(failing), spool)
    failing.answers_lost = True
    commit(journal, line(1))
    failing.down = True
    commit(journal, line(2))
    journal.close()
    again = open_session(store, spool)
    assert numbers(again) == ["1", "2"]
    assert in_store(store) == [1, 2]
    assert list(spool.folder.iterdir()) == []


def test_a_full_spool_is_told_and_nothing_is_lost(
    failing: FailingStore, tmp_path: Path, store: Store, at_once: None
) -> None:
    journal = open_session(as_store(failing), Spool(tmp_path / "spool", 700))
    failing.down = True
    count = 0
    while True:
        journal.stage(line(count))
        try:
            journal.commit("turn")
        except SpoolFull:
            break
        count += 1
    assert count > 0
    assert [op.value for op in journal.staged] == [f"{count}"]
    with pytest.raises(SpoolFull):
        journal.commit("turn")
    failing.down = False
    journal.commit("turn")
    assert numbers(open_session(store)) == [f"{number}" for number in range(count + 1)]


def test_where_the_spool_is_full_the_store_is_asked_at_once(
    failing: FailingStore, spool: Spool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BACKOFF_FIRST", delivery.BACKOFF_MAX)
    journal = open_session(as_store(failing), spool)
    failing.down = True
    while journal.waiting < 2:
        commit(journal, line(journal.waiting))
    journal._delivery.spool.max_bytes = journal._delivery.spool.size
    with pytest.raises(SpoolFull):
        commit(journal, line(2))
    failing.down = False
    journal.commit("turn")  # though the pause is not over
    assert journal.waiting == 0
    assert numbers(open_session(store)) == ["0", "1", "2"]


def test_a_row_that_was_written_while_the_spool_was_full_is_not_lost(
    failing: FailingStore, tmp_path: Path, store: Store
) -> None:
    journal = open_session(as_store(failing), Spool(tmp_path / "spool", 10))
    failing.answers_lost = True
    journal.stage(line(1))
    with pytest.raises(SpoolFull):
        journal.commit("turn")
    failing.answers_lost = False
    commit(journal, line(2))
    assert numbers(open_session(store)) == ["1", "2"]
    assert in_store(store) == [1, 2]


@pytest.mark.parametrize("level", [Durability.GROUP, Durability.DEFERRED])
def test_rows_in_flight_go_to_the_spool(
    failing: FailingStore,
    spool: Spool,
    store: Store,
    level: Durability,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = open_session(as_store(failing), spool)
    monkeypatch.setattr(FailingStore, "append", lambda *_: FailedTicket())
    receipts = [commit(journal, line(number), durability=level) for number in (1, 2)]
    for receipt in receipts:
        if receipt.ticket is not None:
            receipt.ticket.wait(1)
            assert receipt.ticket.spooled
        else:
            assert receipt.spooled
    monkeypatch.undo()
    journal.close()
    assert numbers(open_session(store, spool)) == ["1", "2"]


def test_a_ticket_without_a_spool_tells_of_the_failure(
    failing: FailingStore, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_session(as_store(failing))
    monkeypatch.setattr(FailingStore, "append", lambda *_: FailedTicket())
    receipt = commit(journal, line(1), durability=Durability.GROUP)
    assert receipt.ticket is not None
    with pytest.raises(StoreFailed, match="after the append"):
        receipt.ticket.wait(1)
    assert journal.waiting == 1
    monkeypatch.undo()
    journal.close()
    assert numbers(open_session(store)) == ["1"]


def test_closing_tells_of_rows_that_never_arrived(
    failing: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_session(as_store(failing))
    monkeypatch.setattr(FailingStore, "append", lambda *_: FailedTicket())
    commit(journal, line(1), durability=Durability.DEFERRED)
    monkeypatch.undo()
    failing.down = True
    with pytest.raises(StoreFailed, match="1 rows that had been promised"):
        journal.close()


def test_rows_of_a_session_that_was_taken_over_are_set_aside(
    failing: FailingStore, spool: Spool, store: Store, at_once: None
) -> None:
    journal = open_session(as_store(failing), spool)
    commit(journal, line(1))
    failing.down = True
    commit(journal, line(2))
    commit(journal, line(3))
    other = open_session(store)
    commit(other, line(20))
    failing.down = False
    journal.stage(line(4))
    with pytest.raises(LeaseLost):
        journal.commit("turn")
    (refused,) = spool.refused()
    assert (refused.space, refused.rows) == (SESSION, 2)
    assert [op.value for op in journal.staged] == ["4"]
    assert numbers(open_session(store)) == ["1", "20"]


def test_the_commit_that_finds_the_session_taken_over_is_set_aside_too(
    spool: Spool, store: Store
) -> None:
    journal = open_session(store, spool)
    open_session(store)
    journal.stage(line(1))
    with pytest.raises(LeaseLost):
        journal.commit("turn")
    (refused,) = spool.refused()
    assert refused.rows == 1
    assert in_store(store) == []


def test_rows_left_by_a_crash_that_do_not_continue_the_journal_are_set_aside(
    failing: FailingStore, spool: Spool, store: Store
) -> None:
    journal = open_session(as_store(failing), spool)
    commit(journal, line(1))
    failing.down = True
    commit(journal, line(2))
    journal.close()
    commit(open_session(store), line(20))
    again = open_session(store, spool)
    assert numbers(again) == ["1", "20"]
    (refused,) = spool.refused()
    assert (refused.rows, again.refused) == (1, (refused.path,))
    assert not commit(again, line(3)).spooled


def test_a_row_written_without_the_lease_ends_the_session(store: Store, spool: Spool) -> None:
    journal = open_session(store, spool)
    lease = store.acquire(SESSION, "test-holder", 60.0)
    first = Journal.open(store, SESSION, AUTHORITY, lease=lease)
    second = Journal.open(store, SESSION, AUTHORITY, lease=lease)
    commit(first, line(1))
    second.stage(line(2))
    with pytest.raises(JournalConflict):
        second.commit("turn")
    assert isinstance(second.lost, JournalConflict)
    assert journal.lost is None
    assert numbers(open_session(store)) == ["1"]


def test_an_undo_goes_through_the_spool(
    failing: FailingStore, spool: Spool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = open_session(as_store(failing), spool)
    commit(journal, line(1))
    append = failing.append

    def down(*_: Any) -> Any:
        raise StoreFailed("the store cannot be written: told to fail")

    monkeypatch.setattr(failing, "append", down)
    receipt = journal.undo(1, USER)
    assert receipt.spooled
    monkeypatch.setattr(failing, "append", append)
    journal.close()
    assert open_session(store, spool).head("log") == Head(2, None)


def test_a_text_is_found_while_its_row_is_in_the_spool(failing: FailingStore, spool: Spool) -> None:
    journal = open_session(as_store(failing), spool)
    commit(journal, line(1))
    failing.down = True
    for number in (2, 3):
        commit(journal, line(number))
    failing.down = False
    found = [journal.text_at("log", version) for version in (1, 2, 3, 4)]
    assert found == [("1",), ("1\n2",), ("1\n2\n3",), None]


def test_closing_a_session_that_is_known_to_be_lost_is_quiet(store: Store) -> None:
    journal = open_session(store)
    open_session(store)
    journal.stage(line(1))
    with pytest.raises(LeaseLost):
        journal.commit("turn")
    journal.close()


def test_closing_tells_that_a_session_was_lost(
    failing: FailingStore, spool: Spool, store: Store
) -> None:
    journal = open_session(as_store(failing), spool)
    failing.down = True
    commit(journal, line(1))
    open_session(store)
    failing.down = False
    with pytest.raises(LeaseLost):
        journal.close()
    assert [refused.rows for refused in spool.refused()] == [1]


def test_no_snapshot_is_written_while_rows_wait(
    failing: FailingStore, spool: Spool, store: Store
) -> None:
    journal = open_session(as_store(failing), spool)
    failing.down = True
    commit(journal, line(1))
    assert not journal.save_snapshot(delta(1))
    assert store.load(SESSION).snapshot is None


def test_a_journal_that_cannot_be_opened_leaves_the_spool_to_the_next(
    failing: FailingStore, spool: Spool, store: Store
) -> None:
    journal = open_session(as_store(failing), spool)
    failing.down = True
    commit(journal, line(1))
    journal.close()
    for _ in range(2):
        with pytest.raises(StoreFailed):
            open_session(as_store(failing), spool)
    failing.down = False
    assert numbers(open_session(as_store(failing), spool)) == ["1"]
