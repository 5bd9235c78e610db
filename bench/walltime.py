"""Wall time of the gate's workloads: for the record and the eye, never a gate."""

from __future__ import annotations

import json
from statistics import median
from time import perf_counter_ns

from bench.workloads import WORKLOADS, Workload

__all__ = ["median_us"]

LEAST_NS = 50_000_000
ROUNDS_LEAST, ROUNDS_MOST = 5, 1_000


def median_us(workload: Workload) -> float:
    """Return the median microseconds of a workload's rounds."""
    taken: list[int] = []
    while len(taken) < ROUNDS_LEAST or (sum(taken) < LEAST_NS and len(taken) < ROUNDS_MOST):
        workload.prepare()
        begin = perf_counter_ns()
        workload.run()
        taken.append(perf_counter_ns() - begin)
    return median(taken) / 1_000


def main() -> None:
    """Print one JSON object: microseconds by name."""
    print(json.dumps({name: round(median_us(make()), 2) for name, make in WORKLOADS.items()}))


if __name__ == "__main__":
    main()
