"""Compiled core, twin and a plain model of a table, driven side by side through histories."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clawvm import _backend

# Ids are drawn from few, and in a table of 8 to 24 pages most of them share places of the index.
IDS = st.sampled_from([f"page {number}" for number in range(40)])
LEVEL = st.integers(0, 4)
TURN = st.integers(0, 300)


@st.composite
def ladders(draw):
    counts = sorted(draw(st.lists(st.integers(1, 60), min_size=4, max_size=4, unique=True)))
    missing = draw(st.lists(st.booleans(), min_size=3, max_size=3))
    return [None if gone else count for count, gone in zip(counts, [*missing, False], strict=True)]


@dataclass
class Model:
    """What a dict can tell of a page."""

    tokens: list
    version: int
    digest: bytes
    level: int
    pin: int
    floor: int
    demand: int
    last_turn: int

    def has(self, level: int) -> bool:
        return level == 0 or self.tokens[level - 1] is not None

    def required(self) -> int:
        return max(self.floor if self.pin == 2 else 0, self.demand)

    def cost(self, level: int) -> int:
        return self.tokens[level - 1] if level else 0


def backends():
    import clawvm._reference

    if _backend.backend == "reference":
        return [clawvm._reference]
    return [_backend.core, clawvm._reference]


class Tables(RuleBasedStateMachine):
    @initialize(capacity=st.sampled_from([1, 7, 8, 9]), half_life=st.sampled_from([1, 32]))
    def start(self, capacity, half_life):
        self.tables = [
            core.PageTable(capacity=capacity, half_life=half_life) for core in backends()
        ]
        self.model: dict[str, Model] = {}
        self.slots: dict[str, int] = {}

    def both(self, call):
        answers = [call(table) for table in self.tables]
        assert all(answer == answers[0] for answer in answers)
        return answers[0]

    def pick(self, number):
        name = sorted(self.model)[number % len(self.model)]
        return name, self.slots[name], self.model[name]

    @rule(
        name=IDS,
        tokens=ladders(),
        quality=st.lists(st.integers(1, 1000), min_size=3, max_size=3),
        weight=st.integers(1, 1000),
        pin=st.integers(0, 2),
        floor=LEVEL,
        digest=st.sampled_from([b"a" * 16, b"b" * 16]),
        turn=TURN,
    )
    def put(self, name, tokens, quality, weight, pin, floor, digest, turn):
        fields = {"page_type": 0, "pin": pin, "floor": floor, "digest": digest, "turn": turn}
        slot = self.both(lambda table: table.put(name, tokens, [*quality, 1000], weight, **fields))
        old = self.model.get(name)
        if old is None:
            assert slot not in self.slots.values()
            self.model[name] = Model(tokens, 1, digest, 0, pin, floor, 0, turn)
        else:
            assert slot == self.slots[name]
            old.tokens, old.pin, old.floor = tokens, pin, floor
            old.version += digest != old.digest
            old.digest, old.last_turn = digest, max(old.last_turn, turn)
            while not old.has(old.level):
                old.level -= 1
        self.slots[name] = slot

    @rule(name=IDS)
    def find(self, name):
        assert self.both(lambda table: table.find(name)) == self.slots.get(name, -1)
        assert self.both(lambda table: name in table) == (name in self.model)

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 40))
    def remove(self, number):
        name, slot, _ = self.pick(number)
        self.both(lambda table: table.remove(slot))
        del self.model[name], self.slots[name]

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 40), turn=TURN)
    def touch(self, number, turn):
        _, slot, page = self.pick(number)
        self.both(lambda table: table.touch(slot, turn))
        page.last_turn = max(page.last_turn, turn)

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 40), weight=st.integers(1, 1 << 24))
    def reweigh(self, number, weight):
        _, slot, _ = self.pick(number)
        self.both(lambda table: table.reweigh(slot, weight))

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 40), pin=st.integers(0, 2), floor=LEVEL)
    def pin(self, number, pin, floor):
        _, slot, page = self.pick(number)
        self.both(lambda table: (table.set_pin(slot, pin), table.set_floor(slot, floor)))
        page.pin, page.floor = pin, floor

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 40), level=LEVEL)
    def demand(self, number, level):
        _, slot, page = self.pick(number)
        self.both(lambda table: table.demand(slot, level))
        page.demand = max(page.demand, level)

    @rule()
    def clear_demands(self):
        self.both(lambda table: table.clear_demands())
        for page in self.model.values():
            page.demand = 0

    @precondition(lambda self: self.model)
    @rule(number=st.integers(0, 40), level=LEVEL)
    def set_level(self, number, level):
        _, slot, page = self.pick(number)
        if page.has(level):
            self.both(lambda table: table.set_level(slot, level))
            page.level = level

    @precondition(lambda self: self.model)
    @rule(numbers=st.lists(st.integers(0, 40), max_size=4))
    def admit(self, numbers):
        picked = {slot: page for _, slot, page in map(self.pick, numbers)}
        moves = self.both(lambda table: table.admit([self.pick(number)[1] for number in numbers]))
        assert moves == sorted(
            (slot, page.level, 4) for slot, page in picked.items() if page.level < 4
        )
        for page in picked.values():
            page.level = 4

    @rule(budget=st.integers(1, 1500), turn=TURN, states_max=st.sampled_from([1, 4, 1 << 18]))
    def select_exact(self, budget, turn, states_max):
        def figures(table):
            plan = table.select_exact(budget, turn, states_max=states_max)
            return (
                *(plan.feasible, plan.proven, plan.states, plan.floor_tokens, plan.used_tokens),
                *(plan.value, plan.bound, plan.required, plan.moves),
            )

        feasible, proven, states, floor, used, value, bound, _, moves = self.both(figures)
        assert feasible == (floor <= budget)
        if not feasible:
            assert not proven
            return
        assert used <= budget
        assert value <= bound
        assert states <= states_max
        names = {slot: name for name, slot in self.slots.items()}
        for slot, old, new in moves:
            assert self.model[names[slot]].level == old
            self.model[names[slot]].level = new
        for page in self.model.values():
            assert page.level >= page.required()
            page.demand = 0

    @rule(budget=st.integers(1, 1500), turn=TURN)
    def select(self, budget, turn):
        def figures(table):
            plan = table.select(budget, turn)
            return (
                *(plan.feasible, plan.floor_tokens, plan.used_tokens, plan.value, plan.bound),
                *(plan.required, plan.moves, plan.steps),
            )

        feasible, floor, used, value, bound, required, moves, _ = self.both(figures)
        needed = {self.slots[name] for name, page in self.model.items() if page.required()}
        assert set(required) == (set() if feasible else needed)
        assert feasible == (floor <= budget)
        if not feasible:
            return
        assert used <= budget
        assert value <= bound
        names = {slot: name for name, slot in self.slots.items()}
        for slot, old, new in moves:
            assert self.model[names[slot]].level == old
            self.model[names[slot]].level = new
        for page in self.model.values():
            assert page.level >= page.required()
            page.demand = 0

    @invariant()
    def the_tables_are_in_order_and_know_what_the_model_knows(self):
        if not hasattr(self, "tables"):
            return
        for table in self.tables:
            table.check()
            assert len(table) == len(self.model)
            assert table.slots() == sorted(self.slots.values())
            assert table.used_tokens == sum(p.cost(p.level) for p in self.model.values())
        for name, page in self.model.items():
            record = self.both(lambda table, name=name: table.record(self.slots[name]))
            assert record["version"] == page.version
            assert record["level"] == page.level
            assert record["last_turn"] == page.last_turn
            assert record["demand"] == page.demand


TestTables = Tables.TestCase
TestTables.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
