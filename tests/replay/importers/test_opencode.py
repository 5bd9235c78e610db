"""OpenCode exports."""

import json

import pytest

from clawvm.replay import trace as t
from clawvm.replay.blocks import turns_of
from clawvm.replay.importers import detect, open_sessions


@pytest.fixture
def imported(tmp_path):
    def write(*messages, info=None):
        path = tmp_path / "export.json"
        export = {"info": {"id": "ses_1", **(info or {})}, "messages": messages}
        path.write_text(json.dumps(export, indent=2))
        assert detect(path) == "opencode"
        (session,) = open_sessions(path)
        return session

    return write


def user(*parts, **info):
    return {"info": {"role": "user", "id": "u", **info}, "parts": list(parts)}


def assistant(name, *parts, **info):
    return {"info": {"role": "assistant", "id": name, **info}, "parts": list(parts)}


def text(words, **fields):
    return {"type": "text", "text": words, **fields}


def tool(call, *, status="completed", name="read", **state):
    state = {"status": status, "input": {"filePath": "a.py"}, **state}
    return {"type": "tool", "callID": call, "tool": name, "state": state}


def step(size):
    return {"type": "step-finish", "tokens": {"input": size, "cache": {"read": 0, "write": 0}}}


def outputs(session):
    return {e.call_id: e.text for e in session.trace.events if isinstance(e, t.Result)}


STEP = {"type": "step-start"}


def test_a_reply_is_one_message_with_its_calls_and_their_results_behind_it(imported):
    session = imported(
        user(text("fix it")),
        assistant(
            "m1",
            STEP,
            {"type": "reasoning", "text": "hm"},
            text("Let me look."),
            tool("c1", output="1 import yaml"),
            tool("c2", output="no such file", status="error", error="no such file"),
            step(900),
        ),
    )

    assert session.trace.header.session == "ses_1"
    assert session.trace.header.shape == "anthropic"
    assert session.trace.events == [
        t.Message(role="user", text="fix it"),
        t.Thinking(text="hm", reply="m1", prompt_tokens=900),
        t.Message(role="assistant", text="Let me look.", reply="m1"),
        t.Call(id="c1", name="read", arguments={"filePath": "a.py"}, reply="m1"),
        t.Call(id="c2", name="read", arguments={"filePath": "a.py"}, reply="m1"),
        t.Result(call_id="c1", text="1 import yaml"),
        t.Result(call_id="c2", text="no such file", is_error=True),
    ]


def test_the_prompt_size_counts_what_came_from_the_cache(imported):
    tokens = {"input": 3, "output": 9, "cache": {"read": 100, "write": 20}}

    session = imported(user(text("hi")), assistant("m1", text("a"), tokens=tokens))

    assert session.trace.events[1].prompt_tokens == 123


def test_several_requests_in_one_message_are_several_replies(imported):
    session = imported(
        user(text("hi")),
        assistant("m1", STEP, tool("c1", output="x"), step(10), STEP, text("done"), step(20)),
    )

    _, call, result, reply = session.trace.events
    assert (call.reply, call.prompt_tokens) == ("m1", 10)
    assert (reply.reply, reply.prompt_tokens) == ("m1.1", 20)
    assert result.call_id == "c1"
    assert [turn.request for turn in turns_of(session.trace) if turn.outputs] == [0, 1]


def test_scrubbed_ids_pair_by_position(imported):
    session = imported(
        assistant(
            "m1",
            tool("REDACTED", status="running"),
            tool("REDACTED", output="second"),
            tool("REDACTED", output="third"),
        ),
        assistant("m2", tool("REDACTED", output="fourth")),
    )

    calls = [event.id for event in session.trace.events if isinstance(event, t.Call)]
    assert len(set(calls)) == 4
    assert outputs(session) == {calls[1]: "second", calls[2]: "third", calls[3]: "fourth"}
    assert session.report.mended["scrubbed call id, numbered"].count == 4


@pytest.mark.parametrize("status", ["pending", "running"])
def test_a_call_that_did_not_end_has_no_result(imported, status):
    session = imported(assistant("m1", tool("c1", status=status)))

    assert [type(event) for event in session.trace.events] == [t.Call]


def test_an_interrupted_tool_keeps_what_it_had_put_out(imported):
    details = {"interrupted": True, "output": "half of it"}
    session = imported(
        assistant("m1", tool("c1", status="error", error="Aborted", metadata=details))
    )

    assert session.trace.events[1] == t.Result(call_id="c1", text="half of it")


def test_pruned_outputs_are_cleared_before_the_first_message_after_it(imported):
    session = imported(
        user(text("a"), time={"created": 100}),
        assistant(
            "m1",
            tool("REDACTED", output="x", time={"compacted": 150}),
            tool("c2", output="y"),
            tool("c3", output="z", time={"compacted": 151}),
            time={"created": 110},
        ),
        assistant("m2", text("done"), time={"created": 140}),
        user(text("b"), time={"created": 200}),
        assistant("m3", text("still there"), time={"created": 210}),
    )

    first = session.trace.events[1].id
    place = session.trace.events.index(t.Clear(call_ids=(first, "c3"), at="200"))
    assert session.trace.events[place + 1].text == "b"
    assert outputs(session)[first] == "x"


