"""How many times as fast the compiled core is as its rivals, turn about in one process.

A ratio of two times that were taken side by side says the same on every machine, if loosely; the
floors leave room for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from statistics import median
from time import perf_counter_ns

from bench.rivals import NumpyArgsort, plain_greedy
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


def select_against_twin(pages: int) -> Pair:
    """The levels of all pages after five changes, in C and in plain Python."""
    ours, theirs = TableTurns(core, pages), TableTurns(_reference, pages)

    def prepare() -> None:
        ours.change()
        theirs.change()

    return Pair(ours.select, theirs.select, prepare)


def select_against_numpy(pages: int) -> Pair:
    """The same against an argsort of all keys, with the raises of all pages kept."""
    turns = TableTurns(core, pages)
    rival = NumpyArgsort(turns.instance)

    def prepare() -> None:
        turns.change()
        for page in turns.changed:
            rival.update(page)

    return Pair(turns.select, rival.select, prepare)


def select_against_plain(pages: int) -> Pair:
    """The same against a greedy choice in plain Python, from nothing."""
    turns = TableTurns(core, pages)
    return Pair(turns.select, partial(plain_greedy, turns.instance), turns.change)


def select_against_fewer(pages: int, fewer: int) -> Pair:
    """The same against a table with fewer pages: what a turn costs more for all the others."""
    ours, theirs = TableTurns(core, pages), TableTurns(core, fewer)

    def prepare() -> None:
        ours.change()
        theirs.change()

    return Pair(ours.select, theirs.select, prepare)


RATIOS: dict[str, Ratio] = {
    "select.1000 against the twin": Ratio(partial(select_against_twin, 1_000), 500),
    "select.1000 against plain Python": Ratio(partial(select_against_plain, 1_000), 200),
    "select.1000 against numpy": Ratio(partial(select_against_numpy, 1_000), 8),
    "select.10000 against numpy": Ratio(partial(select_against_numpy, 10_000), 50),
    "select.10000 against select.100": Ratio(partial(select_against_fewer, 10_000, 100), 0.15),
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
