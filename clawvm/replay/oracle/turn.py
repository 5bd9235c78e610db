"""The per-turn optimum: how far each plan is from the one that is worth most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

from ...pages import Fidelity
from ...residency import Decision, Policy, StatefulPolicy, View, required_levels
from ...tokens import TokenCounter
from ..runner import Recording, replay

if TYPE_CHECKING:
    from ..._backend import core

__all__ = ["GapSummary", "GapWatch", "TurnGap", "gap_summary", "optimum", "turn_gaps"]

_PARTS = 1_000_000


@dataclass(frozen=True, slots=True)
class TurnGap:
    """What a plan is worth beside the best one for the same pages, floor and budget.

    Parameters
    ----------
    turn : int
        The session's turn, from 1.
    selected : bool
        Whether the page table selected the plan. The budget is then that of the selection (for the
        policy ``clawvm`` its low-water mark); else the policy has set levels itself, and the budget
        is the prompt's.
    value : int
        What the plan is worth, in the units of ``PageTable.value``.
    bound : int
        No plan is worth more.
    proven : bool
        Whether one is worth that much, but for rounding (2**-22 of it).
    """

    turn: int
    selected: bool
    value: int
    bound: int
    proven: bool

    @property
    def ppm(self) -> int:
        """What the plan is short of, in millionths of the bound, rounded up."""
        return -(-max(0, self.bound - self.value) * _PARTS // max(1, self.bound))


@dataclass(frozen=True, slots=True)
class GapSummary:
    """Gaps of many plans, in millionths of the optimum.

    Parameters
    ----------
    plans : int
        How many.
    proven : int
        Those whose optimum is known; of the others an upper bound of it is.
    median_ppm, p99_ppm, worst_ppm : int
        Of every plan's gap: the nearest-rank percentiles; 0 when there are none.
    """

    plans: int
    proven: int
    median_ppm: int
    p99_ppm: int
    worst_ppm: int


def optimum(
    table: core.PageTable, budget: int, turn: int, demands: Mapping[int, int]
) -> core.ExactSelection:
    """Return the best plan for a page table, which is not changed.

    Parameters
    ----------
    table : PageTable
        The pages, their worth, and what has to be resident: hard pins and demands.
    budget : int
        Tokens.
    turn : int
        The turn in whose units values are told.
    demands : mapping of int to int
        The least level by slot of what has to be resident besides.
    """
    slots = table.slots()
    copy = type(table).restore(
        table.meta(), slots, table.dump(slots), [table.page_id(slot) for slot in slots]
    )
    for slot in slots:
        # A dump has no demands: they are those of one turn.
        copy.demand(slot, max(table.required_level(slot), demands.get(slot, 0)))
    return copy.select_exact(budget, turn)


def turn_gaps(
    recording: Recording, policy_name: str, budget: int, counter: TokenCounter
) -> list[TurnGap]:
    """Replay a session and return the gap of each plan; the parameters are those of `replay`."""
    gaps: list[TurnGap] = []
    replay(recording, policy_name, budget, counter, around=lambda policy: GapWatch(policy, gaps))
    return gaps


class GapWatch:
    """A policy that decides as another one does and notes what each plan falls short of.

    Parameters
    ----------
    policy : Policy
        The one that decides.
    gaps : list of TurnGap
        Gets one for each plan whose floor fitted.
    """

    def __init__(self, policy: Policy, gaps: list[TurnGap]) -> None:
        self.name = policy.name
        self.gaps = gaps
        self._policy = policy

    def decide(self, view: View) -> Decision:
        """Decide as the policy does."""
        seen = _SelectingTable(view.table)
        required = required_levels(view)
        decision = self._policy.decide(replace(view, table=cast("core.PageTable", seen)))
        if decision.feasible:
            self.gaps.append(seen.gap or _gap_of_levels(view, required))
        return decision

    def saved(self) -> object:
        """Return what the policy remembers."""
        return self._policy.saved() if isinstance(self._policy, StatefulPolicy) else None

    def restore(self, saved: object) -> None:
        """Give the policy back what it remembered."""
        if isinstance(self._policy, StatefulPolicy):
            self._policy.restore(saved)


class _SelectingTable:
    """A page table that has each of its selections done exactly as well, on a copy."""

    def __init__(self, table: core.PageTable) -> None:
        self._table = table
        self.gap: TurnGap | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def select(self, budget: int, turn: int) -> core.Selection:
        best = optimum(self._table, budget, turn, {})
        return self._noted(self._table.select(budget, turn), best, turn)

    def select_exact(self, budget: int, turn: int, **limits: int) -> core.ExactSelection:
        best = optimum(self._table, budget, turn, {})
        selection = self._table.select_exact(budget, turn, **limits)
        self._noted(selection, best, turn)
        return selection

    def _noted(
        self, selection: core.Selection, best: core.ExactSelection, turn: int
    ) -> core.Selection:
        if selection.feasible:
            self.gap = TurnGap(turn, True, selection.value, best.bound, best.proven)
        return selection


def _gap_of_levels(view: View, required: Mapping[int, Fidelity]) -> TurnGap:
    table, turn = view.table, view.turn
    best = optimum(table, view.budget, turn, required)
    value = sum(table.value(slot, table.level(slot), turn) for slot in table.slots())
    return TurnGap(turn, False, value, best.bound, best.proven)


def gap_summary(gaps: Iterable[TurnGap]) -> GapSummary:
    """Summarise gaps; give those with ``selected`` alone to judge the selector."""
    gaps = list(gaps)
    ordered = sorted(gap.ppm for gap in gaps)
    return GapSummary(
        plans=len(gaps),
        proven=sum(gap.proven for gap in gaps),
        median_ppm=_percentile(ordered, 50),
        p99_ppm=_percentile(ordered, 99),
        worst_ppm=_percentile(ordered, 100),
    )


def _percentile(ordered: list[int], percent: int) -> int:
    """Return the nearest-rank percentile."""
    return ordered[-(-len(ordered) * percent // 100) - 1] if ordered else 0
