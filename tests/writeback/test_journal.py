"""Staged, validated, committed: what a commit writes, refuses, keeps, and what can be undone."""

from __future__ import annotations

from typing import Any

import pytest
from journals import HOLDER, delta, open_session
from operations import AUTHORITY, HARNESS, MODEL, PROJECT, SESSION, USER, operation

from clawvm.errors import (
    LeaseLost,
    LimitExceeded,
    OperationInvalid,
    SessionClosed,
    StoreInvalid,
)
from clawvm.pages import PageType, Scope
from clawvm.stores import Durability, Space, Store
from clawvm.writeback import OpKind, ReasonCode
from clawvm.writeback.heads import Head
from clawvm.writeback.journal import STAGED_MAX, Journal, Receipt

LONG = "a text long enough to be a content of its own, line after line\n" * 20


def committed(journal: Journal, *operations: Any, **options: Any) -> Receipt:
    for op in operations:
        journal.stage(op)
    return journal.commit("turn", **options)


def test_a_commit_is_one_row_with_everything_that_was_staged(journal: Journal) -> None:
    receipt = committed(
        journal, operation(value=LONG), operation(value=["a"], field="tags"), turn=3
    )
    assert (receipt.seq, receipt.rejected, receipt.ticket, receipt.spooled) == (1, (), None, False)
    (row,) = journal.rows()
    assert row.transaction.committed == receipt.committed
    assert (row.transaction.boundary, row.transaction.turn) == ("turn", 3)
    assert journal.staged == ()


def test_what_was_committed_is_there_after_reopening(journal: Journal, store: Store) -> None:
    committed(journal, operation(value=LONG, page_type=PageType.EVIDENCE, evidence="tool:1"))
    committed(journal, operation(OpKind.APPEND, "more"), operation(value={"b": 1}, field="meta"))
    again = open_session(store)
    assert again.fields() == {
        ("page", "text"): Head(2, LONG + "more"),
        ("page", "meta"): Head(1, {"b": 1}),
    }
    assert again.page_type("page") is PageType.EVIDENCE
    assert again.seq == 2


def test_an_operation_is_read_back_as_it_was_given(journal: Journal) -> None:
    given = operation(
        value=["call", LONG],
        page_id="päge\ud800",
        principal=MODEL,
        expected_version=0,
        version=4,
        page_type=PageType.PREFERENCE,
        granted_by=USER,
        owner="s1",
        evidence="tool:7",
    )
    committed(journal, given)
    (row,) = journal.rows()
    (entry,) = row.transaction.committed
    assert entry.operation == given
    assert (entry.version, entry.before, entry.untrusted) == (4, 0, True)


def test_operations_on_one_field_apply_in_order(journal: Journal) -> None:
    receipt = committed(
        journal,
        operation(value="one"),
        operation(OpKind.APPEND, "two"),
        operation(value="three", expected_version=2),
    )
    assert [(entry.before, entry.version) for entry in receipt.committed] == [
        (0, 1),
        (1, 2),
        (2, 3),
    ]
    assert journal.head("page") == Head(3, "three")


def test_nothing_staged_writes_nothing(journal: Journal) -> None:
    assert journal.commit("turn") == Receipt(0, (), (), None, False)
    assert list(journal.rows()) == []


def test_a_change_of_state_goes_with_the_row(journal: Journal, store: Store) -> None:
    committed(journal, delta=delta(1))
    committed(journal, operation(), delta=delta(2))
    again = open_session(store)
    state = again.take_state()
    assert state is not None
    assert (state.scalars, state.table["clock"]) == ({"number": 2}, 2)
    assert again.take_state() is None


def test_a_refused_operation_stays_in_the_journal(journal: Journal, store: Store) -> None:
    receipt = committed(journal, operation(), operation(value="x", expected_version=9), turn=7)
    (rejection,) = receipt.rejected
    assert rejection.code is ReasonCode.DESTRUCTIVE_OP
    assert (rejection.id, rejection.turn, rejection.attempt) == ("1.1", 7, 1)
    assert rejection.operation == operation(value="x", expected_version=9)
    assert rejection.operation.principal == HARNESS
    assert abs(rejection.at - next(store.rows(SESSION)).saved_at) < 60
    assert journal.rejected() == [rejection]
    assert open_session(store).rejected() == [rejection]


