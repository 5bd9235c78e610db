"""Times of a call, one by one: its median and its 99th percentile."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter_ns

__all__ = ["Timing", "nothing", "time_calls"]

WARM_UP = 3
ROUNDS_LEAST, ROUNDS_MOST = 5, 2_000


@dataclass(frozen=True, slots=True)
class Timing:
    """Microseconds of a call."""

    median_us: float
    p99_us: float
    rounds: int


def nothing() -> None:
    """Prepare nothing."""


def time_calls(
    run: Callable[[], object], prepare: Callable[[], object] = nothing, seconds: float = 0.5
) -> Timing:
    """Time calls of `run`, each after a `prepare`, for about so many seconds of both.

    The collector is off between them: how long it takes depends on all that the process holds.
    """
    taken: list[int] = []
    gc.collect()
    gc.disable()
    try:
        end = perf_counter_ns() + round(seconds * 1e9)
        while len(taken) < ROUNDS_LEAST + WARM_UP or (
            perf_counter_ns() < end and len(taken) < ROUNDS_MOST
        ):
            prepare()
            begin = perf_counter_ns()
            run()
            taken.append(perf_counter_ns() - begin)
    finally:
        gc.enable()
    steady = sorted(taken[WARM_UP:])
    return Timing(
        steady[len(steady) // 2] / 1_000, steady[len(steady) * 99 // 100] / 1_000, len(steady)
    )
