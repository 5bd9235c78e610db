"""What the two policies promise, over random pages, ladders, pins, demands, tails and budgets."""

from __future__ import annotations

import random
from functools import partial

import pytest

from clawvm.pages import RULES, Fidelity, Page, PageType, Pin
from clawvm.residency import ClawVMPolicy, PaperPolicy, required_levels

SEEDS, TURNS = 700, 4
"""Cases: 3 policies of 700 tables with 4 decisions each, on both back ends: 16,800."""
LEVELS = list(Fidelity)[1:]


def tokens_of(rng: random.Random, page_type: PageType) -> dict[Fidelity, int]:
    """A ladder that the type allows, some of its levels missing."""
    levels = [at for at in RULES[page_type].levels if at is Fidelity.FULL or rng.random() < 0.7]
    counts = sorted(rng.sample(range(1, 120), len(levels)))
    return dict(zip(levels, counts, strict=True))


class Run:
    """One table driven by one policy; the same seed does the same on any back end."""

    def __init__(self, seed: int, make_policy, make_page, make_view) -> None:
        self.rng = rng = random.Random(seed)
        self.policy = make_policy()
        types = [rng.choice(list(PageType)) for _ in range(rng.randint(1, 14))]
        pages = [
            make_page(
                f"p{number}",
                tokens_of(rng, page_type),
                page_type,
                pin=rng.choice([None, None, None, *Pin]),
                floor=rng.choice([None, None, *Fidelity]),
                weight=rng.choice([1, 50, 1_000, 1 << 24]),
                cost=rng.choice([0, 0, 3]),
            )
            for number, page_type in enumerate(types)
        ]
        self.view = make_view(pages, 1)
        self.log: list[object] = []

    def run(self) -> list[object]:
        for turn in range(1, TURNS + 1):
            self.prepare(turn)
            self.decide()
        return self.log

    def prepare(self, turn: int) -> None:
        """Make up what the next turn brings."""
        rng, view = self.rng, self.view
        slots = list(view.pages)
        full = sum(page.tokens(Fidelity.FULL) for page in view.pages.values())
        view.turn = turn
        view.budget = max(1, int(full * rng.choice([0.05, 0.2, 0.5, 0.8, 1.0, 1.5])))
        view.fresh = slots if turn == 1 else rng.sample(slots, rng.randint(0, min(2, len(slots))))
        view.tail = rng.sample(view.fresh, rng.randint(0, min(3, len(view.fresh))))
        demanded = rng.sample(slots, rng.randint(0, min(2, len(slots))))
        view.demands = {slot: rng.choice(LEVELS) for slot in demanded}
        view.compacting = rng.random() < 0.2

    def decide(self) -> None:
        view, table = self.view, self.view.table
        before = {slot: Fidelity(table.level(slot)) for slot in view.pages}
        floor = self.floor()
        decision = self.policy.decide(view)
        after = {slot: Fidelity(table.level(slot)) for slot in view.pages}
        self.log.append((decision, after))
        table.check()
        if not decision.feasible:
            assert (after, decision.moves) == (before, [])
            assert set(decision.required) <= set(floor) | set(view.tail[-1:])
            assert decision.required
            assert decision.floor_tokens > view.budget
            return
        assert decision.used_tokens == table.used_tokens <= view.budget
        assert table.used_tokens == sum(map(Page.tokens, view.pages.values(), after.values()))
        assert all(after[slot] >= level for slot, level in floor.items())
        assert not view.tail or after[view.tail[-1]] is not Fidelity.NONE
        moved = [(slot, before[slot], after[slot]) for slot in sorted(after)]
        assert decision.moves == [move for move in moved if move[1] is not move[2]]
        if isinstance(self.policy, ClawVMPolicy):
            self.examine_epoch(decision, before, after)

    def floor(self) -> dict[int, Fidelity]:
        """The least level of each pinned or demanded page, by the definition."""
        pages = self.view.pages.items()
        floor = {slot: page.floor for slot, page in pages if page.pin is Pin.HARD}
        for slot, level in self.view.demands.items():
            floor[slot] = max(level, floor.get(slot, Fidelity.NONE))
        return floor

    def examine_epoch(self, decision, before, after) -> None:
        """An epoch happens when it must, goes down to the mark, and nothing sinks without one."""
        view = self.view
        floor = self.floor()
        whole = 0
        for slot, page in view.pages.items():
            level = max(before[slot], floor.get(slot, Fidelity.NONE))
            level = Fidelity.FULL if slot in view.fresh else level
            whole += page.tokens(next((at for at in page.ladder if level and at >= level), level))
        assert decision.epoch == (whole > view.budget or view.compacting)
        if decision.epoch:
            needed = sum(view.pages[s].tokens(at) for s, at in required_levels(view).items())
            assert decision.used_tokens <= max(1, view.budget * 70 // 100, needed)
            assert decision.value <= decision.bound
        else:
            assert all(after[slot] >= before[slot] for slot in after)


@pytest.mark.parametrize(
    "make_policy", [ClawVMPolicy, partial(ClawVMPolicy, solver="exact"), PaperPolicy]
)
def test_never_over_budget_nor_below_a_floor_and_the_same_on_both_back_ends(
    on_both, make_policy, make_page
):
    feasible = decided = 0
    for seed in range(SEEDS):
        logs = on_both(lambda view, seed=seed: Run(seed, make_policy, make_page, view).run())
        assert logs[0] == logs[1], f"seed {seed}"
        decided += len(logs[0])
        feasible += sum(decision.feasible for decision, _ in logs[0])
    assert decided == SEEDS * TURNS
    assert decided * 0.5 < feasible < decided
