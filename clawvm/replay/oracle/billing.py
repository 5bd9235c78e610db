"""The least that any policy's prompts can be billed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from .coverage import least_tokens
from .ground import Ground

__all__ = ["Price", "billed_bound"]

Price = Callable[[int, int], int]
"""``price(sent, read)`` of a prompt of so many tokens, so many of them read from a cache."""


def billed_bound(faced: Iterable[Ground], price: Price, available: int = 0) -> int | None:
    """Return what no policy that keeps the floor can be billed less than: see ``docs/oracle.md``.

    Parameters
    ----------
    faced : iterable of Ground
        A session's requests, under the budget that they were found for.
    price : callable
        What a prompt costs, in units of its own. It must not fall when more is sent, nor when more
        of what is sent is not read.
    available : int, optional
        How many measured spans the policy has available, at least.

    Returns
    -------
    int or None
        In the units of the price; None where no policy has so many available.

    Raises
    ------
    ExtraMissing
        Without OR-tools, where spans are to be available and a request has too many ways to it.
    """
    # The least bill by the number of spans that are available so far, up to all that are asked for.
    least: list[int | None] = [0] + [None] * available
    for ground in faced:
        if ground.room_tokens < 0:
            continue
        bills = _bills(ground, price, available)
        least = [_best(least, bills, count) for count in range(available + 1)]
    return least[available]


def _best(least: Sequence[int | None], bills: Sequence[int], count: int) -> int | None:
    """Return the least bill for `count` spans or more, once another request is billed."""
    sums = (
        before + bill
        for more, bill in enumerate(bills)
        if (before := least[max(0, count - more)]) is not None
    )
    return min(sums, default=None)


def _bills(ground: Ground, price: Price, available: int) -> list[int]:
    """Return what a prompt is billed at least, by how many spans it makes available."""
    costs = least_tokens(ground.options, ground.room_tokens) if available else [0]
    return [
        price(ground.floor_tokens + more, ground.floor_tokens + more - ground.new_tokens)
        for more in costs[: available + 1]
    ]
