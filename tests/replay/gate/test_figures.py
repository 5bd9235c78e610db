"""The watched figures and the room that each is given."""

from __future__ import annotations

import pytest
from gate_sessions import EVENTS
from hand_traces import Replayed

from clawvm.errors import BaselineInvalid
from clawvm.replay.gate.figures import allowed, check_tolerances, figures_of


def test_the_alert_is_no_figure_and_the_six_faults_are() -> None:
    figures = figures_of(Replayed("clawvm", 1_000, *EVENTS).result)
    assert [name for name in figures if name.startswith("faults.")] == [
        "faults.duplicate-tool",
        "faults.flush-miss",
        "faults.pinned-invariant-miss",
        "faults.post-compaction-bootstrap",
        "faults.refetch",
        "faults.silent-recall",
    ]


def test_every_figure_is_a_whole_number_and_sorted() -> None:
    figures = figures_of(Replayed("clawvm", 1_000, *EVENTS).result)
    assert list(figures) == sorted(figures)
    assert {type(value) for value in figures.values()} == {int}


def test_the_work_of_the_core_is_counted_but_for_what_the_hash_seed_decides() -> None:
    figures = figures_of(Replayed("paper", 1_000, *EVENTS).result)
    assert figures["work.selects"] + figures["work.steps"] + figures["work.log2"] > 0
    assert "work.probes" not in figures


def test_tokens_are_billed_under_every_provider() -> None:
    result = Replayed("clawvm", 1_000, *EVENTS).result
    figures = figures_of(result)
    for provider in ("anthropic", "openai"):
        billed = figures[f"billed.{provider}"]
        assert billed == result.bills[provider].billed_millitokens
        assert 0 < billed < 1_000 * 3 * result.prompt_total


@pytest.mark.parametrize(
    ("figure", "recorded", "tolerances", "worst"),
    [
        ("faults.refetch", 5, {}, 5),
        ("faults.refetch", 5, {"faults": 2}, 7),
        ("faults.refetch", 5, {"faults": 2, "faults.refetch": 0}, 5),
        ("billed.openai", 1_000, {"billed": "1.5%"}, 1_015),
        ("billed.openai", 66, {"billed": "1.5%"}, 66),
        ("spans.available", 100, {}, 100),
        ("spans.available", 100, {"spans": "3%"}, 97),
        ("spans.available", 99, {"spans": "3%"}, 97),
        ("work.steps", 1_000, {}, 1_030),
        ("work.steps", 33, {}, 33),
        ("work.steps", 1_000, {"work": 0}, 1_000),
        ("work.steps", 1_000, {"work": 0, "work.steps": "10%"}, 1_100),
    ],
)
def test_a_tolerance_is_exact_and_rounded_to_the_strict_side(
    figure: str, recorded: int, tolerances: dict[str, int | str], worst: int
) -> None:
    assert allowed(figure, recorded, tolerances) == worst


@pytest.mark.parametrize("tolerance", [-1, "3", "3 %", "-3%", "three%", "1e3%"])
def test_a_tolerance_that_cannot_be_read_is_refused(tolerance: int | str) -> None:
    with pytest.raises(BaselineInvalid, match=r"tolerance of 'work': expected a whole number"):
        check_tolerances({"work": tolerance}, ["work.steps"])


def test_a_tolerance_for_nothing_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(BaselineInvalid, match=r"'wrok': no figure .* there are work.steps"):
        check_tolerances({"wrok": 1}, ["work.steps"])
