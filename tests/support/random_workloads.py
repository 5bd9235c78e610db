"""Workloads without rhyme or reason, for properties that hold over all of them."""

from __future__ import annotations

from clawvm.pages import RULES, Fidelity, PageType, Pin
from clawvm.replay.workloads import Demand, Workload
from clawvm.replay.workloads.draws import Draws
from clawvm.replay.workloads.script import Script
from clawvm.session import BoundaryKind

_BOUNDARIES = (
    *(BoundaryKind.COMPACTION, BoundaryKind.RESET, BoundaryKind.PRUNE, BoundaryKind.TURN),
    BoundaryKind.CLEAR,
)


def random_workload(seed: int) -> Workload:
    """A dozen pages of any type, pin and ladder, over twenty turns of anything."""
    draws, script = Draws(seed, "random"), Script()
    names = [f"page-{number:02}" for number in range(draws.between(1, 12))]
    for name in names:
        page_type = draws.pick(list(PageType))
        script.page(
            name,
            page_type,
            _tokens(draws),
            utility=draws.pick((0, 1, 5, 700)),
            recompute=draws.below(20),
            pin=draws.pick((RULES[page_type].pin, Pin.HARD, Pin.NONE)),
            floor=draws.pick((RULES[page_type].floor, Fidelity.FULL, Fidelity.POINTER)),
        )
    known: list[str] = []
    for _ in range(draws.between(1, 20)):
        puts = [name for name in names if draws.chance(20)]
        known = sorted({*known, *puts})
        demands = [_demand(draws, name) for name in known if draws.chance(25)]
        boundary = draws.pick(_BOUNDARIES) if draws.chance(25) else None
        script.turn(demands, puts=puts, boundary=boundary)
    return script.build(f"random/{seed}", "random", seed)


def _tokens(draws: Draws) -> tuple[int | None, int | None, int | None, int]:
    costs, last = [], 0
    for _ in range(4):
        last += draws.skewed(1, 40)
        costs.append(last)
    pointer, structured, compressed = (cost if draws.chance(70) else None for cost in costs[:3])
    return pointer, structured, compressed, costs[3]


def _demand(draws: Draws, name: str) -> Demand:
    level = draws.pick((Fidelity.POINTER, Fidelity.STRUCTURED, Fidelity.FULL))
    return Demand(name, level, f"tool({name})" if draws.chance(70) else None)
