"""One prompt: ask the policy, apply its decision, render, check what a boundary must leave."""

from __future__ import annotations

from typing import Literal

from ..errors import BudgetInfeasible
from ..faults import FaultKind, FaultObserver
from ..messages import Shape
from ..pages import LEVELS, Fidelity, Page, PageType, Pin
from ..residency import Decision, Move, Plan, Policy, View
from .book import PageBook
from .layout import Layout
from .prompt import Prompt

__all__ = ["Assembler", "Boundary", "OnInfeasible"]

Boundary = Literal["compaction", "reset"]
OnInfeasible = Literal["raise", "report"]


class Assembler:
    """Holds the last plan and what is due at the next prompt; the levels are in the page table.

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
        kept_tokens = self._layout.refresh(self._book.table.level)
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
        self.demands.pop(page.slot, None)

    def _apply(self, decision: Decision) -> tuple[Move, ...]:
        # A page with a new content looks different even at the level that it had.
        self._layout.touch(self._book.fresh)
        self._layout.touch([slot for slot, _, _ in decision.moves])
        by_slot = self._book.by_slot
        return tuple(
            [Move(by_slot[slot].id, LEVELS[old], LEVELS[new]) for slot, old, new in decision.moves]
        )

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
            level = LEVELS[self._book.table.level(page.slot)]
            if page.type is PageType.BOOTSTRAP and level < page.floor:
                self._faults.record(
                    FaultKind.POST_COMPACTION_BOOTSTRAP,
                    page.id,
                    self.turn,
                    f"at {level.name.lower()} after a {self.boundary}, "
                    f"its floor is {page.floor.name.lower()}",
                )
        self.boundary = None
