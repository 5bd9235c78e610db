"""Pi session files, of all three versions."""

import json

import pytest

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions

HEADER = {"type": "session", "version": 3, "id": "s1", "cwd": "/home/x"}
FIRST_VERSION = {"type": "session", "id": "s1", "cwd": "/home/x", "provider": "anthropic"}


@pytest.fixture
def imported(tmp_path):
    def write(*lines):
        path = tmp_path / "session.jsonl"
        path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x) for x in lines))
        assert detect(path) == "pi"
        (session,) = open_sessions(path)
        return session

    return write


def message(role, content=None, **fields):
    return {"type": "message", "message": {"role": role, "content": content, **fields}}


def node(name, parent, entry):
    return {**entry, "id": name, "parentId": parent}


def words(session):
    return [event.text for event in session.trace.events if hasattr(event, "text")]


def text(of):
    return {"type": "text", "text": of}


def test_a_reply_with_text_thinking_and_calls(imported):
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        text("Let me look."),
        {"type": "toolCall", "id": "c1|fc_1", "name": "read", "arguments": {"path": "a.py"}},
    ]
    usage = {"input": 3, "cacheRead": 100, "cacheWrite": 20, "output": 7}
    session = imported(
        HEADER,
        node("a", None, message("user", "fix it")),
        node("b", "a", message("assistant", blocks, usage=usage, stopReason="toolUse")),
        node("c", "b", message("toolResult", [text("x"), text("y")], toolCallId="c1|fc_1")),
    )

    assert session.trace.header.session == "s1"
    assert session.trace.events == [
        t.Message(role="user", text="fix it"),
        t.Thinking(text="hm", reply="b", prompt_tokens=123),
        t.Message(role="assistant", text="Let me look.", reply="b"),
        t.Call(id="c1|fc_1", name="read", arguments={"path": "a.py"}, reply="b"),
        t.Result(call_id="c1|fc_1", text="x\ny"),
    ]
    assert session.report.is_clean


def test_the_first_version_is_read_line_by_line(imported):
    session = imported(
        FIRST_VERSION, message("user", "a"), {"type": "model_change"}, message("assistant", "b")
    )

    assert words(session) == ["a", "b"]
    assert session.trace.events[1].reply == "line-3"
    assert session.report.skipped == {"model_change entry": 1}


def test_of_a_tree_only_the_branch_of_the_last_entry_is_read(imported):
    session = imported(
        HEADER,
        node("a", None, message("user", "a")),
        node("b", "a", message("assistant", "left")),
        node("c", "b", message("user", "left too")),
        node("d", "a", {"type": "branch_summary", "fromId": "c", "summary": "what was left"}),
        node("e", "d", message("assistant", "b")),
    )

    assert [w for w in words(session) if "summary of a branch" not in w] == ["a", "b"]
    assert "what was left" in words(session)[1]
    assert session.trace.events[1].origin == "attachment"
    assert session.report.ignored["entry of a branch that was left"].lines == [3, 4]


def test_an_entry_without_parent_begins_anew(imported):
    session = imported(
        HEADER, node("a", None, message("user", "a")), node("b", None, message("user", "b"))
    )

    assert words(session) == ["b"]


def test_where_a_parent_is_missing_the_line_before_stands_in_for_it(imported):
    session = imported(
        HEADER,
        node("a", None, message("user", "a")),
        '{"type": "message", "id": "b", "parentId": "a", "mess',
        node("c", "b", message("user", "c")),
        node("d", "d", message("user", "its own parent")),
        node("e", "f", message("user", "parent comes later")),
        node("f", "e", message("user", "f")),
    )

    assert words(session) == ["a", "c", "its own parent", "parent comes later", "f"]
    ((_, tally),) = session.report.damaged.items()
    assert tally.lines == [3]


def test_a_compaction_names_what_it_kept_before_it(imported):
    session = imported(
        HEADER,
        node("a", None, message("user", "a")),
        node("b", "a", message("assistant", [{"type": "thinking", "thinking": ""}, text("b")])),
        node("c", "b", message("user", "c")),
        node(
            "d",
            "c",
            {
                "type": "compaction",
                "summary": "So far",
                "firstKeptEntryId": "b",
                "tokensBefore": 99_908,
            },
        ),
        node("e", "d", message("user", "e")),
    )

    assert session.trace.events[4] == t.Compaction(
        summary="So far", tokens_before=99_908, kept=(2, 3)
    )
    assert words(session)[-1] == "e"


