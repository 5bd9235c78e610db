"""The trace format: what is written is read back, and strangers in it are counted."""

import io
import json
from pathlib import Path

import pytest

from clawvm.errors import TraceInvalid
from clawvm.replay import trace as t
from clawvm.replay.importers import open_sessions

HEADER = t.Header(session="s1", source=t.TraceSource("codex", "a.jsonl"), shape="openai")
EVENTS = [
    t.Message(role="system", text="Be brief.\x00"),
    t.Message(role="user", text="look", opaque=({"type": "image_url", "image_url": {"url": "x"}},)),
    t.Thinking(text="hm", reply="r1", prompt_tokens=120),
    t.Call(id="c1", name="read", arguments={"path": "a.py", "n": 2**70}, reply="r1", at="now"),
    t.Call(id="c2", name="apply_patch", arguments="*** Begin Patch", reply="r1"),
    t.Result(call_id="c1", text="Wall time: 1\nOutput:\nok", header=21, is_error=True),
    t.Compaction(trigger="auto", summary=None, tokens_before=900, kept=(1, 5)),
    t.Clear(call_ids=("c1",)),
    t.Reset(),
    t.Abort(),
    t.Resume(),
]


def lines_of(*traces):
    stream = io.BytesIO()
    for trace in traces:
        t.write_trace(trace, stream)
    return stream.getvalue()


def test_every_kind_of_event_is_read_back_as_it_was_written(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(lines_of(t.Trace(HEADER, EVENTS)))

    (session,) = open_sessions(path)

    assert session.trace == t.Trace(HEADER, EVENTS)
    assert session.report.is_clean
    assert {json.loads(line).get("kind") for line in path.read_bytes().splitlines()} == {
        None,
        *t.KINDS,
    }


def test_the_first_line_is_the_header():
    first = json.loads(lines_of(t.Trace(HEADER, [])))

    assert first == {
        "format": "clawvm-trace",
        "version": 1,
        "session": "s1",
        "source": {"format": "codex", "file": "a.jsonl"},
        "shape": "openai",
    }


def test_fields_at_their_default_are_left_out():
    line = t.encode_line(t.Result(call_id="c1", text="ok"))

    assert line == b'{"kind":"result","call_id":"c1","text":"ok"}\n'


def test_a_lone_surrogate_is_written_as_an_escape():
    assert t.encode_line(t.Thinking(text="\ud800")) == (b'{"kind":"thinking","text":"\\ud800"}\n')


def test_traces_may_follow_each_other_in_one_file(tmp_path):
    path = tmp_path / "all.jsonl"
    second = t.Header(session="s2", source=HEADER.source, shape="anthropic")
    path.write_bytes(lines_of(t.Trace(HEADER, EVENTS[:2]), t.Trace(second, EVENTS[:1])))

    sessions = list(open_sessions(path))

    assert [session.trace.header for session in sessions] == [HEADER, second]
    assert [session.name for session in sessions] == ["all", "all/s2"]
    assert [len(session.trace.events) for session in sessions] == [2, 1]


def test_unknown_kinds_are_counted_and_unknown_fields_passed_over(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_bytes(
        lines_of(t.Trace(HEADER, []))
        + b'{"kind":"telepathy","text":"?"}\n'
        + b'{"kind":"message","role":"user","text":"hi","mood":"good"}\n'
    )

    (session,) = open_sessions(path)

    assert session.trace.events == [t.Message(role="user", text="hi")]
    assert session.report.skipped == {"unknown kind 'telepathy'": 1}
    assert session.report.is_clean


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"kind":"message","role":"wizard","text":"hi"}', "not a message event"),
        ('{"kind":"message","role":"user"}', "not a message event"),
        ('{"kind":"result","call_id":"c9","text":""}', "result without a call"),
        ('{"kind":"result","call_id":"c1","text":"","header":3}', "result header longer"),
        ('{"kind":"result","call_id":"c1","text":"","header":-1}', "not a result event"),
        ('{"kind":"call","id":"c1","name":"x","arguments":{}}', "second call with the same id"),
        ('{"kind":"call","id":"c2","name":"x","arguments":[]}', "not a call event"),
        ('{"kind":"mess', "not JSON"),
    ],
)
def test_an_event_that_makes_no_sense_is_left_out_and_named(tmp_path, line, reason):
    path = tmp_path / "s.jsonl"
    call = t.Call(id="c1", name="x", arguments={})
    path.write_bytes(lines_of(t.Trace(HEADER, [call])) + line.encode())

    (session,) = open_sessions(path)

    assert session.trace.events == [call]
    ((found, tally),) = session.report.damaged.items()
    assert found.startswith(reason)
    assert tally.lines == [3]


def test_what_a_compaction_kept_is_counted_in_lines_and_found_behind_a_damaged_one(tmp_path):
    path = tmp_path / "s.jsonl"
    messages = [t.Message(role="user", text=text) for text in "abc"]
    lines = lines_of(t.Trace(HEADER, [*messages, t.Compaction(kept=(0, 1, 2, 7))])).splitlines()
    lines[2] = b'{"kind":"mess'
    path.write_bytes(b"\n".join(lines))

    (session,) = open_sessions(path)

    assert session.trace.events == [messages[0], messages[2], t.Compaction(kept=(0, 1))]


@pytest.mark.parametrize("version", ["2", "0", '"1"', "null", "true"])
def test_a_version_that_this_reader_does_not_know_is_refused(tmp_path, version):
    path = tmp_path / "s.jsonl"
    path.write_text(f'{{"format":"clawvm-trace","version":{version}}}')

    with pytest.raises(TraceInvalid, match=r"s\.jsonl:1: .*version"):
        list(open_sessions(path))


def test_the_documented_example_is_a_trace(tmp_path):
    page = Path(__file__).parents[2] / "docs" / "trace-format.md"
    example = page.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    path = tmp_path / "example.jsonl"
    path.write_text(example, encoding="utf-8")

    (session,) = open_sessions(path)

    assert len(session.trace.events) == 7
    assert session.report.is_clean
    assert not session.report.ignored
