"""Gemini CLI chats."""

import json

import pytest
from hand_runs import GEMINI, gemini_call, gemini_chat

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions

HEADER = {"sessionId": "s-1", "projectHash": "ab12", "kind": "main"}


@pytest.fixture
def imported(tmp_path):
    def write(*values):
        path = tmp_path / "session.json"
        path.write_text("\n".join(map(json.dumps, values)))
        assert detect(path) == "gemini-cli"
        (session,) = open_sessions(path)
        return session

    return write


def user(text, **fields):
    return {"type": "user", "content": text, **fields}


def reply(text="", **fields):
    return {"type": "gemini", "content": text, **fields}


def texts(session):
    return [event.text for event in session.trace.events]


def test_a_chat_becomes_events(imported):
    session = imported(GEMINI)
    at = "2026-01-01T00:00:00Z"
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBO"}}

    assert session.trace.events == [
        t.Message(role="user", text="Fix @app.py", opaque=(image,)),
        t.Message(
            role="user",
            text="\n--- Content from referenced files ---\nimport yaml",
            origin="attachment",
        ),
        t.Thinking(text="Plan\nRead it.", reply="m2", prompt_tokens=900, at=at),
        t.Message(role="assistant", text="Looking.", reply="m2", at=at),
        t.Call(id="c1", name="read_file", arguments={"file_path": "a"}, reply="m2"),
        t.Result(call_id="c1", text="text"),
        t.Call(id="c2", name="shell", arguments={"command": "x"}, reply="m2"),
        t.Result(call_id="c2", text="no", is_error=True),
        t.Message(role="assistant", text="Done.", reply="m3"),
    ]
    assert session.report.is_clean
    assert session.report.lines == 4
    assert session.report.skipped == {"info message, for the user only": 1}


def test_the_header_names_session_and_format(imported):
    header = imported(GEMINI).trace.header

    assert (header.session, header.shape) == ("s-1", "openai")
    assert header.source == t.TraceSource("gemini-cli", "session.json")


def test_a_result_belongs_to_the_call_of_its_record_whatever_the_ids(imported):
    calls = [
        {"name": "f", "args": {"n": 1}},
        gemini_call(None, "f", {"n": 2}, {"output": "two"}),
        gemini_call("same", "f", {"n": 3}, {"output": "three"}),
        gemini_call("same", "f", {"n": 4}, {"output": "four"}),
    ]

    session = imported(gemini_chat(user("hi"), reply(toolCalls=calls)))

    arguments = {e.id: e.arguments["n"] for e in session.trace.events if isinstance(e, t.Call)}
    results = [e for e in session.trace.events if isinstance(e, t.Result)]
    assert len(arguments) == 4
    assert [(arguments[e.call_id], e.text) for e in results] == [
        (2, "two"),
        (3, "three"),
        (4, "four"),
    ]


def test_a_call_without_a_result_was_interrupted(imported):
    call = {"id": "c", "name": "f", "args": {}, "status": "cancelled"}

    session = imported(gemini_chat(user("hi"), reply(toolCalls=[call])))

    assert session.trace.events[1:] == [t.Call(id="c", name="f", arguments={}, reply="m1")]
    assert session.report.is_clean


def test_a_cancelled_call_with_a_result_failed(imported):
    call = gemini_call("c", "f", {}, {"output": "stopped"}, status="cancelled")

    session = imported(gemini_chat(user("hi"), reply(toolCalls=[call])))

    assert session.trace.events[2] == t.Result(call_id="c", text="stopped", is_error=True)


def test_a_structured_response_is_shown_as_json(imported):
    call = gemini_call("c", "f", {}, {"temperature": 4, "unit": "°C"})

    session = imported(gemini_chat(user("hi"), reply(toolCalls=[call])))

    assert session.trace.events[2].text == '{"temperature": 4, "unit": "°C"}'


def test_of_the_responses_of_parallel_calls_each_takes_its_own(imported):
    calls = [gemini_call("a", "f", {}, {"output": "A"}), gemini_call("b", "f", {}, {"output": "B"})]
    both = [part for call in calls for part in call["result"]]
    calls = [{**call, "result": both} for call in calls]

    session = imported(gemini_chat(user("hi"), reply(toolCalls=calls)))

    assert [e.text for e in session.trace.events if isinstance(e, t.Result)] == ["A", "B"]


def test_an_image_in_a_result_is_counted(imported):
    call = gemini_call("c", "f", {}, {"output": "seen"})
    call["result"].append({"inlineData": {"mimeType": "image/png", "data": "x"}})

    session = imported(gemini_chat(user("hi"), reply(toolCalls=[call])))

    assert session.trace.events[2].text == "seen"
    assert [tally.lines for tally in session.report.damaged.values()] == [[2]]


def test_a_compressed_history_is_a_compaction(imported):
    session = imported(
        gemini_chat(
            user("hi"),
            reply("ho", tokens={"input": 90_000}),
            user([{"text": "<state_snapshot>All is well.</state_snapshot>"}]),
            reply("Got it."),
        )
    )

    assert session.trace.events[2] == t.Compaction(
        summary="<state_snapshot>All is well.</state_snapshot>", tokens_before=90_000
    )


class TestLines:
    def test_a_message_that_was_written_again_counts_as_it_stood_at_the_end(self, imported):
        session = imported(
            HEADER,
            user("hi", id="1"),
            reply("Look", id="2"),
            user("more", id="3"),
            {"$set": {"lastUpdated": "now"}},
            reply("Looking.", id="2"),
        )

        assert texts(session) == ["hi", "Looking.", "more"]
        assert session.trace.header.session == "s-1"
        assert session.report.is_clean

    def test_what_was_rewound_is_gone(self, imported):
        session = imported(
            HEADER,
            user("hi", id="1"),
            reply("ho", id="2"),
            user("wrong", id="3"),
            {"$rewindTo": "3"},
            user("right", id="4"),
        )

        assert texts(session) == ["hi", "ho", "right"]

    def test_a_rewind_to_an_unknown_message_drops_nothing(self, imported):
        session = imported(HEADER, user("hi", id="1"), {"$rewindTo": "9"})

        assert texts(session) == ["hi"]

    def test_of_a_history_that_was_set_only_what_is_new_is_taken(self, imported):
        masked = user("[masked]", id="1")
        context = user("context", id="0")

        session = imported(
            HEADER,
            {"$set": {"messages": [context]}},
            user("hi", id="1"),
            reply("ho", id="2"),
            {"$set": {"messages": [masked, user("new", id="3")]}},
        )

        assert texts(session) == ["context", "hi", "ho", "new"]

    def test_calls_and_results_inside_a_content_are_told_by_the_record_of_the_calls(self, imported):
        call = gemini_call("c", "f", {}, {"output": "x"})
        asked = reply([{"text": "hm", "thought": True}, {"functionCall": {"name": "f"}}], id="2")

        session = imported(
            HEADER, user("hi", id="1"), {**asked, "toolCalls": [call]}, user(call["result"], id="3")
        )

        assert [type(event) for event in session.trace.events] == [t.Message, t.Call, t.Result]

    def test_a_damaged_line_is_counted_where_it_stands(self, imported, tmp_path):
        path = tmp_path / "s.jsonl"
        lines = [json.dumps(HEADER), json.dumps(user("hi", id="1")), '{"cut', "[1]"]
        path.write_text("\n".join(lines))

        (session,) = open_sessions(path)

        assert texts(session) == ["hi"]
        assert [tally.lines for tally in session.report.damaged.values()] == [[3], [4]]
