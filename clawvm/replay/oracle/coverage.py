"""How many spans can be available, and for how many tokens: request by request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...pages import Fidelity
from .ground import Ground, Option
from .solver import integer_solver

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

__all__ = ["AvailabilityBound", "availability_bound", "fewest_tokens", "most_covered"]


@dataclass(frozen=True, slots=True)
class AvailabilityBound:
    """What no policy can pass on a recorded session under a budget.

    Parameters
    ----------
    spans : int
        The measured spans.
    available : int
        No policy that shows each page at one level of its ladder has more of them available.
    whole_pages : int
        No policy that counts on whole pages alone has more.
    proven : bool
        Whether both are reached at each request by a choice for that request; if not, the search
        for some request grew too large, and they are bounds all the same.
    """

    spans: int
    available: int
    whole_pages: int
    proven: bool


def availability_bound(faced: Iterable[Ground]) -> AvailabilityBound:
    """Bound span availability; the proof is in ``docs/oracle.md``.

    Parameters
    ----------
    faced : iterable of Ground
        A session's requests, under the budget that they were found for.

    Raises
    ------
    ExtraMissing
        Without OR-tools, where a request has more to show than fits.
    """
    spans = available = whole_pages = 0
    proven = True
    for ground in faced:
        spans += ground.spans
        whole = [option for option in ground.options if option.level is Fidelity.FULL]
        most, first = most_covered(ground.options, ground.room_tokens)
        most_whole, second = most_covered(whole, ground.room_tokens)
        available += most
        whole_pages += most_whole
        proven = proven and first and second
    return AvailabilityBound(spans, available, whole_pages, proven)


def most_covered(options: Sequence[Option], room_tokens: int) -> tuple[int, bool]:
    """Return how many spans can be shown at once, and whether so many can.

    Parameters
    ----------
    options : sequence of Option
        Of each page at most one is taken.
    room_tokens : int
        What all that are taken may cost together; below 0 nothing can be shown.
    """
    if room_tokens < 0:
        return 0, True
    fitting = [option for option in options if option.more_tokens <= room_tokens]
    spans = {span for option in fitting for span in option.spans}
    if _all_fit(fitting, room_tokens):
        return len(spans), True
    model, solver = integer_solver()
    tokens, shown = _chosen(model, fitting)
    model.add(tokens <= room_tokens)
    model.maximize(shown)
    status = solver.solve(model)
    # The bound is a whole number that is told as a float.
    return round(solver.best_objective_bound), solver.status_name(status) == "OPTIMAL"


def fewest_tokens(options: Sequence[Option], spans: int) -> int | None:
    """Return a number of tokens below which so many spans cannot be shown at once.

    None where they cannot at all.

    Parameters
    ----------
    options : sequence of Option
        Of each page at most one is taken.
    spans : int
        How many have to be shown.
    """
    if spans == 0:
        return 0
    if spans == 1:
        return min((option.more_tokens for option in options), default=None)
    model, solver = integer_solver()
    tokens, shown = _chosen(model, options)
    model.add(shown >= spans)
    model.minimize(tokens)
    if solver.status_name(solver.solve(model)) == "INFEASIBLE":
        return None
    return max(0, round(solver.best_objective_bound))


def _chosen(
    model: cp_model.CpModel, options: Sequence[Option]
) -> tuple[cp_model.LinearExprT, cp_model.LinearExprT]:
    """Let a model choose options; return what they cost and how many spans they show."""
    taken = {option: model.new_bool_var("") for option in options}
    of_page: dict[str, list[cp_model.IntVar]] = {}
    of_span: dict[int, list[cp_model.IntVar]] = {}
    for option, chosen in taken.items():
        of_page.setdefault(option.page, []).append(chosen)
        for span in option.spans:
            of_span.setdefault(span, []).append(chosen)
    for levels in of_page.values():
        model.add_at_most_one(levels)
    shown = []
    for holders in of_span.values():
        shown.append(model.new_bool_var(""))
        model.add_bool_or([*holders, ~shown[-1]])
    return sum(option.more_tokens * chosen for option, chosen in taken.items()), sum(shown)


def _all_fit(options: Iterable[Option], room_tokens: int) -> bool:
    """Tell whether the cheapest option for each span, all together, fit: most requests' case."""
    best: dict[int, Option] = {}
    for option in options:
        for span in option.spans:
            if span not in best or option.more_tokens < best[span].more_tokens:
                best[span] = option
    taken = {(option.page, option.level): option.more_tokens for option in best.values()}
    one_level_each = len({page for page, _ in taken}) == len(taken)
    return one_level_each and sum(taken.values()) <= room_tokens
