"""One call for those who want nothing else: a message list in, one within the budget out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..messages import Shape
from ..tokens import TokenCounter
from .conversation import RepairMode
from .session import Session

__all__ = ["fit"]


def fit(
    messages: Sequence[dict[str, Any]],
    budget: int,
    *,
    counter: str | Callable[[str], int] | TokenCounter | None = None,
    shape: Shape | None = None,
    repair: RepairMode = "repair",
) -> list[dict[str, Any]]:
    """Return a message list within the budget.

    Parameters
    ----------
    messages : sequence of dict
        A whole history in OpenAI's or Anthropic's format; it is not changed. A healthy history that
        fits comes back equal, its messages the same objects.
    budget : int
        Most that the result may cost, in tokens.
    counter, shape, repair : optional
        As for `Session`.

    Returns
    -------
    list of dict
        In the same format and order. A call and its result stay together; what does not fit is
        shown in a cheaper form, or not at all.

    Raises
    ------
    BudgetInfeasible
        When the system messages, the first user message and the newest message do not fit, however
        short.
    BudgetInvalid, MessageInvalid, TokenizerUnavailable
        As for `Session`.
    """
    with Session(budget=budget, counter=counter, shape=shape, repair=repair) as session:
        session.extend(messages)
        return session.assemble().messages
