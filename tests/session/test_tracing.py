"""What a session writes into its decision trace."""

from __future__ import annotations

import gc
import json
import subprocess
import sys

import pytest
from chat_histories import openai_asks, openai_call, openai_result, user
from command import environment
from session_driver import count

from clawvm import Fidelity, PageType, Pin, Session
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


def test_a_prompt_is_in_the_file_once_its_turn_is_over(tmp_path, lines):
    with Session("s", budget=900, counter=count, audit=tmp_path) as session:
        session.put("p", PageType.EVIDENCE, "text")
        session.assemble()
        assert [event["event"] for event in lines()] == ["begun", "open"]
        session.boundary("turn")
        assert [event["event"] for event in lines()] == [
            "begun",
            "open",
            "page",
            "assemble",
            "boundary",
        ]


def test_what_is_committed_is_in_the_file_before(tmp_path, lines, monkeypatch):
    url = f"sqlite:///{tmp_path / 'agents.db'}"
    with Session("s", budget=900, counter=count, store=url, audit=tmp_path) as session:
        session.put("p", PageType.EVIDENCE, "text")
        session.assemble()
        there = []
        commit = session._durable.commit
        monkeypatch.setattr(
            session._durable, "commit", lambda *given: (there.extend(lines()), commit(*given))[1]
        )
        session.boundary("turn")
        assert [event["event"] for event in there][-2:] == ["page", "assemble"]


def test_a_line_tells_what_was_so_when_the_prompt_was_made(tmp_path, lines):
    with Session("s", budget=900, counter=count, audit=tmp_path) as session:
        session.put("p", PageType.EVIDENCE, "one " * 20)
        session.assemble()
        cost = session.page("p").tokens(Fidelity.FULL)
        session.put("p", PageType.PLAN, "something else", pin=Pin.HARD)
        session.boundary("turn")
    page, prompt = lines()[2:4]
    assert (page["type"], page["pin"], page["version"]) == ("evidence", "none", 1)
    assert prompt["moves"] == [["p", "none", "full", 0, cost]]


def test_a_session_that_is_dropped_leaves_its_trace(tmp_path):
    def drop_one() -> None:
        session = Session("s", budget=900, counter=count, audit=tmp_path)
        session.put("p", PageType.EVIDENCE, "text")
        session.assemble()
        del session
        gc.collect()

    with pytest.warns(ResourceWarning, match="'s' was not closed"):
        drop_one()
    assert verify(tmp_path / "s.jsonl").turns == 1


def test_a_session_that_is_open_at_the_end_leaves_its_trace(tmp_path):
    program = (
        "import sys; from clawvm import PageType, Session\n"
        "session = Session('s', budget=900, counter='approximate', audit=sys.argv[1])\n"
        "session.put('p', PageType.EVIDENCE, 'text')\n"
        "session.assemble()\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], env=environment(), check=True)
    assert verify(tmp_path / "s.jsonl").turns == 1


def test_the_worth_of_what_gave_way_is_told(tmp_path, words, lines):
    with Session("s", budget=900, counter=count, audit=tmp_path) as session:
        demoted = []
        while not demoted:
            name = f"n{session.turn}"
            session.put(name, PageType.EVIDENCE, words(name, 15))
            session.assemble()
            demoted = [move for move in session.plan.moves if move.new < move.old]
        earned = {move.page_id: session.explain(move.page_id) for move in demoted}
    told = [event for event in lines() if event["event"] == "assemble"][-1]
    assert set(told["worth"]) == {move.page_id for move in demoted} != set()
    for page_id, worth in told["worth"].items():
        assert f"for a worth of {worth:.3g} per token" in earned[page_id]
        assert f"the least that is resident earns {told['least_worth']:.3g}" in earned[page_id]
