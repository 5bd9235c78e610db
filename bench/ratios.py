"""How many times as fast the compiled core is as its rivals, turn about in one process.

A ratio of two times that were taken side by side says the same on every machine, if loosely; the
floors leave room for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from time import perf_counter_ns

from bench.rivals import NumpyArgsort
from bench.tables import TableTurns
from clawvm import _reference
from clawvm._backend import core

__all__ = ["RATIOS", "Pair", "Ratio", "ratio_of"]

ROUNDS = 15


@dataclass(frozen=True, slots=True)
class Pair:
    """Two ways to do the same work; `prepare` comes before each round of both."""

    ours: Callable[[], object]
    theirs: Callable[[], object]
    prepare: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A comparison and the least that it must come to."""

    make: Callable[[], Pair]
    floor: float


def select_against_twin() -> Pair:
    """The levels of 1,000 pages after five changes, in C and in plain Python."""
    ours, theirs = TableTurns(core, 1_000), TableTurns(_reference, 1_000)

    def prepare() -> None:
        ours.change()
        theirs.change()

    return Pair(ours.select, theirs.select, prepare)


def select_against_numpy() -> Pair:
    """The same against an argsort of all keys, with the raises of all pages kept."""
    turns = TableTurns(core, 1_000)
    rival = NumpyArgsort(turns.instance)

    def prepare() -> None:
        turns.change()
        for page in turns.changed:
            rival.update(page)

    return Pair(turns.select, rival.select, prepare)


RATIOS: dict[str, Ratio] = {
    "select.1000 against the twin": Ratio(select_against_twin, 100),
    "select.1000 against numpy": Ratio(select_against_numpy, 3),
}


def ratio_of(pair: Pair, rounds: int = ROUNDS) -> float:
    """Return the median of their time over ours; who comes first alternates."""
    ratios = []
    for number in range(rounds):
        pair.prepare()
        if number % 2:
            theirs, ours = time_of(pair.theirs), time_of(pair.ours)
        else:
            ours, theirs = time_of(pair.ours), time_of(pair.theirs)
        ratios.append(theirs / ours)
    return median(ratios)


def time_of(call: Callable[[], object]) -> int:
    """Return nanoseconds of a call."""
    begin = perf_counter_ns()
    call()
    return perf_counter_ns() - begin


def main() -> None:
    """Print one JSON object by line: name, ratio, floor."""
    for name, ratio in RATIOS.items():
        found = {"name": name, "ratio": ratio_of(ratio.make()), "floor": ratio.floor}
        print(json.dumps(found))


if __name__ == "__main__":
    main()
