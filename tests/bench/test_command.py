"""The gate's command: what it says and its exit codes, with the measuring replaced."""

from __future__ import annotations

import json
import subprocess

import pytest
from typer.testing import CliRunner

from bench.gate import command
from bench.gate.checkout import Base
from bench.gate.errors import GateError

COUNTS = {"table.find": 1_000_000, "table.touch": 2_000_000}
RATIO = {"name": "select against the twin", "ratio": 900.0, "floor": 20}


class Measured:
    """What the revisions were measured to be."""

    def __init__(self):
        self.base, self.head = dict(COUNTS), dict(COUNTS)
        self.ratio = dict(RATIO)
        self.missing = None
        self.bare = set()
        self.found = Base("f" * 40, "where this branch left main")

    def run(self, checkout, arguments):
        answers = {"bench.ratios": self.ratio, "bench.walltime": {"table.find": 40.5}}
        output = json.dumps(answers[arguments[-1]]) + "\n"
        return subprocess.CompletedProcess(arguments, 0, output, "")


@pytest.fixture
def measured(monkeypatch):
    values = Measured()
    monkeypatch.setattr(command, "why_no_counting", lambda: values.missing)
    monkeypatch.setattr(command, "find_base", lambda: values.found)
    monkeypatch.setattr(command, "check_out", lambda revision, folder: None)
    monkeypatch.setattr(command, "build", lambda folder: None)
    monkeypatch.setattr(command, "build_region", lambda folder: None)
    monkeypatch.setattr(command, "has_workloads", lambda folder: folder.name not in values.bare)
    monkeypatch.setattr(command, "count_workloads", lambda *_: [values.base, values.head])
    monkeypatch.setattr(command, "allowed_names", lambda base, head: frozenset())
    monkeypatch.setattr(command, "git_line", lambda *_: "a" * 40)
    monkeypatch.setattr(command, "run", values.run)
    return values


def gate(*arguments):
    result = CliRunner().invoke(command.app, arguments)
    return result.exit_code, " ".join(result.output.split())


def test_equal_counts_pass(measured):
    code, said = gate()
    assert code == command.PASSED
    assert "compared with ffffffffffff, where this branch left main" in said
    assert said.endswith("gate: passed")


def test_a_dearer_workload_fails_by_name_with_both_counts(measured):
    measured.head["table.find"] = 1_050_000
    code, said = gate("base", "head")
    assert code == command.FAILED
    assert "FAILED table.find: +5.00% instructions (1,000,000 to 1,050,000)" in said


def test_a_removed_workload_fails(measured):
    del measured.head["table.touch"]
    code, said = gate("base", "head")
    assert code == command.FAILED
    assert "FAILED table.touch: this workload was removed" in said


def test_an_added_workload_fails(measured):
    measured.head["table.new"] = 5
    code, said = gate("base", "head")
    assert code == command.FAILED
    assert "FAILED table.new: this workload was added" in said


def test_what_a_commit_allows_passes(measured, monkeypatch):
    measured.head["table.find"] = 2_000_000
    monkeypatch.setattr(command, "allowed_names", lambda base, head: frozenset({"table.find"}))
    code, said = gate("base", "head")
    assert code == command.PASSED
    assert "dearer, allowed" in said


def test_a_ratio_below_its_floor_fails(measured):
    measured.ratio["ratio"] = 19.5
    code, said = gate("base", "head")
    assert code == command.FAILED
    assert "select against the twin: 19.5 times as fast, at least 20 are expected" in said


def test_a_head_without_workloads_fails(measured):
    measured.bare = {"head"}
    assert gate("base", "head")[0] == command.FAILED


@pytest.mark.parametrize(
    ("missing", "bare", "sentence"),
    [
        ("valgrind is not installed", set(), "valgrind is not installed"),
        (None, {"base"}, "base has no bench/workloads.py yet"),
    ],
)
def test_what_cannot_be_counted_is_skipped_aloud(measured, missing, bare, sentence):
    measured.missing, measured.bare = missing, bare
    code, said = gate("base", "head")
    assert code == command.PASSED
    assert "gate: skipped instruction counts: " in said
    assert sentence in said
    assert gate("base", "head", "--strict")[0] == command.NOT_MEASURED


def test_without_a_base_the_rest_is_still_held(measured):
    measured.found = Base(None, "this is no git repository")
    code, said = gate()
    assert code == command.PASSED
    assert "skipped instruction counts, there is no base: this is no git repository" in said
    measured.ratio["ratio"] = 1.0
    assert gate()[0] == command.FAILED


def test_a_failure_counts_before_what_was_skipped(measured):
    measured.missing = "valgrind is not installed"
    measured.ratio["ratio"] = 1.0
    assert gate("--strict")[0] == command.FAILED


def test_the_history_gets_a_line_for_each_run(measured, tmp_path):
    history = tmp_path / "wall.jsonl"
    for _ in range(2):
        assert gate("base", "head", "--history", str(history))[0] == command.PASSED
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    assert [line["wall_us"] for line in lines] == [{"table.find": 40.5}] * 2
    assert lines[0]["revision"] == "a" * 40
    assert {"time", "machine", "load"} <= lines[0].keys()


def test_the_plot_of_a_history_is_drawn(measured, tmp_path):
    pytest.importorskip("matplotlib")
    history, picture = tmp_path / "wall.jsonl", tmp_path / "wall.svg"
    assert gate("--history", str(history), "--plot", str(picture))[0] == command.PASSED
    assert "<svg" in picture.read_text()


def test_a_plot_without_a_history_is_a_wrong_call(measured):
    assert gate("--plot", "wall.svg")[0] == command.CALLED_WRONGLY


def test_a_revision_that_cannot_be_measured_is_told_from_a_failure(measured, monkeypatch, capsys):
    def refuse(revision, folder):
        raise GateError(f"{revision}: not a revision of this repository")

    monkeypatch.setattr(command, "check_out", refuse)
    monkeypatch.setattr("sys.argv", ["gate", "nowhere", "head"])
    with pytest.raises(SystemExit) as exit_:
        command.main()
    assert exit_.value.code == command.NOT_MEASURED
    assert "gate: could not measure: head: not a revision" in capsys.readouterr().err
