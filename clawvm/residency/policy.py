"""The policy protocol and ClawVM's own policy: append between epochs, demote in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, runtime_checkable

from ..errors import OptionUnknown, PageInvalid, PolicyUnknown
from ..pages import Fidelity
from .floor import required_levels
from .paper import PaperPolicy
from .plan import Decision, View

if TYPE_CHECKING:
    from .._backend import core

__all__ = ["LOW_WATER_PERCENT", "ClawVMPolicy", "Policy", "StatefulPolicy", "policy_named"]

# Where the curve of docs/tuning.md bends: a higher mark keeps little more and bills much more.
LOW_WATER_PERCENT = 70
_SOLVERS: Final = ("auto", "repair", "exact")
_OPEN_PERCENT: Final = 4


class Policy(Protocol):
    """Decides residency.

    An implementation sets levels in ``view.table`` so that ``used_tokens`` is within
    ``view.budget`` and every page of the floor is at its level, and answers with what moved; or it
    answers with ``feasible=False`` and leaves every level as it was.
    """

    @property
    def name(self) -> str:
        """What the policy is called in reports."""

    def decide(self, view: View) -> Decision:
        """Choose a level for every page."""


@runtime_checkable
class StatefulPolicy(Policy, Protocol):
    """A policy that remembers something between decisions beside what is in the page table."""

    def saved(self) -> object:
        """Return what it remembers, as JSON."""

    def restore(self, saved: Any) -> None:
        """Remember what `saved` says, as a new object."""


class ClawVMPolicy:
    """Append at full between epochs; when the prompt would pass the budget, demote in one epoch.

    Parameters
    ----------
    low_water_percent : int, optional
        Down to how much of the budget an epoch demotes, 1..100. Lower is cheaper (fewer breaks of
        the provider's prompt cache) and keeps less; 100 selects anew at every turn that would
        overflow.
    solver : {"auto", "repair", "exact"}, optional
        How an epoch selects: by the greedy and its repair, within a bound; exactly; or, which is
        the default, exactly where the greedy's bound leaves more than a twenty-fifth open. What was
        selected exactly is `proven`, unless the search grew too large; its `bound` holds in either
        case.

    Raises
    ------
    PageInvalid
        If `low_water_percent` is no such percentage.
    OptionUnknown
        If `solver` is another word.
    """

    name = "clawvm"

    def __init__(
        self,
        low_water_percent: int = LOW_WATER_PERCENT,
        *,
        solver: Literal["auto", "repair", "exact"] = "auto",
    ) -> None:
        whole = isinstance(low_water_percent, int) and not isinstance(low_water_percent, bool)
        if not whole or not 1 <= low_water_percent <= 100:
            raise PageInvalid(
                "the low-water mark is a whole percentage of the budget from 1 to 100, "
                f"found {low_water_percent!r}"
            )
        if solver not in _SOLVERS:
            known = ", ".join(map(repr, _SOLVERS))
            raise OptionUnknown(
                f"a solver of the policy 'clawvm' is one of {known}; found {solver!r}"
            )
        self.low_water_percent = low_water_percent
        self.solver = solver

    def decide(self, view: View) -> Decision:
        """Admit what is new; run an epoch if that passes the budget."""
        table = view.table
        admitted = _admit(view)
        if table.used_tokens <= view.budget and not view.compacting:
            return Decision(admitted, table.used_tokens)
        decision = self._epoch(view, admitted)
        if not decision.feasible:
            for slot, level, _ in admitted:
                table.set_level(slot, level)
        return decision

    def low_water(self, budget: int) -> int:
        """Return down to how many tokens an epoch demotes under a budget."""
        return budget * self.low_water_percent // 100

    def _epoch(self, view: View, admitted: list[tuple[int, int, int]]) -> Decision:
        table, turn = view.table, view.turn
        for slot in view.pinned:
            # What is pinned does not grow old: it competes for upgrades as if it had just arrived.
            table.touch(slot, turn)
        required = required_levels(view)
        required_tokens = sum(map(table.tokens, required, required.values()))
        target = max(1, self.low_water(view.budget), required_tokens)
        selection, moved, proven = self._select(view, required, min(target, view.budget))
        floor_tokens = selection.floor_tokens
        if not selection.feasible:
            table.clear_demands()
            return Decision([], 0, floor_tokens, required=selection.required, feasible=False)
        moves, value, bound = _moves(admitted, moved, table), selection.value, selection.bound
        return Decision(moves, table.used_tokens, floor_tokens, True, value, bound, proven)

    def _select(
        self, view: View, required: Mapping[int, Fidelity], budget: int
    ) -> tuple[core.Selection, Sequence[tuple[int, int, int]], bool | None]:
        """Return the selection, the moves from the levels that there were, and what is proven."""
        table, turn = view.table, view.turn
        _demand(table, required)
        if self.solver == "exact":
            exact = table.select_exact(budget, turn)
            return exact, exact.moves, exact.proven
        greedy = table.select(budget, turn)
        if self.solver == "repair" or not _leaves_much_open(greedy):
            return greedy, greedy.moves, None
        _demand(table, required)  # a selection has met them, and lets go of them
        exact = table.select_exact(budget, turn)
        first = {slot: old for slot, old, _ in (*exact.moves, *greedy.moves)}
        level = table.level
        moves = [(slot, old, new) for slot, old in first.items() if (new := level(slot)) != old]
        return exact, moves, exact.proven


def _demand(table: core.PageTable, required: Mapping[int, Fidelity]) -> None:
    for slot, level in required.items():
        table.demand(slot, level)


def _leaves_much_open(selection: core.Selection) -> bool:
    """Whether a better selection could be worth a twenty-fifth more, for all that is known."""
    value, bound = selection.value, selection.bound
    return selection.feasible and value * 100 < bound * (100 - _OPEN_PERCENT)


def _admit(view: View) -> list[tuple[int, int, int]]:
    """Raise what is new to full, what is pinned to its floor and what is demanded to its level.

    Returns the moves, in slot order.
    """
    table = view.table
    moves = table.admit(view.fresh)
    # A pin may have come, or its floor may have been raised, while the page was below it.
    below = table.below_floor(view.pinned)
    if not below and not view.demands:
        return moves
    before = {slot: old for slot, old, _ in moves}
    floors = ((slot, view.pages[slot].floor) for slot in below)
    for slot, level in chain(floors, view.demands.items()):
        old = table.level(slot)
        if old < level:
            before.setdefault(slot, old)
            table.set_level(slot, next(rung for rung in view.pages[slot].ladder if rung >= level))
    return [(slot, old, table.level(slot)) for slot, old in sorted(before.items())]


def _moves(
    admitted: list[tuple[int, int, int]],
    selected: Sequence[tuple[int, int, int]],
    table: core.PageTable,
) -> list[tuple[int, int, int]]:
    """List the moves of a selection and of the admission before it as one, in slot order."""
    admitted_slots = {slot for slot, _, _ in admitted}
    moves = [move for move in selected if move[0] not in admitted_slots]
    level = table.level
    for slot, old, _ in admitted:
        new = level(slot)
        if new != old:
            moves.append((slot, old, new))
    moves.sort()
    return moves


_POLICIES: dict[str, Callable[[], Policy]] = {"clawvm": ClawVMPolicy, "paper": PaperPolicy}


def policy_named(name: str) -> Policy:
    """Return a new policy object.

    Raises
    ------
    PolicyUnknown
        When `name` is neither ``clawvm`` nor ``paper``.
    """
    try:
        return _POLICIES[name]()
    except KeyError:
        raise PolicyUnknown(
            f"no residency policy is called {name!r}; there are {', '.join(map(repr, _POLICIES))}"
        ) from None
