"""Claude Code session files."""

import json

import pytest

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions


@pytest.fixture
def imported(tmp_path):
    def write(*lines):
        path = tmp_path / "session.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)))
        (session,) = open_sessions(path)
        return session

    return write


def line(kind, **fields):
    line.count += 1
    return {"type": kind, "uuid": f"u{line.count}", "sessionId": "s1", **fields}


line.count = 0


def user(content, **fields):
    return line("user", message={"role": "user", "content": content}, **fields)


def assistant(reply, *blocks, **usage):
    message = {"role": "assistant", "id": reply, "content": list(blocks), "usage": usage}
    return line("assistant", message=message)


def text(words):
    return {"type": "text", "text": words}


def tool_use(call_id, **arguments):
    return {"type": "tool_use", "id": call_id, "name": "Read", "input": arguments}


def tool_result(call_id, content, **fields):
    return user([{"type": "tool_result", "tool_use_id": call_id, "content": content, **fields}])


def test_the_format_is_detected_whatever_record_comes_first(tmp_path):
    path = tmp_path / "s.jsonl"
    path.write_text('{"type":"summary","summary":"x","leafUuid":"1"}\n' + json.dumps(user("hi")))

    assert detect(path) == "claude-code"


def test_the_header_names_session_file_and_shape(imported):
    header = imported(user("hi")).trace.header

    assert (header.session, header.shape) == ("s1", "anthropic")
    assert header.source == t.TraceSource("claude-code", "session.jsonl")


def test_lines_of_one_reply_share_its_id_and_count_its_prompt_once(imported):
    usage = {"input_tokens": 3, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 500}
    session = imported(
        user("hi"),
        assistant("m1", {"type": "thinking", "thinking": "hm", "signature": "s"}, **usage),
        assistant("m1", text("Looking."), **usage),
        assistant("m1", tool_use("c1", file_path="a.py"), **usage),
        tool_result("c1", "1 import os"),
    )

    assert session.trace.events == [
        t.Message(role="user", text="hi"),
        t.Thinking(text="hm", reply="m1", prompt_tokens=543),
        t.Message(role="assistant", text="Looking.", reply="m1"),
        t.Call(id="c1", name="Read", arguments={"file_path": "a.py"}, reply="m1"),
        t.Result(call_id="c1", text="1 import os"),
    ]


def test_result_blocks_that_are_not_text_are_kept_as_they_are(imported):
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "x"}}
    session = imported(
        assistant("m1", tool_use("c1")),
        tool_result("c1", [text("a"), image, text("b")], is_error=True),
    )

    assert session.trace.events[1] == t.Result(
        call_id="c1", text="a\nb", is_error=True, opaque=(image,)
    )


def test_records_that_bear_on_no_prompt_are_counted_by_reason(imported):
    session = imported(
        {"type": "file-history-snapshot", "messageId": "1"},
        user("hi"),
        user("from a sub-agent", isSidechain=True),
        line("progress", data={"type": "bash_progress"}),
        line("progress", data={"type": "bash_progress"}),
        line("system", subtype="turn_duration"),
        user("seen by the user only", isVisibleInTranscriptOnly=True),
        line("assistant", isApiErrorMessage=True, message={"content": [text("API error")]}),
    )

    assert session.trace.events == [t.Message(role="user", text="hi")]
    assert session.report.is_clean
    assert session.report.skipped == {
        "file-history-snapshot record": 1,
        "line of a sub-agent": 1,
        "progress record": 2,
        "system record turn_duration": 1,
        "line shown in the transcript only": 1,
        "API error shown to the user": 1,
    }
    assert session.report.ignored["progress record"].lines == [4, 5]


def test_a_compaction_takes_its_summary_from_the_line_behind_it(imported):
    session = imported(
        line(
            "system",
            subtype="compact_boundary",
            compactMetadata={"trigger": "manual", "preTokens": 167081},
        ),
        user("So far: ...", isCompactSummary=True, isVisibleInTranscriptOnly=True),
        user("go on"),
    )

    assert session.trace.events == [
        t.Compaction(trigger="manual", summary="So far: ...", tokens_before=167081, kept=()),
        t.Message(role="user", text="go on"),
    ]


