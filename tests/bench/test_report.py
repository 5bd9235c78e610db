"""What the report makes of measurements, and that it measures what it says."""

from __future__ import annotations

import random
from itertools import chain

import pytest
from typer import BadParameter

from bench.batches import ROUNDS, Batch, turns_per_second
from bench.report import turns
from bench.report.command import BEGIN, END, read_document, written_between
from bench.report.goals import Goals
from bench.report.named import PROFILES, Profile, messages_of
from bench.report.plot import plot_curves
from bench.report.quality import REALISTIC, quality_of
from bench.report.section import Section, microseconds
from bench.tables import TextTurns
from bench.timing import Timing, time_calls
from clawvm import _reference
from clawvm.session import Session

CURVES = {
    turns.OURS: {100: Timing(5.0, 9.0, 10), 1_000: Timing(6.0, 9.0, 10)},
    "numpy argsort": {100: Timing(20.0, 30.0, 10), 1_000: Timing(150.0, 300.0, 10)},
    "the twin": {100: Timing(5_000.0, 6_000.0, 10)},
}


def test_a_section_is_a_table_in_markdown():
    section = Section("Title", "A note.", ["who", "us"])
    section.add("ours", "1.00")
    assert section.markdown() == (
        "### Title\n\nA note.\n\n| who | us |\n|---|--:|\n| ours | 1.00 |\n"
    )


@pytest.mark.parametrize(
    ("taken", "written"), [(0.312, "0.31"), (12.34, "12.3"), (1234.5, "1,234"), (99.94, "99.9")]
)
def test_figures_have_the_digits_that_mean_something(taken, written):
    assert microseconds(taken) == written


def test_figures_are_written_between_the_marks_again_and_again():
    document = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    once = written_between(document, "new\n")
    assert once == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    assert written_between(once, "new\n") == once


@pytest.mark.parametrize("text", [None, "no marks", f"only {BEGIN}"])
def test_a_document_that_cannot_take_figures_is_refused_before_measuring(tmp_path, text):
    if text is not None:
        (tmp_path / "performance.md").write_text(text)
    with pytest.raises(BadParameter, match=r"performance\.md"):
        read_document(tmp_path)


def test_a_goal_is_reached_at_its_limit_and_missed_beyond():
    goals = Goals()
    goals.at_most("small", 5, 5.0, "us")
    goals.at_most("small", 5, 5.1, "us")
    goals.at_least("large", 100, 100.0, "times")
    goals.at_least("large", 100, 99.0, "times")
    goals.note("known", "7")
    assert [row[-1] for row in goals.section.rows] == ["yes", "no", "yes", "no", ""]
    assert goals.section.rows[1] == ["small", "5 us", "5.10 us", "no"]


def test_peers_are_shown_with_their_time_and_as_multiples_of_ours(monkeypatch):
    monkeypatch.setattr(turns, "SIZES", (100, 1_000))
    rows = {row[0]: row[1:3] for row in turns.peer_section(CURVES).rows}
    assert rows == {
        turns.OURS: ["5.00", "6.00"],
        "numpy argsort": ["20.0 (4.0 x)", "150 (25.0 x)"],
        "the twin": ["5,000 (1,000.0 x)", "-"],
    }


def test_a_peer_that_is_not_installed_is_left_out_aloud(monkeypatch):
    said = []
    monkeypatch.setattr(turns, "SIZES", (10,))
    monkeypatch.setattr(turns, "missing_package", lambda name: name if name[0] != "n" else None)
    assert list(turns.measure_curves(said.append)) == [turns.OURS, "numpy argsort"]
    assert any("langchain-core is not installed" in line for line in said)


def test_a_peer_that_takes_long_is_asked_for_no_more_pages(monkeypatch):
    asked = []

    def slow(name, pages):
        asked.append((name, pages))
        return Timing(turns.TURN_MOST_US, 2 * turns.TURN_MOST_US, 5)

    monkeypatch.setattr(turns, "PEERS", {"numpy argsort": None})
    monkeypatch.setattr(turns, "SIZES", (10, 20))
    monkeypatch.setattr(turns, "time_peer", slow)
    curves = turns.measure_curves(print)
    assert asked == [("numpy argsort", 10)]
    assert sorted(curves[turns.OURS]) == [10, 20]


def test_plans_of_small_realistic_knapsacks_come_near_the_proven_optimum():
    shares = quality_of(_reference, REALISTIC, 10, seeds=8)
    assert shares
    assert all(0.5 <= share <= 1 for share in shares)


def test_the_plot_is_the_same_file_for_the_same_figures(tmp_path):
    pytest.importorskip("matplotlib")
    for name in ("a.svg", "b.svg"):
        plot_curves(CURVES, "a machine", tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert "numpy argsort" in (tmp_path / "a.svg").read_text()


def test_only_the_call_is_timed_and_every_round_is_prepared():
    calls = []
    timing = time_calls(lambda: calls.append("run"), lambda: calls.append("prepare"), seconds=0)
    assert timing.rounds == 5
    assert 0 < timing.median_us <= timing.p99_us
    assert calls == ["prepare", "run"] * (len(calls) // 2)


def test_a_turn_with_texts_changes_what_it_says():
    both = TextTurns(_reference, 50)
    both.prepare()
    put = {number for number, *_ in both.contents}
    before = {number: both.table.version(number) for number in range(50)}
    moves = both.run()
    assert (len(both.touched), len(both.contents)) == (3, 2)
    assert {number for number in range(50) if both.table.version(number) > before[number]} == put
    assert {both.table.record(number)["last_turn"] for number in both.touched} == {both.turn}
    assert all(both.table.level(slot) == new for slot, _, new in moves)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_batch_does_a_turn_of_every_session_once(threads):
    batch = Batch(sessions=5, pages=20)
    assert turns_per_second(batch, threads) > 0
    for table, touched, contents in zip(batch.tables, batch.touched, batch.contents, strict=True):
        changed = {*touched, *(slot for slot, *_ in contents)}
        assert {table.record(slot)["last_turn"] for slot in changed} == {batch.turn}
        assert table.stats["selects"] == ROUNDS


@pytest.mark.parametrize("name", list(PROFILES))
def test_a_drawn_session_has_the_turns_and_results_of_its_profile(name):
    profile = PROFILES[name]
    short = Profile(20, profile.calls_percent, profile.result_chars)
    arrived = list(messages_of(short, random.Random(name)))
    assert len(arrived) == 21
    results = [m for m in chain.from_iterable(arrived) if m["role"] == "tool"]
    least, most = profile.result_chars
    assert results
    assert all(least <= len(message["content"]) <= most for message in results)
    session = Session(budget=5_000, counter="approximate")
    for messages in arrived:
        session.extend(messages)
        assert session.assemble().tokens <= 5_000