def test_a_refused_operation_changes_nothing(journal: Journal) -> None:
    committed(journal, operation(value="x", expected_version=9))
    assert journal.fields() == {}
    assert journal.seq == 1


def test_a_value_that_cannot_be_written_is_recorded_as_a_description(journal: Journal) -> None:
    receipt = committed(journal, operation(value=object(), field="tags"))
    (rejection,) = receipt.rejected
    assert rejection.code is ReasonCode.SCHEMA_INVALID
    assert str(rejection.operation.value).startswith("<object object")
    assert next(journal.rows()).transaction.rejected == (rejection,)


def test_a_retry_that_passes_settles_the_rejection(journal: Journal, store: Store) -> None:
    committed(journal, operation())
    (rejection,) = committed(journal, operation(value="new")).rejected
    journal.retry(rejection.id, expected_version=1)
    receipt = journal.commit("turn")
    assert [entry.version for entry in receipt.committed] == [2]
    assert journal.rejected() == []
    assert open_session(store).rejected() == []


def test_a_retry_that_fails_counts_its_attempts(journal: Journal) -> None:
    (first,) = committed(journal, operation(evidence="nowhere")).rejected
    journal.retry(first.id)
    (second,) = journal.commit("turn").rejected
    assert (second.attempt, second.code) == (2, first.code)
    assert journal.rejected() == [second]


def test_only_open_rejections_can_be_retried(journal: Journal) -> None:
    with pytest.raises(OperationInvalid, match=r"no open rejection has the id '1\.0'"):
        journal.retry("1.0")


def test_a_retry_can_change_only_what_an_operation_has(journal: Journal) -> None:
    (rejection,) = committed(journal, operation(evidence="nowhere")).rejected
    with pytest.raises(OperationInvalid, match="has no colour"):
        journal.retry(rejection.id, colour="red")
    with pytest.raises(OperationInvalid, match="needs a page id"):
        journal.retry(rejection.id, page_id="")


def test_what_was_staged_does_not_change_with_the_callers_object(journal: Journal) -> None:
    value = {"tags": ["a"]}
    journal.stage(operation(value=value, field="meta"))
    value["tags"].append("b")
    journal.commit("turn")
    assert journal.head("page", "meta").value == {"tags": ["a"]}


def test_the_stage_is_bounded(journal: Journal) -> None:
    op = operation()
    for _ in range(STAGED_MAX):
        journal.stage(op)
    with pytest.raises(LimitExceeded, match="commit them"):
        journal.stage(op)


def test_every_version_of_a_text_can_be_read(journal: Journal) -> None:
    committed(journal, operation(value=LONG))
    for number in range(100):
        committed(journal, operation(value=str(number), page_id="other", field=f"f{number}"))
    committed(journal, operation(OpKind.APPEND, "more"))
    committed(journal, operation(value=["call", "result"], expected_version=2, version=7))
    committed(journal, operation(value=None, expected_version=7))
    assert journal.text_at("page", 1) == (LONG,)
    assert journal.text_at("page", 2) == (LONG + "more",)
    assert journal.text_at("page", 3) is None
    assert journal.text_at("page", 7) == ("call", "result")
    assert journal.text_at("page", 8) is None
    assert journal.text_at("nowhere", 1) is None


def test_the_history_of_a_field_is_its_operations(journal: Journal) -> None:
    committed(journal, operation(value="one"))
    committed(journal, operation(value="x", field="meta"))
    committed(journal, operation(OpKind.APPEND, "two"))
    found = [(seq, entry.operation.value) for seq, entry in journal.history("page")]
    assert found == [(1, "one"), (3, "two")]


def test_a_snapshot_and_the_rows_after_it_are_enough(journal: Journal, store: Store) -> None:
    committed(journal, operation(value=LONG, page_type=PageType.PLAN, evidence="tool:1"))
    (rejection,) = committed(journal, operation(value="x")).rejected
    committed(journal, delta=delta(1))
    assert journal.save_snapshot(delta(1))
    committed(journal, operation(OpKind.APPEND, "more"), delta=delta(2))
    store.prune(float("inf"))
    again = open_session(store)
    assert again.fields() == {("page", "text"): Head(2, LONG + "more")}
    assert again.page_type("page") is PageType.PLAN
    assert again.rejected() == [rejection]
    state = again.take_state()
    assert state is not None
    assert state.scalars == {"number": 2}
    promoted = operation(value=1, field="rank", page_type=PageType.CONSTRAINT)
    assert committed(again, promoted).rejected[0].code is ReasonCode.POISONING_DENIED


