"""tau-bench results."""

import json

from hand_runs import TAU_BENCH

from clawvm.replay import trace as t
from clawvm.replay.importers import detect, open_sessions


def test_a_result_is_a_session_of_openai_messages_with_a_name_of_its_own(tmp_path):
    path = tmp_path / "airline.json"
    path.write_text(json.dumps(TAU_BENCH))

    (session,) = open_sessions(path)

    assert detect(path) == "tau-bench"
    assert session.trace.header.source == t.TraceSource("tau-bench", "airline.json")
    assert session.trace.events == [
        t.Message(role="system", text="Policy."),
        t.Message(role="user", text="Hi."),
        t.Call(id="c1", name="get_user", arguments={"id": 7}, reply="m2"),
        t.Result(call_id="c1", text="{}"),
        t.Message(role="user", text="###STOP###"),
    ]
    assert session.report.is_clean


def test_a_result_a_line_is_read_as_well(tmp_path):
    path = tmp_path / "airline.jsonl"
    path.write_text("\n".join(json.dumps({**TAU_BENCH[0], "task_id": n}) for n in range(3)))

    names = [session.name for session in open_sessions(path)]

    assert detect(path) == "tau-bench"
    assert names == [f"airline/task-{n}-trial-1" for n in range(3)]
