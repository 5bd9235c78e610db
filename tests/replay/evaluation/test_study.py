"""Long sessions as the study counted: characters / 4, rules beside the budget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hand_traces import trace

from clawvm.replay.evaluation.study import BUDGETS, study_jobs, study_rows, study_table
from clawvm.replay.trace import Call, Event, Message, Result, write_trace

RULES = "Be brief. " * 400
LISTING = "".join(f"value_{n} = compute({n}, 'of file {{0}}')\n" for n in range(700))


def session(reads: int) -> list[Event]:
    events: list[Event] = [Message("system", RULES), Message("user", "Go on until all is read.")]
    for number in range(reads):
        events.append(Call(f"c{number}", "read", {"path": f"f{number}.py"}))
        events.append(Result(f"c{number}", LISTING.format(number)))
    quoted = LISTING.format(0)[4_000:4_200]
    return [*events, Message("assistant", f"It says {quoted}"), Message("user", "Thanks.")]


def written(path: Path, reads: int) -> Path:
    with path.open("wb") as stream:
        write_trace(trace(*session(reads)), stream)
    return path


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = written(tmp_path_factory.mktemp("study") / "long.jsonl", reads=12)
    return study_rows(str(path), "", 0)


def row(session: str, available: int, **fields: Any) -> dict[str, Any]:
    return {
        "session": session,
        "policy": "clawvm",
        "budget_tokens": 16_000,
        "low_water_percent": None,
        "turns": 50,
        "breaks": 1,
        "billed_millitokens": 300,
        "full_billed_millitokens": 1_000,
        "spans": 10,
        "available": available,
        "one_recall_away": 1,
        **fields,
    }


def test_only_sessions_of_more_than_sixty_thousand_tokens_are_measured(tmp_path: Path) -> None:
    paths = [written(tmp_path / "long.jsonl", 12), written(tmp_path / "short.jsonl", 3)]
    assert [Path(job.arguments["path"]).name for job in study_jobs(paths)] == ["long.jsonl"]


def test_a_session_is_named_with_its_format(rows: list[dict[str, Any]]) -> None:
    assert {row["session"].partition("/")[0] for row in rows} == {"clawvm-trace"}


def test_a_window_of_the_last_turns_has_lost_the_first_file(rows: list[dict[str, Any]]) -> None:
    window = {row["budget_tokens"]: row for row in rows if row["policy"] == "sliding-window"}
    assert [window[budget]["spans"] for budget in BUDGETS] == [1, 1, 1]
    assert [window[budget]["available"] for budget in BUDGETS] == [0, 0, 0]


def test_every_replay_is_billed_beside_the_whole_history(rows: list[dict[str, Any]]) -> None:
    assert len({row["full_billed_millitokens"] for row in rows}) == 1
    assert all(row["billed_millitokens"] > 0 for row in rows)


def test_sessions_taken_alternately_make_two_halves() -> None:
    table = study_table([row("a/1", 9), row("b/1", 5), row("b/2", 7)])
    assert table.title.startswith("3 recorded sessions")
    assert table.lines == (
        ("clawvm", "16,000", "0.700", "0.800", "0.500", "0.800", "0.300", "2.0"),
    )


def test_a_session_without_spans_has_a_bill_and_no_share() -> None:
    (line,) = study_table([row("a", 9), row("b", 0, spans=0, billed_millitokens=500)]).lines
    assert line[2:] == ("0.900", "0.900", "-", "1.000", "0.400", "2.0")


def test_low_water_marks_stand_below_the_policies() -> None:
    rows = [row("a", 9, low_water_percent=50), row("a", 9), row("a", 1, policy="lru")]
    assert [line[0] for line in study_table(rows).lines] == ["clawvm", "lru", "clawvm 50 %"]
