"""`clawvm eval` as its users meet it: what it prints, what it leaves, how it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest
from hand_traces import TOOLS, trace
from typer.testing import CliRunner

from clawvm.cli.app import app
from clawvm.errors import BudgetInvalid, TraceInvalid
from clawvm.replay.trace import write_trace


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, ["eval", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def session(tmp_path: Path) -> Path:
    path = tmp_path / "tools.jsonl"
    with path.open("wb") as stream:
        write_trace(trace(*TOOLS), stream)
    return path


def test_it_shows_the_tables_and_tells_where_the_rest_is(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = run("tier1", "--out", out, "--workers", 1)
    assert "Tier 1: the six lifecycle gates" in shown
    assert "24 rows of 12 jobs (0 from an earlier run) in" in shown
    assert (out / "results.jsonl").exists()


def test_it_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    run("tier1", "--out", tmp_path, "--workers", 1)
    assert "(12 from an earlier run)" in run("tier1", "--out", tmp_path, "--workers", 1)
    assert "(0 from an earlier run)" in run("tier1", "--out", tmp_path, "--workers", 1, "--fresh")


def test_it_replays_recorded_sessions_at_the_budgets_that_were_asked_for(
    session: Path, tmp_path: Path
) -> None:
    options = ("--budget", "60", "--budget", "400", "--tokens", "approximate", "--workers", 1)
    shown = run("real", session, "--out", tmp_path / "out", *options)
    assert "1 recorded sessions" in shown
    assert {"clawvm", "compaction", "recorded", "sliding-window"} <= set(shown.split())


def test_a_budget_that_is_none_is_refused_before_anything_is_run(
    session: Path, tmp_path: Path
) -> None:
    with pytest.raises(BudgetInvalid):
        run("real", session, "--out", tmp_path / "out", "--budget", "none")
    assert not (tmp_path / "out").exists()


def test_a_folder_without_a_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceInvalid, match="no recorded session"):
        run("real", tmp_path, "--out", tmp_path / "out")


def test_a_file_that_is_no_session_is_named(session: Path, tmp_path: Path) -> None:
    (session.parent / "notes.txt").write_text("no session", encoding="utf-8")
    arguments = ["eval", "real", str(session.parent), "--out", str(tmp_path / "out")]
    options = ["--budget", "60", "--tokens", "approximate", "--workers", "1"]
    result = CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
    assert result.exit_code == 0
    assert "skipped" in result.stderr
    assert "notes.txt" in result.stderr


def test_without_the_solver_the_bounds_are_left_out_and_that_is_said(
    session: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clawvm.cli.eval.has_solver", lambda: False)
    monkeypatch.setattr("clawvm.replay.evaluation.real.has_solver", lambda: False)
    arguments = ["eval", "real", str(session), "--out", str(tmp_path / "out")]
    options = ["--budget", "60", "--tokens", "approximate", "--workers", "1"]
    result = CliRunner().invoke(app, [*arguments, *options], catch_exceptions=False)
    assert "pip install 'clawvm[eval]'" in result.stderr
    assert "bound_available" not in (tmp_path / "out" / "results.jsonl").read_text("utf-8")
