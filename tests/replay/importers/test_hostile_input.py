"""Recordings in which anything may have any type: read as far as they go, and never a crash."""

import copy
import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recordings import RECORDINGS

from clawvm.replay import trace as t
from clawvm.replay.importers import IMPORTERS, detect, open_sessions
from clawvm.replay.importers.source import Source

BY_NAME = {importer.NAME: importer for importer in IMPORTERS}

each_format = pytest.mark.parametrize("name", RECORDINGS)


def leaf_texts(value):
    """Yield texts that mean something somewhere in a recording: names of fields, values, ids."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from leaf_texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaf_texts(item)
    elif isinstance(value, str):
        yield value


WORDS = st.sampled_from(
    sorted({word for lines in RECORDINGS.values() for word in leaf_texts(lines)})
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.just("REDACTED")
    | WORDS
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


def holders(value):
    """Yield every (container, key) of a JSON value."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(item, (dict, list)):
            yield from holders(item)


@st.composite
def spoiled(draw, lines):
    """The lines of a recording, with a few values replaced, left out or doubled."""
    lines = copy.deepcopy(lines)
    for _ in range(draw(st.integers(1, 4))):
        places = list(holders(lines))
        if not places:
            break
        holder, key = draw(st.sampled_from(places))
        deed = draw(st.sampled_from(["replace", "replace", "remove", "double"]))
        if deed == "replace":
            holder[key] = draw(ANYTHING)
        elif deed == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
    return lines


def sessions_of(name, lines):
    with TemporaryDirectory() as folder:
        path = Path(folder, "recording.jsonl")
        path.write_text("\n".join(map(json.dumps, lines)) or "0")
        with Source(path) as source:
            BY_NAME[name].sniff(source.head())
            return list(BY_NAME[name].read(source))


def written_and_read(session):
    with TemporaryDirectory() as folder:
        path = Path(folder, "trace.jsonl")
        with path.open("wb") as stream:
            t.write_trace(session.trace, stream)
        (copied,) = open_sessions(path)
    return copied


@each_format
def test_a_sound_recording_is_known_and_read_without_a_complaint(name, tmp_path):
    path = tmp_path / "recording.jsonl"
    path.write_text("\n".join(map(json.dumps, RECORDINGS[name])))

    assert detect(path) == name
    (session,) = open_sessions(path)
    assert session.report.is_clean
    assert {type(event) for event in session.trace.events} >= {t.Message, t.Call, t.Compaction}
    (compaction,) = [e for e in session.trace.events if isinstance(e, t.Compaction) and e.kept]
    assert all(place < session.trace.events.index(compaction) for place in compaction.kept)


@each_format
@given(data=st.data())
def test_a_spoiled_recording_gives_sound_traces(name, data):
    lines = data.draw(spoiled(RECORDINGS[name]))

    for session in sessions_of(name, lines):
        again = written_and_read(session)
        assert again.trace == session.trace
        assert again.report.is_clean
        assert not again.report.ignored


@each_format
@given(lines=st.lists(ANYTHING, min_size=1, max_size=6))
def test_lines_of_anything_are_read_by_every_importer(name, lines):
    for session in sessions_of(name, lines):
        assert session.report.events == len(session.trace.events)
