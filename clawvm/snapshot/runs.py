"""Lists of whole numbers as runs: slots and positions mostly come one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from operator import lt

from ..errors import SnapshotInvalid

__all__ = ["count_of", "from_runs", "is_ascending", "to_runs"]


def to_runs(numbers: Sequence[int]) -> list[int]:
    """Return first and length of each stretch in which every number is the last plus one."""
    if numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return [numbers[0], len(numbers)]  # what there mostly is
    runs: list[int] = []
    expected = -1
    for number in numbers:
        if number == expected:
            runs[-1] += 1
        else:
            runs += (number, 1)
        expected = number + 1
    return runs


def is_ascending(numbers: Sequence[int]) -> bool:
    """Tell whether each number is larger than the one before it."""
    if numbers and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
        return True  # what there mostly is
    return all(map(lt, numbers, numbers[1:]))


def count_of(runs: Sequence[int]) -> int:
    """Return how many numbers runs stand for, which may be more than there is memory for."""
    return sum(runs[1::2])


def from_runs(runs: Sequence[int], limit: int, where: str) -> list[int]:
    """Return the numbers of `to_runs`, at most `limit` of them and all below it.

    Raises
    ------
    SnapshotInvalid
        When there are more, or one is out of range.
    """
    if len(runs) == 2 and runs[0] >= 0 < runs[1] <= limit - runs[0]:
        return list(range(runs[0], runs[0] + runs[1]))  # what there mostly is
    pairs = list(zip(runs[::2], runs[1::2], strict=False))
    if (
        len(runs) % 2
        or count_of(runs) > limit
        or any(first < 0 or length < 1 or first + length > limit for first, length in pairs)
    ):
        raise SnapshotInvalid(f"{where}: its numbers are whole, below {limit} and each there once")
    return list(chain.from_iterable(range(first, first + length) for first, length in pairs))
