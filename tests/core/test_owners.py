"""Whom the parts of messages belong to: both back ends read it alike."""

from __future__ import annotations

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings

from clawvm._reference import owners
from clawvm.errors import SnapshotInvalid

RELAXED = settings(
    max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
OWNERS = st.lists(
    st.none() | st.lists(st.tuples(st.integers(-1, 70_000), st.integers(0, 300))).map(tuple),
    max_size=20,
)
ANYTHING = st.recursive(
    st.none() | st.integers(-(1 << 63), (1 << 64) - 1) | st.text(max_size=3) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3),
)


@RELAXED
@given(runs=st.lists(st.integers(0, (1 << 64) - 1)), found=OWNERS)
@example(runs=[0, 1 << 40], found=[((-1, 0),), None, ()])
def test_owners_are_read_as_they_were_written(core, runs, found):
    assert core.unpack_owners(msgspec.msgpack.encode((runs, found)), "ROWS") == (runs, found)


@RELAXED
@given(value=ANYTHING)
def test_whatever_there_is_is_read_as_the_twin_reads_it(core, value):
    data = msgspec.msgpack.encode(value)
    assert outcome(core, data) == outcome(owners, data)


def outcome(back_end, data):
    """Return what was read, or why it was refused."""
    try:
        return back_end.unpack_owners(data, "ROWS")
    except SnapshotInvalid as error:
        return str(error)


@pytest.mark.parametrize(
    "value",
    [
        [[0], [[[-2, 0]]]],
        [[0], [[[0, -1]]]],
        [[-1], []],
        [[0], [[[0, 0, 0]]]],
        [[0], [[[0]]]],
        [[0], [None], []],
        [[0], [[[True, 0]]]],
        [[0]],
        {},
    ],
)
def test_anything_else_is_refused(core, value):
    with pytest.raises(SnapshotInvalid, match="section ROWS is damaged"):
        core.unpack_owners(msgspec.msgpack.encode(value), "ROWS")


def test_every_cut_is_refused(core):
    data = msgspec.msgpack.encode(([0, 300], [((5, 0), (70_000, 1)), None]))
    for size in range(len(data)):
        with pytest.raises(SnapshotInvalid, match="section ROWS is damaged"):
            core.unpack_owners(data[:size], "ROWS")
    with pytest.raises(SnapshotInvalid, match="section ROWS is damaged"):
        core.unpack_owners(data + b"\x00", "ROWS")


@RELAXED
@given(found=OWNERS)
def test_the_last_part_of_every_slot_is_told(core, found):
    pairs = [pair for some in found if some is not None for pair in some]
    rows = [None if some is None else ({}, some) for some in found]
    parts = core.last_parts(rows)
    assert parts.keys() == {slot for slot, _ in pairs}
    assert all(
        part == max(of for slot, of in pairs if slot == named) for named, part in parts.items()
    )


def test_owners_in_lists_are_taken_as_well(core):
    assert core.last_parts([[{}, [[3, 1], [3, 0]]], None]) == {3: 1}
