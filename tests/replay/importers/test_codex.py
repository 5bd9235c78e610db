"""Codex rollout files."""

import json

import pytest

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions


@pytest.fixture
def imported(tmp_path):
    def write(*lines):
        path = tmp_path / "rollout.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)))
        assert detect(path) == "codex"
        (session,) = open_sessions(path)
        return session

    return write


def item(kind, **fields):
    return {"type": "response_item", "payload": {"type": kind, **fields}}


def event(kind, **fields):
    return {"type": "event_msg", "payload": {"type": kind, **fields}}


def message(role, *texts):
    kind = "output_text" if role == "assistant" else "input_text"
    return item("message", role=role, content=[{"type": kind, "text": text} for text in texts])


def token_count(size):
    return event("token_count", info={"last_token_usage": {"input_tokens": size}})


META = {
    "type": "session_meta",
    "payload": {"id": "s1", "base_instructions": {"text": "You are Codex."}},
}


def test_the_system_prompt_comes_first_and_parts_of_a_message_are_joined(imported):
    session = imported(META, message("developer", "a", "b"), message("user", "hi"))

    assert session.trace.header.session == "s1"
    assert session.trace.header.shape == "openai"
    assert session.trace.events == [
        t.Message(role="system", text="You are Codex."),
        t.Message(role="developer", text="a\nb"),
        t.Message(role="user", text="hi"),
    ]


def test_calls_of_every_kind(imported):
    session = imported(
        item("function_call", name="shell", arguments='{"command":"ls"}', call_id="c1"),
        item("custom_tool_call", name="apply_patch", input="*** Begin Patch", call_id="c2"),
        item("tool_search_call", arguments={"query": "x"}, call_id="c3"),
        item("web_search_call", status="completed", id="ws1", action={"query": "y"}),
        item("function_call_output", call_id="c1", output="a.py"),
        item("custom_tool_call_output", call_id="c2", output="done"),
        item("tool_search_output", call_id="c3", tools=[{"name": "t"}]),
    )

    assert session.trace.events == [
        t.Call(id="c1", name="shell", arguments={"command": "ls"}),
        t.Call(id="c2", name="apply_patch", arguments="*** Begin Patch"),
        t.Call(id="c3", name="tool_search", arguments={"query": "x"}),
        t.Call(id="ws1", name="web_search", arguments={"query": "y"}),
        t.Result(call_id="c1", text="a.py"),
        t.Result(call_id="c2", text="done"),
        t.Result(call_id="c3", text='[{"name": "t"}]'),
    ]


@pytest.mark.parametrize(
    ("header", "is_error"),
    [
        ("Exit code: 0\nWall time: 0.1 seconds\nOutput:\n", False),
        ("Exit code: 1\nWall time: 0 seconds\nTotal output lines: 1024\nOutput:\n", True),
        (
            "Chunk ID: 2238c8\nWall time: 0.15 seconds\nProcess exited with code 127\n"
            "Original token count: 9\nOutput:\n",
            True,
        ),
        ("Chunk ID: 1\nWall time: 5 seconds\nProcess running with session ID 7\nOutput:\n", False),
    ],
)
def test_the_header_of_an_output_is_measured_and_its_exit_code_read(imported, header, is_error):
    session = imported(
        item("function_call", name="shell", arguments="{}", call_id="c1"),
        item("function_call_output", call_id="c1", output=header + "Exit code: 3\nOutput:\n"),
    )

    result = session.trace.events[1]
    assert result.text[result.header :] == "Exit code: 3\nOutput:\n"
    assert result.is_error is is_error


def test_output_wrapped_in_json_is_unwrapped(imported):
    wrapped = '{"output":"Success\\n","metadata":{"exit_code":1,"duration_seconds":0.1}}'
    session = imported(
        item("custom_tool_call", name="apply_patch", input="x", call_id="c1"),
        item("custom_tool_call_output", call_id="c1", output=wrapped),
    )

    assert session.trace.events[1] == t.Result(call_id="c1", text="Success\n", is_error=True)


def test_doubles_for_the_screen_are_left_out(imported):
    session = imported(
        message("user", "hi"),
        event("user_message", message="hi"),
        {"type": "turn_context", "payload": {"user_instructions": "x"}},
    )

    assert len(session.trace.events) == 1
    assert session.report.skipped == {"event_msg user_message": 1, "turn_context record": 1}


def test_a_prompt_size_goes_to_the_first_event_of_the_reply_before_it(imported):
    session = imported(
        message("user", "hi"),
        item("reasoning", summary=[], encrypted_content="x"),
        message("assistant", "a"),
        token_count(1000),
        message("user", "more"),
        message("assistant", "b"),
        token_count(1200),
    )

    assert [getattr(event, "prompt_tokens", None) for event in session.trace.events] == [
        *(None, 1000, None, None, 1200)
    ]


def test_a_compaction_knows_the_last_prompt_size(imported):
    session = imported(
        message("assistant", "a"),
        token_count(90_000),
        {"type": "compacted", "payload": {"message": "", "replacement_history": []}},
        token_count(0),
    )

    assert session.trace.events[-1] == t.Compaction(tokens_before=90_000, kept=())


def test_a_compaction_names_the_messages_that_its_new_history_takes_over(imported):
    kept = message("user", "go on")["payload"]
    session = imported(
        message("developer", "rules"),
        message("user", "go on"),
        message("assistant", "a"),
        message("user", "go on"),
        message("user", "and the tests"),
        {
            "type": "compacted",
            "payload": {
                "replacement_history": [
                    message("developer", "rules")["payload"],
                    *(kept, kept, kept),
                    message("user", "never said")["payload"],
                    {"type": "compaction", "encrypted_content": "x"},
                ]
            },
        },
    )

    assert session.trace.events[-1] == t.Compaction(kept=(1, 3))


def test_an_old_compaction_keeps_its_summary(imported):
    session = imported({"type": "compacted", "payload": {"message": "So far"}})

    assert session.trace.events == [t.Compaction(summary="So far")]


def test_an_aborted_turn_is_an_abort_and_its_call_stays_without_a_result(imported):
    session = imported(
        item("function_call", name="shell", arguments="{}", call_id="c1"),
        event("turn_aborted", reason="interrupted"),
    )

    assert [type(event) for event in session.trace.events] == [t.Call, t.Abort]
    assert session.report.is_clean


def test_a_second_session_meta_is_a_resume(imported):
    assert [type(event) for event in imported(META, META).trace.events] == [t.Message, t.Resume]


def test_images_take_their_chat_form(imported):
    image = {"type": "input_image", "image_url": "data:image/png;base64,x"}
    session = imported(item("message", role="user", content=[image]))

    assert session.trace.events[0].opaque == (
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,x"}},
    )
