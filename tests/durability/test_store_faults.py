"""Any store that fails, and a clock that is moved: commits are counted, bounded and in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from journals import FailingStore, as_store
from store_harness import Place
from traffic import Traffic

from clawvm.errors import LeaseHeld, SpoolFull
from clawvm.stores import Store
from clawvm.writeback import delivery

HOUR = 3_600.0


@pytest.fixture
def failing(store: Store) -> FailingStore:
    return FailingStore(store)


@pytest.fixture
def traffic(failing: FailingStore, tmp_path: Path) -> Iterator[Traffic]:
    traffic = Traffic(as_store(failing), tmp_path / "spool")
    assert traffic.turns(2) == ["committed"] * 2
    yield traffic
    traffic.session.release()


def test_a_store_that_is_down_is_asked_once_a_boundary_at_most(
    traffic: Traffic, failing: FailingStore
) -> None:
    failing.down, asked = True, failing.appends
    assert traffic.turns(50) == ["spooled"] * 50
    assert 1 <= failing.appends - asked <= 51
    assert traffic.session.journal.waiting == 50
    assert traffic.session.coverage.outcomes["spooled"] == 50
    failing.down = False
    traffic.verify()


def test_a_session_that_ends_while_the_store_is_down_goes_on_where_it_was(
    traffic: Traffic, failing: FailingStore
) -> None:
    failing.down = True
    traffic.turns(5)
    traffic.begin()
    traffic.session.close()
    failing.down = False
    traffic.session = traffic.open(traffic.store)
    assert traffic.session.journal.waiting == 0
    traffic.turns(1)
    traffic.verify()


def test_answers_that_are_lost_commit_nothing_twice(
    traffic: Traffic, failing: FailingStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "BACKOFF_FIRST", 0.0)
    failing.answers_lost = True
    assert traffic.turns(5) == ["spooled"] * 5
    failing.answers_lost = False
    traffic.until_drained()
    traffic.verify()


@pytest.mark.parametrize("durability", ["group", "deferred"])
def test_commits_that_nobody_waited_for_survive_the_store(
    failing: FailingStore, tmp_path: Path, durability: str
) -> None:
    traffic = Traffic(as_store(failing), tmp_path / "spool", durability=durability)
    traffic.turns(5)
    failing.late = failing.down = True
    traffic.turns(5)
    traffic.session.wait()
    assert traffic.session.journal.waiting == 5
    failing.down = False
    traffic.turns(1)
    traffic.verify()


def test_a_full_spool_is_told_before_anything_is_lost(
    traffic: Traffic, failing: FailingStore
) -> None:
    failing.down = True
    traffic.turns(1)
    # Room for some turns more; there is no option for it, as a session's spool has 64 MiB.
    spool = traffic.session.journal._delivery.spool
    assert spool is not None
    spool.max_bytes = 4 * spool.size
    with pytest.raises(SpoolFull, match="bring the store back"):
        traffic.turns(100)
    waiting = traffic.session.journal.waiting
    assert 1 < waiting < 100
    for _ in range(3):  # nothing has been destroyed: the call can be made again, and again
        with pytest.raises(SpoolFull):
            traffic.session.reset()
    assert traffic.session.page("note").texts[0].startswith(f"what was known at turn {waiting + 3}")
    assert traffic.session.journal.waiting == waiting
    failing.down = False
    traffic.session.boundary("turn")
    traffic.verify()


@pytest.mark.parametrize("seconds", [-HOUR, HOUR], ids=["back", "on"])
def test_a_clock_that_is_moved_costs_nothing(
    place: Place, store: Store, tmp_path: Path, seconds: float
) -> None:
    traffic = Traffic(store, tmp_path / "spool")
    traffic.turns(2)
    place.move_clock(seconds)
    # Each commit renews the lease by the new time, so that it still keeps others out.
    assert traffic.turns(3) == ["committed"] * 3
    with pytest.raises(LeaseHeld):
        traffic.open(store)
    place.move_clock(-seconds)
    assert traffic.turns(1) == ["committed"]
    traffic.session.release()
    traffic.session = traffic.open(store)
    assert traffic.turns(1) == ["committed"]
    traffic.verify()


def test_a_clock_that_was_moved_back_locks_nobody_out(
    place: Place, store: Store, tmp_path: Path
) -> None:
    traffic = Traffic(store, tmp_path / "spool")
    traffic.turns(2)
    # Its holder is gone without a word, and the lease would hold for an hour more.
    given_up = traffic.session
    place.move_clock(-HOUR)
    traffic.session = traffic.open(store)
    assert traffic.turns(2) == ["committed"] * 2
    traffic.verify()
    given_up.release()
