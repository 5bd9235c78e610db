"""SWE-agent trajectories, with calls in the text and with tool calls."""

import json

import pytest
from hand_runs import SWE, swe_call, swe_run

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions


@pytest.fixture
def imported(tmp_path):
    def write(value):
        path = tmp_path / "run.traj"
        path.write_text(json.dumps(value))
        assert detect(path) == "swe-agent"
        (session,) = open_sessions(path)
        return session

    return write


def asked(text, **fields):
    return {"role": "user", "content": text, **fields}


def acted(action, **fields):
    return {"role": "assistant", "content": f"Go.\n{action}", "action": action, **fields}


def calls(session):
    return [
        (event.name, event.arguments) for event in session.trace.events if isinstance(event, t.Call)
    ]


def test_a_run_becomes_events(imported):
    session = imported(SWE)

    assert session.trace.events == [
        t.Message(role="system", text="SETTING"),
        t.Message(role="user", text="A worked example.", origin="instructions"),
        t.Message(role="user", text="Fix it."),
        t.Message(role="assistant", text="Open it.", reply="m3"),
        t.Call(id="call-3", name="open", arguments="a.py 3", reply="m3"),
        t.Result(call_id="call-3", text="[File: a.py]"),
        t.Message(role="assistant", text="Run it.", reply="m5"),
        t.Call(id="c1", name="bash", arguments={"command": "python a.py"}, reply="m5"),
        t.Result(call_id="c1", text="ok"),
    ]
    assert session.report.is_clean


@pytest.mark.parametrize(
    ("action", "name", "arguments"),
    [
        ("submit\n", "submit", {}),
        ("edit 1:2\nx = 1\n    y\nend_of_edit\n", "edit", "1:2\nx = 1\n    y\nend_of_edit"),
        ("  find_file a.py", "find_file", "a.py"),
        ("create\ta.py", "create", "a.py"),
        ("./run.sh -v", "bash", {"command": "./run.sh -v"}),
        ("A=1 make", "bash", {"command": "A=1 make"}),
        ("w" * 65, "bash", {"command": "w" * 65}),
    ],
)
def test_the_first_word_of_an_action_names_the_tool(imported, action, name, arguments):
    assert calls(imported(swe_run(asked("Fix it."), acted(action)))) == [(name, arguments)]


@pytest.mark.parametrize("action", ["", "\n", None])
def test_a_reply_without_an_action_is_text(imported, action):
    reply = {"role": "assistant", "content": "All done.", "thought": "", "action": action}

    session = imported(swe_run(asked("Fix it."), reply, asked("Go on.")))

    assert session.trace.events[1:] == [
        t.Message(role="assistant", text="All done.", reply="m1"),
        t.Message(role="user", text="Go on."),
    ]


def test_call_ids_that_recur_are_numbered_and_their_results_stay_theirs(imported):
    history = [asked("Fix it.")]
    for number in range(3):
        call = swe_call("same", "bash", json.dumps({"command": str(number)}))
        history.append(acted("x", tool_calls=[call]))
        history.append({"role": "tool", "content": f"out {number}", "tool_call_ids": ["same"]})

    session = imported(swe_run(*history))

    commands = {e.id: e.arguments["command"] for e in session.trace.events if type(e) is t.Call}
    answers = {e.call_id: e.text for e in session.trace.events if type(e) is t.Result}
    assert {commands[key]: answers[key] for key in commands} == {
        "0": "out 0",
        "1": "out 1",
        "2": "out 2",
    }
    assert [tally.count for tally in session.report.mended.values()] == [2]


def test_a_demonstration_of_many_messages_is_nothing_that_this_model_wrote(imported):
    demo = [asked("Example.", is_demo=True), acted("ls", is_demo=True), asked("out", is_demo=True)]

    session = imported(swe_run(*demo, asked("Fix it."), acted("ls")))

    assert [type(event) for event in session.trace.events] == [t.Message] * 5 + [t.Call]
    assert {event.origin for event in session.trace.events[:3]} == {"instructions"}
    assert [tally.count for tally in session.report.mended.values()] == [1]


def test_entries_of_another_agent_are_left_out(imported):
    session = imported(
        swe_run(asked("Fix it.", agent="primary"), acted("ls", agent="helper"), asked("Go."))
    )

    assert [event.text for event in session.trace.events] == ["Fix it.", "Go."]
    assert session.report.skipped == {"entry of another agent": 1}


def test_recorded_thinking_is_kept(imported):
    reply = acted("ls", thinking_blocks=[{"type": "thinking", "thinking": "hm"}])

    assert imported(swe_run(asked("x"), reply)).trace.events[1] == t.Thinking(text="hm", reply="m1")
