"""Recorded sessions as jobs: cut, replayed, beside what harnesses do and the bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hand_traces import CHAT, TOOLS, trace

from clawvm.replay import Recording
from clawvm.replay.evaluation.real import LOW_WATERS, cut_short, real_jobs, real_rows
from clawvm.replay.trace import Event, write_trace

BUDGETS = (60, 400)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("real") / "tools.jsonl", *TOOLS)


def written(path: Path, *events: Event) -> Path:
    with path.open("wb") as stream:
        write_trace(trace(*events), stream)
    return path


@pytest.fixture(scope="module")
def rows(path: Path) -> list[dict[str, Any]]:
    (job,) = real_jobs([path], "approximate", BUDGETS, ("full", "clawvm"))
    return job.run()


def named(rows: list[dict[str, Any]], policy: str, **fields: Any) -> list[dict[str, Any]]:
    wanted = {"kind": "real", "policy": policy, **fields}
    return [row for row in rows if all(row.get(key) == value for key, value in wanted.items())]


def test_a_session_is_there_whole_and_cut_where_it_is_longer(path: Path) -> None:
    jobs = real_jobs([path], "approximate", BUDGETS, ("full",), cuts=(2, 100, None))
    assert [job.arguments["cut"] for job in jobs] == [2, None]


def test_a_cut_session_has_its_first_requests_and_their_spans() -> None:
    whole = Recording.of("chat", trace(*CHAT))
    cut = cut_short(whole, 2)
    assert cut.turns == whole.turns[:2]
    assert all(span.request < 2 for span in cut.spans)
    assert [block.text for block in cut.blocks][-1] == "seven eight"


def test_every_policy_is_replayed_under_every_budget_and_full_once(
    rows: list[dict[str, Any]],
) -> None:
    ours = named(rows, "clawvm", low_water_percent=None)
    assert [row["budget_tokens"] for row in ours] == [*BUDGETS]
    assert len(named(rows, "full")) == 1


def test_a_whole_session_has_the_sweep_over_low_water_marks(rows: list[dict[str, Any]]) -> None:
    sweep = [row["low_water_percent"] for row in named(rows, "clawvm", budget_tokens=60)]
    assert sweep == [None, *LOW_WATERS]


def test_what_harnesses_do_stands_beside(rows: list[dict[str, Any]]) -> None:
    assert [row["budget_tokens"] for row in named(rows, "compaction")] == [*BUDGETS]
    assert all(row["turns_over_budget"] == 0 for row in named(rows, "compaction"))
    assert len(named(rows, "recorded")) == 1


def test_what_has_no_pages_has_no_figures_of_them(rows: list[dict[str, Any]]) -> None:
    for row in (*named(rows, "compaction"), *named(rows, "recorded")):
        assert row["faults"] == {}
        assert not {"hits", "thrash_index", "moves", "churn", "pages"} & set(row)


def test_no_policy_passes_the_bounds(rows: list[dict[str, Any]]) -> None:
    bounded = [row for row in rows if "bound_available" in row]
    assert bounded
    for row in bounded:
        assert row["span_availability"]["available"] <= row["bound_available"]
        for provider, least in row["bound_billed_millitokens"].items():
            if row["policy"] == "clawvm" and not row["turns_infeasible"]:
                assert least is None or row["bills"][provider]["billed_millitokens"] >= least


def test_the_whole_history_has_everything_and_no_break(rows: list[dict[str, Any]]) -> None:
    (full,) = named(rows, "full")
    assert full["span_availability"]["available"] == full["span_availability"]["spans"]
    assert full["bills"]["study"]["breaks"] == 0


def test_two_runs_differ_in_nothing_but_timings(path: Path, rows: list[dict[str, Any]]) -> None:
    (job,) = real_jobs([path], "approximate", BUDGETS, ("full", "clawvm"))
    again = job.run()
    for row in (*rows, *again):
        row.pop("timing", None)
    assert again == rows


def test_a_file_of_other_contents_is_another_job(tmp_path: Path) -> None:
    path = written(tmp_path / "one.jsonl", *CHAT)
    (before,) = real_jobs([path], "approximate")
    written(path, *CHAT[:4])
    (after,) = real_jobs([path], "approximate")
    assert before.file_name != after.file_name


def test_a_session_without_a_request_is_no_job(tmp_path: Path) -> None:
    assert real_jobs([written(tmp_path / "one.jsonl", *CHAT[:1])], "approximate") == []


def test_the_sessions_of_one_file_come_once_more_as_one_long_one(tmp_path: Path) -> None:
    path = tmp_path / "two.jsonl"
    with path.open("wb") as stream:
        write_trace(trace(*CHAT), stream)
        write_trace(trace(*TOOLS), stream)
    first, second, both = real_jobs([path], "approximate", BUDGETS, ("full",))
    turns = [job.run()[0]["turns"] for job in (first, second, both)]
    assert turns[2] == turns[0] + turns[1]
    assert both.run()[0]["trace"] == "two (chained)"


def test_the_arguments_of_a_job_are_those_of_its_function(path: Path) -> None:
    (job,) = real_jobs([path], "approximate", BUDGETS, ("full",))
    assert real_rows(**job.arguments)[0]["policy"] == "full"
