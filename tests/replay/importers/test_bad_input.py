"""Files that are broken: an error that names the place, or a counted skip; never a crash."""

import json
import os

import pytest

from clawvm.errors import TraceInvalid
from clawvm.replay.importers import detect, open_sessions

GOOD = {"role": "user", "content": "hi"}


@pytest.fixture
def session(tmp_path):
    def write(*lines):
        path = tmp_path / "chat.jsonl"
        raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
        path.write_bytes(b"\n".join(raw))
        (found,) = open_sessions(path)
        return found

    return write


def texts(session):
    return [event.text for event in session.trace.events]


@pytest.mark.parametrize(
    "line",
    [
        b'{"role": "user", "content": "cut o',
        b"<html>",
        b"\x00" * 4096,
        b'{"role": "user", "content": ' + b"[" * 100_000,
        b'{"a":' * 50_000,
        b"[1, 2, 3]",
        b"42",
        b"null",
    ],
    ids=["truncated", "html", "nul", "deep-list", "deep-object", "list", "number", "null"],
)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_damaged_line_is_counted_where_it_stands(session, line, place):
    lines = [GOOD, GOOD]
    lines.insert(place, line)

    found = session(*lines)

    assert texts(found) == ["hi", "hi"]
    ((_, tally),) = found.report.damaged.items()
    assert tally.lines == [place + 1]


@pytest.mark.parametrize(
    ("line", "text", "reason"),
    [
        (b'{"role": "user", "content": "caf\xe9"}', "caf\ufffd", "not UTF-8"),
        (b'{"role": "user", "content": "a\\ud800b"}', "a\ufffdb", "lone surrogates"),
        (b'{"role": "user", "content": "\\udc00\\ud83d\\ude00"}', "\ufffd\U0001f600", "surrogates"),
        (b'{"role": "user", "content": "a\x00b\x01"}', "a\x00b\x01", "control characters"),
        (b'{"role": "user", "content": "a", "n": NaN}', "a", "numbers"),
        (b'{"role": "user", "content": "a", "n": 1e999}', "a", "numbers"),
        (b'{"role": "user", "content": "a", "n": ' + b"9" * 10_000 + b"}", "a", "numbers"),
    ],
    ids=["latin-1", "surrogate", "half-a-pair", "control", "nan", "infinity", "huge-int"],
)
def test_what_can_be_mended_is_kept_and_counted(session, line, text, reason):
    found = session(line, GOOD)

    assert texts(found) == [text, "hi"]
    ((sentence, tally),) = found.report.mended.items()
    assert reason in sentence
    assert tally.lines == [1]


def test_escaped_nul_characters_are_text(session):
    assert texts(session(b'{"role": "user", "content": "a\\u0000b"}')) == ["a\x00b"]


def test_numbers_that_are_too_large_are_kept_digit_by_digit(session):
    digits = "9" * 10_000
    arguments = f'{{"n": {digits}, "m": {2**70}}}'
    call = {"id": "c", "function": {"name": "f", "arguments": arguments}}

    found = session({"role": "assistant", "tool_calls": [call]})

    assert found.trace.events[0].arguments == {"n": digits, "m": 2**70}


def test_arguments_nested_too_deeply_stay_text(session):
    arguments = '{"a":' + "[" * 500 + "]" * 500 + "}"
    call = {"id": "c", "function": {"name": "f", "arguments": arguments}}

    found = session({"role": "assistant", "tool_calls": [call]})

    assert found.trace.events[0].arguments == arguments


def test_a_byte_order_mark_is_passed_over(session):
    assert texts(session(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())) == ["hi"]


def test_a_line_of_many_megabytes(session):
    text = "x" * 8_000_000

    assert texts(session({"role": "user", "content": text}, GOOD)) == [text, "hi"]


def test_a_long_run_of_tiny_messages(session):
    found = session(*([GOOD] * 20_000))

    assert len(found.trace.events) == 20_000
    assert found.report.lines == 20_000


def test_a_report_reads_like_a_sentence(session):
    found = session(GOOD, *([b"{"] * 7))

    assert str(found.report).splitlines() == [
        "8 lines read, 1 events",
        "  damaged: not JSON (Expecting property name enclosed in double quotes at column 2): "
        "7 (lines 2, 3, 4, 5, 6, ...)",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (b"\xef\xbb\xbf", "the file is empty"),
        (json.dumps(GOOD).encode("utf-16"), "expected UTF-8 text, found UTF-16; convert it"),
        (json.dumps(GOOD).encode("utf-16-le"), "found UTF-16"),
        (json.dumps([GOOD]).encode("utf-16-be"), "found UTF-16"),
        (b"\x1f\x8b\x08\x00rest", "found gzip; unpack it first"),
        (b"# Notes\n\nSome text.\n", "x.jsonl:1: not JSON"),
        (b'{"role": "user", "content": "cut o', "x.jsonl:1: not JSON"),
        (json.dumps([GOOD, GOOD], indent=1).encode()[:-20], "is the file cut off"),
        (b"[]", "found a JSON list of 0"),
        (b"{}", "found an empty JSON object"),
        (b'"text"', "found a JSON value of type str"),
        (b'{"type": [], "payload": 3}', "found JSON objects with the keys 'type', 'payload'"),
        (b"[" * 100_000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_session_is_refused_with_what_was_found(tmp_path, content, message):
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)

    for attempt in (detect, lambda path: list(open_sessions(path))):
        with pytest.raises(TraceInvalid) as caught:
            attempt(path)
        assert str(path) in str(caught.value)
        assert message in str(caught.value)


def test_a_directory_is_refused(tmp_path):
    with pytest.raises(TraceInvalid, match="is a directory"):
        detect(tmp_path)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(TraceInvalid, match="No such file"):
        detect(tmp_path / "none.jsonl")


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser reads every file"
)
def test_an_unreadable_file_is_refused(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text("{}")
    path.chmod(0)

    with pytest.raises(TraceInvalid, match="cannot be read"):
        detect(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)

    with pytest.raises(TraceInvalid, match="expected a regular file"):
        detect(path)
