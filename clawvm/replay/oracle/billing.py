"""The least that any policy's prompts can be billed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from .ground import Ground

__all__ = ["billed_bound"]


def billed_bound(faced: Iterable[Ground], price: Callable[[int, int], int]) -> int:
    """Return what no policy that keeps the floor can fall below, in the units of the price.

    The proof is in ``docs/oracle.md``.

    Parameters
    ----------
    faced : iterable of Ground
        A session's requests, under the budget that they were found for.
    price : callable
        ``price(sent, read)`` of a prompt of so many tokens, so many of them read from a cache. It
        must not fall when more is sent or less is read.
    """
    return sum(
        price(ground.floor_tokens, ground.floor_tokens - ground.new_tokens)
        for ground in faced
        if ground.room_tokens >= 0
    )
