"""Recorded sessions of other people's harnesses, against the figures that were counted for them."""

import os
from collections import Counter
from pathlib import Path

import pytest

from clawvm.replay import trace as t
from clawvm.replay.blocks import blocks_of, turns_of
from clawvm.replay.chaining import chained
from clawvm.replay.importers import detect, open_sessions

TRACES = Path(os.environ.get("CLAWVM_TRACES", Path(__file__).parents[4] / "shared" / "traces"))

pytestmark = pytest.mark.skipif(
    not TRACES.is_dir(), reason=f"no recorded sessions at {TRACES} (set CLAWVM_TRACES)"
)

CLAUDE_CODE = [
    # file, messages, calls, compactions, clearings, largest recorded prompt
    ("entireio-cli/b0dc55b3a1dc-1.jsonl", 283, 128, 1, 2, 154505),
    ("entireio-cli/b8e9234b1b70-0.jsonl", 406, 178, 2, 0, 155637),
    ("entireio-cli/91b42542f24f-0.jsonl", 147, 85, 1, 0, 173215),
    ("PackmindHub-context-evaluator/c8946606a339-0.jsonl", 217, 107, 1, 0, 166488),
]
CODEX = [
    # file, messages, calls, compactions, aborts, largest recorded prompt
    ("EntityProcess-agentv/0034f597b72d-1.jsonl", 405, 177, 2, 0, 96092),
    ("savekirk-session-bridge/27787ded68f8-0.jsonl", 503, 222, 1, 0, 201154),
    ("savekirk-session-bridge/64b5e5660349-1.jsonl", 258, 108, 0, 3, 169992),
]
OPENCODE = [
    # file, messages, calls, compactions, outputs pruned, largest recorded prompt
    ("dayhaysoos-nimbus/37364f83fa16-0.json", 150, 107, 0, 39, 139959),
    ("savekirk-session-bridge/c66a5f5ed92d-1.json", 74, 72, 1, 0, 105534),
]
PI = [
    # file, messages, calls, compactions, calls cut short, aborts, largest recorded prompt
    ("raquezha-pi.dev/962b1009dcd7-0.jsonl", 233, 107, 1, 0, 0, 99861),
    ("badlogic-pi-mono/large-session.jsonl", 914, 391, 0, 18, 21, 177604),
]
COPILOT_CLI = "EntityProcess-agentv/269e1b9e5502-0.jsonl"
SHORT = [
    # file, entries, calls, calls without a result, largest recorded prompt
    ("gemini-cli/savekirk-session-bridge/c66a5f5ed92d-0.json", 14, 7, 0, 37682),
    # The last command submits, and its output is the patch that the model never saw.
    ("mini-swe-agent/sympy__sympy-13091.traj.json", 260, 124, 1, 77390),
    ("mini-swe-agent/pytest-dev__pytest-7490.traj.json", 196, 94, 1, 64885),
    # The demonstration was not counted among the messages.
    ("swe-agent/pydicom-1458.traj", 25 + 1, 12, 1, 0),
    ("swe-agent/marshmallow-1867-function_calling_replace.traj", 24, 11, 0, 0),
    ("openhands/resolver-output.jsonl", 52, 24, 0, 0),
]
TAU_BENCH = "tau-bench/gpt-4o-airline.tasks-00-09.json"


def the_session(name, file_format):
    path = TRACES / file_format / name
    assert detect(path) == file_format
    (session,) = open_sessions(path)
    return session


def kinds(session):
    return Counter(type(event) for event in session.trace.events)


def largest_prompt(session):
    return max(getattr(event, "prompt_tokens", None) or 0 for event in session.trace.events)


@pytest.mark.parametrize(
    ("name", "messages", "calls", "compactions", "clearings", "peak"), CLAUDE_CODE
)
def test_claude_code(name, messages, calls, compactions, clearings, peak):
    session = the_session(name, "claude-code")
    count = kinds(session)
    replies = {e.reply for e in session.trace.events if getattr(e, "reply", None) is not None}
    from_users = sum(isinstance(e, t.Message) and e.role == "user" for e in session.trace.events)

    assert session.report.is_clean
    assert count[t.Call] == count[t.Result] == calls
    assert count[t.Compaction] == compactions
    assert count[t.Clear] == clearings
    assert largest_prompt(session) == peak
    # The summaries of compactions were counted among the messages.
    assert len(replies) + from_users + count[t.Result] + compactions == messages