def test_what_was_pruned_at_the_very_end_is_cleared_there(imported):
    session = imported(assistant("m1", tool("c1", output="x", time={"compacted": 150})))

    assert session.trace.events[-1] == t.Clear(call_ids=("c1",))


def test_a_compaction_is_the_request_for_a_summary_and_the_summary(imported):
    session = imported(
        user(text("a")),
        assistant("m1", text("b"), step(98_000)),
        user({"type": "compaction", "auto": True}, id="u2"),
        assistant("m2", text("So far: ..."), step(90_000), summary=True, agent="compaction"),
        user(text("Continue if you have next steps", synthetic=True)),
    )

    assert session.trace.events[2:] == [
        t.Compaction(trigger="auto", summary="So far: ...", tokens_before=98_000, kept=()),
        t.Message(role="user", text="Continue if you have next steps", origin="attachment"),
    ]
    assert session.report.is_clean


def test_a_compaction_that_keeps_a_tail_names_its_events(imported):
    session = imported(
        user(text("a"), id="u1"),
        assistant("m1", text("b")),
        user(text("c"), id="u2"),
        assistant("m2", {"type": "reasoning", "text": ""}, text("d")),
        user({"type": "compaction", "auto": False, "tail_start_id": "u2"}, id="u3"),
        assistant("m3", text("So far: ..."), summary=True),
    )

    compaction = session.trace.events[-1]
    assert compaction.trigger == "manual"
    assert [session.trace.events[place].text for place in compaction.kept] == ["c", "d"]


def test_a_summary_that_failed_compacted_nothing(imported):
    session = imported(
        user({"type": "compaction", "auto": True}),
        assistant("m1", text("So f"), summary=True, error={"name": "APIError"}),
    )

    assert session.trace.events == []
    assert session.report.skipped == {"request for a summary": 1, "reply that failed": 1}


def test_an_aborted_reply_stays_and_is_followed_by_an_abort(imported):
    session = imported(
        assistant("m1", text("I was about"), error={"name": "MessageAbortedError"}),
    )

    assert session.trace.events == [
        t.Message(role="assistant", text="I was about", reply="m1"),
        t.Abort(),
    ]


def test_what_the_harness_added_to_a_message_is_an_attachment(imported):
    session = imported(
        user(
            text("look at @a.py"),
            {"type": "file", "mime": "text/plain", "url": "file:///a.py"},
            text("Called the Read tool", synthetic=True),
            text("1 import yaml", synthetic=True),
            text("for the screen only", ignored=True),
        ),
        user({"type": "subtask", "prompt": "for the sub-agent"}),
    )

    assert session.trace.events == [
        t.Message(role="user", text="look at @a.py"),
        t.Message(role="user", text="Called the Read tool\n1 import yaml", origin="attachment"),
        t.Message(
            role="user", text="The following tool was executed by the user", origin="attachment"
        ),
    ]


def test_images_of_users_and_of_results_take_their_anthropic_form(imported):
    image = {"type": "file", "mime": "image/png", "url": "data:image/png;base64,eHh4"}
    session = imported(
        user(image), assistant("m1", tool("c1", output="an image", attachments=[image]))
    )

    source = {"type": "base64", "media_type": "image/png", "data": "eHh4"}
    assert session.trace.events[0].opaque == ({"type": "image", "source": source},)
    assert session.trace.events[2].opaque == ({"type": "image", "source": source},)


def test_messages_that_the_user_undid_are_left_out(imported):
    session = imported(
        user(text("a"), id="u1"),
        assistant("m1", text("b")),
        user(text("c"), id="u2"),
        assistant("m2", text("d")),
        info={"revert": {"messageID": "u2"}},
    )

    assert [event.text for event in session.trace.events] == ["a", "b"]
    assert session.report.ignored["message that the user undid"].lines == [3, 4]


def test_damage_is_counted_with_the_number_of_its_message(imported):
    session = imported(
        user(text("a")),
        "nonsense",
        {"info": {"role": "user"}},
        {"info": {"role": "robot"}, "parts": []},
        user("not a part", text("b")),
    )

    assert [event.text for event in session.trace.events] == ["a", "b"]
    assert {reason: tally.lines for reason, tally in session.report.damaged.items()} == {
        "not a JSON object": [2],
        "message without info or parts": [3],
        "unknown role 'robot'": [4],
        "a part that is not an object": [5],
    }


def test_exports_one_a_line_are_several_sessions(tmp_path):
    path = tmp_path / "all.jsonl"
    exports = [{"info": {"id": f"ses_{n}"}, "messages": [user(text(str(n)))]} for n in (1, 2)]
    path.write_text("\n".join([json.dumps(exports[0]), "{cut", json.dumps(exports[1])]))

    first, second = open_sessions(path)

    assert [first.name, second.name] == ["all/ses_1", "all/ses_2"]
    assert [event.text for event in second.trace.events] == ["2"]
    assert first.report.is_clean
    assert len(second.report.damaged) == 1
