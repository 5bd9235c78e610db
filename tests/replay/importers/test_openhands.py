"""OpenHands events: today's, those without ids, and pairs."""

import json

import pytest
from hand_runs import OPENHANDS, OPENHANDS_FLAT, openhands_metadata, openhands_run

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions


@pytest.fixture
def sessions(tmp_path):
    def write(*values):
        path = tmp_path / "output.jsonl"
        path.write_text("\n".join(map(json.dumps, values)))
        assert detect(path) == "openhands"
        return list(open_sessions(path))

    return write


@pytest.fixture
def imported(sessions):
    def write(*history):
        (session,) = sessions(openhands_run(*history))
        return session

    return write


TASK = {"id": 1, "source": "user", "action": "message", "args": {"content": "Fix it."}}


def acted(number, action, metadata=None, **args):
    event = {"id": number, "source": "agent", "action": action, "args": args}
    return event if metadata is None else {**event, "tool_call_metadata": metadata}


def saw(number, cause, observation, content, **extras):
    event = {"id": number, "source": "agent", "observation": observation, "content": content}
    return {**event, "cause": cause, "extras": extras}


def test_a_run_becomes_events(sessions):
    (session,) = sessions(OPENHANDS)
    at = "2026-01-01T00:00:00"
    arguments = {"command": "ls", "security_risk": "LOW"}

    assert session.trace.events == [
        t.Message(role="system", text="You are."),
        t.Message(role="user", text="Fix it."),
        t.Message(role="user", text="Use tabs.", origin="instructions"),
        t.Message(role="assistant", text="Looking.", reply="r1", prompt_tokens=500, at=at),
        t.Call(id="event-4", name="execute_bash", arguments=arguments, reply="r1", at=at),
        t.Result(call_id="event-4", text="[a.py]", is_error=True),
        t.Compaction(trigger="auto", summary="Listed files.", tokens_before=500, kept=(1, 2)),
        t.Message(role="assistant", text="Done.", reply="m7"),
    ]
    assert session.report.is_clean
    assert session.report.skipped == {"action recall": 1}


def test_events_without_ids_belong_together_by_their_order(sessions):
    (session,) = sessions(OPENHANDS_FLAT)

    assert session.trace.events == [
        t.Message(role="user", text="Fix it."),
        t.Message(role="assistant", text="Looking.", reply="m1"),
        t.Call(id="call-1", name="run", arguments={"command": "ls"}, reply="m1"),
        t.Result(call_id="call-1", text="a.py"),
        t.Message(role="assistant", text="Done.", reply="m3"),
    ]
    assert session.report.is_clean


def test_pairs_of_action_and_observation_are_read_like_a_flat_list(sessions):
    nothing = {"observation": "null", "content": ""}
    first, second, third, last = OPENHANDS_FLAT["history"]
    pairs = [[first, nothing], [second, third], [last, nothing]]

    (flat,), (paired,) = (
        sessions({**OPENHANDS_FLAT, "history": history})
        for history in (OPENHANDS_FLAT["history"], pairs)
    )

    kinds = [type(event) for event in flat.trace.events]
    assert [type(event) for event in paired.trace.events] == kinds
    assert paired.report.skipped == {"observation null": 2}


def test_a_list_of_nothing_but_events_is_a_session(sessions):
    (session,) = sessions([TASK, acted(2, "message", content="Hello.")])

    assert [event.text for event in session.trace.events] == ["Fix it.", "Hello."]


def test_a_line_is_an_instance(sessions):
    found = sessions(OPENHANDS, {**OPENHANDS, "instance_id": "b"}, OPENHANDS_FLAT)

    assert [session.name for session in found] == [
        "output/repo__issue-1",
        "output/b",
        "output/o-r-5",
    ]


def test_calls_of_one_response_are_one_reply_with_one_text(imported):
    data = [openhands_metadata("r", f"toolu_0{n}", "f", f'{{"n": {n}}}', 70) for n in (1, 2)]

    session = imported(
        TASK,
        acted(2, "run", data[0], command="x"),
        saw(3, 2, "run", "one"),
        acted(4, "run", data[1], command="y"),
        saw(5, 4, "run", "two"),
    )

    assert session.trace.events[1:] == [
        t.Message(role="assistant", text="Looking.", reply="r", prompt_tokens=70),
        t.Call(id="event-2", name="f", arguments={"n": 1}, reply="r"),
        t.Result(call_id="event-2", text="one"),
        t.Call(id="event-4", name="f", arguments={"n": 2}, reply="r"),
        t.Result(call_id="event-4", text="two"),
    ]


def test_results_are_paired_by_cause_even_where_call_ids_recur(imported):
    data = openhands_metadata("r", "toolu_01", "f", "{}", 70)

    session = imported(
        TASK,
        acted(2, "run", data, command="x"),
        acted(3, "run", {**data, "model_response": None}, command="y"),
        saw(4, 3, "run", "of y"),
        saw(5, 2, "run", "of x"),
    )

    results = {e.call_id: e.text for e in session.trace.events if isinstance(e, t.Result)}
    assert results == {"event-3": "of y", "event-2": "of x"}
    assert session.report.is_clean


def test_without_a_response_the_arguments_are_those_of_the_action(imported):
    session = imported(
        TASK, acted(2, "read", path="/a", start=0, end=-1, thought="Read it.", security_risk=None)
    )

    assert session.trace.events[1:] == [
        t.Message(role="assistant", text="Read it.", reply="m1"),
        t.Call(
            id="event-2",
            name="read",
            arguments={"path": "/a", "start": 0, "end": -1},
            reply="m1",
        ),
    ]


