"""GitHub Copilot CLI event logs."""

import json

import pytest

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions


@pytest.fixture
def imported(tmp_path):
    def write(*lines):
        path = tmp_path / "events.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)))
        assert detect(path) == "copilot-cli"
        (session,) = open_sessions(path)
        return session

    return write


def event(kind, /, agentId=None, **data):  # noqa: N803 (the name that the format has)
    line = {"type": kind, "data": data}
    return line if agentId is None else {**line, "agentId": agentId}


def reply(name, content="", *calls, **data):
    requests = [{"toolCallId": call, "name": "bash", "arguments": {"n": call}} for call in calls]
    return event(
        "assistant.message", messageId=name, content=content, toolRequests=requests, **data
    )


def done(call, content, **data):
    return event(
        "tool.execution_complete",
        toolCallId=call,
        success=True,
        result={"content": content, "detailedContent": "for the screen"},
        **data,
    )


def test_a_session_from_the_system_prompt_to_the_last_word(imported):
    session = imported(
        event("session.start", sessionId="s1", copilotVersion="1.0.64"),
        event("system.message", role="system", content="You are the Copilot CLI."),
        event("user.message", content="hi", transformedContent="<now>12:00</now>\n\nhi"),
        event("assistant.turn_start", turnId="0"),
        reply("m1", "Let me look.", "c1", "c2", reasoningText="hm"),
        done("c2", "second"),
        done("c1", "first"),
        reply("m2", "Done."),
    )

    assert session.trace.header.session == "s1"
    assert session.trace.header.shape == "openai"
    assert session.trace.events == [
        t.Message(role="system", text="You are the Copilot CLI."),
        t.Message(role="user", text="<now>12:00</now>\n\nhi"),
        t.Thinking(text="hm", reply="m1"),
        t.Message(role="assistant", text="Let me look.", reply="m1"),
        t.Call(id="c1", name="bash", arguments={"n": "c1"}, reply="m1"),
        t.Call(id="c2", name="bash", arguments={"n": "c2"}, reply="m1"),
        t.Result(call_id="c2", text="second"),
        t.Result(call_id="c1", text="first"),
        t.Message(role="assistant", text="Done.", reply="m2"),
    ]
    assert session.report.skipped == {"assistant.turn_start event": 1}


def test_messages_of_one_answer_of_the_service_are_one_reply(imported):
    session = imported(reply("m1", "a", apiCallId="r1"), reply("m2", "b", apiCallId="r1"))

    assert {event.reply for event in session.trace.events} == {"r1"}


def test_a_tool_that_failed_shows_its_error(imported):
    session = imported(
        reply("m1", "", "c1"),
        event(
            "tool.execution_complete", toolCallId="c1", success=False, error={"message": "stopped"}
        ),
    )

    assert session.trace.events[-1] == t.Result(call_id="c1", text="stopped", is_error=True)


@pytest.mark.parametrize(
    "line",
    [
        reply("m9", "of a sub-agent", parentToolCallId="c1"),
        done("c9", "of a sub-agent", parentToolCallId="c1"),
        event("system.message", agentId="a1", content="of a sub-agent"),
        event("session.compaction_complete", agentId="a1", success=True),
    ],
)
def test_what_a_sub_agent_did_is_left_out(imported, line):
    session = imported(event("user.message", content="hi"), line)

    assert [e.text for e in session.trace.events] == ["hi"]
    assert session.report.skipped == {"event of a sub-agent": 1}


def test_hooks_repeat_what_is_known(imported):
    session = imported(
        event("hook.start", hookType="preToolUse", input={"toolArgs": "x"}), event("hook.end")
    )

    assert session.trace.events == []
    assert session.report.skipped == {"hook.start event": 1, "hook.end event": 1}


def test_what_the_harness_said_by_itself_is_an_attachment(imported):
    session = imported(
        event("system.notification", content="the shell has ended"),
        event("user.message", content="how to read PDF", source="skill-pdf"),
        event("user.message", content="go on", isAutopilotContinuation=True),
        event("user.message", content="typed", source="user"),
    )

    assert [e.origin for e in session.trace.events] == [*["attachment"] * 3, None]


def test_a_tool_that_the_user_ran_is_left_out_with_its_result(imported):
    session = imported(
        event("tool.user_requested", toolCallId="c1", toolName="bash"), done("c1", "a.py")
    )

    assert session.trace.events == []
    assert session.report.is_clean


def test_a_compaction_keeps_what_was_said_while_it_ran(imported):
    session = imported(
        event("user.message", content="a"),
        event("session.compaction_start", conversationTokens=90_000),
        reply("m1", "meanwhile", "c1", reasoningText="hm"),
        done("c1", "x"),
        event(
            "session.compaction_complete",
            success=True,
            preCompactionTokens=101_000,
            summaryContent="So far",
        ),
    )

    assert session.trace.events[-1] == t.Compaction(
        summary="So far", tokens_before=101_000, kept=(2, 3, 4)
    )


@pytest.mark.parametrize(
    ("data", "trigger"),
    [({}, None), ({"trigger": "auto"}, "auto"), ({"customInstructions": "the tests"}, "manual")],
)
def test_a_compaction_tells_who_asked_for_it_where_that_was_recorded(imported, data, trigger):
    session = imported(event("session.compaction_complete", success=True, **data))

    assert session.trace.events == [t.Compaction(trigger=trigger)]


def test_a_compaction_that_failed_changed_nothing(imported):
    session = imported(
        event("session.compaction_start"),
        event("session.compaction_complete", success=False, error="timeout"),
    )

    assert session.trace.events == []


def test_truncation_is_a_compaction_without_a_summary(imported):
    session = imported(
        event("session.truncation", preTruncationTokensInMessages=130_000, tokenLimit=128_000)
    )

    assert session.trace.events == [t.Compaction(trigger="auto", tokens_before=130_000)]


def test_resume_clear_and_abort(imported):
    session = imported(
        event("session.resume"), event("session.context_cleared"), event("abort", reason="user")
    )

    assert session.trace.events == [t.Resume(), t.Reset(), t.Abort()]


def test_the_system_prompt_is_read_once(imported):
    system = event("system.message", role="system", content="You are the Copilot CLI.")
    session = imported(system, event("session.resume"), system)

    assert [type(event) for event in session.trace.events] == [t.Message, t.Resume]
    assert session.report.skipped == {"system message written again": 1}


def test_damage_is_counted_with_its_line(imported):
    session = imported(
        event("user.message", content="hi"),
        {"type": "abort", "data": 3},
        {"type": ["abort"], "data": {}},
        event("assistant.message", content="a", toolRequests=["x"]),
        event("tool.execution_complete", toolCallId=["c"], success=True),
    )

    assert [e.text for e in session.trace.events] == ["hi", "a"]
    assert {reason: tally.lines for reason, tally in session.report.damaged.items()} == {
        "line without data": [2],
        "tool call without a name": [4],
        "result without a call": [5],
    }
