"""What counts as worse, as better, and as not comparable."""

from __future__ import annotations

from clawvm.replay.gate import Baseline, Change, MadeWith, SessionRecord, judge
from clawvm.replay.gate.judge import Comparison, Outcome

MADE_WITH = MadeWith("0.1.0", "compiled", "clawvm", 32_000, "o200k_base")
FIGURES = {"faults.refetch": 2, "spans.available": 8, "work.steps": 200}


def session(name: str = "a", requests: int = 5, spans: int = 10, **figures: int) -> SessionRecord:
    changed = {figure.replace("_", "."): value for figure, value in figures.items()}
    return SessionRecord(f"{name}.jsonl", name, "00", requests, spans, {**FIGURES, **changed})


def compared(now: list[SessionRecord], **tolerances: int | str) -> Comparison:
    return judge(Baseline(MADE_WITH, dict(tolerances), [session()]), now)


def test_the_same_figures_are_no_change() -> None:
    assert compared([session()]) == Comparison((), (), ())


def test_more_of_a_figure_is_worse() -> None:
    assert compared([session(faults_refetch=3)]).changes == (
        Change("a.jsonl", "faults.refetch", 2, 3, 2, Outcome.WORSE, None),
    )


def test_less_of_a_figure_is_better() -> None:
    (change,) = compared([session(faults_refetch=1)]).changes
    assert change.outcome is Outcome.BETTER


def test_fewer_available_spans_are_worse_and_more_are_better() -> None:
    (fewer,) = compared([session(spans_available=7)]).changes
    (more,) = compared([session(spans_available=9)]).changes
    assert (fewer.outcome, more.outcome) == (Outcome.WORSE, Outcome.BETTER)
    assert (fewer.whole, more.whole) == (10, 10)


def test_what_is_worse_within_its_tolerance_is_tolerated() -> None:
    (change,) = compared([session(work_steps=206)]).changes
    assert (change.outcome, change.allowed) == (Outcome.TOLERATED, 206)
    (change,) = compared([session(spans_available=7)], spans=1).changes
    assert (change.outcome, change.allowed) == (Outcome.TOLERATED, 7)


def test_one_past_the_tolerance_is_worse() -> None:
    (change,) = compared([session(work_steps=207)]).changes
    assert change.outcome is Outcome.WORSE
    (change,) = compared([session(spans_available=6)], spans=1).changes
    assert change.outcome is Outcome.WORSE


def test_other_numbers_of_requests_or_spans_cannot_be_compared() -> None:
    for now in (session(requests=6), session(spans=11)):
        found = compared([now])
        assert found.changes == ()
        (reason,) = found.stale
        assert reason.startswith("a.jsonl: this clawvm finds another number of requests or spans")


def test_a_figure_that_is_no_longer_measured_cannot_be_compared() -> None:
    now = SessionRecord("a.jsonl", "a", "00", 5, 10, {"faults.refetch": 2, "spans.available": 8})
    (reason,) = compared([now]).stale
    assert "the baseline has work.steps, which this clawvm does not measure" in reason


def test_a_figure_that_the_baseline_does_not_have_is_told_and_not_judged() -> None:
    found = compared([session(billed_new=9)])
    assert (found.stale, found.changes) == ((), ())
    assert found.unrecorded == ("billed.new",)


def test_many_sessions_with_the_same_reason_are_one_sentence() -> None:
    found = compared([session(), *(session(name) for name in "bcdefg")])
    assert found.stale == (
        "b.jsonl, c.jsonl, d.jsonl and 3 more: not in the baseline; add it with --update",
    )


def test_a_session_of_a_file_with_several_is_named_after_both() -> None:
    now = SessionRecord("a.jsonl", "task 3", "00", 5, 10, dict(FIGURES))
    reasons = compared([session(), now]).stale
    assert reasons == ("a.jsonl: task 3: not in the baseline; add it with --update",)
