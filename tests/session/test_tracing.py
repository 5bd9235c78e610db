"""What a session writes into its decision trace."""

from __future__ import annotations

import json

import pytest
from chat_histories import openai_asks, openai_call, openai_result, user
from session_driver import count

from clawvm import PageType, Session
from clawvm.audit import History, verify
from clawvm.errors import AuditUnavailable


@pytest.fixture
def lines(tmp_path):
    """``lines()``: the events of the trace of session ``s``, without number, time and hashes."""

    def read():
        dropped = ("n", "time", "prev", "hash")
        events = map(json.loads, (tmp_path / "s.jsonl").read_text().splitlines())
        return [{k: v for k, v in event.items() if k not in dropped} for event in events]

    return read


def crowd(session, words, turns=8):
    session.put("rules", PageType.BOOTSTRAP, "Be brief.")
    session.add(user("begin"))
    for number in range(turns):
        call = openai_call(f"c{number}", "read_file", f'{{"path": "file{number}.md"}}')
        session.extend([openai_asks(call), openai_result(f"c{number}", words(f"t{number}", 30))])
        session.assemble()
        session.boundary("turn")


@pytest.fixture
def traced(tmp_path, words):
    """A durable session under pressure whose trace is in the folder."""
    with Session(
        "s",
        budget=900,
        counter=count,
        store=f"sqlite:///{tmp_path / 'agents.db'}",
        audit=tmp_path,
    ) as session:
        crowd(session, words)
        session.recall("nothing")
        session.stage("plan", "text", "append", "x", evidence="nothing")
        session.reset()
        session.add(user("again"))
        session.assemble()
        yield session


def test_the_trace_holds_together(traced, tmp_path):
    traced.close()
    summary = verify(tmp_path / "s.jsonl")
    assert summary.lines > 20


def test_every_kind_of_event_is_written(traced, lines):
    traced.close()
    kinds = {event["event"] for event in lines()}
    assert kinds >= {
        *("open", "page", "assemble", "boundary", "commit", "rejection", "recall"),
        *("archive", "close"),
    }


def test_a_prompt_is_told_with_its_moves(traced, lines):
    (first, *_) = [event for event in lines() if event["event"] == "assemble"]
    assert (first["turn"], first["budget"], first["epoch"]) == (1, 900, False)
    assert [move[0] for move in first["moves"]] == ["rules", "user", "read_file:file0.md"]
    assert first["used"] == sum(move[4] for move in first["moves"])


def test_the_trace_tells_the_level_of_each_page_at_each_turn(tmp_path, words):
    levels = []
    with Session("s", budget=900, counter=count, audit=tmp_path) as session:
        session.add(user("begin"))
        for number in range(10):
            session.put(f"n{number}", PageType.EVIDENCE, words(f"n{number}", 15))
            session.assemble()
            levels.append({page.id: session.level(page.id) for page in session.pages()})
    history = History.read(tmp_path / "s.jsonl")
    for turn, expected in enumerate(levels, 1):
        for page_id, level in expected.items():
            assert history.level(page_id, turn) == level.name.lower(), (turn, page_id)


def test_a_commit_tells_its_row_and_what_it_refused(traced, lines):
    events = lines()
    (rejection,) = [event for event in events if event["event"] == "rejection"]
    assert (rejection["page_id"], rejection["code"]) == ("plan", "PROVENANCE_DANGLING")
    commits = [event for event in events if event["event"] == "commit"]
    assert [commit["seq"] for commit in commits] == list(range(1, len(commits) + 1))
    assert all(commit["bytes"] > 100 for commit in commits)


def test_faults_are_written_as_they_are_counted(tmp_path, lines):
    with Session("s", budget=900, counter=count, audit=tmp_path) as session:
        session.recall("clawvm://other/p@1")
    (fault,) = [event for event in lines() if event["event"] == "fault"]
    assert (fault["kind"], fault["page_id"]) == ("silent-recall", "p")


def test_a_session_opened_again_goes_on_with_its_trace(traced, tmp_path, lines):
    traced.close()
    before = len(lines())
    url = f"sqlite:///{tmp_path / 'agents.db'}"
    with Session("s", budget=900, counter=count, store=url, audit=tmp_path):
        pass
    events = lines()
    assert (events[before]["event"], events[before]["turn"]) == ("open", 9)
    verify(tmp_path / "s.jsonl")


def test_a_trace_can_have_a_file_of_its_own(tmp_path):
    with Session("s", budget=900, counter=count, audit=tmp_path / "trace.jsonl"):
        pass
    assert verify(tmp_path / "trace.jsonl").lines >= 2


def test_a_trace_that_is_in_use_is_refused_and_the_session_given_back(tmp_path):
    url = f"sqlite:///{tmp_path / 'agents.db'}"
    trace = tmp_path / "trace.jsonl"
    with (
        Session("other", budget=900, counter=count, audit=trace),
        pytest.raises(AuditUnavailable),
    ):
        Session("s", budget=900, counter=count, store=url, audit=trace)
    with Session("s", budget=900, counter=count, store=url):
        pass
