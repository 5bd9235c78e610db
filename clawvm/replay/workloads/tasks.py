"""Thirty task replays; one is done when no fault happened in it (paper, Table 8).

As in the paper, the harness compacts by how full its context is, so that a larger budget sees fewer
compactions: what a task is like depends on the budget.
"""

from __future__ import annotations

from dataclasses import dataclass

from ...pages import Fidelity, PageType
from ...session import BoundaryKind
from .draws import Draws
from .model import Demand, Workload
from .scale import ABSTRACT
from .script import Script, ladder

__all__ = ["TASK_COUNTS", "task_workloads"]

_COMPACTS_AT_PERCENT = 80


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind of task is like.

    Parameters
    ----------
    turns : (int, int)
        Fewest and most.
    results : (int, int)
        Fewest and most results that it fetches.
    again_percent : int
        How often a turn needs an earlier result again.
    whole_percent : int
        How often it needs it whole.
    plan_percent : int
        How often the plan changes.
    rules : (int, int)
        Least and most tokens of each of its two bootstrap pages.
    """

    turns: tuple[int, int]
    results: tuple[int, int]
    again_percent: int
    whole_percent: int
    plan_percent: int
    rules: tuple[int, int] = (18, 24)


_KINDS = {
    # Many files and logs that are read over and over, and a long runbook.
    "debugging": _Kind((16, 22), (7, 9), 90, 40, 10, rules=(44, 52)),
    # Sources that are read once and quoted later.
    "research": _Kind((12, 18), (4, 5), 50, 20, 15),
    "planning": _Kind((10, 16), (2, 4), 40, 10, 50),
    "operations": _Kind((12, 16), (3, 5), 60, 10, 20),
}

TASK_COUNTS = {"debugging": 8, "research": 8, "planning": 7, "operations": 7}
"""How many of the thirty are of each kind."""


def task_workloads(budget: int) -> list[Workload]:
    """Return the thirty tasks as they are under a budget.

    Parameters
    ----------
    budget : int
        Of the harness, in tokens; it compacts when what came in since the last time, rules apart,
        is above 80 % of it.
    """
    return [
        _task(kind, seed, budget) for kind, count in TASK_COUNTS.items() for seed in range(count)
    ]


def _task(kind_name: str, seed: int, budget: int) -> Workload:
    kind, draws, script = _KINDS[kind_name], Draws(seed, kind_name), Script()

    def page(page_id: str, page_type: PageType) -> str:
        return script.page(page_id, page_type, ABSTRACT.tokens(draws, page_type))

    def rule(number: int) -> str:
        tokens = ladder(PageType.BOOTSTRAP, draws.between(*kind.rules), ABSTRACT.pointer)
        return script.page(f"rules-{number}", PageType.BOOTSTRAP, tokens)

    rules = [rule(0), rule(1), page("must", PageType.CONSTRAINT)]
    page("plan", PageType.PLAN)
    turns, count = draws.between(*kind.turns), draws.between(*kind.results)
    results: list[str] = []
    came_in = 0
    for turn in range(turns):
        compacts = came_in * 100 > budget * _COMPACTS_AT_PERCENT
        came_in = 0 if compacts else came_in
        puts, demands = (["plan"] if turn == 0 else []), []
        if turn * count // turns != (turn + 1) * count // turns:
            results.append(page(f"result-{len(results):02}", PageType.EVIDENCE))
            demands.append(Demand(results[-1], Fidelity.FULL, f"tool({len(results) - 1})"))
            puts = [*puts, results[-1]]
        if len(results) > 1 and draws.chance(kind.again_percent):
            level = Fidelity.FULL if draws.chance(kind.whole_percent) else Fidelity.STRUCTURED
            number = draws.below(len(results) - 1)
            demands.append(Demand(results[number], level, f"tool({number})"))
        if turn and draws.chance(kind.plan_percent):
            puts = [*puts, "plan"]
        came_in += sum(spec.tokens[-1] or 0 for spec in script.pages if spec.id in puts)
        boundary = BoundaryKind.COMPACTION if compacts else None
        script.turn(demands, puts=[*rules, *puts] if turn == 0 else puts, boundary=boundary)
    return script.build(f"task/{kind_name}/{seed:02}/{budget}", f"task_{kind_name}", seed)
