"""Figures that are made of counts."""

from __future__ import annotations

from clawvm.faults import FaultKind
from clawvm.replay.paging.result import PagingResult, gap_ppm


def result(*, pins: bool, **counts: int) -> PagingResult:
    found = PagingResult("w", "f", "p", 100, pins)
    found.faults = {kind.value: 0 for kind in FaultKind}
    found.faults.update({name.replace("_", "-"): count for name, count in counts.items()})
    return found


def test_alerts_are_no_faults_but_count_for_thrash() -> None:
    found = result(pins=True, refetch=2, duplicate_signature=3)
    found.hits = 9
    assert (found.explicit, found.alerts, found.thrash_milli) == (2, 3, 500)


def test_faults_of_a_floor_that_does_not_fit_are_not_controllable() -> None:
    found = result(pins=True, pinned_invariant_miss=4, refetch=1)
    found.insufficient_faults = 4
    assert (found.explicit, found.controllable) == (5, 1)


def test_who_promises_no_pins_misses_none_in_the_published_count() -> None:
    counts = {"pinned_invariant_miss": 4, "refetch": 1}
    assert result(pins=False, **counts).published == 1
    assert result(pins=True, **counts).published == 5


def test_a_gap_is_a_share_of_the_bound() -> None:
    measured = [(100, 100), (90, 100), (50, 100), (0, 0)]
    assert gap_ppm(measured, 50) == 100_000
    assert gap_ppm(measured, 99) == 100_000  # of three, the second; the third is the hundredth
    assert gap_ppm(measured, 100) == 500_000
    assert gap_ppm([], 50) == 0


def test_a_row_is_flat_and_of_integers() -> None:
    row = result(pins=True, flush_miss=1).row()
    assert row["flush_miss"] == row["faults"] == 1
    assert {type(value) for value in row.values()} == {int, str}
