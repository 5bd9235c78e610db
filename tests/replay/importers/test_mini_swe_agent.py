"""mini-swe-agent trajectories: calls are a fenced block in the text."""

import json

import pytest
from hand_runs import MINI, mini_run, mini_said, swe_call

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions

LIST = "Look.\n\n```bash\nls\n```"


@pytest.fixture
def imported(tmp_path):
    def write(value):
        path = tmp_path / "run.traj.json"
        path.write_text(json.dumps(value))
        assert detect(path) == "mini-swe-agent"
        (session,) = open_sessions(path)
        return session

    return write


def asked(text):
    return {"role": "user", "content": text}


def test_a_run_becomes_events(imported):
    session = imported(MINI)

    assert session.trace.events == [
        t.Message(role="system", text="One bash block."),
        t.Message(role="user", text="Fix it."),
        t.Thinking(text="hm", reply="m2", prompt_tokens=70),
        t.Message(role="assistant", text="THOUGHT: look", reply="m2"),
        t.Call(id="call-2", name="bash", arguments={"command": "ls -F"}, reply="m2"),
        t.Result(call_id="call-2", text="<returncode>0</returncode>\n<output>\na/\n</output>"),
        t.Message(role="assistant", text="THOUGHT: send", reply="m4"),
        t.Call(id="call-4", name="bash", arguments={"command": "submit"}, reply="m4"),
    ]
    assert session.report.is_clean


def test_the_submitted_patch_is_left_out(imported):
    report = imported(MINI).report

    assert report.skipped == {"submitted patch, which the model never saw": 1}


def test_what_ends_a_run_that_submitted_nothing_is_a_result(imported):
    run = mini_run(asked("Fix it."), mini_said(LIST), asked("killed"), exit_status="LimitsExceeded")

    assert imported(run).trace.events[-1] == t.Result(call_id="call-1", text="killed")


@pytest.mark.parametrize("text", ["No block.", f"{LIST}\n{LIST}", "```python\nls\n```"])
def test_anything_but_one_block_is_no_call_and_what_follows_no_result(imported, text):
    run = mini_run(asked("Fix it."), mini_said(text), asked("EXACTLY ONE action"), mini_said(LIST))

    events = imported(run).trace.events

    assert events[1:3] == [
        t.Message(role="assistant", text=text, reply="m1"),
        t.Message(role="user", text="EXACTLY ONE action"),
    ]


def test_text_behind_the_block_is_kept_and_the_block_is_not_told_twice(imported):
    run = mini_run(mini_said("```mswea_bash_command\nls\nwc\n```\nThen we see.", usage={}))

    assert imported({**run, "info": {}}).trace.events == [
        t.Message(role="assistant", text="Then we see.", reply="m0"),
        t.Call(id="call-0", name="bash", arguments={"command": "ls\nwc"}, reply="m0"),
    ]


@pytest.mark.parametrize(
    ("text", "failed"),
    [
        ("<returncode>0</returncode>\n<output>\n</output>", False),
        ("<returncode>1</returncode>\n<output>\n</output>", True),
        ("<returncode>-9</returncode>", True),
        ("The last command <command>make</command> timed out and has been killed.", True),
        ("plain", False),
    ],
)
def test_a_result_tells_whether_the_command_failed(imported, text, failed):
    run = mini_run(asked("Fix it."), mini_said(LIST), asked(text), mini_said("Done."))

    assert imported(run).trace.events[3] == t.Result(call_id="call-1", text=text, is_error=failed)


def test_newer_runs_have_calls_with_ids_and_an_exit(imported):
    calling = {**mini_said(""), "tool_calls": [swe_call("c1", "bash", '{"command": "ls"}')]}
    answer = {"role": "tool", "tool_call_id": "c1", "content": "a/", "extra": {"returncode": 1}}
    run = mini_run(asked("Fix it."), calling, answer, {"role": "exit", "content": "diff"})

    session = imported({**run, "trajectory_format": "mini-swe-agent-1.1"})

    assert session.trace.events[1:] == [
        t.Call(id="c1", name="bash", arguments={"command": "ls"}, reply="m1"),
        t.Result(call_id="c1", text="a/", is_error=True),
    ]
    assert session.report.skipped == {"outcome of the run, which the model never saw": 1}


def test_several_runs_a_line_each_are_sessions_with_their_instance_as_name(tmp_path):
    path = tmp_path / "runs.jsonl"
    path.write_text("\n".join(json.dumps(run) for run in (MINI, {**MINI, "instance_id": "b"})))

    names = [session.name for session in open_sessions(path)]

    assert names == ["runs/repo__issue-1", "runs/b"]
