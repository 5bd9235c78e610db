"""Repeated calls: which is a fault, which an alert, and which neither (paper, section 3)."""

from __future__ import annotations

from collections.abc import Callable

from ..faults import FaultKind
from ..pages import Fidelity
from .exchange import Exchange

__all__ = ["fault_of"]


def fault_of(exchange: Exchange, same: Callable[[str, str], bool]) -> FaultKind | None:
    """Judge a call that repeats an earlier one and has its result.

    It is a fault only when it returned what the earlier call had returned and that result was
    neither in the prompt nor one recall away: a refetch when the tool retrieves, a duplicate tool
    call when it does something. While the earlier result is resident in full it is the
    duplicate-signature alert. A different result is news and no fault; a result that a line of the
    prompt points to could have been recalled; and of two calls that came in together, side by side
    or with a history that was made elsewhere, nothing can be said.

    Parameters
    ----------
    exchange : Exchange
        The later call.
    same : callable
        Whether two results of equal calls say the same.

    Returns
    -------
    FaultKind or None
    """
    earlier = exchange.earlier
    if earlier is None or len(earlier.texts) < 2:
        return None
    if earlier.request == exchange.page.request:
        # Both came in with the same prompt: no prompt of ours stood between the two.
        return None
    if not same(earlier.texts[1], exchange.page.texts[1]):
        return None
    if exchange.earlier_level is Fidelity.NONE:
        return FaultKind.REFETCH if exchange.tool.retrieves else FaultKind.DUPLICATE_TOOL
    if exchange.earlier_level is Fidelity.FULL:
        return FaultKind.DUPLICATE_SIGNATURE
    return None
