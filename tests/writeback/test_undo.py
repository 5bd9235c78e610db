"""Undo: the values from before a row, as new versions, whole or not at all."""

from __future__ import annotations

from typing import Any

import pytest
from journals import delta, open_project, open_session
from operations import USER, operation

from clawvm.errors import (
    OperationInvalid,
)
from clawvm.pages import PageType, Scope
from clawvm.stores import Store
from clawvm.writeback import OpKind, ReasonCode
from clawvm.writeback.heads import Head
from clawvm.writeback.journal import Journal, Receipt

LONG = "a text long enough to be a content of its own, line after line\n" * 20


def committed(journal: Journal, *operations: Any, **options: Any) -> Receipt:
    for op in operations:
        journal.stage(op)
    return journal.commit("turn", **options)


def test_undo_gives_the_earlier_values_back(journal: Journal, store: Store) -> None:
    committed(journal, operation(value=LONG), operation(value={"a": 1}, field="meta"))
    committed(
        journal,
        operation(OpKind.APPEND, "more"),
        operation(OpKind.MERGE, {"a": None, "b": 2}, field="meta"),
        operation(value="new page", page_id="other"),
    )
    receipt = journal.undo(2, USER, turn=9)
    assert receipt.rejected == ()
    expected = {
        ("page", "text"): Head(3, LONG),
        ("page", "meta"): Head(3, {"a": 1}),
        ("other", "text"): Head(2, None),
    }
    assert journal.fields() == expected
    assert open_session(store).fields() == expected


def test_an_undo_can_be_undone(journal: Journal) -> None:
    committed(journal, operation(value="one"))
    committed(journal, operation(value="two", expected_version=1))
    journal.undo(2, USER)
    journal.undo(3, USER)
    assert journal.head("page") == Head(4, "two")


def test_undo_is_refused_whole_where_a_later_commit_has_changed_a_field(journal: Journal) -> None:
    committed(journal, operation(value="one"), operation(value="a", page_id="other"))
    committed(journal, operation(OpKind.APPEND, "two"))
    before = journal.fields()
    receipt = journal.undo(1, USER)
    assert receipt.committed == ()
    assert [rejection.code for rejection in receipt.rejected] == [ReasonCode.DESTRUCTIVE_OP] * 2
    assert journal.fields() == before


def test_undoing_the_making_of_a_pinned_page_is_refused(journal: Journal) -> None:
    committed(journal, operation(page_type=PageType.CONSTRAINT))
    (rejection,) = journal.undo(1, USER).rejected
    assert rejection.code is ReasonCode.PIN_VIOLATED


def test_the_session_changes_with_an_undo(journal: Journal, store: Store) -> None:
    committed(journal, operation(value="one"))
    seen: list[Any] = []

    def applied(entries: Any) -> Any:
        seen.extend(entries)
        return delta(5)

    receipt = journal.undo(1, USER, delta_of=applied)
    assert tuple(seen) == receipt.committed
    state = open_session(store).take_state()
    assert state is not None
    assert state.scalars == {"number": 5}


def test_undo_leaves_what_is_staged(journal: Journal) -> None:
    committed(journal, operation(value="one"))
    journal.stage(operation(value="other", page_id="other"))
    journal.undo(1, USER)
    assert [op.page_id for op in journal.staged] == ["other"]


def test_a_row_that_committed_nothing_cannot_be_undone(journal: Journal) -> None:
    committed(journal, operation(evidence="nowhere"))
    with pytest.raises(OperationInvalid, match="committed no operation"):
        journal.undo(1, USER)


def test_undo_gives_a_page_its_type_back(journal: Journal) -> None:
    committed(journal, operation(page_type=PageType.CONSTRAINT))
    committed(journal, operation(value=1, field="rank", page_type=PageType.EVIDENCE))
    journal.undo(2, USER)
    assert journal.page_type("page") is PageType.CONSTRAINT


def test_undo_does_not_take_back_what_was_done_to_another_row(journal: Journal) -> None:
    committed(journal, operation(value="one"))
    committed(journal, operation(OpKind.APPEND, "two"))
    committed(journal, operation(OpKind.APPEND, "three"))
    assert journal.undo(3, USER).rejected == ()
    assert journal.undo(1, USER).committed == ()
    assert journal.undo(2, USER).rejected == ()
    assert journal.head("page").value == "one"


@pytest.mark.parametrize("seq", [-1, 0, 2])
def test_a_row_that_is_not_there_cannot_be_undone(journal: Journal, seq: int) -> None:
    committed(journal, operation())
    with pytest.raises(OperationInvalid, match=f"row {seq} cannot be undone"):
        journal.undo(seq, USER)


def test_a_row_whose_past_was_pruned_cannot_be_undone(store: Store) -> None:
    journal = open_project(store)
    op = operation(OpKind.APPEND, "line", scope=Scope.PROJECT)
    committed(journal, op)
    assert journal.save_snapshot()
    committed(journal, op)
    store.prune(float("inf"))
    with pytest.raises(OperationInvalid, match=r"version 1 .* has been pruned"):
        journal.undo(2, USER)
