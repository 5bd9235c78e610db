"""What the selector is measured against: the same greedy choice in numpy and in plain Python.

Both work on one instance: pages with the tokens and the worth of their levels, and the logarithm of
what each page is worth at turn 0, from which recency follows without going over all pages.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["Instance", "NumpyArgsort", "plain_greedy"]

HALF_LIFE = 32


@dataclass(slots=True)
class Instance:
    """Pages to choose levels of.

    Parameters
    ----------
    budget : int
        Tokens.
    tokens : list of list of (int or None)
        Of each page, pointer to full; None where a level is missing.
    quality : list of tuple of int
        Worth of the levels in per mille of full.
    weight_log2 : list of float
        What each page is worth, as a logarithm.
    last_turn : list of int
        When each page was last used.
    required : list of int
        The least level of each page, 0 to 4.
    """

    budget: int
    tokens: list[list[int | None]] = field(default_factory=list)
    quality: list[tuple[int, ...]] = field(default_factory=list)
    weight_log2: list[float] = field(default_factory=list)
    last_turn: list[int] = field(default_factory=list)
    required: list[int] = field(default_factory=list)

    def put(
        self,
        page: int,
        tokens: list[int | None],
        quality: tuple[int, ...],
        weight: int,
        turn: int,
        required: int,
    ) -> None:
        """Enter a page, or replace it; a new one has the next number."""
        self.tokens[page : page + 1] = [tokens]
        self.quality[page : page + 1] = [quality]
        self.weight_log2[page : page + 1] = [math.log2(weight)]
        self.last_turn[page : page + 1] = [turn]
        self.required[page : page + 1] = [required]

    def touch(self, page: int, turn: int) -> None:
        """Note that a page was used."""
        self.last_turn[page] = turn

    def heat(self, page: int) -> float:
        """Return log2 of what a page is worth at turn 0, as if it had gained until last used."""
        return self.weight_log2[page] + self.last_turn[page] / HALF_LIFE

    def base_tokens(self, page: int) -> int:
        """Return what a page costs at its required level."""
        level = self.required[page]
        return next(count for count in self.tokens[page][level - 1 :] if count) if level else 0


def steps_of(instance: Instance, page: int) -> list[tuple[float, int]]:
    """Return the raises of a page above its required level: log2 of worth per token, tokens.

    They are the concave upper edge of worth over tokens, so their density only falls.
    """
    level = instance.required[page]
    edge = [(instance.base_tokens(page), instance.quality[page][level - 1] if level else 0)]
    for count, worth in zip(instance.tokens[page], instance.quality[page], strict=True):
        if count is None or count <= edge[0][0] or worth <= edge[-1][1]:
            continue
        while len(edge) > 1 and slope(edge[-1], (count, worth)) >= slope(edge[-2], edge[-1]):
            edge.pop()
        edge.append((count, worth))
    return [(math.log2(slope(low, high)), high[0] - low[0]) for low, high in pairwise(edge)]


def slope(low: tuple[int, int], high: tuple[int, int]) -> float:
    """Return worth per token between two levels."""
    return (high[1] - low[1]) / (high[0] - low[0])


def plain_greedy(instance: Instance) -> list[int]:
    """Choose raises by worth per token, from nothing; returns how many each page gets."""
    left = instance.budget - sum(map(instance.base_tokens, range(len(instance.tokens))))
    steps = [
        (instance.heat(page) + density, page, tokens)
        for page in range(len(instance.tokens))
        for density, tokens in steps_of(instance, page)
    ]
    steps.sort(key=lambda step: (-step[0], step[1]))
    raises = [0] * len(instance.tokens)
    for _, page, tokens in steps:
        if tokens > left:
            break
        left -= tokens
        raises[page] += 1
    return raises


class NumpyArgsort:
    """The same in numpy, with the raises of all pages kept in arrays from turn to turn.

    What changes in a turn is written into the arrays; then all keys are sorted anew.
    """

    def __init__(self, instance: Instance) -> None:
        pages = len(instance.tokens)
        self.instance = instance
        self.density = np.full((pages, 4), -np.inf)
        self.cost = np.zeros((pages, 4), dtype=np.int64)
        self.heat = np.zeros(pages)
        self.base = np.zeros(pages, dtype=np.int64)
        for page in range(pages):
            self.update(page)

    def update(self, page: int) -> None:
        """Take over a page that was put or touched."""
        self.density[page], self.cost[page] = -np.inf, 0
        for place, (density, tokens) in enumerate(steps_of(self.instance, page)):
            self.density[page, place], self.cost[page, place] = density, tokens
        self.heat[page] = self.instance.heat(page)
        self.base[page] = self.instance.base_tokens(page)

    def select(self) -> NDArray[np.int64]:
        """Choose raises; returns how many each page gets."""
        keys = self.density + self.heat[:, None]
        order = np.argsort(-keys, axis=None, kind="stable")
        spent = np.cumsum(self.cost.ravel()[order])
        left = self.instance.budget - int(self.base.sum())
        taken = order[: int(np.searchsorted(spent, left, side="right"))]
        taken = taken[np.isfinite(keys.ravel()[taken])]
        return np.bincount(taken // 4, minlength=len(self.heat))
