"""Appending rows and reading them back."""

from __future__ import annotations

import pytest
from store_harness import HOLDER, OTHER, PROJECT, SESSION, Place, fill, text

from clawvm.errors import JournalConflict, StoreFailed
from clawvm.stores import Append, Durability, Store, Stored


def test_an_unknown_space_is_empty(store: Store) -> None:
    assert store.load(SESSION) == Stored(None, [])
    assert store.load(SESSION).last_seq == 0
    assert list(store.rows(SESSION)) == []


def test_rows_come_back_as_they_were_appended(store: Store) -> None:
    fill(store, PROJECT, 3)
    stored = store.load(PROJECT)
    assert [(row.seq, row.record) for row in stored.rows] == [
        (1, b"record 1"),
        (2, b"record 2"),
        (3, b"record 3"),
    ]
    assert stored.last_seq == 3
    ids = [number for row in stored.rows for number in row.contents]
    assert store.contents(PROJECT, ids) == [text(1), text(2), text(3)]


@pytest.mark.parametrize("record", [b"", b"\0", bytes(range(256)) * 300, b"a" * 100_000])
def test_a_record_is_opaque(store: Store, record: bytes) -> None:
    store.append(Append(PROJECT, 1, record))
    assert store.load(PROJECT).rows[0].record == record


def test_rows_can_be_read_from_a_number_on(store: Store) -> None:
    fill(store, PROJECT, 200)
    assert [row.seq for row in store.rows(PROJECT, 150)] == list(range(150, 201))


def test_rows_are_read_while_others_are_appended(store: Store) -> None:
    fill(store, PROJECT, 100)
    reading = store.rows(PROJECT)
    assert next(reading).seq == 1
    fill(store, PROJECT, 10, first=101)
    assert [row.seq for row in reading][:99] == list(range(2, 101))


def test_spaces_of_one_name_are_apart_by_tenant_and_scope(store: Store) -> None:
    same_name = [
        PROJECT._replace(name="x"),
        PROJECT._replace(name="x", tenant="globex"),
        PROJECT._replace(name="y"),
    ]
    for number, space in enumerate(same_name):
        store.append(Append(space, 1, b"record %d" % number))
    for number, space in enumerate(same_name):
        assert [row.record for row in store.load(space).rows] == [b"record %d" % number]


def test_the_same_row_again_counts_as_written(store: Store) -> None:
    row = Append(PROJECT, 1, b"record", [text(1), text(2)])
    ids = store.append(row).wait()
    assert store.append(row).wait() == ids
    assert len(store.load(PROJECT).rows) == 1


def test_the_same_row_again_counts_as_written_when_others_follow(store: Store) -> None:
    fill(store, PROJECT, 3)
    row = Append(PROJECT, 2, b"record 2", [text(2)])
    assert store.append(row).wait() == store.load(PROJECT).rows[1].contents
    assert store.load(PROJECT).last_seq == 3


@pytest.mark.parametrize("behind", [False, True])
def test_the_same_row_again_counts_as_written_while_it_is_on_its_way(
    store: Store, behind: bool
) -> None:
    row = Append(PROJECT, 1, b"record", [text(1)])
    first = store.append(row, Durability.DEFERRED)
    if behind:
        store.append(Append(PROJECT, 2, b"record 2", [text(2)]), Durability.DEFERRED)
    assert store.append(row).wait() == first.wait()
    assert store.load(PROJECT).last_seq == 1 + behind


def test_another_row_of_a_number_that_is_on_its_way_is_a_conflict(store: Store) -> None:
    first = store.append(Append(PROJECT, 1, b"record"), Durability.DEFERRED)
    with pytest.raises(JournalConflict):
        store.append(Append(PROJECT, 1, b"other"))
    first.wait()
    assert [row.record for row in store.load(PROJECT).rows] == [b"record"]


def test_the_same_row_may_name_its_contents_by_their_ids(store: Store) -> None:
    ids = store.append(Append(PROJECT, 1, b"record", [text(1)])).wait()
    assert store.append(Append(PROJECT, 1, b"record", ids)).wait() == ids


@pytest.mark.parametrize(
    "other",
    [
        Append(PROJECT, 1, b"another record", [text(1)]),
        Append(PROJECT, 1, b"record", [text(2)]),
        Append(PROJECT, 1, b"record", []),
        Append(PROJECT, 1, b"record", [text(1), text(1)]),
    ],
    ids=["record", "content", "no content", "one content more"],
)
def test_another_row_of_the_same_number_is_a_conflict(store: Store, other: Append) -> None:
    store.append(Append(PROJECT, 1, b"record", [text(1)]))
    with pytest.raises(JournalConflict, match="has a row 1 already, its last one is 1"):
        store.append(other)
    assert [row.record for row in store.load(PROJECT).rows] == [b"record"]


