"""Random numbers that are the same in every process, on every machine and Python version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from zlib import crc32

__all__ = ["Draws"]

_T = TypeVar("_T")
_MASK = (1 << 64) - 1


class Draws:
    """A stream of draws: SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).

    The library's own generator is not used, since what `random.Random` makes of its bits may
    change with the version of Python.

    Parameters
    ----------
    seed : int
        Which stream.
    label : str, optional
        What it is for: streams of one seed and different labels have nothing to do with each other.
    """

    def __init__(self, seed: int, label: str = "") -> None:
        self._state = (seed << 32 ^ crc32(label.encode())) & _MASK

    def below(self, limit: int) -> int:
        """Return a whole number from 0 to `limit` - 1; the bias is below 2**-40 for small limits.

        Parameters
        ----------
        limit : int
            At least 1.
        """
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
        return (mixed ^ mixed >> 31) % limit

    def between(self, low: int, high: int) -> int:
        """Return a whole number from `low` to `high`, both included."""
        return low + self.below(high - low + 1)

    def skewed(self, low: int, high: int) -> int:
        """Return a number from `low` to `high`; about half of them below their geometric mean.

        Sizes of texts are like that: most are small, and the few large ones make up the bulk.
        """
        doublings = (high // low).bit_length()
        top = min(high, low << self.between(1, max(1, doublings)))
        return self.between(low, top)

    def chance(self, percent: int) -> bool:
        """Return True in `percent` of 100 cases."""
        return self.below(100) < percent

    def pick(self, choices: Sequence[_T]) -> _T:
        """Return one of `choices`."""
        return choices[self.below(len(choices))]
