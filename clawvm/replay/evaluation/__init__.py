"""Evaluation: workloads and recorded sessions under every policy and budget, as tables."""

from .evaluate import Evaluation, evaluate, jobs_of
from .jobs import Job, Outcome, Row, run_jobs

__all__ = ["Evaluation", "Job", "Outcome", "Row", "evaluate", "jobs_of", "run_jobs"]
