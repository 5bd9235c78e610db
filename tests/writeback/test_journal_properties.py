"""Properties of journals: deterministic folding, undo, tickets on an event loop, many threads."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from journals import delta, open_project, open_session
from operations import SESSION, USER, operation

from clawvm.pages import Scope
from clawvm.snapshot import StateDelta, apply
from clawvm.stores import Durability, Store
from clawvm.stores.open import open_store
from clawvm.writeback import Operation, OpKind
from clawvm.writeback.heads import Head
from clawvm.writeback.journal import Journal
from clawvm.writeback.reading import fold_state

names = st.sampled_from(["a", "b"])
texts = st.text(alphabet="xy\n", max_size=4)
objects = st.dictionaries(names, st.none() | st.integers(0, 3), max_size=2)


@st.composite
def changes(draw: Any) -> Operation:
    """An operation that nothing but the version can be wrong with."""
    page, kind = draw(names), draw(st.sampled_from(["append", "merge", "list"]))
    if kind == "append":
        return operation(OpKind.APPEND, draw(texts), page_id=page)
    if kind == "merge":
        return operation(OpKind.MERGE, draw(objects), page_id=page, field="meta")
    return operation(OpKind.APPEND, draw(st.lists(texts, max_size=2)), page_id=page, field="log")


transactions = st.lists(st.lists(changes(), min_size=1, max_size=4), min_size=1, max_size=5)


def fresh() -> tuple[Store, Journal]:
    store = open_store("memory:")
    return store, open_session(store)


def commit_all(journal: Journal, history: list[list[Operation]]) -> None:
    for operations in history:
        for op in operations:
            journal.stage(op)
        assert journal.commit("turn").rejected == ()


def values(journal: Journal) -> dict[tuple[str, str], Any]:
    return {key: head.value for key, head in journal.fields().items()}


@given(transactions)
def test_the_same_operations_give_the_same_state(history: list[list[Operation]]) -> None:
    (_, first), (_, second) = fresh(), fresh()
    commit_all(first, history)
    commit_all(second, [[op for operations in history for op in operations]])
    assert first.fields() == second.fields()


@given(transactions)
def test_a_reopened_journal_is_the_one_that_was_closed(history: list[list[Operation]]) -> None:
    store, journal = fresh()
    commit_all(journal, history)
    assert open_session(store).fields() == journal.fields()
    journal = open_session(store)
    assert journal.save_snapshot(delta(1))
    assert open_session(store).fields() == journal.fields()


@given(transactions)
def test_undoing_from_the_last_to_the_first_restores_every_state(
    history: list[list[Operation]],
) -> None:
    _, journal = fresh()
    states = [values(journal)]
    for operations in history:
        commit_all(journal, [operations])
        states.append(values(journal))
    for seq in range(len(history), 0, -1):
        assert journal.undo(seq, USER).rejected == ()
        expected = dict.fromkeys(values(journal)) | states[seq - 1]
        assert values(journal) == expected
        # An undone row cannot be undone again.
        assert journal.undo(seq, USER).committed == ()


@given(st.lists(st.lists(st.integers(0, 5), max_size=3), min_size=1, max_size=12), st.booleans())
def test_changes_joined_with_their_neighbours_give_the_same_state(
    turns: list[list[int]], on_a_state: bool
) -> None:
    live: set[int] = set()
    seen: set[int] = set()
    deltas = []
    for number, slots in enumerate(turns):
        for slot in slots:  # a slot that is in use is freed, a free one is taken
            live ^= {slot}
        seen |= live
        changed = sorted(live & set(slots))
        table = {"half_life": 6, "clock": number, "end": 6, "free": sorted(seen - live)}
        records = b"".join(bytes([number, slot]) * 44 for slot in changed)
        scalars = {str(slot): number for slot in slots}
        deltas.append(StateDelta("s1", table, changed, records, scalars=scalars))
    start = delta(1) if on_a_state else None
    expected = start
    for each in deltas:
        expected = each if expected is None else apply(expected, each)
    assert fold_state(start, [None, *deltas, None]) == expected


def test_a_ticket_can_be_awaited(store: Store) -> None:
    async def commit() -> None:
        journal = open_session(store)
        journal.stage(operation())
        receipt = journal.commit("turn", durability=Durability.GROUP)
        assert receipt.ticket is not None
        await receipt.ticket
        assert receipt.ticket.done()
        await asyncio.to_thread(journal.close)

    asyncio.run(asyncio.wait_for(commit(), 30))
    assert open_session(store).head("page") == Head(1, "text")


def test_threads_may_share_a_projects_journal(store: Store) -> None:
    journal = open_project(store)
    committed: list[str] = []
    errors: list[Exception] = []

    def work(name: int) -> None:
        try:
            for number in range(20):
                value = f"{name}-{number}"
                journal.stage(operation(OpKind.APPEND, value, page_id="log", scope=Scope.PROJECT))
                receipt = journal.commit("turn")
                committed.extend(str(entry.operation.value) for entry in receipt.committed)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    expected = sorted(f"{name}-{number}" for name in range(8) for number in range(20))
    assert sorted(committed) == expected
    assert sorted(str(open_project(store).head("log").value).split("\n")) == expected


def test_threads_commit_at_lower_levels_in_order(store: Store) -> None:
    spaces = [SESSION._replace(name=f"s{number}") for number in range(8)]
    journals = [open_session(store, space=space) for space in spaces]
    errors: list[Exception] = []

    def work(journal: Journal) -> None:
        try:
            tickets = []
            for number in range(20):
                journal.stage(operation(OpKind.APPEND, f"{number}", page_id="log"))
                tickets.append(journal.commit("turn", durability=Durability.GROUP).ticket)
            for ticket in tickets:
                assert ticket is not None
                ticket.wait(30)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(journal,)) for journal in journals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    for space in spaces:
        again = open_session(store, space=space)
        assert again.head("log").value == "\n".join(map(str, range(20)))
