"""A run of the gate: what passes, what fails, what is recorded."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import spawn
from gate_sessions import forget, write_session

from clawvm.errors import BaselineInvalid, BudgetInvalid, PolicyUnknown, TraceInvalid
from clawvm.replay.gate import Verdict, as_text, run_gate

Gate = Callable[..., Verdict]


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    write_session(tmp_path / "traces" / "one.jsonl")
    return tmp_path / "traces"


@pytest.fixture
def gate(tmp_path: Path, traces: Path) -> Gate:
    """The gate over the folder of traces, unless told otherwise."""

    def gate(*paths: Path, **options: Any) -> Verdict:
        settings = {"policy": "clawvm", "budget": 32_000, "tokens": "approximate"}
        return run_gate(paths or [traces], tmp_path / "gate.json", **{**settings, **options})

    return gate


@pytest.fixture
def recorded(gate: Gate, tmp_path: Path) -> Path:
    """A baseline that the gate has just recorded."""
    assert gate(update=True).passed
    return tmp_path / "gate.json"


def test_unchanged_code_passes_twice_in_a_row(gate: Gate, recorded: Path) -> None:
    for _ in range(2):
        verdict = gate()
        assert verdict.passed
        assert verdict.changes == ()
        assert as_text(verdict) == "gate: passed, 1 session\n"


def test_recording_again_gives_the_same_bytes(gate: Gate, recorded: Path) -> None:
    first = recorded.read_bytes()
    gate(update=True)
    assert recorded.read_bytes() == first


def test_the_baseline_is_the_same_whatever_the_hash_seed(recorded: Path, traces: Path) -> None:
    first = recorded.read_bytes()
    for seed in ("1", "2"):
        ran = spawn("gate", traces, "--baseline", recorded, "--update", PYTHONHASHSEED=seed)
        assert ran.code == 0
        assert recorded.read_bytes() == first


def test_a_worsened_policy_fails_and_the_table_says_where(
    gate: Gate, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget(monkeypatch)
    verdict = gate()
    assert not verdict.passed
    text = as_text(verdict)
    rows = [line.strip("│ ").split("│") for line in text.splitlines() if "│" in line]
    found = {row[1].strip(): [cell.strip() for cell in row[2:]] for row in rows}
    assert found["faults.refetch"] == ["0", "1", "0", "worse"]
    assert found["spans.available"] == ["1/1", "0/1", "1/1", "worse"]
    assert {row[0].strip() for row in rows} == {"traces/one.jsonl"}
    assert "got worse than" in text
    assert "run again with --update and commit the file" in text


def test_getting_better_passes_and_advises_to_record_it(
    gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as worse:
        forget(worse)
        gate(update=True)
    verdict = gate()
    better = {change.figure for change in verdict.changes if change.outcome == "better"}
    assert {"faults.refetch", "spans.available"} <= better
    worse_figures = {change.figure for change in verdict.changes if change.outcome == "worse"}
    assert all(name.split(".")[0] in ("billed", "work") for name in worse_figures)


def test_a_file_that_is_gone_fails_as_missing(gate: Gate, traces: Path, tmp_path: Path) -> None:
    two = write_session(traces / "two.jsonl")
    gate(update=True)
    two.unlink()
    verdict = gate()
    assert not verdict.passed
    (reason,) = verdict.stale
    assert reason.startswith("traces/two.jsonl: in the baseline and not among the traces; restore")
    assert "stale: traces/two.jsonl" in as_text(verdict)


def test_a_path_that_does_not_exist_says_what_to_do(gate: Gate, recorded: Path) -> None:
    with pytest.raises(TraceInvalid, match="there is no such file or folder; restore it, or"):
        gate(recorded.parent / "nowhere.jsonl")


def test_a_folder_without_sessions_is_an_error(gate: Gate, recorded: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TraceInvalid, match=r"no recorded session in .*empty; name files"):
        gate(tmp_path / "empty")


def test_a_new_file_fails_until_it_is_recorded(gate: Gate, recorded: Path, traces: Path) -> None:
    write_session(traces / "two.jsonl")
    assert gate().stale == ("traces/two.jsonl: not in the baseline; add it with --update",)
    gate(update=True)
    assert gate().passed


def test_a_changed_file_fails_though_its_figures_are_the_same(
    gate: Gate, recorded: Path, traces: Path
) -> None:
    with (traces / "one.jsonl").open("ab") as file:
        file.write(b"\n")
    (reason,) = gate().stale
    assert reason.startswith("traces/one.jsonl: not the file that the baseline was recorded of")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"policy": "lru"}, "the policy is lru, and was clawvm"),
        ({"budget": 16_000}, "the budget is 16000, and was 32000"),
        ({"tokens": "o200k_base"}, "the counter is o200k_base, and was approximate"),
    ],
)
def test_another_setting_fails_before_anything_is_replayed(
    gate: Gate,
    recorded: Path,
    options: dict[str, Any],
    reason: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if options.get("tokens"):
        monkeypatch.setattr("clawvm.replay.gate.run.counter", lambda name: Named(name))
    verdict = gate(**options)
    assert not verdict.passed
    assert verdict.sessions == 0
    assert verdict.stale == (
        f"{reason} when the baseline was recorded: run with that, or record anew with --update",
    )


class Named:
    """Says that it is a counter whose vocabulary is not at hand here."""

    def __init__(self, name: str) -> None:
        self.name = name


def test_another_core_fails_as_it_counts_its_work_differently(
    gate: Gate, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clawvm.replay.gate.run.backend", "another")
    (reason,) = gate().stale
    assert reason.startswith("the core is another, and was ")


def test_another_version_of_clawvm_is_compared_and_told(
    gate: Gate, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clawvm.replay.gate.run.__version__", "99.0")
    verdict = gate()
    assert verdict.passed
    assert ", this is 99.0\n" in as_text(verdict)


def test_without_a_counter_the_recorded_one_counts(gate: Gate, recorded: Path) -> None:
    assert gate(tokens=None).made_with.tokens == "approximate"


def test_without_a_baseline_it_says_how_to_make_one(gate: Gate) -> None:
    with pytest.raises(BaselineInvalid, match=r"no baseline; record one with --update, look at it"):
        gate()


def test_what_is_asked_wrongly_is_refused_before_a_baseline_is_looked_for(gate: Gate) -> None:
    with pytest.raises(PolicyUnknown):
        gate(policy="best")


def test_a_budget_that_is_none_is_refused(gate: Gate) -> None:
    with pytest.raises(BudgetInvalid):
        gate(budget=0, update=True)


def test_sessions_of_the_same_name_are_told_apart_by_file_and_number(
    gate: Gate, traces: Path, tmp_path: Path
) -> None:
    write_session(traces / "deeper" / "one.jsonl")
    write_session(traces / "two.jsonl", copies=3)
    gate(update=True)
    sessions = json.loads((tmp_path / "gate.json").read_bytes())["sessions"]
    assert [(session["file"], session["session"]) for session in sessions] == [
        ("traces/deeper/one.jsonl", "one"),
        ("traces/one.jsonl", "one"),
        ("traces/two.jsonl", "by hand"),
        ("traces/two.jsonl", "by hand (2)"),
        ("traces/two.jsonl", "two"),
    ]
    assert gate().passed


def test_the_order_of_the_paths_does_not_matter(gate: Gate, recorded: Path, traces: Path) -> None:
    two = write_session(traces / "two.jsonl")
    gate(traces / "one.jsonl", two, update=True)
    first = recorded.read_bytes()
    gate(two, traces / "one.jsonl", update=True)
    assert recorded.read_bytes() == first


def test_it_runs_from_anywhere_and_moves_with_the_project(
    gate: Gate, recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    shutil.move(recorded, moved)
    shutil.move(tmp_path / "traces", moved)
    monkeypatch.chdir(moved / "traces")
    verdict = run_gate([Path("one.jsonl")], Path("../gate.json"), policy="clawvm", budget=32_000)
    assert verdict.passed


def test_files_that_are_no_sessions_are_named_and_passed_over(
    gate: Gate, recorded: Path, traces: Path
) -> None:
    (traces / "README.md").write_text("# Sessions\n")
    verdict = gate()
    assert verdict.passed
    assert "skipped " in as_text(verdict)
    assert "README.md" in as_text(verdict)


def test_tolerances_are_kept_when_the_baseline_is_recorded_anew(gate: Gate, recorded: Path) -> None:
    edited = recorded.read_bytes().replace(
        b'"tolerances":{}', b'"tolerances":{"faults":1,"work.steps":"5%"}'
    )
    recorded.write_bytes(edited)
    gate(update=True)
    assert recorded.read_bytes() == edited


def test_a_damaged_baseline_is_not_overwritten(gate: Gate, recorded: Path) -> None:
    damaged = b"<<<<<<< HEAD\n" + recorded.read_bytes()
    recorded.write_bytes(damaged)
    with pytest.raises(BaselineInvalid, match="delete it and record anew with --update"):
        gate(update=True)
    assert recorded.read_bytes() == damaged


@pytest.mark.skipif(os.name == "nt", reason="a folder cannot be closed to its owner there")
def test_a_baseline_that_cannot_be_written_leaves_nothing_behind(
    gate: Gate, recorded: Path, tmp_path: Path
) -> None:
    with pytest.raises(BaselineInvalid, match="cannot be written"):
        run_gate(
            [tmp_path / "traces"],
            tmp_path / "no-folder" / "gate.json",
            policy="clawvm",
            budget=32_000,
            update=True,
        )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["gate.json", "traces"]
