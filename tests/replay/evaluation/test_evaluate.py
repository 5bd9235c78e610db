"""An evaluation from the jobs to its files: resumed, the same every time, readable."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hand_traces import TOOLS, trace

from clawvm.errors import OptionUnknown, TraceInvalid
from clawvm.replay.evaluation import Evaluation, Job, evaluate, jobs_of
from clawvm.replay.evaluation.results import read_results
from clawvm.replay.evaluation.summary import tables_of
from clawvm.replay.trace import write_trace


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sessions") / "tools.jsonl"
    with path.open("wb") as stream:
        write_trace(trace(*TOOLS), stream)
    return path


@pytest.fixture(scope="module")
def jobs(session: Path) -> list[Job]:
    return [
        *jobs_of(["tier1"])[:2],
        *jobs_of(["tier2"])[:1],
        *jobs_of(["real"], [session], [60, 400], "approximate"),
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, jobs: list[Job]) -> Path:
    folder = tmp_path_factory.mktemp("results")
    evaluate(jobs, folder, 1)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "timings.jsonl" and "jobs" not in path.parts
    }


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_another_run_elsewhere_gives_the_same_bytes(
    folder: Path, jobs: list[Job], tmp_path: Path
) -> None:
    evaluate(jobs, tmp_path, 2)
    assert contents(tmp_path) == contents(folder)


def test_a_run_that_goes_on_gives_the_same_bytes(
    folder: Path, jobs: list[Job], tmp_path: Path
) -> None:
    evaluate(jobs[:2], tmp_path, 1)
    assert evaluate(jobs, tmp_path, 1).resumed == 2
    assert contents(tmp_path) == contents(folder)


def test_a_fresh_run_forgets_what_there_was(jobs: list[Job], tmp_path: Path) -> None:
    evaluate(jobs[:1], tmp_path, 1)
    assert evaluate(jobs[:1], tmp_path, 1, fresh=True).resumed == 0


def test_times_are_kept_apart(folder: Path) -> None:
    assert not any("timing" in row for row in lines(folder / "results.jsonl"))
    assert all(row["timing"]["median_us"] >= 0 for row in lines(folder / "timings.jsonl"))


def test_each_kind_has_its_csv_file(folder: Path) -> None:
    with (folder / "real.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    real = [row for row in lines(folder / "results.jsonl") if row["kind"] == "real"]
    assert [row["policy"] for row in rows] == [row["policy"] for row in real]
    assert [int(row["bills.study.breaks"]) for row in rows] == [
        row["bills"]["study"]["breaks"] for row in real
    ]


def test_each_table_is_there_as_markdown_and_csv(folder: Path) -> None:
    names = sorted(path.stem for path in (folder / "tables").glob("*.md"))
    assert names == sorted(path.stem for path in (folder / "tables").glob("*.csv"))
    assert {"tier1", "table-4", "real"} <= set(names)
    assert (folder / "tables.md").read_text(encoding="utf-8").count("**Tier 1") == 1


def test_the_report_reads_what_was_written(folder: Path) -> None:
    results = read_results(folder)
    assert results.real
    assert results.synthetic
    assert [timeline.policy for timeline in results.timelines] == ["clawvm"]


def test_a_gate_that_is_not_held_is_named(tmp_path: Path) -> None:
    row = '{"gate": "g", "store": "memory", "path": "clawvm", "passed": false}'
    result = evaluate([Job("tier1", "json:loads", {"s": f"[{row}]"})], tmp_path, 1)
    assert isinstance(result, Evaluation)
    assert result.failed_gates == ["g (clawvm)"]


def test_nothing_evaluated_has_no_table() -> None:
    assert tables_of([]) == []


def test_an_unknown_kind_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(OptionUnknown, match="tier1, tier2, tasks, ablation, adversarial, real"):
        jobs_of(["tier3"])


def test_a_folder_without_a_session_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceInvalid, match="no recorded session in"):
        jobs_of(["real"], [tmp_path], tokens="approximate")
