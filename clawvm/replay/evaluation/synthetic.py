"""The synthetic half of an evaluation as jobs: families, tasks, ablations, adversaries."""

from __future__ import annotations

from ..paging.contenders import COMPARED
from ..paging.tables import ABLATION_BUDGET, TASK_BUDGETS
from ..workloads.families import FAMILIES
from ..workloads.scale import ABSTRACT, REAL, SCALES
from .jobs import Job

__all__ = ["ablation_jobs", "adversarial_jobs", "task_jobs", "tier2_jobs"]

_TABLES = "clawvm.replay.paging.tables"
_REAL_ABLATION_BUDGET = 16_000


def tier2_jobs() -> list[Job]:
    """List the sweep: each family at each budget of both scales, all policies in one job.

    The last of them are the paper's baselines under its own smaller budgets; their names say so.
    """
    same = [
        Job(
            "tier2",
            f"{_TABLES}:tier2",
            {"budgets": [budget], "families": [family], "scale": scale.name},
        )
        for scale in SCALES.values()
        for budget in scale.budgets
        for family in FAMILIES
    ]
    published = {"scale": ABSTRACT.name, "published_budgets": True}
    return [*same, Job("tier2-published-budgets", f"{_TABLES}:tier2", published)]


def task_jobs() -> list[Job]:
    """List the thirty tasks at each budget of the paper's."""
    return [Job("tasks", f"{_TABLES}:tasks", {"budgets": [budget]}) for budget in TASK_BUDGETS]


def ablation_jobs() -> list[Job]:
    """List the ablations at both scales."""
    return [
        Job("ablation", f"{_TABLES}:ablations", {"budget": budget, "scale": scale.name})
        for budget, scale in ((ABLATION_BUDGET, ABSTRACT), (_REAL_ABLATION_BUDGET, REAL))
    ]


def adversarial_jobs() -> list[Job]:
    """List the adversaries, a job for each policy."""
    return [
        Job("adversarial", f"{_TABLES}:adversarial", {"policies": [policy]}) for policy in COMPARED
    ]