@pytest.mark.parametrize(("name", "messages", "calls", "compactions", "aborts", "peak"), CODEX)
def test_codex(name, messages, calls, compactions, aborts, peak):
    session = the_session(name, "codex")
    count = kinds(session)

    assert not session.report.damaged
    assert count[t.Call] == calls
    assert count[t.Compaction] == compactions
    assert count[t.Abort] == aborts
    assert largest_prompt(session) == peak
    # The system prompt was not counted among the messages.
    assert count[t.Message] - 1 + count[t.Call] + count[t.Result] == messages
    assert [block.kind for block in blocks_of(session.trace) if block.fixed] == ["system"] * 2


def test_codex_results_begin_with_a_header_that_is_measured():
    session = the_session(CODEX[0][0], "codex")
    results = [event for event in session.trace.events if isinstance(event, t.Result)]

    assert sum(result.header > 0 for result in results) == 176
    assert not any("Wall time" in result.text[result.header :][:80] for result in results)


@pytest.mark.parametrize(("name", "messages", "calls", "compactions", "pruned", "peak"), OPENCODE)
def test_opencode(name, messages, calls, compactions, pruned, peak):
    session = the_session(name, "opencode")
    count = kinds(session)
    cleared = [call for e in session.trace.events if isinstance(e, t.Clear) for call in e.call_ids]

    assert not session.report.damaged
    assert session.report.lines == messages
    assert count[t.Call] == count[t.Result] == calls
    assert count[t.Compaction] == compactions
    assert len(cleared) == len(set(cleared)) == pruned
    assert largest_prompt(session) == peak


def test_opencode_pairs_scrubbed_ids_by_position():
    session = the_session(OPENCODE[0][0], "opencode")
    events = session.trace.events

    assert session.report.mended["scrubbed call id, numbered"].count == 24
    answered = [event.call_id for event in events if isinstance(event, t.Result)]
    assert answered == [event.id for event in events if isinstance(event, t.Call)]


@pytest.mark.parametrize(
    ("name", "messages", "calls", "compactions", "cut_short", "aborts", "peak"), PI
)
def test_pi(name, messages, calls, compactions, cut_short, aborts, peak):
    session = the_session(name, "pi")
    count = kinds(session)
    others = sum(tally.count for tally in session.report.ignored.values())

    assert session.report.is_clean
    # Beside the messages a file has its header, compactions, and notes of what the user changed.
    assert session.report.lines - 1 - others - compactions == messages
    assert count[t.Call] == calls
    assert count[t.Result] == calls - cut_short
    assert count[t.Compaction] == compactions
    assert count[t.Abort] == aborts
    assert largest_prompt(session) == peak


def test_pi_names_the_tail_that_its_compaction_kept():
    events = the_session(PI[0][0], "pi").trace.events
    (place,) = (place for place, event in enumerate(events) if isinstance(event, t.Compaction))
    kept = [events[index] for index in events[place].kept]

    assert len(kept) == 53
    assert kept[-1] is events[place - 1]
    assert isinstance(kept[0], t.Message)


def test_codex_names_the_messages_that_its_compactions_kept():
    events = the_session(CODEX[0][0], "codex").trace.events
    kept = [
        [events[index].role for index in event.kept]
        for event in events
        if isinstance(event, t.Compaction)
    ]

    # Every user message of the new history but the developer's, which is part of the system prompt.
    assert kept == [["user"] * 8, ["user"] * 11]


def test_copilot_cli():
    session = the_session(COPILOT_CLI, "copilot-cli")
    count = kinds(session)
    events = session.trace.events
    replies = {e.reply for e in events if getattr(e, "reply", None) is not None}
    said = [e.role for e in events if isinstance(e, t.Message) and e.origin is None]

    assert session.report.is_clean
    assert count[t.Call] == count[t.Result] == 68
    assert count[t.Compaction] == 0
    assert len(replies) + count[t.Result] + said.count("user") + said.count("system") == 124
    assert [block.kind for block in blocks_of(session.trace) if block.fixed] == ["system"]