def test_a_thought_that_is_a_tool_call_is_told_once(imported):
    session = imported(TASK, acted(2, "think", thought="Hm."), saw(3, 2, "think", "Logged."))

    assert session.trace.events[1:] == [
        t.Call(id="event-2", name="think", arguments={"thought": "Hm."}, reply="m1"),
        t.Result(call_id="event-2", text="Logged."),
    ]


@pytest.mark.parametrize(
    ("forgotten", "summary"),
    [
        ({"forgotten_event_ids": [1, 2]}, "s"),
        ({"forgotten_events_start_id": 1, "forgotten_events_end_id": 2}, "s"),
        ({"forgotten_event_ids": [1]}, None),
    ],
)
def test_a_condensation_is_a_compaction(imported, forgotten, summary):
    session = imported(TASK, acted(2, "condensation", **forgotten, summary=summary))

    assert session.trace.events[1] == t.Compaction(trigger="auto", summary=summary, kept=())


def test_what_condensations_kept_is_all_that_none_of_them_forgot(imported):
    session = imported(
        acted(0, "system", content="You are."),
        TASK,
        acted(2, "run", command="x", thought="Look."),
        saw(3, 2, "run", "one"),
        acted(4, "condensation", forgotten_event_ids=[3]),
        acted(5, "run", command="y"),
        saw(6, 5, "run", "two"),
        acted(7, "condensation", forgotten_events_start_id=2, forgotten_events_end_id=5),
    )

    events = session.trace.events
    kept = [event.kept for event in events if isinstance(event, t.Compaction)]
    assert [[type(events[place]) for place in places] for places in kept] == [
        [t.Message, t.Message, t.Call],
        [t.Message, t.Result],
    ]
    assert events[kept[1][1]].text == "two"


def test_a_condensation_of_events_without_ids_does_not_tell_what_it_kept(sessions):
    condensation = {"action": "condensation", "forgotten_event_ids": [1], "summary": "s"}

    (session,) = sessions({**OPENHANDS_FLAT, "history": [condensation]})

    assert session.trace.events == [t.Compaction(trigger="auto", summary="s")]


def test_a_condensation_that_forgot_nothing_is_none(imported):
    session = imported(TASK, acted(2, "condensation", forgotten_event_ids=[], summary=None))

    assert session.report.skipped == {"condensation that forgot nothing": 1}


def test_who_wrote_a_message_without_a_source_shows_in_who_waits(sessions):
    history = [
        {"action": "message", "content": "Fix it.", "wait_for_response": False},
        {"action": "message", "content": "Which?", "wait_for_response": True},
    ]

    (session,) = sessions({**OPENHANDS_FLAT, "history": history})

    assert [event.role for event in session.trace.events] == ["user", "assistant"]


def test_a_command_of_the_user_and_its_output_are_user_messages(imported):
    command = {**acted(2, "run", command="make"), "source": "user"}

    session = imported(TASK, command, saw(3, 2, "run", "ok"))

    assert session.trace.events[1:] == [
        t.Message(role="user", text="make"),
        t.Message(role="user", text="ok"),
    ]


def test_an_error_that_no_call_caused_is_told_to_the_model(imported):
    session = imported(TASK, saw(2, 99, "error", "Out of budget."))

    assert session.trace.events[1] == t.Message(role="user", text="Out of budget.")


def test_a_result_of_an_unknown_call_is_counted(imported):
    session = imported(TASK, saw(2, 99, "run", "ok"))

    assert [tally.lines for tally in session.report.damaged.values()] == [[2]]


@pytest.mark.parametrize(
    ("extras", "failed"),
    [
        ({"metadata": {"exit_code": 0}}, False),
        ({"metadata": {"exit_code": 1}}, True),
        ({"metadata": {"exit_code": -1}}, False),
        ({"exit_code": 127}, True),
        ({}, False),
    ],
)
def test_the_exit_code_tells_whether_a_command_failed(imported, extras, failed):
    session = imported(TASK, acted(2, "run", command="x"), saw(3, 2, "run", "out", **extras))

    assert session.trace.events[-1].is_error is failed


def test_images_of_a_message_are_kept_and_screenshots_are_counted(imported):
    message = {**TASK, "args": {"content": "See.", "image_urls": ["data:x"]}}

    session = imported(
        message, acted(2, "browse", url="u"), saw(3, 2, "browse", "page", screenshot="iVBO")
    )

    image = {"type": "image_url", "image_url": {"url": "data:x"}}
    assert session.trace.events[0] == t.Message(role="user", text="See.", opaque=(image,))
    assert session.report.skipped == {"screenshot of a browser": 1}


def test_knowledge_that_was_looked_up_is_attached(imported):
    knowledge = [{"name": "github", "trigger": "git", "content": "Use tokens."}]

    session = imported(
        TASK, saw(2, 1, "recall", "", recall_type="knowledge", microagent_knowledge=knowledge)
    )

    assert session.trace.events[1] == t.Message(
        role="user", text="github\ngit\nUse tokens.", origin="attachment"
    )


def test_other_lists_of_actions_are_not_taken_for_events(tmp_path):
    path = tmp_path / "log.json"
    path.write_text('[{"action": "push", "at": 1}, {"action": "pull", "at": 2}]')

    with pytest.raises(ValueError, match="no known trace format"):
        detect(path)
