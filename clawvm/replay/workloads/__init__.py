"""Synthetic workloads: families after the paper's, task replays, adversaries."""

from .model import Demand, PageSpec, Turn, Workload

__all__ = ["Demand", "PageSpec", "Turn", "Workload"]
