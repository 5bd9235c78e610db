"""OpenAI- and Anthropic-shaped message lists, in every container they come in."""

import json

import pytest

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions

OPENAI = [
    {"role": "system", "content": "Policy."},
    {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
    {
        "role": "assistant",
        "content": "Looking.",
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}},
            {"id": "c2", "type": "function", "function": {"name": "g", "arguments": "not json"}},
        ],
    },
    {"role": "tool", "tool_call_id": "c2", "content": "two"},
    {"role": "tool", "tool_call_id": "c1", "content": "one"},
]
OPENAI_EVENTS = [
    t.Message(role="system", text="Policy."),
    t.Message(role="user", text="a\nb"),
    t.Message(role="assistant", text="Looking.", reply="m2"),
    t.Call(id="c1", name="f", arguments={"x": 1}, reply="m2"),
    t.Call(id="c2", name="g", arguments="not json", reply="m2"),
    t.Result(call_id="c2", text="two"),
    t.Result(call_id="c1", text="one"),
]
ANTHROPIC = [
    {"role": "user", "content": "hi"},
    {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "Looking.", "cache_control": {"type": "ephemeral"}},
            {"type": "tool_use", "id": "c1", "name": "f", "input": {"x": 1}},
        ],
    },
    {
        "role": "user",
        "content": [
            {
                "type": "tool_result",
                "tool_use_id": "c1",
                "content": [{"type": "text", "text": "1"}],
            },
            {"type": "text", "text": "thanks"},
        ],
    },
]
ANTHROPIC_EVENTS = [
    t.Message(role="user", text="hi"),
    t.Thinking(text="hm", reply="m1"),
    t.Message(role="assistant", text="Looking.", reply="m1"),
    t.Call(id="c1", name="f", arguments={"x": 1}, reply="m1"),
    t.Result(call_id="c1", text="1"),
    t.Message(role="user", text="thanks"),
]


@pytest.fixture
def sessions(tmp_path):
    def write(text, suffix=".json"):
        path = tmp_path / f"chat{suffix}"
        path.write_text(text)
        return list(open_sessions(path))

    return write


def json_lines(values):
    return "\n".join(map(json.dumps, values))


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(OPENAI),
        json.dumps(OPENAI, indent=1),
        "[\n" + ",\n".join(map(json.dumps, OPENAI)) + "\n]\n",
        json.dumps({"model": "m", "messages": OPENAI}),
        json.dumps({"messages": OPENAI}, indent=1),
        json_lines(OPENAI),
        "\n\n" + json_lines(OPENAI).replace("\n", "\r\n") + "\r\n",
    ],
    ids=["list", "indented", "a-message-a-line", "object", "indented-object", "jsonl", "crlf"],
)
def test_one_openai_session_in_every_container(sessions, text):
    (session,) = sessions(text)

    assert session.trace.events == OPENAI_EVENTS
    assert session.trace.header.shape == "openai"
    assert (session.name, session.trace.header.session) == ("chat", "chat")
    assert session.report.is_clean


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ANTHROPIC),
        json.dumps({"messages": ANTHROPIC}, indent=2),
        json_lines(ANTHROPIC),
    ],
    ids=["list", "indented-object", "jsonl"],
)
def test_one_anthropic_session_in_every_container(sessions, text):
    (session,) = sessions(text)

    assert session.trace.events == ANTHROPIC_EVENTS
    assert session.trace.header.shape == "anthropic"


@pytest.mark.parametrize("system", ["Be brief.", [{"type": "text", "text": "Be brief."}]])
def test_an_anthropic_system_prompt_comes_first(sessions, system):
    (session,) = sessions(json.dumps({"system": system, "messages": ANTHROPIC}))

    assert session.trace.events == [t.Message(role="system", text="Be brief."), *ANTHROPIC_EVENTS]


def test_a_list_a_line_is_a_session_a_line(sessions):
    text = json_lines([OPENAI, {"id": "named", "messages": OPENAI}])

    found = sessions(text, ".jsonl")

    assert [session.name for session in found] == ["chat/0", "chat/named"]
    assert all(session.trace.events == OPENAI_EVENTS for session in found)


