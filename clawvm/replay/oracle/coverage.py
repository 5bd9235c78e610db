"""How many spans can be available, and for how many tokens: request by request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from ...pages import Fidelity
from .ground import Ground, Option
from .solver import integer_solver

if TYPE_CHECKING:
    from ortools.sat.python import cp_model

__all__ = ["AvailabilityBound", "availability_bound", "least_tokens", "most_covered"]

_ENUMERATED_MAX = 2_000


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
        Without OR-tools, where a request has too much to choose from to try all of it.
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
    costs = _costs_by_enumeration(options, room_tokens)
    if costs is not None:
        return max(0, len(costs) - 1), True
    model, solver = integer_solver()
    tokens, shown = _chosen(model, options)
    model.add(tokens <= room_tokens)
    model.maximize(shown)
    status = solver.solve(model)
    # The bound is a whole number that is told as a float.
    return round(solver.best_objective_bound), solver.status_name(status) == "OPTIMAL"


def least_tokens(options: Sequence[Option], room_tokens: int) -> list[int]:
    """Return below how many tokens 0, 1, 2... spans cannot be shown at once.

    The list ends where more of them do not fit. The parameters are those of `most_covered`.
    """
    costs = _costs_by_enumeration(options, room_tokens)
    if costs is not None:
        return costs
    costs = [0]
    model, solver = integer_solver()
    tokens, shown = _chosen(model, options)
    model.add(tokens <= room_tokens)
    model.minimize(tokens)
    while True:
        model.add(shown >= len(costs))
        if solver.status_name(solver.solve(model)) == "INFEASIBLE":
            return costs
        costs.append(max(0, round(solver.best_objective_bound)))


def _costs_by_enumeration(options: Sequence[Option], room_tokens: int) -> list[int] | None:
    """Return what `least_tokens` does, None where there is too much to enumerate.

    Most requests quote little, and a solver takes longer to set up than this to run.
    """
    if room_tokens < 0:
        return []
    # By the set of spans that are shown, as bits, what that costs at least.
    costs = {0: 0}
    by_page = sorted(options, key=lambda option: option.page)
    for _, levels in groupby(by_page, key=lambda option: option.page):
        after = dict(costs)
        for option in levels:
            spans = sum(1 << span for span in option.spans)
            for before, tokens in costs.items():
                cost = tokens + option.more_tokens
                if cost <= room_tokens and cost < after.get(before | spans, cost + 1):
                    after[before | spans] = cost
        costs = after
        if len(costs) > _ENUMERATED_MAX:
            return None
    most = max(shown.bit_count() for shown in costs)
    return [
        min(cost for shown, cost in costs.items() if shown.bit_count() >= count)
        for count in range(most + 1)
    ]


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
