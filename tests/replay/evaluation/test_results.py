"""What is wrong with a folder is said before anything is drawn, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_folders import long_timeline, real_row, whole_folder, write_rows

from clawvm.errors import ResultsInvalid
from clawvm.replay.report_html import read_results


def test_a_whole_folder_is_read(tmp_path: Path) -> None:
    results = read_results(whole_folder(tmp_path))
    assert len(results.real) == 20
    assert sorted(results.synthetic) == ["ablation", "adversarial", "tasks", "tier2"]
    assert len(results.timelines) == 12
    assert results.not_shown == {"tier3": 1}
    assert (len(results.gates), len(results.optima)) == (2, 2)


def test_timelines_come_by_session_budget_and_policy(tmp_path: Path) -> None:
    timelines = read_results(whole_folder(tmp_path)).timelines
    keys = [(each.trace, each.budget_tokens, each.policy) for each in timelines]
    assert keys == sorted(keys)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResultsInvalid, match="found no such folder; run `clawvm eval all"):
        read_results(tmp_path / "nowhere")


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(ResultsInvalid, match=r"no results.jsonl in it; run `clawvm eval all"):
        read_results(tmp_path)


def test_a_folder_with_nothing_to_show(tmp_path: Path) -> None:
    with pytest.raises(ResultsInvalid, match="found none to show; run `clawvm eval all"):
        read_results(write_rows(tmp_path, {"kind": "tier3"}))


def test_a_last_line_that_breaks_off(tmp_path: Path) -> None:
    path = write_rows(tmp_path, real_row()) / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ResultsInvalid, match=r"cut short or still runs; wait for it, or run"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{oops}", "results.jsonl:2: expected a JSON object, found: JSON is malformed"),
        (b"[]", "results.jsonl:2: not a row"),
        (b"{}", "results.jsonl:2: expected a row with its kind, found none"),
        (b'{"kind":"real"}', "results.jsonl:2: not a row.*missing required field"),
        (b'{"kind":"tier2","family":1}', "results.jsonl:2: not a row.*Expected `str`, got `int`"),
    ],
)
def test_a_line_that_is_no_row_is_named(tmp_path: Path, line: bytes, said: str) -> None:
    path = write_rows(tmp_path, real_row()) / "results.jsonl"
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(ResultsInvalid, match=f"{said}.*run `clawvm eval all"):
        read_results(tmp_path)


def test_a_half_written_timeline_is_named(tmp_path: Path) -> None:
    write_rows(tmp_path, real_row())
    (tmp_path / "timelines").mkdir()
    (tmp_path / "timelines" / "a.json").write_bytes(long_timeline(10, 10).to_json()[:-5])
    with pytest.raises(ResultsInvalid, match=r"a\.json: expected a timeline"):
        read_results(tmp_path)
