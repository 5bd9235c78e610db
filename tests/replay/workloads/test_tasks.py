"""The thirty task replays."""

from __future__ import annotations

from collections import Counter

from clawvm.replay.workloads import TASK_COUNTS, Workload, task_workloads


def compactions(workload: Workload) -> int:
    return sum(turn.boundary is not None for turn in workload.turns)


def test_there_are_thirty_of_four_kinds() -> None:
    kinds = Counter(task.name.split("/")[1] for task in task_workloads(180))
    assert kinds == TASK_COUNTS
    assert sum(kinds.values()) == 30


def test_a_larger_budget_changes_only_the_compactions() -> None:
    for small, large in zip(task_workloads(180), task_workloads(300), strict=True):
        assert small.pages == large.pages
        assert [turn.demands for turn in small.turns] == [turn.demands for turn in large.turns]


def test_at_180_every_debugging_task_is_compacted_and_at_300_no_task_is() -> None:
    small, large = task_workloads(180), task_workloads(300)
    assert all(compactions(task) for task in small if task.family == "task_debugging")
    assert not any(map(compactions, large))
