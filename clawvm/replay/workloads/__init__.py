"""Synthetic workloads: families after the paper's, task replays, adversaries."""

from .adversaries import ADVERSARIES, Adversary
from .families import FAMILIES, FAMILY_SEED, family_workload
from .model import Demand, PageSpec, Turn, Workload
from .scale import ABSTRACT, REAL, SCALES, Scale
from .tasks import TASK_COUNTS, task_workloads

__all__ = [
    "ABSTRACT",
    "ADVERSARIES",
    "FAMILIES",
    "FAMILY_SEED",
    "REAL",
    "SCALES",
    "TASK_COUNTS",
    "Adversary",
    "Demand",
    "PageSpec",
    "Scale",
    "Turn",
    "Workload",
    "family_workload",
    "task_workloads",
]
