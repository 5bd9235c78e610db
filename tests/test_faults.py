"""Counting faults and hits."""

from __future__ import annotations

import pytest

from clawvm.faults import FAULT_EVENTS_MAX, Fault, FaultKind, FaultObserver


@pytest.fixture
def observer():
    return FaultObserver()


def test_there_are_six_faults_and_one_alert():
    assert [kind.value for kind in FaultKind] == [
        "refetch",
        "duplicate-tool",
        "pinned-invariant-miss",
        "post-compaction-bootstrap",
        "silent-recall",
        "flush-miss",
        "duplicate-signature",
    ]


def test_counts_name_every_kind_even_those_that_never_happened(observer):
    assert observer.counts == {kind.value: 0 for kind in FaultKind}


def test_a_fault_is_an_event_with_page_turn_and_reason(observer):
    observer.record(FaultKind.REFETCH, "read:a", 7, "it was at none")
    assert list(observer.events) == [Fault(FaultKind.REFETCH, "read:a", 7, "it was at none")]
    assert observer.counts["refetch"] == 1


def test_alerts_are_no_explicit_faults(observer):
    observer.record(FaultKind.DUPLICATE_SIGNATURE, "p", 1, "")
    observer.record(FaultKind.FLUSH_MISS, "p", 1, "")
    assert observer.explicit == 1


@pytest.mark.parametrize(
    ("faults", "alerts", "hits", "thrash"),
    [(0, 0, 0, 0.0), (1, 0, 0, 1.0), (3, 1, 7, 0.5), (0, 2, 0, 2.0), (0, 0, 9, 0.0)],
)
def test_thrash_is_faults_and_alerts_over_hits_plus_one(observer, faults, alerts, hits, thrash):
    for _ in range(faults):
        observer.record(FaultKind.DUPLICATE_TOOL, "p", 1, "")
    for _ in range(alerts):
        observer.record(FaultKind.DUPLICATE_SIGNATURE, "p", 1, "")
    for _ in range(hits):
        observer.hit()
    assert observer.thrash_index == thrash


def test_counts_are_of_all_events_though_only_the_last_are_kept(observer):
    for turn in range(FAULT_EVENTS_MAX + 5):
        observer.record(FaultKind.REFETCH, "p", turn, "")
    assert observer.counts["refetch"] == FAULT_EVENTS_MAX + 5
    assert len(observer.events) == FAULT_EVENTS_MAX
    assert observer.events[0].turn == 5