@pytest.mark.parametrize("seq", [3, 100])
def test_a_gap_is_a_conflict(store: Store, seq: int) -> None:
    store.append(Append(PROJECT, 1, b"record"))
    with pytest.raises(JournalConflict, match=f"row {seq} would leave a gap, the last row is 1"):
        store.append(Append(PROJECT, seq, b"record"))


@pytest.mark.parametrize("seq", [0, -1])
def test_rows_count_from_one(store: Store, seq: int) -> None:
    with pytest.raises(JournalConflict):
        store.append(Append(PROJECT, seq, b"record"))
    assert store.load(PROJECT).rows == []


def test_a_refused_row_leaves_no_space_and_no_content(store: Store) -> None:
    with pytest.raises(JournalConflict):
        store.append(Append(PROJECT, 2, b"record", [text(1)]))
    assert store.spaces() == []
    assert store.check() == []


@pytest.mark.parametrize("durability", list(Durability))
def test_at_every_level_the_row_is_there_once_its_ticket_is_done(
    place: Place, store: Store, durability: Durability
) -> None:
    ticket = store.append(Append(PROJECT, 1, b"record", [text(1)]), durability)
    (content,) = ticket.wait()
    assert ticket.done()
    assert ticket.wait(0.0) == (content,)
    assert place.open().contents(PROJECT, [content]) == [text(1)]


@pytest.mark.parametrize("durability", [Durability.GROUP, Durability.DEFERRED])
def test_below_commit_the_ticket_raises_what_went_wrong(
    store: Store, durability: Durability
) -> None:
    ticket = store.append(Append(PROJECT, 5, b"record"), durability)
    with pytest.raises(JournalConflict, match="would leave a gap"):
        ticket.wait()
    assert ticket.done()


@pytest.mark.parametrize("durability", [Durability.GROUP, Durability.DEFERRED])
def test_flush_waits_for_every_row(store: Store, durability: Durability) -> None:
    tickets = [store.append(Append(PROJECT, seq, b"r"), durability) for seq in range(1, 50)]
    store.flush()
    assert all(ticket.done() for ticket in tickets)
    assert store.load(PROJECT).last_seq == 49


def test_when_a_row_fails_those_behind_it_fail_too(store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    tickets = [
        store.append(Append(SESSION, seq, b"r", [], lease.token), Durability.DEFERRED)
        for seq in (2, 3, 4)
    ]
    for ticket in tickets:
        with pytest.raises(JournalConflict):
            ticket.wait()
    assert store.load(SESSION).rows == []


def test_when_a_row_fails_other_spaces_do_not_feel_it(store: Store) -> None:
    bad = store.append(Append(PROJECT, 2, b"r"), Durability.DEFERRED)
    good = store.append(Append(PROJECT._replace(name="p2"), 1, b"r"), Durability.DEFERRED)
    assert good.wait() == ()
    with pytest.raises(JournalConflict):
        bad.wait()


def test_what_is_appended_outlives_the_store_object(place: Place, store: Store) -> None:
    store.append(Append(PROJECT, 1, b"record", [text(1)]), Durability.DEFERRED)
    durable = store.durable
    store.close()
    if durable:
        again = place.open()
        assert [row.record for row in again.load(PROJECT).rows] == [b"record"]
    else:
        with pytest.raises(StoreFailed, match="is closed"):
            store.load(PROJECT)


def test_a_closed_store_refuses_everything(store: Store) -> None:
    lease = store.acquire(OTHER, HOLDER, 30.0)
    store.close()
    store.close()
    calls = [
        lambda: store.acquire(SESSION, HOLDER, 30.0),
        lambda: store.renew(lease),
        lambda: store.release(lease),
        lambda: store.append(Append(PROJECT, 1, b"r")),
        lambda: store.append(Append(PROJECT, 1, b"r"), Durability.GROUP),
        lambda: store.save_snapshot(Append(PROJECT, 1, b"r")),
        lambda: store.flush(),
        lambda: store.load(PROJECT),
        lambda: list(store.rows(PROJECT)),
        lambda: store.contents(PROJECT, [1]),
        lambda: store.spaces(),
        lambda: store.prune(0.0),
        lambda: store.delete(PROJECT),
        lambda: store.check(),
    ]
    for call in calls:
        with pytest.raises(StoreFailed, match="is closed"):
            call()
