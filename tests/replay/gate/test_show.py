"""A verdict as its reader meets it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from clawvm.replay.gate import Change, MadeWith, Verdict, as_text
from clawvm.replay.gate.judge import Outcome

MADE_WITH = MadeWith("0.1.0", "compiled", "clawvm", 32_000, "o200k_base")
VERDICT = Verdict(Path("ci/gate.json"), MADE_WITH, MADE_WITH, sessions=4)
WORSE = Change("[a].jsonl", "work.steps", 1_000, 1_100, 1_030, Outcome.WORSE, None)
BETTER = Change("b.jsonl", "spans.available", 8, 9, 8, Outcome.BETTER, 10)


def last_line(verdict: Verdict) -> str:
    return as_text(verdict).splitlines()[-1]


def test_the_table_has_a_row_for_each_change_the_worse_first() -> None:
    assert as_text(replace(VERDICT, changes=(BETTER, WORSE))).splitlines()[:6] == [
        "gate.json: clawvm, 32,000 tokens (o200k_base)",
        "┏━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━┳━━━━━━━━━━┳━━━━━━━┳━━━━━━━━━┳━━━━━━━━┓",
        "┃ session   ┃ figure          ┃ baseline ┃   now ┃ allowed ┃        ┃",
        "┡━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━╇━━━━━━━━━━╇━━━━━━━╇━━━━━━━━━╇━━━━━━━━┩",
        "│ [a].jsonl │ work.steps      │    1,000 │ 1,100 │   1,030 │ worse  │",
        "│ b.jsonl   │ spans.available │     8/10 │  9/10 │    8/10 │ better │",
    ]


def test_many_better_figures_are_cut_short_and_counted() -> None:
    text = as_text(replace(VERDICT, changes=(BETTER,) * 25))
    assert text.count("│ better │") == 20
    assert "and 5 more that are better\n" in text


def test_worse_figures_fail() -> None:
    verdict = replace(VERDICT, changes=(WORSE, BETTER))
    assert not verdict.passed
    assert last_line(verdict) == (
        "gate: FAILED, 1 figure got worse than ci/gate.json allows; mend that, or if it is meant, "
        "run again with --update and commit the file"
    )


def test_tolerated_figures_pass() -> None:
    verdict = replace(VERDICT, changes=(replace(WORSE, outcome=Outcome.TOLERATED),))
    assert verdict.passed
    assert last_line(verdict) == "gate: passed, 4 sessions"


def test_better_figures_pass_with_advice() -> None:
    verdict = replace(VERDICT, changes=(BETTER,))
    assert verdict.passed
    assert last_line(verdict) == (
        "gate: passed, 4 sessions, 1 figure got better; to hold on to that, run again with "
        "--update and commit ci/gate.json"
    )


def test_a_stale_baseline_fails_with_its_reasons() -> None:
    verdict = replace(VERDICT, stale=("c.jsonl: gone; restore it",), changes=(WORSE,))
    assert not verdict.passed
    assert "stale: c.jsonl: gone; restore it\n" in as_text(verdict)
    assert last_line(verdict) == (
        "gate: FAILED, ci/gate.json is not a baseline for this run; 1 figure got worse as well"
    )


def test_a_recorded_baseline_passes_whatever_it_replaces() -> None:
    verdict = replace(VERDICT, stale=("c.jsonl: gone",), changes=(WORSE,), updated=True)
    assert verdict.passed
    assert "stale:" not in as_text(verdict)
    assert last_line(verdict) == (
        "gate: recorded 4 sessions in ci/gate.json; look at the difference and commit it"
    )


def test_figures_that_the_baseline_does_not_have_are_told() -> None:
    verdict = replace(VERDICT, unrecorded=("billed.anthropic", "billed.openai"))
    assert verdict.passed
    assert as_text(verdict) == (
        "not in the baseline and so not judged: billed.anthropic, billed.openai; to add what is "
        "missing, run again with --update\ngate: passed, 4 sessions\n"
    )
