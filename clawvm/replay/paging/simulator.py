"""One policy over one workload, with the page table, policies and journal that sessions use.

What a turn needs is known before its prompt is built, for every policy (paper, section 4). A demand
for a page that was there before is judged by the prompt before this one: shown well enough, it is a
hit, and a call made for it is an alert; else it is met from the store, or it is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..._backend import core
from ...errors import BudgetInvalid
from ...faults import FaultKind, FaultObserver
from ...pages import LEVELS, Fidelity, Page, PageType, Pin
from ...residency import Decision, View
from ...session import BoundaryKind
from ...session.boundaries import RESETS
from ...session.memory import SURVIVES_RESET
from ..workloads import Demand, PageSpec, Turn, Workload
from .contenders import Contender
from .forms import page_of, put_page
from .ledger import Ledger
from .meter import Meter
from .result import PagingResult

__all__ = ["CATALOGUE_ID", "Run", "simulate"]

CATALOGUE_ID = "clawvm:catalogue"
# A session's is one line of about sixty tokens; at the paper's budgets of a hundred, one.
_CATALOGUE_TOKENS = 60
_CATALOGUE_UTILITY = 20
# Boundaries that end a prompt's life without ending the conversation.
_COMPACTIONS = frozenset({BoundaryKind.COMPACTION, BoundaryKind.PRUNE})


def simulate(workload: Workload, contender: Contender, budget: int) -> PagingResult:
    """Run a policy over a workload.

    Parameters
    ----------
    workload : Workload
        What happens.
    contender : Contender
        The policy, and what stands around it.
    budget : int
        Most that a prompt may cost, in tokens.

    Returns
    -------
    PagingResult

    Raises
    ------
    BudgetInvalid
        When the budget is not above 0.
    """
    if budget < 1:
        raise BudgetInvalid(f"a budget is a whole number of tokens above 0, found {budget}")
    with Ledger() as ledger:
        run = Run(workload, contender, budget, ledger)
        for step in workload.turns:
            run.step(step)
        return run.finish()


class Run:
    """The state of one run; each turn may be chosen by what the last prompt showed.

    Not safe for use by several threads at once.

    Attributes
    ----------
    shown : dict of str to int
        Level of each page in the last prompt that was built.
    """

    def __init__(
        self, workload: Workload, contender: Contender, budget: int, ledger: Ledger
    ) -> None:
        self.workload = workload
        self.mechanisms = contender.mechanisms
        self.policy = contender.make(workload)
        self.budget = budget
        self.ledger = ledger
        self.meter = Meter()
        self.observer = FaultObserver()
        self.result = PagingResult(
            workload.name,
            workload.family,
            contender.name,
            budget,
            contender.mechanisms.pins,
        )
        self.specs = {spec.id: spec for spec in workload.pages}
        self.table = core.PageTable(half_life=contender.mechanisms.half_life)
        self.live: dict[str, Page] = {}
        self.by_slot: dict[int, Page] = {}
        # Pages that there have been, and the level of each in the last prompt that was built.
        self.known: set[str] = set()
        self.shown: dict[str, int] = {}
        self.fresh: dict[int, None] = {}
        self.boundary: BoundaryKind | None = None
        self.arrivals = 0

    def step(self, step: Turn) -> None:
        """Do one turn."""
        self.result.turns += 1
        turn = self.result.turns
        if step.boundary is not None:
            self._cross(step.boundary, turn)
        faulty = {demand.page_id for demand in step.demands if self._judge(demand, step, turn)}
        self._take_in(step, faulty, turn)
        self._assemble(step.demands, faulty, turn)

    def finish(self) -> PagingResult:
        """Return what has been counted so far."""
        self.result.faults = self.observer.counts
        self.result.hits = self.observer.hits
        return self.result

    # Boundaries

    def _cross(self, kind: BoundaryKind, turn: int) -> None:
        """Commit or lose what is dirty; a reset archives all but rules and preferences."""
        commits = (
            self.mechanisms.at_compaction if kind in _COMPACTIONS else self.mechanisms.at_reset
        )
        if commits or kind is BoundaryKind.TURN:
            self.ledger.commit(kind, turn)
        else:
            for page_id in self.ledger.lose():
                self._fault(FaultKind.FLUSH_MISS, page_id, turn, f"dirty at a {kind.value}")
        if kind in RESETS:
            for page in list(self.live.values()):
                if page.type not in SURVIVES_RESET:
                    self._archive(page)
            if self.mechanisms.catalogue:
                # The new conversation begins with it.
                self._list_hidden(turn)
                self.shown[CATALOGUE_ID] = self._level(CATALOGUE_ID)
        if kind is not BoundaryKind.TURN:
            self.boundary = kind

    def _archive(self, page: Page) -> None:
        self.table.remove(page.slot)
        del self.live[page.id], self.by_slot[page.slot]
        self.fresh.pop(page.slot, None)
        self.shown.pop(page.id, None)
        if page.id in self.specs:
            self.meter.remove(page.id)

    # Taking in

    def _judge(self, demand: Demand, step: Turn, turn: int) -> bool:
        """Judge a demand by the prompt before; whether it was a fault."""
        page_id = demand.page_id
        if page_id not in self.known or page_id in step.puts:
            return False
        level = self.shown.get(page_id, Fidelity.NONE)
        if level >= self._needed(demand):
            self.observer.hit()
            if demand.signature is not None:
                self._fault(FaultKind.DUPLICATE_SIGNATURE, page_id, turn, demand.signature)
            return False
        if self.mechanisms.resolution:
            self.result.recalls += 1
            self.result.blind_recalls += not level and not self.shown.get(CATALOGUE_ID)
            return False
        self._missed(demand, level, turn)
        return True

    def _take_in(self, step: Turn, faulty: set[str], turn: int) -> None:
        """Put what is new; put back what is demanded and was archived, or has to be made again."""
        for page_id in step.puts:
            self.known.add(page_id)
            self.shown.pop(page_id, None)  # what was shown is an older content
            version = self.ledger.change(page_id, self.specs[page_id].type)
            self._arrive(self.specs[page_id], turn, version)
        for demand in step.demands:
            if demand.page_id not in self.live or demand.page_id in faulty:
                version = self.ledger.version(demand.page_id)
                self._arrive(self.specs[demand.page_id], turn, version)
            self.table.touch(self.live[demand.page_id].slot, turn)
            self.meter.touch(demand.page_id, turn)

    def _arrive(self, spec: PageSpec, turn: int, version: int) -> None:
        """Take in what has arrived since the last prompt."""
        self.fresh[self._enter(spec, turn, version).slot] = None

    def _enter(self, spec: PageSpec, turn: int, version: int) -> Page:
        """Give a page a place in the page tables, or renew the one it has."""
        page = page_of(spec, turn, cheaper_forms=self.mechanisms.cheaper_forms)
        page.slot = put_page(self.table, page, turn, pins=self.mechanisms.pins, version=version)
        self.arrivals += 1
        page.position = self.arrivals
        self.live[spec.id] = self.by_slot[page.slot] = page
        if spec.id in self.specs:
            self.meter.put(page_of(spec, turn, cheaper_forms=True), turn)
        return page

    # The prompt

    def _assemble(self, demands: Iterable[Demand], faulty: set[str], turn: int) -> None:
        demands = list(demands)
        required = self._required(demands)
        floor_tokens = sum(self._cost(page_id, level) for page_id, level in required.items())
        short = floor_tokens > self.budget
        self.result.insufficient_turns += short
        for page_id in required:
            # What is pinned does not grow old.
            self.meter.touch(page_id, turn)
        self._yield_catalogue(floor_tokens)
        decision = self.policy.decide(self._view(demands, turn))
        if decision.feasible:
            self._show(decision, turn)
        else:
            self.result.infeasible_turns += 1
        self._check_rules(decision, short, turn)
        self._check_demands(demands, faulty, decision, short, turn)
        met = all(self._level(page_id) >= level for page_id, level in required.items())
        if decision.feasible and met and self.table.used_tokens <= self.budget:
            levels = {
                page_id: self._level(page_id) for page_id in self.live if page_id in self.specs
            }
            self.result.plans.append(self.meter.measure(levels, required, self.budget, turn))

    def _view(self, demands: Iterable[Demand], turn: int) -> View:
        """Return what the policy is to see; `docs/workloads.md` says why there is no tail."""
        needed = {self.live[demand.page_id].slot: self._needed(demand) for demand in demands}
        pinned = {slot: page for slot, page in self.by_slot.items() if page.pin is Pin.HARD}
        return View(
            table=self.table,
            pages=self.by_slot,
            pinned=pinned if self.mechanisms.pins else {},
            budget=self.budget,
            turn=turn,
            fresh=list(self.fresh),
            tail=(),
            demands=needed if self.mechanisms.demand_paging else {},
            compacting=self.boundary is BoundaryKind.COMPACTION,
        )

    def _show(self, decision: Decision, turn: int) -> None:
        """Note what the prompt shows and what it took."""
        result = self.result
        if decision.epoch:
            result.epochs += 1
            if self.mechanisms.at_eviction:
                self.ledger.commit(BoundaryKind.PRUNE, turn)
            if self.mechanisms.catalogue:
                self._list_hidden(turn)
        if decision.value is not None and decision.bound is not None:
            result.selections.append((decision.value, decision.bound))
        result.moved_pages += sum(slot not in self.fresh for slot, _, _ in decision.moves)
        result.used_tokens += self.table.used_tokens
        result.used_peak = max(result.used_peak, self.table.used_tokens)
        result.overflow_turns += self.table.used_tokens > self.budget
        self.fresh.clear()
        self.shown = {page_id: self._level(page_id) for page_id in self.live}

    def _list_hidden(self, turn: int) -> None:
        """Show the catalogue from now on, if there is room for it."""
        tokens = min(_CATALOGUE_TOKENS, max(1, self.budget // 128))
        if CATALOGUE_ID in self.live or self.table.used_tokens + tokens > self.budget:
            return
        spec = PageSpec(
            CATALOGUE_ID,
            PageType.BOOTSTRAP,
            Pin.HARD,
            Fidelity.FULL,
            (None, None, None, tokens),
            _CATALOGUE_UTILITY,
            0,
        )
        self.table.set_level(self._enter(spec, turn, 1).slot, Fidelity.FULL)

    def _yield_catalogue(self, floor_tokens: int) -> None:
        """Pin the catalogue, but for a turn whose floor leaves no room for it."""
        page = self.live.get(CATALOGUE_ID)
        if page is not None:
            fits = floor_tokens + page.tokens(Fidelity.FULL) <= self.budget
            page.pin = Pin.HARD if fits else Pin.NONE
            self.table.set_pin(page.slot, page.pin if self.mechanisms.pins else Pin.NONE)

    # Faults

    def _check_rules(self, decision: Decision, short: bool, turn: int) -> None:
        """See that each hard-pinned page is at its floor, as a session does."""
        for page_id in sorted(self.live.keys() & self.specs.keys()):
            page = self.live[page_id]
            if page.pin is not Pin.HARD:
                continue
            level = self._level(page_id) if decision.feasible else Fidelity.NONE
            if level >= page.floor:
                continue
            after = decision.feasible and self.boundary is not None
            lost = after and page.type is PageType.BOOTSTRAP
            kind = FaultKind.POST_COMPACTION_BOOTSTRAP if lost else FaultKind.PINNED_INVARIANT_MISS
            self._fault(kind, page_id, turn, f"at {LEVELS[level].name.lower()}")
            self.result.insufficient_faults += short
        if decision.feasible:
            self.boundary = None

    def _check_demands(
        self,
        demands: Iterable[Demand],
        faulty: set[str],
        decision: Decision,
        short: bool,
        turn: int,
    ) -> None:
        """See that the prompt shows what the turn needs; a demand is one fault at most."""
        for demand in demands:
            level = self._level(demand.page_id) if decision.feasible else Fidelity.NONE
            if level >= self._needed(demand) or demand.page_id in faulty:
                continue
            if short:
                self.result.insufficient_demands += 1
            else:
                self._missed(demand, level, turn)

    def _missed(self, demand: Demand, level: int, turn: int) -> None:
        kind = FaultKind.REFETCH if demand.signature is None else FaultKind.DUPLICATE_TOOL
        reason = f"needed at {demand.level.name.lower()}, at {LEVELS[level].name.lower()}"
        self._fault(kind, demand.page_id, turn, reason)

    def _fault(self, kind: FaultKind, page_id: str, turn: int, reason: str) -> None:
        self.observer.record(kind, page_id, turn, reason)

    # Looking

    def _level(self, page_id: str) -> Fidelity:
        page = self.live.get(page_id)
        return Fidelity.NONE if page is None else LEVELS[self.table.level(page.slot)]

    def _needed(self, demand: Demand) -> Fidelity:
        """Return the level that a demand asks for: never below the page's floor."""
        return max(demand.level, self.specs[demand.page_id].floor)

    def _required(self, demands: Iterable[Demand]) -> Mapping[str, Fidelity]:
        """Return the floor of this turn by page id, whatever the policy is told of it."""
        required = {
            page_id: spec.floor
            for page_id in self.live
            if (spec := self.specs.get(page_id)) is not None and spec.pin is Pin.HARD
        }
        for demand in demands:
            before = required.get(demand.page_id, Fidelity.NONE)
            required[demand.page_id] = max(before, self._needed(demand))
        return required

    def _cost(self, page_id: str, level: Fidelity) -> int:
        """Return the tokens of the cheapest form that is at least `level`."""
        tokens = self.specs[page_id].tokens
        return next(cost for cost in tokens[level - 1 :] if cost is not None) if level else 0
