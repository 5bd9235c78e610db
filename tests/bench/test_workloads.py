"""The gate's workloads run, and each is long enough for its count to mean something."""

from __future__ import annotations

import pytest

from bench.ratios import Pair, ratio_of
from bench.walltime import median_us
from bench.workloads import WORKLOADS, Workload


@pytest.mark.parametrize("name", sorted(set(WORKLOADS) - {"table.select.10000"}))
def test_a_workload_runs_twice(name):
    workload = WORKLOADS[name]()
    for _ in range(2):
        workload.prepare()
        workload.run()
    assert workload.rounds > 0


def test_wall_time_is_taken_of_the_run_alone():
    calls = []
    workload = Workload(lambda: calls.append("run"), lambda: calls.append("prepare"))
    assert median_us(workload) > 0
    assert calls[::2] == ["prepare"] * (len(calls) // 2)
    assert calls[1::2] == ["run"] * (len(calls) // 2)


def test_a_ratio_alternates_who_comes_first():
    order = []
    pair = Pair(lambda: order.append("a"), lambda: order.append("b"), lambda: order.append("-"))
    assert ratio_of(pair, rounds=4) > 0
    assert "".join(order) == "-ab-ba-ab-ba"
