"""The judgement of the gate: every pair of measurements, without measuring."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.gate.judge import LIMIT, judge

COUNTS = st.dictionaries(st.text(min_size=1, max_size=8), st.integers(1, 10**12), max_size=6)


def verdicts(base, head, allowed=frozenset()):
    return {finding.name: finding.passes for finding in judge(base, head, allowed)}


@given(COUNTS)
def test_a_measurement_passes_against_itself(counts):
    assert verdicts(counts, counts) == dict.fromkeys(counts, True)


@given(st.integers(100, 10**12))
def test_three_percent_more_is_the_most_that_passes(base):
    most = base * LIMIT.numerator // LIMIT.denominator
    assert verdicts({"a": base}, {"a": most}) == {"a": True}
    assert verdicts({"a": base}, {"a": most + 1}) == {"a": False}


@given(st.integers(10_000, 10**12))
def test_five_percent_more_never_passes(base):
    assert verdicts({"a": base}, {"a": base * 105 // 100}) == {"a": False}


@given(st.integers(10_000, 10**12), st.lists(st.integers(-100, 100), min_size=20, max_size=20))
def test_twenty_runs_pass_whose_counts_wobble_by_a_thousandth(count, wobbles):
    """Callgrind's counts of one build differ by less than a hundredth of that."""
    runs = [{"a": count + count * wobble // 100_000} for wobble in wobbles]
    assert all(verdicts(base, head)["a"] for base, head in pairwise(runs))


@given(st.integers(1, 10**12), st.integers(0, 10**12))
def test_cheaper_passes_however_much(head, saved):
    assert verdicts({"a": head + saved}, {"a": head}) == {"a": True}


@given(COUNTS, COUNTS)
def test_workloads_of_one_side_only_never_pass(base, head):
    found = verdicts(base, head)
    assert set(found) == set(base) | set(head)
    assert not any(found[name] for name in set(base) ^ set(head))


@given(COUNTS, COUNTS, st.sets(st.text(min_size=1, max_size=8)))
def test_what_is_allowed_passes_and_nothing_else_changes(base, head, allowed):
    strict = verdicts(base, head)
    assert verdicts(base, head, allowed) == {
        name: passes or name in allowed for name, passes in strict.items()
    }


@pytest.mark.parametrize(
    ("base", "head", "kind"),
    [
        ({"a": 100}, {"a": 103}, "same"),
        ({"a": 100}, {"a": 104}, "dearer"),
        ({"a": 100}, {}, "removed"),
        ({}, {"a": 100}, "added"),
    ],
)
def test_each_finding_says_what_it_is(base, head, kind):
    (finding,) = judge(base, head)
    assert (finding.name, finding.kind) == ("a", kind)
    assert (finding.base, finding.head) == (base.get("a"), head.get("a"))


def test_findings_come_sorted_by_name():
    names = [finding.name for finding in judge({"b": 1, "d": 1}, {"c": 1, "a": 1})]
    assert names == ["a", "b", "c", "d"]
