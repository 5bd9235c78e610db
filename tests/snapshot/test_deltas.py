"""Changes folded into a base: the same state as one saved whole, in the size of what changed."""

from __future__ import annotations

from dataclasses import replace

import hypothesis.strategies as st
import pytest
from hypothesis import given
from snapshot_states import SmallSession

from clawvm.errors import SnapshotInvalid
from clawvm.snapshot import Kind, StateDelta, apply, decode, encode

STEP = st.sampled_from(["add", "add", "change", "archive", "touch", "select"])


def act(session: SmallSession, step: str, number: int) -> None:
    slots = list(session.pages)
    if step == "add" or not slots:
        session.add(chars=100)
        return
    slot = slots[number % len(slots)]
    if step == "change":
        session.change(slot, chars=90)
    elif step == "archive":
        session.archive(slot)
    elif step == "touch":
        session.turn += 1
        session.table.touch(slot, session.turn)
    else:
        session.table.select(100 + number, session.turn)


@given(
    turns=st.lists(
        st.lists(st.tuples(STEP, st.integers(0, 50)), max_size=8), min_size=1, max_size=6
    )
)
def test_changes_folded_into_their_base_are_the_whole_state(turns):
    session = SmallSession()
    state = session.settle()
    for turn in turns:
        for step, number in turn:
            act(session, step, number)
        state = apply(state, read_back(session.settle()))
    assert state == session.whole()
    assert encode(Kind.SNAPSHOT, state) == encode(Kind.SNAPSHOT, session.whole())


def read_back(delta: StateDelta) -> StateDelta:
    """A state with pages of its own: a session goes on changing the pages that it has."""
    read = decode(encode(Kind.RECORD, delta).data).delta
    assert read is not None
    return read


def test_applying_changes_neither_the_base_nor_the_delta(core):
    session = SmallSession(core)
    for _ in range(3):
        session.add(chars=50)
    base = read_back(session.settle())
    session.archive(1)
    session.add(chars=50)
    delta = read_back(session.settle())
    before = encode(Kind.RECORD, base), encode(Kind.RECORD, delta)
    apply(base, delta)
    assert (encode(Kind.RECORD, base), encode(Kind.RECORD, delta)) == before


def test_a_slot_used_anew_holds_the_new_page(core):
    session = SmallSession(core)
    session.add(chars=50)
    base = session.settle()
    session.archive(0)
    page = session.add(chars=50)
    assert page.slot == 0
    state = apply(base, session.settle())
    assert state == session.whole()
    assert state.pages[0] is page


def test_a_change_of_another_session_is_refused():
    state = StateDelta("a", {"half_life": 1, "clock": 0, "end": 0, "free": []})
    with pytest.raises(SnapshotInvalid, match="session 'b' cannot be applied to session 'a'"):
        apply(state, replace(state, session_id="b"))


def test_a_delta_of_five_changed_pages_has_the_size_of_what_changed(core):
    session = SmallSession(core)
    for _ in range(1000):
        session.add(chars=2000)
    whole = encode(Kind.SNAPSHOT, session.whole())
    session.settle()
    for slot in (1, 250, 500, 750, 999):
        session.change(slot, chars=2000)
    delta = encode(Kind.DELTA, session.settle(), base=whole.digest)
    assert len(delta.data) < 0.01 * len(whole.data) + 5 * 2000


def test_a_turn_that_only_touched_a_page_writes_its_record_alone(core):
    session = SmallSession(core)
    for _ in range(1000):
        session.add(chars=200)
    session.settle()
    session.table.touch(500, 2000)
    delta = session.settle()
    assert (delta.slots, delta.pages, delta.rows) == ([500], {}, {})
    assert len(encode(Kind.RECORD, delta).data) < 350


def test_a_long_free_list_takes_few_bytes(core):
    session = SmallSession(core)
    for _ in range(1000):
        session.add(chars=20)
    for slot in range(1000):
        session.archive(slot)
    session.settle()
    session.add(chars=20)
    assert len(encode(Kind.RECORD, session.settle()).data) < 900
