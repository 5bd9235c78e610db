"""Evaluation: workloads and recorded sessions under every policy and budget, as tables."""

from .evaluate import SYNTHETIC, Evaluation, evaluate, jobs_of
from .jobs import Job, Outcome, Row, run_jobs
from .real import has_solver

__all__ = [
    "SYNTHETIC",
    "Evaluation",
    "Job",
    "Outcome",
    "Row",
    "evaluate",
    "has_solver",
    "jobs_of",
    "run_jobs",
]