@pytest.mark.parametrize(
    "kept",
    [
        {
            "preservedMessages": {
                "uuids": ["kept-2", "kept-3", "kept-9"],
                "allUuids": ["kept-1", "kept-2", "kept-3"],
            }
        },
        {"preservedSegment": {"headUuid": "kept-2", "anchorUuid": "kept-4", "tailUuid": "kept-3"}},
    ],
)
def test_a_compaction_of_a_newer_version_names_what_it_preserved(imported, kept):
    session = imported(
        user("a", uuid="kept-1"),
        {**assistant("m1", text("b"), tool_use("c1")), "uuid": "kept-2"},
        {**tool_result("c1", "long"), "uuid": "kept-3"},
        line("system", subtype="compact_boundary", compactMetadata={"trigger": "auto", **kept}),
    )

    assert session.trace.events[-1] == t.Compaction(trigger="auto", kept=(1, 2, 3))


def test_microcompaction_clears_the_results_it_names(imported):
    session = imported(
        assistant("m1", tool_use("c1")),
        tool_result("c1", "long"),
        line(
            "system",
            subtype="microcompact_boundary",
            microcompactMetadata={"compactedToolIds": ["c1", "unknown"]},
        ),
    )

    assert session.trace.events[-1] == t.Clear(call_ids=("c1",))


def test_clear_is_a_reset(imported):
    command = "<command-name>/clear</command-name>"

    kinds = [type(event) for event in imported(user(command), user("hi")).trace.events]

    assert kinds == [t.Reset, t.Message, t.Message]


def test_a_user_who_writes_about_clear_resets_nothing(imported):
    session = imported(user("what does <command-name>/clear</command-name> do?"))

    assert [type(event) for event in session.trace.events] == [t.Message]


def test_an_interruption_is_an_abort_and_its_message_is_kept(imported):
    session = imported(user([text("[Request interrupted by user for tool use]")]))

    assert [type(event) for event in session.trace.events] == [t.Abort, t.Message]


def test_a_session_opened_again_is_one_resume(imported):
    hook = {"type": "hook_progress", "hookName": "SessionStart:resume"}

    events = imported(line("progress", data=hook), line("progress", data=hook)).trace.events

    assert events == [t.Resume()]


def test_messages_made_by_the_harness_say_what_they_are(imported):
    session = imported(
        user("Base directory for this skill", isMeta=True),
        line(
            "attachment",
            attachment={"type": "edited_text_file", "filename": "a.py", "snippet": "1"},
        ),
        line("attachment", attachment={"type": "queued_command", "prompt": "and then?"}),
        line("attachment", attachment={"type": "hook_cancelled", "hookName": "Stop"}),
    )

    assert session.trace.events == [
        t.Message(role="user", text="Base directory for this skill", origin="instructions"),
        t.Message(role="user", text="a.py\n1", origin="attachment"),
        t.Message(role="user", text="and then?"),
    ]


def test_a_line_written_twice_counts_once(imported):
    once = user("hi")

    session = imported(once, once)

    assert len(session.trace.events) == 1
    assert session.report.damaged["line written twice (same uuid)"].lines == [2]


def test_scrubbed_ids_are_paired_by_position(imported):
    session = imported(
        assistant("m1", tool_use("REDACTED", n="1"), tool_use("REDACTED", n="2")),
        tool_result("REDACTED", "first"),
        tool_result("REDACTED", "second"),
    )

    calls, results = session.trace.events[:2], session.trace.events[2:]
    assert [call.id for call in calls] == [result.call_id for result in results]
    assert len({call.id for call in calls}) == 2
    assert not any("REDACTED" in call.id for call in calls)


def test_an_id_used_again_in_a_later_reply_is_another_call(imported):
    session = imported(
        assistant("m1", tool_use("c1", n="1")),
        user("[Request interrupted by user]"),
        assistant("m2", tool_use("c1", n="2")),
        tool_result("c1", "of the second"),
    )

    calls = [event for event in session.trace.events if isinstance(event, t.Call)]
    assert session.trace.events[-1].call_id == calls[1].id != calls[0].id
    assert session.report.mended["call id used before, numbered"].lines == [3]
