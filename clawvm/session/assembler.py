"""One prompt: ask the policy, apply its decision, render, check what a boundary must leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from ..errors import BudgetInfeasible
from ..faults import FaultKind, FaultObserver
from ..messages import Shape
from ..pages import LEVELS, Fidelity, Page, PageType, Pin
from ..residency import Decision, Plan, Policy, StatefulPolicy, View
from .book import PageBook
from .layout import Layout
from .prompt import Prompt

__all__ = ["Assembler", "OnInfeasible"]

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
        on_epoch: Callable[[], None],
    ) -> None:
        self.turn = 0
        self.plan: Plan | None = None
        self.demands: dict[int, Fidelity] = {}
        # The boundary after which the next prompt is the first: its rules are checked.
        self.boundary: str | None = None
        self.policy = policy
        # The policy again, if it remembers anything.
        self.stateful = policy if isinstance(policy, StatefulPolicy) else None
        self._book = book
        self._layout = layout
        self._faults = faults
        self._on_infeasible: OnInfeasible = on_infeasible
        self._on_epoch = on_epoch
        # Makes pages durable that are about to give way; None where nothing outlives the process.
        self.secure: Callable[[Iterable[Page]], None] | None = None
        # Finds the page that nobody but us has pinned; it gives way to a floor that needs its room.
        self.yielding: Callable[[], Page | None] | None = None

    def assemble(self, budget: int, tail: list[int], shape: Shape | None) -> Prompt:
        """Decide what is resident and render it; see `Session.assemble`."""
        if self.secure is not None and self._lacks_room(budget):
            # Whatever is not among these is durable.
            self.secure([self._book.by_slot[slot] for slot in self._book.unsaved])
        self._layout.show_restored()
        before = None if self.stateful is None else self.stateful.saved()
        book, turn = self._book, self.turn + 1
        decision = self._settle(budget, turn, tail)
        if not decision.feasible:
            return self._infeasible(decision, budget)
        if decision.epoch:
            if self.secure is not None:
                self._secure(decision, before)
            self._on_epoch()
        self.turn = turn
        moves = self._apply(decision)
        kept_tokens = self._layout.refresh(book.table.level)
        self.plan = Plan(
            self.policy.name,
            turn,
            budget,
            book.table.used_tokens,
            decision.floor_tokens,
            moves,
            decision.epoch,
            kept_tokens,
            decision.value,
            decision.bound,
            0,
            (),
            decision.proven,
        )
        book.fresh.clear()
        self.demands.clear()
        self._check_rules()
        return self._layout.prompt(shape, self.plan)

    def forget(self, page: Page) -> None:
        """Drop what is held of a page that is archived."""
        self.demands.pop(page.slot, None)

    def _settle(self, budget: int, turn: int, tail: list[int]) -> Decision:
        """Ask the policy; where the floor does not fit, once more without our own page in it."""
        decision = self.policy.decide(self._look(budget, turn, tail))
        own = None if decision.feasible or self.yielding is None else self.yielding()
        if own is None or own.pin is not Pin.HARD:
            return decision
        self._book.pin(own, Pin.NONE, own.floor)
        decision = self.policy.decide(self._look(budget, turn, tail))
        if not decision.feasible:
            self._book.pin(own, Pin.HARD, own.floor)
        return decision

    def _look(self, budget: int, turn: int, tail: list[int]) -> View:
        """Return what the policy is to see."""
        book = self._book
        # In order: names would cost as much as all of the rest.
        return View(
            book.table,
            book.by_slot,
            book.pinned,
            budget,
            turn,
            list(book.fresh),
            tail,
            self.demands,
            self.boundary == "compaction",
        )

    def _lacks_room(self, budget: int) -> bool:
        """Whether pages will have to give way, as far as can be told before it is decided."""
        book = self._book
        more = sum(
            book.by_slot[slot].tokens(Fidelity.FULL)
            - book.table.tokens(slot, book.table.level(slot))
            for slot in book.fresh
        )
        return self.boundary == "compaction" or book.table.used_tokens + more > budget

    def _secure(self, decision: Decision, before: object) -> None:
        """Make durable what gives way after all; what is saved then is as if not decided yet.

        If that fails, nothing gives way.
        """
        assert self.secure is not None
        table = self._book.table
        moved = [(slot, old, table.level(slot)) for slot, old, _ in decision.moves]
        after = None if self.stateful is None else self.stateful.saved()
        self._set_back([(slot, old) for slot, old, _ in moved], before)
        self.secure([self._book.by_slot[slot] for slot, _, new in moved if new < Fidelity.FULL])
        self._set_back([(slot, new) for slot, _, new in moved], after)

    def _set_back(self, levels: list[tuple[int, int]], remembered: object) -> None:
        for slot, level in levels:
            self._book.table.set_level(slot, level)
        if self.stateful is not None:
            self.stateful.restore(remembered)

    def _apply(self, decision: Decision) -> Sequence[tuple[str, int, int]]:
        """Note what looks different now, and return the moves with the ids of their pages."""
        fresh, moves, by_slot = self._book.fresh, decision.moves, self._book.by_slot
        if fresh or moves:
            # A page with a new content looks different even at the level that it had.
            self._layout.touch([*fresh, *[slot for slot, _, _ in moves]])
        return [(by_slot[slot].id, old, new) for slot, old, new in moves] if moves else ()

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
        return Prompt(plan)

    def _check_rules(self) -> None:
        """See that each hard-pinned page is at its floor, bootstrap pages after a boundary too."""
        for slot in self._book.table.below_floor(self._book.pinned):
            page, level = self._book.by_slot[slot], self._book.table.level(slot)
            lost = self.boundary is not None and page.type is PageType.BOOTSTRAP
            kind = FaultKind.POST_COMPACTION_BOOTSTRAP if lost else FaultKind.PINNED_INVARIANT_MISS
            after = "" if self.boundary is None else f" after a {self.boundary}"
            self._faults.record(
                kind,
                page.id,
                self.turn,
                f"at {LEVELS[level].name.lower()}{after}, its floor is {page.floor.name.lower()}",
            )
        self.boundary = None