def test_the_first_version_counts_what_was_kept_in_lines(imported):
    session = imported(
        FIRST_VERSION,
        message("user", "a"),
        message("user", "b"),
        {"type": "compaction", "summary": "So far", "firstKeptEntryIndex": 2},
    )

    assert session.trace.events[-1] == t.Compaction(summary="So far", kept=(1,))


@pytest.mark.parametrize(
    "kept", [{}, {"firstKeptEntryId": "REDACTED"}, {"firstKeptEntryIndex": []}]
)
def test_a_compaction_without_a_known_first_entry_does_not_say_what_it_kept(imported, kept):
    session = imported(
        HEADER,
        node("a", None, message("user", "a")),
        node("b", "a", {"type": "compaction", **kept}),
    )

    assert session.trace.events[-1] == t.Compaction()


def test_an_aborted_turn_is_an_abort_and_its_call_stays_without_a_result(imported):
    call = {"type": "toolCall", "id": "c1", "name": "edit", "arguments": {}}
    session = imported(
        FIRST_VERSION,
        message("assistant", [], stopReason="aborted", usage={"input": 0}),
        message("assistant", [call], stopReason="aborted", usage={"input": 5}),
    )

    assert session.trace.events == [
        t.Abort(),
        t.Call(id="c1", name="edit", arguments={}, reply="line-2", prompt_tokens=5),
        t.Abort(),
    ]
    assert session.report.is_clean


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"output": "a.py", "exitCode": 0}, "Ran `ls`\n```\na.py\n```"),
        ({"output": ""}, "Ran `ls`\n(no output)"),
        ({"output": "", "exitCode": 2}, "Ran `ls`\n(no output)\n\nCommand exited with code 2"),
        ({"output": "", "cancelled": True}, "Ran `ls`\n(no output)\n\n(command cancelled)"),
    ],
)
def test_a_command_that_the_user_ran_is_shown_as_pi_shows_it(imported, fields, shown):
    session = imported(FIRST_VERSION, message("bashExecution", command="ls", **fields))

    assert session.trace.events == [t.Message(role="user", text=shown, origin="attachment")]


def test_a_command_that_the_user_kept_from_the_model_is_left_out(imported):
    session = imported(
        FIRST_VERSION, message("bashExecution", command="ls", excludeFromContext=True)
    )

    assert session.trace.events == []


def test_messages_of_extensions_enter_the_prompt_and_their_state_does_not(imported):
    session = imported(
        HEADER,
        node("a", None, {"type": "custom_message", "content": "a", "display": False}),
        node("b", "a", message("hookMessage", [text("b")])),
        node("c", "b", {"type": "custom", "data": {"x": 1}}),
    )

    assert session.trace.events == [
        t.Message(role="user", text="a", origin="attachment"),
        t.Message(role="user", text="b", origin="attachment"),
    ]
    assert session.report.skipped == {"custom entry": 1}


def test_images_take_their_anthropic_form(imported):
    image = {"type": "image", "mimeType": "image/png", "data": "eHh4"}
    call = {"type": "toolCall", "id": "c1", "name": "read", "arguments": {}}
    session = imported(
        FIRST_VERSION,
        message("user", [text("look"), image]),
        message("assistant", [call]),
        message("toolResult", [image], toolCallId="c1"),
    )

    source = {"type": "base64", "media_type": "image/png", "data": "eHh4"}
    assert session.trace.events[0].opaque == ({"type": "image", "source": source},)
    assert session.trace.events[2].opaque == ({"type": "image", "source": source},)


def test_blocks_and_roles_that_nobody_knows_are_damage(imported):
    session = imported(
        FIRST_VERSION,
        message("robot", "x"),
        message("assistant", ["x", {"type": "hologram"}]),
        message("user", [text("a"), {"type": "image", "data": 3}]),
    )

    assert words(session) == ["a"]
    assert {reason: tally.lines for reason, tally in session.report.damaged.items()} == {
        "unknown role 'robot'": [2],
        "unknown block 'None' of a reply": [3],
        "unknown block 'hologram' of a reply": [3],
        "a content block that is neither text nor an image": [4],
    }
