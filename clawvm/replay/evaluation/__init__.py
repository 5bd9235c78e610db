"""Evaluation: workloads and recorded sessions under every policy and budget, as tables."""

from .jobs import Job, Outcome, Row, run_jobs

__all__ = ["Job", "Outcome", "Row", "run_jobs"]
