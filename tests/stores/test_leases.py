"""Two writers on one session: leases, fencing tokens, takeover."""

from __future__ import annotations

import subprocess
import sys

import pytest
from store_harness import HOLDER, OTHER, PROJECT, RIVAL, SESSION, STRANGER, Place, text

from clawvm.errors import LeaseHeld, LeaseLost, StoreInvalid
from clawvm.stores import Append, Durability, Store, is_dead, this_holder


def row(seq: int, token: int) -> Append:
    return Append(SESSION, seq, b"record %d" % seq, [text(seq)], token)


def test_the_holder_can_append(store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    store.append(row(1, lease.token))
    assert store.load(SESSION).last_seq == 1


def test_a_lease_says_what_it_is(store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    assert (lease.space, lease.holder, lease.ttl) == (SESSION, HOLDER, 30.0)
    (info,) = store.spaces()
    assert info.holder == HOLDER
    assert info.lease_expires_at == pytest.approx(lease.expires_at, abs=0.01)


def test_nobody_appends_to_a_session_without_a_lease(store: Store) -> None:
    with pytest.raises(LeaseLost, match="nobody holds it"):
        store.append(row(1, 0))
    with pytest.raises(LeaseLost):
        store.append(row(1, 1))
    assert store.load(SESSION).rows == []


def test_another_holder_is_told_who_has_it(store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    with pytest.raises(LeaseHeld, match=HOLDER) as caught:
        store.acquire(SESSION, RIVAL, 30.0)
    assert caught.value.holder == HOLDER
    assert caught.value.expires_at == pytest.approx(lease.expires_at, abs=0.01)
    assert 0 < caught.value.seconds_left <= 30


def test_leases_of_different_sessions_have_nothing_to_do_with_each_other(store: Store) -> None:
    store.acquire(SESSION, HOLDER, 30.0)
    store.acquire(OTHER, RIVAL, 30.0)
    store.acquire(STRANGER, RIVAL, 30.0)


def test_the_same_holder_gets_a_new_lease_and_its_old_one_is_lost(store: Store) -> None:
    first = store.acquire(SESSION, HOLDER, 30.0)
    second = store.acquire(SESSION, HOLDER, 30.0)
    assert second.token > first.token
    with pytest.raises(LeaseLost, match=f"token {first.token} is lost, the newest is"):
        store.append(row(1, first.token))
    store.append(row(1, second.token))


def test_a_lease_that_was_given_back_can_be_had(store: Store) -> None:
    first = store.acquire(SESSION, HOLDER, 30.0)
    store.release(first)
    assert store.acquire(SESSION, RIVAL, 30.0).token > first.token


def test_after_giving_it_back_nothing_can_be_appended(store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    store.release(lease)
    with pytest.raises(LeaseLost):
        store.append(row(1, lease.token))
    with pytest.raises(LeaseLost):
        store.renew(lease)


def test_what_was_appended_before_giving_it_back_is_written(store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    ticket = store.append(row(1, lease.token), Durability.DEFERRED)
    store.release(lease)
    assert len(ticket.wait()) == 1


def test_giving_a_lost_lease_back_does_nothing(store: Store) -> None:
    first = store.acquire(SESSION, HOLDER, 30.0)
    second = store.acquire(SESSION, HOLDER, 30.0)
    store.release(first)
    store.append(row(1, second.token))


def test_a_lease_that_has_run_out_can_be_taken_over(place: Place, store: Store) -> None:
    first = store.acquire(SESSION, HOLDER, 30.0)
    place.move_clock(29)
    with pytest.raises(LeaseHeld):
        store.acquire(SESSION, RIVAL, 30.0)
    place.move_clock(2)
    assert store.acquire(SESSION, RIVAL, 30.0).token > first.token


def test_commits_of_a_holder_that_was_taken_over_are_refused(place: Place, store: Store) -> None:
    first = store.acquire(SESSION, HOLDER, 30.0)
    store.append(row(1, first.token))
    place.move_clock(31)
    second = store.acquire(SESSION, RIVAL, 30.0)
    late = [
        lambda: store.append(row(2, first.token)),
        lambda: store.save_snapshot(Append(SESSION, 1, b"snapshot", [], first.token)),
        lambda: store.renew(first),
    ]
    for call in late:
        with pytest.raises(LeaseLost, match=RIVAL):
            call()
    store.append(row(2, second.token))
    assert [found.seq for found in store.load(SESSION).rows] == [1, 2]


def test_a_row_that_was_written_counts_as_written_after_a_takeover(
    place: Place, store: Store
) -> None:
    first = store.acquire(SESSION, HOLDER, 30.0)
    ids = store.append(row(1, first.token)).wait()
    place.move_clock(31)
    store.acquire(SESSION, RIVAL, 30.0)
    assert store.append(row(1, first.token)).wait() == ids


def test_the_same_row_under_another_token_is_a_conflict(place: Place, store: Store) -> None:
    from clawvm.errors import JournalConflict

    first = store.acquire(SESSION, HOLDER, 30.0)
    store.append(row(1, first.token))
    second = store.acquire(SESSION, HOLDER, 30.0)
    with pytest.raises(JournalConflict):
        store.append(row(1, second.token))


def test_a_holder_whose_lease_ran_out_goes_on_when_nobody_took_over(
    place: Place, store: Store
) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    place.move_clock(100)
    store.append(row(1, lease.token))
    with pytest.raises(LeaseHeld):
        store.acquire(SESSION, RIVAL, 30.0)


def test_an_append_prolongs_a_lease_half_of_which_has_passed(place: Place, store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    place.move_clock(16)
    store.append(row(1, lease.token))
    place.move_clock(16)
    with pytest.raises(LeaseHeld):
        store.acquire(SESSION, RIVAL, 30.0)


def test_an_append_leaves_a_young_lease_alone(place: Place, store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    place.move_clock(10)
    store.append(row(1, lease.token))
    place.move_clock(21)
    store.acquire(SESSION, RIVAL, 30.0)


def test_a_lease_can_be_prolonged(place: Place, store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    place.move_clock(20)
    renewed = store.renew(lease)
    assert renewed.token == lease.token
    assert renewed.expires_at == pytest.approx(lease.expires_at + 20, abs=2)
    place.move_clock(20)
    with pytest.raises(LeaseHeld):
        store.acquire(SESSION, RIVAL, 30.0)


def test_when_the_clock_was_moved_back_a_lease_has_run_out(place: Place, store: Store) -> None:
    first = store.acquire(SESSION, HOLDER, 30.0)
    place.move_clock(-3600)
    second = store.acquire(SESSION, RIVAL, 30.0)
    assert second.token > first.token
    with pytest.raises(LeaseLost):
        store.append(row(1, first.token))


def test_when_the_clock_was_moved_back_the_holder_goes_on(place: Place, store: Store) -> None:
    lease = store.acquire(SESSION, HOLDER, 30.0)
    place.move_clock(-3600)
    store.append(row(1, lease.token))
    with pytest.raises(LeaseHeld):
        store.acquire(SESSION, RIVAL, 30.0)


def test_a_dead_process_holds_nothing(store: Store) -> None:
    program = "from clawvm.stores import this_holder; print(this_holder())"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    dead = done.stdout.strip()
    assert is_dead(dead)
    first = store.acquire(SESSION, dead, 3600.0)
    assert store.acquire(SESSION, RIVAL, 30.0).token > first.token


def test_a_living_process_holds_what_it_holds(store: Store) -> None:
    store.acquire(SESSION, this_holder(), 30.0)
    with pytest.raises(LeaseHeld):
        store.acquire(SESSION, RIVAL, 30.0)


def test_a_project_takes_no_lease(store: Store) -> None:
    with pytest.raises(StoreInvalid, match="takes no lease"):
        store.acquire(PROJECT, HOLDER, 30.0)
    with pytest.raises(StoreInvalid, match="takes no lease, found token 7"):
        store.append(Append(PROJECT, 1, b"record", [], 7))


@pytest.mark.parametrize("name", ["", "a\0b", "x" * 2000, "\ud800"])
def test_a_name_that_not_every_store_could_keep_is_refused(store: Store, name: str) -> None:
    with pytest.raises(StoreInvalid, match="give it another name"):
        store.acquire(SESSION._replace(name=name), HOLDER, 30.0)
    with pytest.raises(StoreInvalid, match="give it another name"):
        store.load(SESSION._replace(tenant=name))


@pytest.mark.parametrize("name", ["a/b", "../x", "ключ", "a b'c\"d;--", "😀" * 100, "%s {0}"])
def test_any_other_name_is_kept(store: Store, name: str) -> None:
    space = SESSION._replace(name=name, tenant=name)
    lease = store.acquire(space, HOLDER, 30.0)
    store.append(Append(space, 1, b"record", [], lease.token))
    assert [info.space for info in store.spaces(name)] == [space]
