"""Snapshots, pruning, deleting, listing."""

from __future__ import annotations

import time

import pytest
from store_harness import (
    HOLDER,
    OTHER,
    PROJECT,
    SESSION,
    STRANGER,
    Place,
    fill,
    text,
    wait_for_next_millisecond,
)

from clawvm.errors import ContentMissing, JournalConflict, LeaseHeld
from clawvm.stores import Append, Durability, Lease, Row, Space, Store


@pytest.fixture
def lease(store: Store) -> Lease:
    return store.acquire(SESSION, HOLDER, 30.0)


def content_ids(store: Store, space: Space) -> list[int]:
    return [number for row in store.rows(space) for number in row.contents]


def snapshot(store: Store, lease: Lease, seq: int, *contents: int | bytes) -> None:
    row = Append(lease.space, seq, b"snapshot to %d" % seq, contents, lease.token)
    store.save_snapshot(row)


def later() -> float:
    """Return a time after everything that has been saved."""
    wait_for_next_millisecond()
    return time.time()


def test_loading_reads_the_snapshot_and_the_rows_after_it(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 5, token=lease.token)
    ids = content_ids(store, SESSION)
    snapshot(store, lease, 3, *ids[:3])
    stored = store.load(SESSION)
    assert stored.snapshot is not None
    assert (stored.snapshot.seq, stored.snapshot.record) == (3, b"snapshot to 3")
    assert stored.snapshot.contents == tuple(ids[:3])
    assert [row.seq for row in stored.rows] == [4, 5]
    assert stored.last_seq == 5


def test_a_snapshot_of_the_whole_journal_leaves_no_row_to_read(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 3, token=lease.token)
    snapshot(store, lease, 3)
    stored = store.load(SESSION)
    assert (stored.rows, stored.last_seq) == ([], 3)
    fill(store, SESSION, 1, token=lease.token, first=4)
    assert store.load(SESSION).last_seq == 4


def test_rows_that_the_snapshot_covers_stay(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 3, token=lease.token)
    snapshot(store, lease, 3)
    assert [row.seq for row in store.rows(SESSION)] == [1, 2, 3]


def test_a_snapshot_follows_rows_that_are_still_on_their_way(store: Store, lease: Lease) -> None:
    for seq in (1, 2):
        row = Append(SESSION, seq, b"record", [], lease.token)
        store.append(row, Durability.DEFERRED)
    snapshot(store, lease, 2)
    assert store.load(SESSION).last_seq == 2


def test_a_newer_snapshot_replaces_the_older(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 4, token=lease.token)
    for seq in (2, 4, 4):
        snapshot(store, lease, seq, text(100 + seq))
    stored = store.load(SESSION)
    assert stored.snapshot is not None
    assert stored.snapshot.seq == 4
    assert store.contents(SESSION, stored.snapshot.contents) == [text(104)]
    assert store.check() == []


@pytest.mark.parametrize("seq", [-1, 0, 1, 4])
def test_a_snapshot_of_other_rows_is_refused(store: Store, lease: Lease, seq: int) -> None:
    fill(store, SESSION, 3, token=lease.token)
    snapshot(store, lease, 2)
    with pytest.raises(JournalConflict, match=f"a snapshot up to row {seq} is refused"):
        snapshot(store, lease, seq)


def test_an_unknown_project_has_nothing_to_cover(store: Store) -> None:
    with pytest.raises(JournalConflict):
        store.save_snapshot(Append(PROJECT, 1, b"snapshot"))
    assert store.spaces() == []


def test_a_project_can_have_a_snapshot(store: Store) -> None:
    fill(store, PROJECT, 2)
    store.save_snapshot(Append(PROJECT, 2, b"snapshot"))
    assert store.load(PROJECT).rows == []


def test_a_snapshot_cannot_refer_to_what_its_space_does_not(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 1, token=lease.token)
    with pytest.raises(ContentMissing):
        snapshot(store, lease, 1, 99_999)
    assert store.load(SESSION).snapshot is None


def test_pruning_deletes_rows_that_the_snapshot_covers(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 6, token=lease.token)
    ids = content_ids(store, SESSION)
    snapshot(store, lease, 4, ids[0], ids[3])
    report = store.prune(later())
    assert (report.rows, report.contents, report.spaces) == (4, 2, [])
    assert [row.seq for row in store.rows(SESSION)] == [5, 6]
    kept = [ids[0], ids[3], ids[4], ids[5]]
    assert store.contents(SESSION, kept) == [text(1), text(4), text(5), text(6)]
    for gone in (ids[1], ids[2]):
        with pytest.raises(ContentMissing):
            store.contents(SESSION, [gone])
    assert store.check() == []


def test_pruning_says_why_old_rows_stay(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 6, token=lease.token)
    snapshot(store, lease, 4)
    report = store.prune(later())
    reasons = [reason for space, reason in report.refused if space == SESSION]
    assert "2 old rows stay: the snapshot covers the rows up to 4 only" in reasons
    assert any("is held by" in reason for reason in reasons)


def test_after_a_prune_of_every_row_the_journal_goes_on(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 3, token=lease.token)
    snapshot(store, lease, 3)
    store.prune(later())
    assert store.load(SESSION).last_seq == 3
    with pytest.raises(JournalConflict, match="has a row 3 already"):
        store.append(Append(SESSION, 3, b"record 3", [text(3)], lease.token))
    fill(store, SESSION, 1, token=lease.token, first=4)
    assert [row.seq for row in store.load(SESSION).rows] == [4]
    assert store.check() == []


