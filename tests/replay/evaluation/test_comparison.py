"""Means and sums of a report, on rows small enough to work them out by hand."""

from __future__ import annotations

from typing import Any

import msgspec
from report_folders import bill, real_row, synthetic_row

from clawvm.replay.evaluation.comparison import (
    compare,
    fault_counts,
    in_order,
    of_optimum,
    points,
)
from clawvm.replay.evaluation.results import RealRow, SyntheticRow


def row(**fields: Any) -> RealRow:
    return msgspec.convert(real_row(**fields), RealRow)


def spans(spans: int, available: int, one_recall_away: int = 0) -> dict[str, int]:
    return {"spans": spans, "available": available, "one_recall_away": one_recall_away}


def test_ours_comes_first_and_the_whole_history_second() -> None:
    assert in_order(["paper", "full", "lru", "clawvm", "lru"]) == ["clawvm", "full", "lru", "paper"]


class TestWhatIsCompared:
    def test_whole_sessions_before_cut_ones(self) -> None:
        compared = compare([row(cut=100), row(cut=200), row()])
        assert (compared.cut, len(compared.rows)) == (None, 1)

    def test_the_longest_cut_where_none_is_whole(self) -> None:
        assert compare([row(cut=100), row(cut=200)]).cut == 200

    def test_long_sessions_before_short_ones(self) -> None:
        long = {"peak": 60_001, "mean": 1.0}
        rows = [
            row(trace="short", policy="full"),
            row(trace="short"),
            row(trace="long", policy="full", prompt_tokens=long),
            row(trace="long"),
        ]
        compared = compare(rows)
        assert compared.long_only
        assert {each.trace for each in compared.rows} == {"long"}
        assert (compared.sessions, len(compared.rows)) == (1, 2)

    def test_short_ones_where_none_is_long(self) -> None:
        compared = compare([row(policy="full"), row(), row(trace="b")])
        assert (compared.long_only, compared.sessions, len(compared.rows)) == (False, 2, 3)


class TestPoints:
    def test_availability_is_the_mean_of_the_sessions_that_have_spans(self) -> None:
        (point,) = points(
            [
                row(trace="a", span_availability=spans(10, 5, 3)),
                row(trace="b", span_availability=spans(2, 2)),
                row(trace="c"),
            ]
        )
        assert point.available == 0.75
        assert point.recallable == 0.9

    def test_a_policy_without_a_span_has_no_share(self) -> None:
        (point,) = points([row()])
        assert point.available is None

    def test_the_bill_is_the_mean_share_of_the_whole_history(self) -> None:
        rows = [
            row(trace="a", policy="full", bills={"anthropic": bill(100)}),
            row(trace="a", bills={"anthropic": bill(50, breaks=2)}),
            row(trace="b", policy="full", bills={"anthropic": bill(1000)}),
            row(trace="b", bills={"anthropic": bill(1000)}),
        ]
        ours, whole = points(rows)
        assert ours.billed == {"anthropic": 0.75}
        assert ours.breaks == {"anthropic": 10.0}
        assert whole.billed == {"anthropic": 1.0}

    def test_the_whole_history_of_another_budget_will_do(self) -> None:
        rows = [
            row(policy="full", budget_tokens=8000, bills={"openai": bill(100)}),
            row(bills={"openai": bill(25)}),
        ]
        assert points(rows)[0].billed == {"openai": 0.25}

    def test_without_the_whole_history_there_is_no_share(self) -> None:
        (point,) = points([row(bills={"openai": bill(25)})])
        assert point.billed == {}

    def test_the_bound_is_a_share_of_the_same_spans(self) -> None:
        (point,) = points([row(span_availability=spans(10, 5), bound_available=8)])
        assert point.bound == 0.8

    def test_the_bill_over_the_least_is_the_mean_of_the_sessions_that_have_one(self) -> None:
        least = {"openai": 10_000}
        rows = [
            row(trace="a", bills={"openai": bill(20)}, bound_billed_millitokens=least),
            row(trace="b", bills={"openai": bill(40)}, bound_billed_millitokens=least),
            row(trace="c", bills={"openai": bill(99)}, bound_billed_millitokens={"openai": None}),
        ]
        assert points(rows)[0].over_least == {"openai": 3.0}

    def test_a_sweep_has_points_of_its_own(self) -> None:
        rows = [row(), row(low_water_percent=90), row(low_water_percent=40)]
        assert [point.low_water_percent for point in points(rows)] == [None, 40, 90]

    def test_the_order_of_rows_changes_nothing(self) -> None:
        rows = [
            row(trace=str(number), span_availability=spans(7 + number, number))
            for number in range(9)
        ]
        assert points(rows) == points(rows[::-1])


def budget_of(row: RealRow) -> int:
    return row.budget_tokens


def synthetic(**fields: Any) -> SyntheticRow:
    return msgspec.convert(synthetic_row(**fields), SyntheticRow)


class TestFaults:
    def test_they_are_summed_by_policy_and_budget(self) -> None:
        rows = [row(faults={"refetch": 2}), row(faults={"refetch": 1, "flush-miss": 4})]
        ((key, cell),) = fault_counts(rows, budget_of).items()
        assert key == ("clawvm", 32_000)
        assert (cell.count, cell.kinds) == (7, {"refetch": 3, "flush-miss": 4})

    def test_an_alert_is_none(self) -> None:
        counts = fault_counts([row(faults={"duplicate-signature": 5})], budget_of)
        assert counts["clawvm", 32_000].count == 0

    def test_a_sweep_is_left_out(self) -> None:
        assert fault_counts([row(low_water_percent=40, faults={"refetch": 2})], budget_of) == {}

    def test_they_can_be_summed_by_family(self) -> None:
        rows = [synthetic(family=name, refetch=3) for name in ("a", "b", "a")]
        counts = fault_counts(rows, lambda each: each.family)
        assert {key: cell.count for key, cell in counts.items()} == {
            ("lru", "a"): 6,
            ("lru", "b"): 3,
        }

    def test_those_that_no_policy_could_avoid_are_told_apart(self) -> None:
        rows = [synthetic(refetch=1, pinned_invariant_miss=4, insufficient_faults=4)]
        (cell,) = fault_counts(rows, lambda each: each.budget).values()
        assert (cell.count, cell.insufficient) == (1, 4)
        assert cell.kinds == {"refetch": 1, "pinned-invariant-miss": 4}

    def test_a_smaller_budget_counts_as_that_of_its_sweep(self) -> None:
        assert synthetic(budget=102, sweep_budget_tokens=120).budget == 120


def test_the_optimum_is_compared_over_all_prompts() -> None:
    rows = [synthetic(value=1, bound=2), synthetic(value=9, bound=18), synthetic(value=10, bound=0)]
    assert of_optimum(rows) == {("lru", 120): 1.0}
    assert of_optimum(rows[:2]) == {("lru", 120): 0.5}
