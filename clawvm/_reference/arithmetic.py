"""Integer logarithm, integer power of two and the score built of them.

Everything that decides is an integer, so that both back ends, every Python and every machine
come to the same plan. Logarithms are *Q20*: units of 2**-20.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["MAX_SCORE", "ONE", "group_of", "log2q", "mantissa", "score", "total_of", "turn_heat"]

ONE: Final = 1 << 20
"""1.0 in Q20."""
MAX_SCORE: Final = (1 << 64) - 1
"""Scores saturate here, one below 2**64, so that they fit 64 bits."""
_SCORE_EXPONENT: Final = 40
# A page of weight 1 touched this turn scores 2**40: it keeps a non-zero score for 40 half lives.

_ROOTS: Final = (
    3037000499, 2553802833, 2341847523, 2242560871, 2194507416, 2170868211,
    2159144271, 2153306066, 2150392886, 2148937775, 2148210588, 2147847087,
    2147665360, 2147574502, 2147529074, 2147506361, 2147495004, 2147489326,
    2147486487, 2147485067,
)  # fmt: skip
# floor(2**31 * 2**(2**-i)) for i = 1..20, in Q31.


def log2q(x: int) -> int:
    """Return ``floor(log2(x) * 2**20)`` of an integer of 1 to 32 bits, or one less.

    The integer part is the bit length; each squaring of the mantissa (32 bits, Q31) then yields
    one bit of the fraction. Truncation only ever lowers the mantissa, by less than 2**-30 of it a
    time, which costs at most 0.002 units in all: the result ``r`` obeys
    ``log2(x) * 2**20 - 1.002 < r <= log2(x) * 2**20``.
    """
    result = x.bit_length() - 1
    mantissa = x << 31 >> result
    for _ in range(20):
        mantissa = mantissa * mantissa >> 31
        carry = mantissa >> 32
        mantissa >>= carry
        result = result << 1 | carry
    return result


def turn_heat(turn: int, half_life: int) -> int:
    """Return what a touch at `turn` adds to a page's heat: ``turn / half_life`` in Q20."""
    return (turn << 20) // half_life


def score(heat: int, now: int) -> int:
    """Return what a page of this heat is worth at full fidelity, 0 to ``MAX_SCORE``.

    It is ``2**((heat - now) / 2**20 + 40)``, truncated, where `now` is `turn_heat` of this turn.
    One product of two table entries gives the mantissa; it is never above the true value and at
    most 2**-26 of it below.
    """
    exponent = heat - now + (_SCORE_EXPONENT << 20)
    if exponent < 0:
        return 0
    whole = exponent >> 20
    return MAX_SCORE if whole >= 64 else mantissa(exponent) << whole >> 62


def mantissa(heat: int) -> int:
    """Return two to the power of the heat's fraction, in Q62: 2**62 to 2**63."""
    fraction = heat & (ONE - 1)
    return _HIGH[fraction >> 10] * _LOW[fraction & 1023]


def group_of(heat: int) -> int:
    """Return the whole part of a heat: pages of one group add their mantissas."""
    return heat >> 20


def total_of(groups: Mapping[int, int], now: int) -> int:
    """Return what pages are worth together at a time, 0 for long ago.

    Scores age alike, so that a sum of them can be kept: per group, of mantissa times quality. What
    a group is worth at `now` is a shift for whole half lives and one product for the rest, at
    most 2**-25 of it below the true value, and 1 for rounding.

    Parameters
    ----------
    groups : mapping of int to int
        By `group_of`: the sum of `mantissa` times quality over the group's pages.
    now : int
        `turn_heat` of this turn.
    """
    total = 0  # Q20
    for group, amount in groups.items():
        shift = group - group_of(now) + _SCORE_EXPONENT - 62 + 20
        total += amount << shift if shift >= 0 else amount >> -shift
    if fraction := now & (ONE - 1):
        total = total * (mantissa(ONE - fraction) >> 31) >> 32
    return total >> 20


def _powers(roots: tuple[int, ...]) -> list[int]:
    """Return the 1024 products of subsets of ten roots (Q31), the first root for the top bit."""
    powers = []
    for bits in range(1024):
        power = 1 << 31
        for place, root in enumerate(roots):
            if bits >> (9 - place) & 1:
                power = power * root >> 31
        powers.append(power)
    return powers


_HIGH: Final = _powers(_ROOTS[:10])
_LOW: Final = _powers(_ROOTS[10:])
