"""Values of a wrong type at every place of a file: counted or passed over, never a crash."""

import copy
import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hand_runs import GEMINI, MINI, OPENHANDS, OPENHANDS_FLAT, SWE, TAU_BENCH

from clawvm.errors import TraceInvalid
from clawvm.replay import trace as t
from clawvm.replay.blocks import turns_of
from clawvm.replay.importers import open_sessions

LINES = [{"sessionId": "s", "projectHash": "h"}, *GEMINI["messages"], {"$rewindTo": "4"}]
FILES = {
    "gemini-cli": [GEMINI],
    "gemini-cli-lines": LINES,
    "mini-swe-agent": [MINI],
    "swe-agent": [SWE],
    "openhands": [OPENHANDS],
    "openhands-flat": [OPENHANDS_FLAT],
    "tau-bench": TAU_BENCH,
}
DEEP = json.loads("[" * 900 + "]" * 900)
VALUES = [None, -7, "x", [], [[7]], {}, {"a": {"b": None}}, DEEP]


def places(value, path=()) -> Iterator[tuple]:
    """Every place in a JSON value, from the outside in."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield (*path, key)
        yield from places(value[key], (*path, key))


def spoiled(value, path, by):
    """A copy of the value with another one in one place."""
    whole = copy.deepcopy(value)
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = by
    return whole


def missing(value, path):
    """A copy of the value without one place."""
    whole = copy.deepcopy(value)
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    del holder[path[-1]]
    return whole


def read(path, values):
    """Import, divide into requests and write; a file may turn out to be of no known format."""
    path.write_text("\n".join(map(json.dumps, values)))
    try:
        sessions = list(open_sessions(path))
    except TraceInvalid:
        return 0
    for session in sessions:
        turns_of(session.trace)
        with (path.parent / "copy.jsonl").open("wb") as stream:
            t.write_trace(session.trace, stream)
        ids = [event.id for event in session.trace.events if isinstance(event, t.Call)]
        assert len(set(ids)) == len(ids)
    return len(sessions)


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_value_anywhere_never_raises(tmp_path, name):
    values = FILES[name]

    imported = sum(
        read(tmp_path / "run.json", spoiled(values, path, by))
        for path in places(values)
        for by in VALUES
    )

    assert imported > len(VALUES) * len(list(places(values))) / 2


@pytest.mark.parametrize("name", FILES)
def test_a_missing_value_anywhere_never_raises(tmp_path, name):
    values = FILES[name]

    for path in places(values):
        read(tmp_path / "run.json", missing(values, path))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_was_cut_off_anywhere_never_raises(tmp_path, name):
    path = tmp_path / "run.json"
    raw = "\n".join(map(json.dumps, FILES[name])).encode()

    for end in range(1, len(raw), 7):
        path.write_bytes(raw[:end])
        with suppress(TraceInvalid):
            list(open_sessions(path))
