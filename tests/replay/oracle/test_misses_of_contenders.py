"""No policy that runs over workloads has fewer misses than the bound of its kind."""

from __future__ import annotations

import pytest

from clawvm.replay.oracle import MissRules, least_misses
from clawvm.replay.paging import CONTENDERS, simulate
from clawvm.replay.workloads import (
    ABSTRACT,
    ADVERSARIES,
    FAMILIES,
    Workload,
    family_workload,
    task_workloads,
)


def check_all(workload: Workload, budget: int) -> None:
    of_any = least_misses(workload, budget, MissRules(floor_kept=False))
    of_those_with_a_floor = least_misses(workload, budget)
    assert of_any.misses <= of_those_with_a_floor.misses
    for each in CONTENDERS.values():
        result = simulate(workload, each, budget)
        if result.overflow_turns:
            continue  # The whole history knows no budget.
        faults = result.faults["refetch"] + result.faults["duplicate-tool"]
        keeps_floor = each.mechanisms.pins and each.mechanisms.demand_paging
        bound = of_those_with_a_floor if keeps_floor else of_any
        assert bound.misses <= faults + result.recalls, each.name


@pytest.mark.parametrize("budget", [70, 120, 180])
@pytest.mark.parametrize("family", FAMILIES)
def test_families(family: str, budget: int) -> None:
    check_all(family_workload(family, ABSTRACT), budget)


@pytest.mark.parametrize("budget", [80, 180])
def test_tasks(budget: int) -> None:
    for workload in task_workloads(budget)[::5]:
        check_all(workload, budget)


@pytest.mark.slow
@pytest.mark.parametrize("name", ADVERSARIES)
def test_adversaries(name: str) -> None:
    adversary = ADVERSARIES[name]
    for budget in (adversary.budget, adversary.budget * 2 // 3):
        check_all(adversary.write(), budget)