def test_tau_bench_is_a_session_an_entry(sessions):
    entries = [
        {"task_id": 3, "trial": 1, "reward": 1.0, "info": {}, "traj": OPENAI},
        {"task_id": 4, "trial": 1, "reward": 0.0, "info": {}, "traj": OPENAI[:2]},
    ]

    found = sessions(json.dumps(entries))

    assert [session.name for session in found] == ["chat/task-3-trial-1", "chat/task-4-trial-1"]
    assert [len(session.trace.events) for session in found] == [7, 2]


def test_sessions_are_read_one_at_a_time(tmp_path):
    path = tmp_path / "many.jsonl"
    path.write_text(json_lines([OPENAI] * 300) + "\n{broken")

    reading = open_sessions(path)

    assert next(reading).name == "many/0"
    *_, last = reading
    assert last.name == "many/299"
    assert last.report.damaged


def test_damage_between_sessions_is_told_with_the_one_before(sessions):
    text = "{broken\n" + json.dumps(OPENAI) + "\n[1,\n42\n" + json.dumps(OPENAI)

    first, second = sessions(text, ".jsonl")

    assert [tally.lines for tally in first.report.damaged.values()] == [[1], [3], [4]]
    assert second.report.is_clean


def test_plain_chat_that_could_be_of_either_shape_is_read_as_openai(tmp_path):
    path = tmp_path / "chat.json"
    path.write_text('[{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]')

    assert detect(path) == "openai-messages"


def test_images_are_kept_as_they_are(sessions):
    image = {"type": "image_url", "image_url": {"url": "data:x"}}
    content = [{"type": "text", "text": "see"}, image]

    (session,) = sessions(json.dumps([{"role": "user", "content": content}]))

    assert session.trace.events == [t.Message(role="user", text="see", opaque=(image,))]


def test_blocks_that_no_service_would_take_are_left_out_and_counted(sessions):
    content = [{"type": "text", "text": "see"}, {"odd": 1}, {"type": 7}, 7]

    (session,) = sessions(json.dumps([{"role": "user", "content": content}]))

    assert session.trace.events == [t.Message(role="user", text="see")]
    assert {reason: tally.count for reason, tally in session.report.damaged.items()} == {
        "a content block without a type": 2,
        "a content block that is not an object": 1,
    }


def test_legacy_function_calls_are_paired(sessions):
    (session,) = sessions(
        json.dumps(
            [
                {
                    "role": "assistant",
                    "content": None,
                    "function_call": {"name": "f", "arguments": ""},
                },
                {"role": "function", "name": "f", "content": "1"},
            ]
        )
    )

    call, result = session.trace.events
    assert (call.name, call.arguments, result.text) == ("f", {}, "1")
    assert call.id == result.call_id


def test_unknown_roles_and_orphan_results_are_counted(sessions):
    (session,) = sessions(
        json.dumps(
            [
                {"role": "user", "content": "hi"},
                {"role": "wizard", "content": "abracadabra"},
                {"role": "tool", "tool_call_id": "none", "content": "1"},
                {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f"}}, 7]},
                {"role": "tool", "tool_call_id": "c1", "content": "1"},
                {"role": "tool", "tool_call_id": "c1", "content": "again"},
                "not a message",
            ]
        )
    )

    assert {reason: tally.lines for reason, tally in session.report.damaged.items()} == {
        "unknown role 'wizard'": [2],
        "result without a call": [3],
        "a tool call without a function": [4],
        "second result of a call": [6],
        "not a JSON object": [7],
    }


def test_a_message_list_with_a_protocol_of_its_own_is_not_taken_for_chat(tmp_path):
    path = tmp_path / "x.traj.json"
    path.write_text(json.dumps({"trajectory_format": "other-1", "messages": OPENAI}))

    with pytest.raises(ValueError, match="no known trace format"):
        detect(path)