@pytest.mark.parametrize(("name", "entries", "calls", "unanswered", "peak"), SHORT)
def test_short_formats(name, entries, calls, unanswered, peak):
    path = TRACES / name
    sessions = list(open_sessions(path))
    count = sum(map(kinds, sessions), Counter())

    assert detect(path) == name.split("/")[0]
    assert not any(session.report.damaged for session in sessions)
    assert sum(session.report.lines for session in sessions) == entries
    assert count[t.Call] == calls
    assert count[t.Result] == calls - unanswered
    assert max(map(largest_prompt, sessions)) == peak


@pytest.mark.parametrize(
    ("name", "model_replies", "format_errors"),
    [("sympy__sympy-13091", 129, 5), ("pytest-dev__pytest-7490", 97, 3)],
)
def test_mini_swe_agent_replies_are_requests_and_format_errors_no_results(
    name, model_replies, format_errors
):
    (session,) = open_sessions(TRACES / "mini-swe-agent" / f"{name}.traj.json")
    users = [e for e in session.trace.events if isinstance(e, t.Message) and e.role == "user"]

    assert sum(bool(turn.outputs) for turn in turns_of(session.trace)) == model_replies
    assert len(users) == 1 + format_errors
    assert all(user.text.startswith("Please always provide EXACTLY ONE") for user in users[1:])


def test_a_demonstration_is_not_the_task():
    (session,) = open_sessions(TRACES / "swe-agent" / "pydicom-1458.traj")
    demonstration, task = (e for e in session.trace.events if getattr(e, "role", None) == "user")

    assert demonstration.origin == "instructions"
    assert "--- DEMONSTRATION ---" in demonstration.text
    assert (task.origin, "Pixel Representation" in task.text) == (None, True)


def test_tau_bench():
    assert detect(TRACES / TAU_BENCH) == "tau-bench"
    sessions = list(open_sessions(TRACES / TAU_BENCH))
    calls = sum(kinds(session)[t.Call] for session in sessions)

    assert len(sessions) == 40
    assert sum(session.report.lines for session in sessions) == 1238
    assert calls == 274
    assert not any(session.report.damaged for session in sessions)
    assert all(blocks_of(session.trace)[0].fixed for session in sessions)
    assert len({session.name for session in sessions}) == 40


def test_ids_that_a_session_used_again_are_unique_and_every_call_has_its_result():
    reused = 0
    for session in open_sessions(TRACES / TAU_BENCH):
        calls = [event.id for event in session.trace.events if isinstance(event, t.Call)]
        results = [event.call_id for event in session.trace.events if isinstance(event, t.Result)]
        assert calls == results
        assert len(set(calls)) == len(calls)
        reused += sum(tally.count for tally in session.report.mended.values())

    assert reused == 26


@pytest.mark.parametrize(
    "path",
    [
        f"{name}/{row[0]}"
        for name, rows in (("claude-code", CLAUDE_CODE), ("codex", CODEX), ("opencode", OPENCODE))
        for row in rows
    ]
    + [f"pi/{PI[0][0]}", f"copilot-cli/{COPILOT_CLI}"],
)
def test_every_request_is_one_recorded_reply(path):
    session = next(open_sessions(TRACES / path))
    requests = [turn for turn in turns_of(session.trace) if turn.outputs]

    for turn in requests:
        replies = {step.event.reply for step in turn.outputs}
        assert len(replies) == 1
    assert [turn.request for turn in requests] == list(range(len(requests)))


def test_a_chain_of_all_tau_bench_sessions_has_one_policy_and_every_call():
    chain = chained(session.trace for session in open_sessions(TRACES / TAU_BENCH))
    count = Counter(type(event) for event in chain.events)

    assert count[t.Reset] == 39
    assert count[t.Call] == count[t.Result] == 274
    assert len({event.id for event in chain.events if isinstance(event, t.Call)}) == 274
    assert sum(isinstance(e, t.Message) and e.role == "system" for e in chain.events) == 1


def test_a_trace_that_was_written_is_read_back_equal(tmp_path):
    session = the_session(CLAUDE_CODE[0][0], "claude-code")
    path = tmp_path / "copy.jsonl"
    with path.open("wb") as stream:
        t.write_trace(session.trace, stream)

    (copy,) = open_sessions(path)

    assert copy.trace == session.trace
