"""One prompt: ask the policy, apply its decision, render, check what a boundary must leave."""

from __future__ import annotations

from typing import Literal

from ..errors import BudgetInfeasible
from ..faults import FaultKind, FaultObserver
from ..messages import Shape
from ..pages import Fidelity, Page, PageType, Pin
from ..residency import Decision, Move, Plan, Policy, View
from .book import PageBook
from .layout import Layout
from .prompt import Prompt

__all__ = ["Assembler", "Boundary", "OnInfeasible"]

Boundary = Literal["compaction", "reset"]
OnInfeasible = Literal["raise", "report"]


class Assembler:
    """Holds what was decided last: the levels, the plan, and what is due at the next prompt.

    Not safe for use by several threads at once.
    """

    def __init__(
        self,
        book: PageBook,
        layout: Layout,
        faults: FaultObserver,
        policy: Policy,
        on_infeasible: OnInfeasible,
    ) -> None:
        self.turn = 0
        self.plan: Plan | None = None
        self.levels: dict[str, Fidelity] = {}
        self.demands: dict[int, Fidelity] = {}
        self.boundary: Boundary | None = None
        self.policy = policy
        self._book = book
        self._layout = layout
        self._faults = faults
        self._on_infeasible: OnInfeasible = on_infeasible

    def assemble(self, budget: int, tail: list[int], shape: Shape | None) -> Prompt:
        """Decide what is resident and render it; see `Session.assemble`."""
        view = View(
            table=self._book.table,
            pages=self._book.by_slot,
            pinned=self._book.pinned,
            budget=budget,
            turn=self.turn + 1,
            fresh=list(self._book.fresh),
            tail=tail,
            demands=self.demands,
            compacting=self.boundary == "compaction",
        )
        decision = self.policy.decide(view)
        if not decision.feasible:
            return self._infeasible(decision, budget)
        self.turn += 1
        moves = self._apply(decision)
        kept_tokens = self._layout.refresh(self.levels)
        self.plan = Plan(
            policy=self.policy.name,
            turn=self.turn,
            budget_tokens=budget,
            used_tokens=decision.used_tokens,
            floor_tokens=decision.floor_tokens,
            moves=moves,
            epoch=decision.epoch,
            prefix_tokens_kept=kept_tokens,
            value=decision.value,
            bound=decision.bound,
        )
        self._book.fresh.clear()
        self.demands.clear()
        self._check_boundary()
        return self._layout.prompt(shape, self.plan)

    def forget(self, page: Page) -> None:
        """Drop what is held of a page that is archived."""
        self.levels.pop(page.id, None)
        self.demands.pop(page.slot, None)

    def _apply(self, decision: Decision) -> tuple[Move, ...]:
        moves = []
        by_slot, levels, layout = self._book.by_slot, self.levels, self._layout
        # A page with a new content looks different even at the level that it had; and where its new
        # ladder lacks that level the table has lowered it, which no policy sees as a move.
        for slot in sorted({*self._book.fresh, *(slot for slot, _, _ in decision.moves)}):
            page_id = by_slot[slot].id
            layout.touch(page_id)
            old = levels.get(page_id, Fidelity.NONE)
            new = Fidelity(self._book.table.level(slot))
            if new is old:
                continue
            if new:
                levels[page_id] = new
            else:
                del levels[page_id]
            moves.append(Move(page_id, old, new))
        return tuple(moves)

    def _infeasible(self, decision: Decision, budget: int) -> Prompt:
        turn = self.turn + 1
        pages = [self._book.by_slot[slot] for slot in decision.required]
        error = BudgetInfeasible([page.id for page in pages], decision.floor_tokens, budget)
        for page in pages:
            if page.pin is Pin.HARD:
                self._faults.record(FaultKind.PINNED_INVARIANT_MISS, page.id, turn, str(error))
        if self._on_infeasible == "raise":
            raise error
        self.turn = turn
        plan = Plan(
            policy=self.policy.name,
            turn=turn,
            budget_tokens=budget,
            used_tokens=0,
            floor_tokens=decision.floor_tokens,
            moves=(),
            epoch=False,
            prefix_tokens_kept=0,
            missing_tokens=error.missing_tokens,
            required=error.page_ids,
        )
        return Prompt([], plan)

    def _check_boundary(self) -> None:
        """After a compaction or reset, see that each bootstrap page is there (paper, section 3)."""
        if self.boundary is None:
            return
        for page in self._book.pinned.values():
            level = self.levels.get(page.id, Fidelity.NONE)
            if page.type is PageType.BOOTSTRAP and level < page.floor:
                self._faults.record(
                    FaultKind.POST_COMPACTION_BOOTSTRAP,
                    page.id,
                    self.turn,
                    f"at {level.name.lower()} after a {self.boundary}, "
                    f"its floor is {page.floor.name.lower()}",
                )
        self.boundary = None
