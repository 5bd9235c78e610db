"""Jobs: run in parallel, kept, resumed, and told of when they fail."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clawvm.errors import EvaluationFailed
from clawvm.replay.evaluation import Job, run_jobs

HERE = "json:loads"  # any function of plain arguments that returns rows


def job(*numbers: int, kind: str = "numbers") -> Job:
    rows = ",".join(f'{{"number": {number}}}' for number in numbers)
    return Job(kind, HERE, {"s": f"[{rows}]"})


def broken() -> Job:
    return Job("broken", HERE, {"s": "no JSON"})


@pytest.mark.parametrize("workers", [1, 2])
def test_rows_come_in_the_order_of_the_jobs(tmp_path: Path, workers: int) -> None:
    jobs = [job(3, 1), job(2), job(9, kind="others")]
    outcome = run_jobs(jobs, tmp_path, workers)
    assert outcome.rows == [
        {"kind": "numbers", "number": 3},
        {"kind": "numbers", "number": 1},
        {"kind": "numbers", "number": 2},
        {"kind": "others", "number": 9},
    ]
    assert outcome.resumed == 0


def test_a_job_that_is_done_is_not_run_again(tmp_path: Path) -> None:
    run_jobs([job(1)], tmp_path, 1)
    outcome = run_jobs([job(1), job(2)], tmp_path, 1)
    assert [row["number"] for row in outcome.rows] == [1, 2]
    assert outcome.resumed == 1


def test_a_job_of_other_arguments_is_another_job(tmp_path: Path) -> None:
    assert job(1).file_name != job(2).file_name
    assert job(1).file_name == job(1).file_name


@pytest.mark.parametrize("workers", [1, 2])
def test_one_that_fails_is_told_of_and_the_others_are_kept(tmp_path: Path, workers: int) -> None:
    with pytest.raises(EvaluationFailed, match=r"1 of 3 jobs failed, one of them broken of .*JSON"):
        run_jobs([job(1), broken(), job(2)], tmp_path, workers)
    assert run_jobs([job(1), job(2)], tmp_path, workers).resumed == 2


def test_a_process_that_is_killed_is_told_of(tmp_path: Path) -> None:
    killed = Job("killed", "os:_exit", {"status": 9})
    with pytest.raises(EvaluationFailed, match="ended from outside"):
        run_jobs([killed, job(1)], tmp_path, 2)


def test_a_file_that_is_half_written_does_not_count(tmp_path: Path) -> None:
    folder = tmp_path / "jobs"
    folder.mkdir()
    (folder / job(1).file_name).with_suffix(f".{os.getpid()}").write_bytes(b'{"number"')
    assert run_jobs([job(1)], tmp_path, 1).rows == [{"kind": "numbers", "number": 1}]


def test_progress_is_told_from_what_there_is_to_all(tmp_path: Path) -> None:
    run_jobs([job(1)], tmp_path, 1)
    told: list[tuple[int, int]] = []
    run_jobs([job(1), job(2), job(3)], tmp_path, 1, lambda done, of: told.append((done, of)))
    assert told == [(1, 3), (2, 3), (3, 3)]
