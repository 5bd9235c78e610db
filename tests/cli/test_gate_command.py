"""`clawvm gate` as its users and their CI meet it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Run
from gate_sessions import forget, write_session


@pytest.fixture
def gate(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a project with one recorded session."""
    write_session(tmp_path / "traces" / "one.jsonl")
    monkeypatch.chdir(tmp_path)
    return lambda *options: run("gate", "traces", *options)


def test_records_a_baseline_and_then_passes(gate: Run, tmp_path: Path) -> None:
    recorded = gate("--update")
    assert (recorded.code, recorded.err) == (0, "")
    assert recorded.out == (
        "gate: recorded 1 session in gate.json; look at the difference and commit it\n"
    )
    assert (tmp_path / "gate.json").exists()
    passed = gate()
    assert (passed.code, passed.out, passed.err) == (0, "gate: passed, 1 session\n", "")


def test_a_worsened_policy_exits_with_3_and_a_table(
    gate: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate("--update")
    forget(monkeypatch)
    ran = gate()
    assert ran.code == 3
    assert "│ traces/one.jsonl │ faults.refetch " in ran.out
    assert "gate: FAILED" in ran.out
    assert ran.err == ""


def test_a_missing_baseline_exits_with_3_and_one_line(gate: Run) -> None:
    ran = gate("--baseline", "other.json")
    assert ran.code == 3
    assert ran.error == (
        "clawvm: other.json: there is no baseline; record one with --update, look at it and "
        "commit it"
    )


def test_a_stale_baseline_exits_with_3_and_what_to_do(gate: Run) -> None:
    gate("--update")
    ran = gate("--budget", "16k")
    assert ran.code == 3
    assert "stale: the budget is 16000, and was 32000" in ran.out
    assert "run with that, or record anew with --update" in ran.out


def test_a_missing_trace_exits_with_1_and_what_to_do(gate: Run) -> None:
    gate("--update")
    ran = gate("traces/two.jsonl")
    assert ran.code == 1
    assert "traces/two.jsonl: there is no such file or folder; restore it" in ran.error


@pytest.mark.parametrize("wrong", [("--policy", "best"), ("--budget", "0")])
def test_a_wrong_call_exits_with_2(gate: Run, wrong: tuple[str, str]) -> None:
    assert gate(*wrong).code == 2
