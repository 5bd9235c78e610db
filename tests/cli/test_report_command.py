"""`clawvm report` as its users meet it."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import Run
from report_folders import whole_folder

pytest.importorskip("plotly", reason="the extra `report` is not installed")


def test_it_writes_one_file_and_says_how_large_it_is(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "look.html"
    ran = run("report", whole_folder(tmp_path / "results"), "-o", path)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{path}: {path.stat().st_size / 1e6:.1f} MB\n"


def test_a_missing_folder_is_one_line_and_no_file(run: Run, tmp_path: Path) -> None:
    ran = run("report", tmp_path / "nowhere", "-o", tmp_path / "look.html")
    assert ran.code == 1
    assert ran.error.startswith("clawvm: ")
    assert "run `clawvm eval all --out DIR` first" in ran.error
    assert not (tmp_path / "look.html").exists()


def test_a_folder_for_the_report_that_is_not_there(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "look.html"
    ran = run("report", whole_folder(tmp_path / "results"), "-o", path)
    assert ran.code == 1
    assert ran.error == f"clawvm: {path}: No such file or directory"
