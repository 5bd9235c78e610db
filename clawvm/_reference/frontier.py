"""The concave frontier of a ladder: the steps that the greedy may take, with their densities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from .arithmetic import log2q
from .layout import MISSING_LEVEL, NO_STEP

__all__ = ["base_level", "best_fitting", "densities", "present"]


def present(tokens: Sequence[int], level: int) -> bool:
    """Tell whether the ladder has this level; every ladder has level 0, which costs nothing."""
    return level == 0 or tokens[level - 1] != MISSING_LEVEL


def base_level(tokens: Sequence[int], required: int) -> int:
    """Return the cheapest present level that satisfies `required` (0 if nothing is required)."""
    level = required
    while not present(tokens, level):
        level += 1
    return level


def best_fitting(tokens: Sequence[int], quality: Sequence[int], level: int, room: int) -> int:
    """Return the level above `level` with the most quality that fits (then fewest tokens), or 0."""
    spent, best = (tokens[level - 1], quality[level - 1]) if level else (0, 0)
    found = 0
    for above in range(level + 1, 5):
        if not present(tokens, above) or tokens[above - 1] - spent > room:
            continue
        if quality[above - 1] > best:
            found, best = above, quality[above - 1]
    return found


def densities(
    tokens: Sequence[int], quality: Sequence[int], base: int, room: int
) -> tuple[int, ...]:
    """Return the density of each frontier step by the level it ends at, `NO_STEP` elsewhere.

    The frontier is the upper concave hull of (tokens, quality) over `base` and the present levels
    above it that have more quality and cost at most `room` tokens more than `base`. A level that
    cannot be had even alone is left out: with it in the hull, greedy could spend the room on a
    poor stand-in for it, and the promise of half the optimum would not hold.

    The density of a step is ``log2(quality gained * 4096 / tokens)`` in Q20. Within a page each
    is at least one unit below the one before, so that rounding cannot swap two steps.

    Parameters
    ----------
    tokens, quality : sequences of 4 ints
        The ladder, pointer to full.
    base : int
        Level to start from, 0 to 4.
    room : int
        Tokens that are left above the floor.
    """
    hull = [(0 if base == 0 else tokens[base - 1], 0 if base == 0 else quality[base - 1], base)]
    for level in range(base + 1, 5):
        cost, worth = tokens[level - 1], quality[level - 1]
        if cost == MISSING_LEVEL or worth <= hull[-1][1] or cost - hull[0][0] > room:
            continue
        while len(hull) > 1 and not _bends(hull[-2], hull[-1], cost, worth):
            hull.pop()
        hull.append((cost, worth, level))
    steps = [NO_STEP] * 4
    ceiling = 1 << 31
    for (cost, worth, _), (next_cost, next_worth, level) in pairwise(hull):
        density = log2q(next_worth - worth << 12) - log2q(next_cost - cost)
        ceiling = min(density, ceiling - 1)
        steps[level - 1] = ceiling
    return tuple(steps)


def _bends(before: tuple[int, int, int], last: tuple[int, int, int], cost: int, worth: int) -> bool:
    """Tell whether the slope into `last` is steeper than the slope from it to (cost, worth)."""
    rise, run = last[1] - before[1], last[0] - before[0]
    return rise * (cost - last[0]) > (worth - last[1]) * run