def test_pruning_leaves_young_rows(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 2, token=lease.token)
    between = later()
    wait_for_next_millisecond()
    fill(store, SESSION, 2, token=lease.token, first=3)
    snapshot(store, lease, 4)
    assert store.prune(between).rows == 2
    assert [row.seq for row in store.rows(SESSION)] == [3, 4]


def test_pruning_many_rows(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 500, token=lease.token)
    snapshot(store, lease, 500)
    report = store.prune(later())
    assert (report.rows, report.contents) == (500, 500)
    assert list(store.rows(SESSION)) == []


def test_a_replaced_snapshot_lets_go_of_what_only_it_referred_to(
    store: Store, lease: Lease
) -> None:
    fill(store, SESSION, 2, token=lease.token)
    ids = content_ids(store, SESSION)
    snapshot(store, lease, 2, *ids)
    store.prune(later())
    snapshot(store, lease, 2, ids[0])
    assert store.contents(SESSION, [ids[0]]) == [text(1)]
    with pytest.raises(ContentMissing):
        store.contents(SESSION, [ids[1]])
    assert store.check() == []


def test_pruning_deletes_sessions_that_nobody_has_used_since(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 3, token=lease.token)
    store.release(lease)
    fill(store, PROJECT, 2)
    report = store.prune(later())
    assert (report.spaces, report.rows, report.contents) == ([SESSION], 3, 1)
    assert [info.space for info in store.spaces()] == [PROJECT]
    assert store.contents(PROJECT, content_ids(store, PROJECT)) == [text(1), text(2)]
    assert store.check() == []


def test_pruning_leaves_sessions_that_were_used(store: Store, lease: Lease) -> None:
    before = time.time()
    wait_for_next_millisecond()
    fill(store, SESSION, 3, token=lease.token)
    store.release(lease)
    assert store.prune(before).spaces == []
    assert store.load(SESSION).last_seq == 3


def test_pruning_one_tenant_leaves_the_others(store: Store) -> None:
    for space in (SESSION, STRANGER):
        lease = store.acquire(space, HOLDER, 30.0)
        fill(store, space, 1, token=lease.token)
        store.release(lease)
    assert store.prune(later(), tenant="globex").spaces == [STRANGER]
    assert [info.space for info in store.spaces()] == [SESSION]


def test_a_deleted_space_is_gone_with_what_only_it_referred_to(store: Store) -> None:
    fill(store, PROJECT, 3)
    ids = content_ids(store, PROJECT)
    store.delete(PROJECT)
    store.delete(PROJECT)
    assert store.load(PROJECT).last_seq == 0
    assert store.spaces() == []
    with pytest.raises(ContentMissing):
        store.contents(PROJECT, ids)
    assert store.check() == []


@pytest.mark.parametrize("first_owner", [True, False])
def test_what_other_spaces_refer_to_outlives_a_deleted_one(store: Store, first_owner: bool) -> None:
    others = [PROJECT._replace(name=name) for name in "abc"]
    for space in others:
        fill(store, space, 2)
    gone = others.pop(0 if first_owner else 1)
    store.delete(gone)
    assert store.check() == []
    for space in others:
        assert store.contents(space, content_ids(store, space)) == [text(1), text(2)]
        fill(store, space, 1, first=3)
    for space in others:
        store.delete(space)
        assert store.check() == []


def test_a_space_that_somebody_holds_cannot_be_deleted(store: Store, lease: Lease) -> None:
    fill(store, SESSION, 1, token=lease.token)
    with pytest.raises(LeaseHeld, match=HOLDER):
        store.delete(SESSION)
    store.release(lease)
    store.delete(SESSION)
    assert store.spaces() == []


def test_tokens_go_on_after_a_space_was_deleted(store: Store) -> None:
    for _ in range(3):
        lease = store.acquire(SESSION, HOLDER, 30.0)
    store.release(lease)
    store.delete(SESSION)
    assert store.acquire(SESSION, HOLDER, 30.0).token > lease.token


def test_deleting_a_large_space(store: Store) -> None:
    fill(store, PROJECT, 450)
    store.save_snapshot(Append(PROJECT, 450, b"snapshot", content_ids(store, PROJECT)))
    store.delete(PROJECT)
    assert store.load(PROJECT).last_seq == 0
    fill(store, PROJECT, 1)
    assert store.check() == []


def test_a_listing_tells_what_is_there(place: Place, store: Store, lease: Lease) -> None:
    fill(store, SESSION, 3, token=lease.token)
    fill(store, PROJECT, 2)
    fill(store, OTHER._replace(scope=PROJECT.scope), 1)
    snapshot(store, lease, 2)
    listed = store.spaces("acme")
    assert [info.space for info in listed] == sorted(info.space for info in listed)
    (info,) = [info for info in listed if info.space == SESSION]
    assert (info.last_seq, info.rows, info.holder) == (3, 3, HOLDER)
    assert info.stored_bytes > 0
    assert info.saved_at == pytest.approx(time.time(), abs=60)
    assert store.spaces("nobody") == []


def test_a_session_that_was_only_acquired_is_listed_as_empty(store: Store, lease: Lease) -> None:
    (info,) = store.spaces()
    assert (info.space, info.last_seq, info.rows, info.saved_at) == (SESSION, 0, 0, None)
    store.release(lease)
    (info,) = store.spaces()
    assert (info.holder, info.lease_expires_at) == (None, None)


def test_rows_say_when_they_were_saved(store: Store) -> None:
    before = time.time()
    fill(store, PROJECT, 1)
    (row,) = store.rows(PROJECT)
    assert isinstance(row, Row)
    assert row.saved_at == pytest.approx(before, abs=60)
