"""Projects: many writers, and what the spool kept is decided anew behind theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest
from journals import (
    FailingStore,
    as_store,
    commit,
    in_store,
    line,
    numbers,
    open_project,
)
from operations import PROJECT, operation

from clawvm.errors import ContentMissing
from clawvm.pages import Scope
from clawvm.stores import Space, Store
from clawvm.stores.spool import Spool
from clawvm.writeback import Journal, ReasonCode
from clawvm.writeback.heads import Head


def shared(number: int, **options: Any) -> Any:
    return line(number, scope=Scope.PROJECT, **options)


def test_writers_of_a_project_see_each_other(store: Store) -> None:
    first, second = open_project(store), open_project(store)
    commit(first, shared(1))
    commit(second, shared(2))
    commit(first, shared(3))
    assert numbers(first) == ["1", "2", "3"]
    assert in_store(store, PROJECT) == [1, 2, 3]


def test_a_stale_set_of_a_project_is_destructive(store: Store) -> None:
    first, second = open_project(store), open_project(store)
    op = operation(value="mine", scope=Scope.PROJECT, expected_version=0)
    commit(first, op)
    (rejection,) = commit(second, op._replace(value="other")).rejected
    assert rejection.code is ReasonCode.DESTRUCTIVE_OP
    assert second.head("page") == Head(1, "mine")


def test_the_spooled_rows_of_a_project_are_decided_anew(
    failing: FailingStore, spool: Spool, store: Store, at_once: None
) -> None:
    journal = open_project(as_store(failing), spool)
    commit(journal, shared(1))
    failing.down = True
    setting = operation(value="mine", scope=Scope.PROJECT)
    assert commit(journal, shared(2), setting).spooled
    assert commit(journal, shared(3)).spooled
    other = open_project(store)
    commit(other, shared(10), setting._replace(value="other"))
    failing.down = False
    commit(journal, shared(4))
    assert numbers(journal) == ["1", "10", "2", "3", "4"]
    assert journal.head("page") == Head(1, "other")
    (rejection,) = journal.rejected()
    assert (rejection.code, rejection.operation) == (ReasonCode.DESTRUCTIVE_OP, setting)
    assert open_project(store).fields() == journal.fields()
    assert list(spool.folder.iterdir()) == []


def test_a_project_whose_store_fails_again_halfway_goes_on(
    failing: FailingStore,
    spool: Spool,
    store: Store,
    at_once: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    journal = open_project(as_store(failing), spool)
    failing.down = True
    for number in (1, 2, 3):
        commit(journal, shared(number))
    commit(open_project(store), shared(10))
    failing.down = False
    append = failing.append
    left = [3]  # the conflict, and two rows decided anew

    def failing_later(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            failing.down = True
        return append(*arguments)

    monkeypatch.setattr(failing, "append", failing_later)
    assert commit(journal, shared(4)).spooled
    assert numbers(journal) == ["10", "1", "2", "3", "4"]
    monkeypatch.undo()
    failing.down = False
    journal.close()
    again = open_project(store, spool)
    assert numbers(again) == ["10", "1", "2", "3", "4"]
    assert again.waiting == 0


def test_the_rows_of_a_project_left_by_a_crash_are_decided_anew(
    failing: FailingStore, spool: Spool, store: Store
) -> None:
    journal = open_project(as_store(failing), spool)
    failing.answers_lost = True
    commit(journal, shared(1, evidence="tool:1"))
    failing.down = True
    commit(journal, shared(2))
    journal.close()
    commit(open_project(store), shared(10))
    again = open_project(store, spool)
    assert numbers(again) == ["1", "10", "2"]
    assert in_store(store, PROJECT) == [1, 2, 3]


def test_a_retry_that_was_spooled_settles_its_rejection_when_it_is_decided_anew(
    failing: FailingStore, spool: Spool, store: Store, at_once: None
) -> None:
    journal = open_project(as_store(failing), spool)
    (rejection,) = commit(journal, shared(1, expected_version=9)).rejected
    failing.down = True
    journal.retry(rejection.id, expected_version=None)
    assert journal.commit("turn").spooled
    commit(open_project(store), shared(10))
    failing.down = False
    commit(journal, shared(2))
    assert numbers(journal) == ["10", "1", "2"]
    assert journal.rejected() == []
    assert open_project(store).rejected() == []


class Interrupting:
    """A store in which another writer saves a snapshot just before contents are read."""

    def __init__(self, store: Store, rival: Journal) -> None:
        self._store = store
        self._rival: Journal | None = rival

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def contents(self, space: Space, ids: Sequence[int]) -> list[bytes]:
        rival, self._rival = self._rival, None
        if rival is not None:
            commit(rival, shared(2))
            assert rival.save_snapshot()
        return self._store.contents(space, ids)


def test_a_snapshot_that_is_replaced_while_it_is_read_is_read_anew(store: Store) -> None:
    rival = open_project(store)
    for number in (0, 1):
        commit(rival, *(line(f"{number} {n} and more", scope=Scope.PROJECT) for n in range(60)))
    assert rival.save_snapshot()
    journal = open_project(cast(Store, Interrupting(store, rival)))
    assert len(numbers(journal)) == 121
    assert numbers(journal)[-1] == "2"


def test_a_content_that_is_missing_for_good_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(open_project(store), operation(value="long " * 200, scope=Scope.PROJECT))

    def missing(*_: Any) -> list[bytes]:
        raise ContentMissing("it is gone")

    monkeypatch.setattr(store, "contents", missing)
    with pytest.raises(ContentMissing):
        open_project(store)
