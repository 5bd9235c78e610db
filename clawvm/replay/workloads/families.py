"""Four families after the paper's: what they have in common is one loop, what differs is a shape.

The paper names its families and not their contents (it has evidence-heavy, plan-heavy,
multi-session and constraint-heavy ones of OpenClaw's issues). These are ours: an agent that fetches
evidence, comes back to some of it, keeps a plan, and loses its context now and then.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ...pages import Fidelity, PageType
from ...session import BoundaryKind
from .draws import Draws
from .model import Demand, Workload
from .scale import Scale
from .script import Script

__all__ = ["FAMILIES", "FAMILY_SEED", "Shape", "family_workload"]

FAMILY_SEED = 1
"""The seed of the published sweeps."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What tells one family from another.

    Parameters
    ----------
    constraints : int
        Hard requirements, put in the first turn with two bootstrap pages and a preference.
    evidence_percent : int
        Share of the scale's evidence that there is.
    again : int
        Pages of evidence that a turn comes back to.
    same_percent : int
        How often the first of them is one that the turn before needed too.
    full_percent : int
        How often the first is needed whole; otherwise a structured form will do.
    plan_every : int
        Turns between two changes of the plan.
    rule_percent : int
        How often a turn needs a constraint whole.
    compactions, resets : int
        How often each boundary comes, evenly spread.
    """

    constraints: int = 2
    evidence_percent: int = 100
    again: int = 2
    same_percent: int = 45
    full_percent: int = 50
    plan_every: int = 12
    rule_percent: int = 0
    compactions: int = 1
    resets: int = 0


FAMILIES: dict[str, Shape] = {
    "evidence_heavy": Shape(evidence_percent=130, again=3),
    "plan_heavy": Shape(evidence_percent=80, plan_every=3, compactions=4),
    "multi_session": Shape(evidence_percent=90, compactions=1, resets=3),
    "constraint_heavy": Shape(constraints=6, evidence_percent=80, rule_percent=35, compactions=2),
}
"""The families by name, in the order of the tables."""


def family_workload(family: str, scale: Scale, seed: int = FAMILY_SEED) -> Workload:
    """Return a workload of one family; equal arguments give equal workloads anywhere."""
    return _Writer(family, scale, seed).write()


@dataclass(slots=True)
class _Writer:
    """Writes one workload, turn by turn."""

    family: str
    scale: Scale
    seed: int
    shape: Shape = field(init=False)
    draws: Draws = field(init=False)
    script: Script = field(init=False, default_factory=Script)
    evidence: list[str] = field(init=False, default_factory=list)
    needed: list[str] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        self.shape = FAMILIES[self.family]
        self.draws = Draws(self.seed, f"{self.family}/{self.scale.name}")

    def write(self) -> Workload:
        rules = self._rules()
        plan = self._page("plan", PageType.PLAN)
        evidence_total = self.scale.evidence * self.shape.evidence_percent // 100
        boundaries = self._boundaries()
        for turn in range(self.scale.turns):
            puts = [*rules, plan] if turn == 0 else []
            if turn and turn % self.shape.plan_every == 0:
                puts.append(plan)
            # What is fetched is spread evenly over the turns, and so is the talk about it.
            first, end = (place * evidence_total // self.scale.turns for place in (turn, turn + 1))
            demands = self._come_back(may_be_whole=first == end)
            for number in range(first, end):
                demands.append(self._fetch(number))
                puts.append(self.evidence[-1])
            if turn % 4 == 1:
                puts.append(self._page(f"talk-{turn:04}", PageType.CONVERSATION))
            demands += self._other_needs(plan)
            self.script.turn(demands, puts=puts, boundary=boundaries.get(turn))
        name = f"{self.family}/{self.scale.name}/{self.seed}"
        return self.script.build(name, self.family, self.seed)

    def _page(self, page_id: str, page_type: PageType) -> str:
        return self.script.page(page_id, page_type, self.scale.tokens(self.draws, page_type))

    def _rules(self) -> list[str]:
        return [
            *(self._page(f"rules-{number}", PageType.BOOTSTRAP) for number in range(2)),
            *(
                self._page(f"must-{number}", PageType.CONSTRAINT)
                for number in range(self.shape.constraints)
            ),
            self._page("preference", PageType.PREFERENCE),
        ]

    def _boundaries(self) -> dict[int, BoundaryKind]:
        """Spread the boundaries evenly over the turns, resets between compactions."""
        shape = self.shape
        kinds = [BoundaryKind.COMPACTION] * shape.compactions
        for place in range(shape.resets):
            kinds.insert(2 * place, BoundaryKind.RESET)
        step = self.scale.turns // (len(kinds) + 1)
        return {step * place: kind for place, kind in enumerate(kinds, 1)}

    def _fetch(self, number: int) -> Demand:
        """Call a tool for the first time: its result is needed whole."""
        page_id = self._page(f"result-{number:04}", PageType.EVIDENCE)
        self.evidence.append(page_id)
        return Demand(page_id, Fidelity.FULL, f"tool({number})")

    def _come_back(self, may_be_whole: bool) -> list[Demand]:
        """Need some earlier results again: half of them recent ones, the others any.

        At most one of them is needed whole, and none beside a new result, so that the floor of a
        turn fits the smallest budget.
        """
        if len(self.evidence) < 3:
            return []
        chosen: list[str] = []
        for place in range(self.shape.again):
            if place == 0 and self.needed and self.draws.chance(self.shape.same_percent):
                chosen.append(self.draws.pick(self.needed))
                continue
            pool = self.evidence[-6:] if self.draws.chance(50) else self.evidence
            chosen.append(self.draws.pick(pool))
        self.needed = chosen
        return [
            self._need(page_id, may_be_whole and place == 0)
            for place, page_id in enumerate(dict.fromkeys(chosen))
        ]

    def _need(self, page_id: str, may_be_whole: bool) -> Demand:
        whole = may_be_whole and self.draws.chance(self.shape.full_percent)
        # One in eight needs the text and calls nothing for it.
        calls = not self.draws.chance(12)
        number = int(page_id.removeprefix("result-"))
        level = Fidelity.FULL if whole else Fidelity.STRUCTURED
        return Demand(page_id, level, f"tool({number})" if calls else None)

    def _other_needs(self, plan: str) -> list[Demand]:
        demands = []
        if self.draws.chance(self.shape.rule_percent):
            rule = self.draws.below(self.shape.constraints)
            demands.append(Demand(f"must-{rule}", Fidelity.FULL))
        if self.draws.chance(100 // self.shape.plan_every):
            demands.append(Demand(plan, Fidelity.STRUCTURED))
        return demands
