"""A log is bounded in size: files are rotated away, the oldest deleted, the chain goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from audit_logs import ticking

from clawvm.audit import AuditLog, History, verify
from clawvm.audit import output as output_module
from clawvm.audit.files import log_files
from clawvm.errors import AuditInvalid

ROTATE = 2_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def fill(path: Path, count: int, **options: Any) -> int:
    """Write lines of about 200 bytes; returns how many lines the log has had."""
    with AuditLog(path, clock=ticking(), **({"rotate_bytes": ROTATE, "keep": 3} | options)) as log:
        for turn in range(count):
            log.write("archive", turn, page_id=f"page-{turn}")
    return log.lines


def names(path: Path) -> list[str]:
    return sorted(os.listdir(path.parent))


def first_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(file.read_bytes().splitlines()[0]) for file in log_files(path)]


def test_files_are_no_larger_than_asked_and_no_more_than_kept(path: Path) -> None:
    fill(path, 200)
    assert names(path) == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"]
    assert all(file.stat().st_size <= ROTATE for file in log_files(path))


def test_numbers_and_chain_go_on_over_all_files(path: Path) -> None:
    lines = fill(path, 25)
    summary = verify(path)
    assert (len(summary.files), summary.lines, summary.dropped) == (4, lines, 0)


def test_what_was_dropped_is_told_by_the_newest_file(path: Path) -> None:
    lines = fill(path, 200)
    summary = verify(path)
    oldest, *_, newest = first_lines(path)
    assert (summary.lines, summary.dropped) == (lines, oldest["n"] - 1)
    assert (newest["event"], newest["dropped"]) == ("rotated", oldest["n"] - 1)
    assert summary.dropped > 100


def test_a_line_larger_than_a_file_has_one_of_its_own(path: Path) -> None:
    with AuditLog(path, rotate_bytes=ROTATE) as log:
        for turn in range(3):
            log.write("archive", turn, page_id="x" * 2 * ROTATE)
    assert [len(file.read_bytes().splitlines()) for file in log_files(path)] == [2, 2, 2]
    assert verify(path).lines == 6


def test_every_missing_file_is_found(path: Path) -> None:
    fill(path, 200)
    for file in log_files(path)[:-1]:
        data = file.read_bytes()
        file.unlink()
        with pytest.raises(AuditInvalid, match="expected the line with number"):
            verify(path)
        file.write_bytes(data)
    assert verify(path).files


def test_files_that_changed_places_are_found(path: Path) -> None:
    fill(path, 200)
    first, second, *_ = log_files(path)
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    with pytest.raises(AuditInvalid, match="expected the line with number"):
        verify(path)


def test_lines_cut_from_the_beginning_of_the_oldest_file_are_found(path: Path) -> None:
    fill(path, 200)
    oldest = log_files(path)[0]
    lines = oldest.read_bytes().splitlines(keepends=True)
    for number in range(1, len(lines)):
        oldest.write_bytes(b"".join(lines[number:]))
        with pytest.raises(AuditInvalid, match="expected an event 'rotated' at the beginning"):
            verify(path)


def test_a_cut_end_of_a_file_that_was_rotated_away_is_found(path: Path) -> None:
    fill(path, 200)
    oldest = log_files(path)[0]
    data = oldest.read_bytes()
    for cut in (10, len(data.splitlines(keepends=True)[-1])):
        oldest.write_bytes(data[:-cut])
        with pytest.raises(AuditInvalid):
            verify(path)


def test_fewer_files_are_kept_from_the_next_rotation_on(path: Path) -> None:
    fill(path, 200)
    fill(path, 1, keep=1)
    assert verify(path).files == [str(file) for file in log_files(path)]
    fill(path, 20, keep=1)
    assert names(path) == ["audit.jsonl", "audit.jsonl.1"]
    assert verify(path).dropped == first_lines(path)[0]["n"] - 1


def test_files_of_other_names_are_left_alone(path: Path) -> None:
    others = ["audit.jsonl.old", "audit.jsonl.01", "audit.jsonl.1.gz", "audit.json", "1"]
    for name in others:
        (path.parent / name).write_text("mine")
    fill(path, 200)
    verify(path)
    assert all((path.parent / name).read_text() == "mine" for name in others)


def test_a_log_that_was_moved_away_begins_anew(path: Path) -> None:
    fill(path, 5)
    path.rename(path.parent / "kept")
    fill(path, 5)
    assert verify(path).lines == 6


def test_a_folder_that_refuses_it_lets_the_file_grow(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(output_module, "shift", refuse)
        lines = fill(path, 50)
        assert names(path) == ["audit.jsonl"]
    assert verify(path).lines == lines
    fill(path, 1)
    assert names(path) == ["audit.jsonl", "audit.jsonl.1"]
    assert verify(path).lines == lines + 2


def test_a_reader_sees_the_same_log_while_it_is_rotated(path: Path) -> None:
    with AuditLog(path, rotate_bytes=ROTATE, keep=3) as log:
        for turn in range(60):
            log.write("archive", turn, page_id=f"page-{turn}")
            assert log.flush()
            assert verify(path).lines == log.lines
    assert History.read(path).dropped == verify(path).dropped
