"""Long random histories of page tables, the same for several: every selection must agree.

A history has a character (`Shape`): how many pages, how alike they are, how far apart its turns.
Pages that are alike have steps of the same key, which only the page ids order; turns far apart have
keys that pass what the compiled core's heaps tell apart.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

FIGURES = (
    *("feasible", "budget", "floor_tokens", "used_tokens", "value", "bound"),
    *("required", "packed", "moves", "steps"),
)


@dataclass(frozen=True)
class Shape:
    """The character of a history."""

    pages: int
    tokens_max: int
    weights: int
    half_life: int
    turn_step: int
    check_every: int = 50


SHAPES = (
    Shape(pages=6, tokens_max=12, weights=2, half_life=32, turn_step=1),
    Shape(pages=14, tokens_max=60, weights=30, half_life=1, turn_step=3),
    Shape(pages=30, tokens_max=500, weights=1000, half_life=32, turn_step=1),
    Shape(pages=40, tokens_max=5, weights=1, half_life=500, turn_step=0),
    Shape(pages=12, tokens_max=4_000_000_000, weights=1 << 24, half_life=1, turn_step=100_000),
)


class History:
    """Tables of several back ends that live through the same."""

    def __init__(self, cores: Sequence[ModuleType], shape: Shape, seed: int) -> None:
        self.rng = random.Random(seed)
        self.shape = shape
        self.tables: list[Any] = [core.PageTable(half_life=shape.half_life) for core in cores]
        self.turn = 0
        self.selections = 0
        self.budget = 1
        self.actions: list[tuple[int, Callable[[], None]]] = [
            *((8, self.put), (8, self.touch), (2, self.reweigh), (2, self.pin), (3, self.demand)),
            *((2, self.remove), (2, self.set_level), (1, self.rebudget), (1, self.select_exact)),
        ]

    def each(self, call: Callable[[Any], Any]) -> Any:
        """Do the same with every table; the answers must be equal."""
        answers = [call(table) for table in self.tables]
        assert all(answer == answers[0] for answer in answers[1:]), answers
        return answers[0]

    def any_slot(self) -> int | None:
        slots = self.tables[0].slots()
        return self.rng.choice(slots) if slots else None

    def put(self) -> None:
        rng, most = self.rng, self.shape.tokens_max
        counts = sorted(rng.sample(range(1, most + 4), 4))
        tokens = [*(None if rng.random() < 0.25 else count for count in counts[:3]), counts[3]]
        quality = [*(rng.randint(1, 1000) for _ in range(3)), 1000]
        if rng.random() < 0.5:
            tokens, quality = [None, None, None, most], [1, 1, 1, 1000]
        fields = {
            "page_type": 0,
            "pin": rng.choice((0, 0, 0, 0, 0, 1, 2)),
            "floor": rng.randint(0, 4),
            "digest": bytes([rng.randint(0, 2)] * 16),
            "turn": self.turn,
        }
        name = f"page {rng.randrange(self.shape.pages)}"
        weight = rng.randint(1, self.shape.weights)
        self.each(lambda table: table.put(name, tokens, quality, weight, **fields))

    def touch(self) -> None:
        if (slot := self.any_slot()) is not None:
            self.each(lambda table: table.touch(slot, self.turn))

    def reweigh(self) -> None:
        if (slot := self.any_slot()) is not None:
            weight = self.rng.randint(1, self.shape.weights)
            self.each(lambda table: table.reweigh(slot, weight))

    def pin(self) -> None:
        if (slot := self.any_slot()) is not None:
            pin, floor = self.rng.choice((0, 0, 1, 2)), self.rng.randint(0, 4)
            self.each(lambda table: (table.set_pin(slot, pin), table.set_floor(slot, floor)))

    def demand(self) -> None:
        if (slot := self.any_slot()) is not None:
            level = self.rng.randint(0, 4)
            self.each(lambda table: table.demand(slot, level))
        if self.rng.random() < 0.1:
            self.each(lambda table: table.clear_demands())

    def remove(self) -> None:
        if (slot := self.any_slot()) is not None:
            self.each(lambda table: table.remove(slot))

    def set_level(self) -> None:
        if (slot := self.any_slot()) is not None:
            tokens = self.tables[0].record(slot)["tokens"]
            levels = [0, *(at + 1 for at, count in enumerate(tokens) if count != 0xFFFFFFFF)]
            level = self.rng.choice(levels)
            self.each(lambda table: table.set_level(slot, level))

    def rebudget(self) -> None:
        table = self.tables[0]
        total = sum(table.tokens(slot, 4) for slot in table.slots())
        share = self.rng.choice((0.003, 0.02, 0.1, 0.3, 0.6, 0.9, 1.1))
        self.budget = max(1, int(total * share) + self.rng.randint(0, 2))

    def select_exact(self) -> None:
        """Let another selection set the levels and meet the demands."""
        if len(self.tables[0]) < 15:
            self.each(lambda table: table.select_exact(self.budget, self.turn).moves)

    def news(self) -> tuple[list[int], list[tuple[int, str, Any, Any]]]:
        """Return what a turn may bring: slots that are used, and contents."""
        slots = self.tables[0].slots()
        used = [self.rng.choice(slots) for _ in range(self.rng.choice((0, 1, 4))) if slots]
        contents = []
        for slot in used[1:]:
            record = self.tables[0].record(slot)
            tokens = [None if count == 0xFFFFFFFF else count for count in record["tokens"]]
            if self.rng.random() < 0.6:
                tokens[3] += self.rng.randint(0, 3)
            text = self.rng.choice(("", "a text", "ein schöner Text", "x" * 300))
            contents.append((slot, text, tokens, record["quality"]))
        return used[:2], contents

    def restore(self) -> None:
        """Go on with tables that are made of what the old ones dump."""
        slots = self.each(lambda table: table.slots())
        names = [self.tables[0].page_id(slot) for slot in slots]
        records = self.each(lambda table: table.dump(slots))
        meta = self.each(lambda table: table.meta())
        self.tables = [type(table).restore(meta, slots, records, names) for table in self.tables]

    def run(self, turns: int) -> None:
        """Live through so many turns, with a selection in each."""
        weights = [weight for weight, _ in self.actions]
        actions = [action for _, action in self.actions]
        for number in range(turns):
            self.turn += self.rng.randint(0, self.shape.turn_step)
            count = self.rng.choice((0, 1, 1, 2, 3, 5, 12))
            for action in self.rng.choices(actions, weights, k=count):
                action()
            if self.rng.random() < 0.004:
                self.restore()
            budget, turn = self.budget, self.turn + self.rng.choice((0, 0, 1))
            if self.rng.random() < 0.5:
                plans = [table.select(budget, turn) for table in self.tables]
            else:
                slots, contents = self.news()
                plans = [table.turn(budget, turn, slots, contents) for table in self.tables]
            for name in FIGURES:
                told = [getattr(plan, name) for plan in plans]
                assert all(one == told[0] for one in told[1:]), (name, told)
            self.selections += 1
            if number % self.shape.check_every == 0:
                for table in self.tables:
                    table.check()