def test_a_snapshot_is_due_when_the_rows_outgrow_it(journal: Journal) -> None:
    count = 0
    while not journal.fold_due:
        noise = {f"name-{count}-{number}": number for number in range(200)}
        committed(journal, operation(value=noise, field=f"f{count}"))
        count += 1
    assert count > 5
    assert journal.save_snapshot(delta(1))
    assert not journal.fold_due


def test_a_text_that_a_prune_has_taken_is_written_again(journal: Journal, store: Store) -> None:
    committed(journal, operation(value=LONG))
    committed(journal, operation(value="short", expected_version=1))
    assert journal.save_snapshot(delta(1))
    other = open_session(store)  # knows the text from the row
    committed(other, operation(value=LONG * 2, expected_version=2))
    assert other.save_snapshot(delta(2))
    committed(other, operation(value="short", expected_version=3))
    assert other.save_snapshot(delta(3))
    assert store.prune(float("inf")).contents == 2
    committed(other, operation(value=LONG * 2, expected_version=4))
    assert open_session(store).head("page").value == LONG * 2


def test_levels_below_commit_are_waited_for_by_the_ticket(journal: Journal, store: Store) -> None:
    receipts = [
        committed(
            journal,
            operation(value=f"{number} {LONG}", page_id=f"p{number}"),
            durability=level,
        )
        for number, level in enumerate((Durability.GROUP, Durability.DEFERRED, Durability.GROUP))
    ]
    for receipt in receipts:
        assert receipt.ticket is not None
        receipt.ticket.wait(10)
        assert receipt.ticket.done()
        assert not receipt.ticket.spooled
    assert [row.transaction.seq for row in journal.rows()] == [1, 2, 3]
    journal.close()
    assert len(open_session(store).fields()) == 3


def test_closing_waits_for_rows_in_flight(journal: Journal, store: Store) -> None:
    committed(journal, operation(), durability=Durability.DEFERRED)
    journal.close()
    assert store.load(SESSION).last_seq == 1


def test_a_closed_journal_takes_nothing_more(journal: Journal) -> None:
    journal.close()
    journal.close()
    with pytest.raises(SessionClosed, match="session 's1' of tenant 'acme' is closed"):
        journal.stage(operation())
    with pytest.raises(SessionClosed):
        journal.commit("turn")


def test_a_session_that_was_taken_over_commits_nothing_more(journal: Journal, store: Store) -> None:
    committed(journal, operation())
    other = open_session(store, holder=HOLDER)  # the same holder asks again: a newer token
    journal.stage(operation(OpKind.APPEND, "late"))
    for _ in range(2):
        with pytest.raises(LeaseLost):
            journal.commit("turn")
    assert [op.value for op in journal.staged] == ["late"]
    assert isinstance(journal.lost, LeaseLost)
    assert other.head("page").value == "text"


def test_a_session_is_opened_with_its_lease_only(store: Store) -> None:
    with pytest.raises(StoreInvalid, match="found none"):
        Journal.open(store, SESSION, AUTHORITY)
    lease = store.acquire(Space("acme", Scope.SESSION, "s2"), HOLDER, 60.0)
    with pytest.raises(StoreInvalid, match="found one of session 's2'"):
        Journal.open(store, SESSION, AUTHORITY, lease=lease)
    with pytest.raises(StoreInvalid, match="a project's with none"):
        Journal.open(store, PROJECT, AUTHORITY, lease=lease)


def test_an_error_before_the_append_leaves_everything_staged(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.stage(operation())

    def broken(evidence: str) -> str | None:
        raise RuntimeError("the session's evidence is broken")

    monkeypatch.setattr(journal._committer, "authority", type(AUTHORITY)(broken))
    with pytest.raises(RuntimeError, match="evidence is broken"):
        journal.commit("turn")
    monkeypatch.undo()
    assert journal.fields() == {}
    assert committed(journal).committed[0].operation == operation()
