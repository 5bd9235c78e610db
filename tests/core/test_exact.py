"""The exact selection against exact solvers, its state cap, and the two back ends side by side."""

from __future__ import annotations

import inspect
import random
import statistics
import tracemalloc

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from knapsacks import FAMILIES, TURN, Peer, choices_of, optimum, pages_of, plan_of

from clawvm import _backend, _reference
from clawvm._reference.exact import STATES_MAX
from clawvm.errors import BudgetInvalid, LimitExceeded

BACKENDS = [_reference] if _backend.backend == "reference" else [_backend.core, _reference]
SHARES = (0.02, 0.1, 0.3, 0.5, 0.9, 1.1)


def filled(core, pages):
    table = core.PageTable(capacity=len(pages))
    for page in pages:
        table.put(**page)
    return table


def room_for(pages, share):
    return max(1, int(sum(page["tokens"][3] for page in pages) * share))


def figures(table, plan):
    names = (
        *("feasible", "budget", "floor_tokens", "used_tokens", "value", "bound", "proven"),
        *("required", "moves", "packed", "steps", "states"),
    )
    levels = [table.level(slot) for slot in table.slots()]
    return [*(getattr(plan, name) for name in names), levels, table.stats["selects"]]


@pytest.mark.parametrize("family", FAMILIES)
def test_it_equals_an_established_solver(family):
    """80 instances of each of six families: 480, all proven."""
    pytest.importorskip("ortools.sat.python.cp_model", exc_type=ImportError)
    rng = random.Random(f"solver {family}")
    solutions = 0
    while solutions < 80:
        pages = pages_of(family, rng, rng.randint(2, 14))
        budget = room_for(pages, rng.choice(SHARES))
        tables = [filled(core, pages) for core in BACKENDS]
        best = Peer(choices_of(tables[0]), budget).solve()
        for table in tables:
            plan = table.select_exact(budget, TURN)
            assert plan.feasible == (best is not None)
            if plan.feasible:
                assert plan.proven
                assert plan_of(table) == (best, plan.used_tokens)
        solutions += best is not None


@pytest.mark.parametrize("family", FAMILIES)
def test_it_equals_the_dynamic_program_and_takes_the_fewest_tokens(family):
    rng = random.Random(f"dynamic program {family}")
    for _ in range(40):
        pages = pages_of(family, rng, rng.choice((1, 5, 20, 40)))
        budget = room_for(pages, rng.choice(SHARES))
        tables = [filled(core, pages) for core in BACKENDS]
        demanded, level = rng.randrange(len(pages)), rng.randint(0, 4)
        for table in tables:
            table.demand(demanded, level)
        best = optimum(choices_of(tables[0]), budget)
        plans = [figures(table, table.select_exact(budget, TURN)) for table in tables]
        assert all(plan == plans[0] for plan in plans)
        feasible, proven = plans[0][0], plans[0][6]
        assert feasible == (best is not None)
        if proven:
            assert plan_of(tables[0]) == best
        else:
            assert not feasible or family == "subset_sum"


@pytest.mark.parametrize("states_max", [1, 2, 7, 60, 400])
def test_a_capped_search_answers_with_a_plan_and_what_it_may_be_short_of(states_max):
    rng = random.Random(f"cap {states_max}")
    stopped = 0
    for family in FAMILIES:
        for _ in range(12):
            pages = pages_of(family, rng, 24)
            budget = room_for(pages, rng.choice((0.1, 0.3, 0.5)))
            tables = [filled(core, pages) for core in BACKENDS]
            choices = choices_of(tables[0])
            plans = [table.select_exact(budget, TURN, states_max=states_max) for table in tables]
            compared = [figures(*pair) for pair in zip(tables, plans, strict=True)]
            assert all(one == compared[0] for one in compared)
            plan, best = plans[0], optimum(choices, budget)
            if not plan.feasible:
                continue
            value, tokens = plan_of(tables[0])
            assert plan.states <= states_max
            assert tokens == plan.used_tokens <= budget
            assert value <= best[0]
            assert plan.proven is False or (value, tokens) == best
            stopped += not plan.proven
            filled_anew = filled(_backend.core, pages)
            filled_anew.select_exact(budget, TURN)
            reached = sum(
                filled_anew.value(slot, filled_anew.level(slot), TURN)
                for slot in filled_anew.slots()
            )
            assert plan.value <= reached * (1 + 2**-24)
            assert reached <= plan.bound
    assert stopped >= 5


def test_a_stopped_search_keeps_at_least_half():
    rng = random.Random(73)
    alone = 0
    for _ in range(150):
        pages = pages_of("huge_and_dust", rng, 24)
        tables = [filled(core, pages) for core in BACKENDS]
        budget = max(page["tokens"][3] for page in pages)
        best = optimum(choices_of(tables[0]), budget)
        plans = [figures(table, table.select_exact(budget, TURN, states_max=1)) for table in tables]
        assert all(plan == plans[0] for plan in plans)
        if best is not None:
            value, _ = plan_of(tables[0])
            assert value * 2 >= best[0]
            alone += sum(level > 1 for level in plans[0][-2]) == 1
    assert alone > 0


def test_a_stopped_search_may_come_to_one_page_alone(table, put):
    put(table, "big", (None, None, None, 100), weight=1000)
    put(table, "rule", (None, None, None, 20), pin=2)
    for number in range(9):
        put(table, f"small {number}", (None, None, None, 10), weight=101)
    plan = table.select_exact(120, 0, states_max=1)
    assert [table.level(slot) for slot in table.slots()] == [4, 4, *[0] * 9]
    assert (plan.used_tokens, plan.proven) == (120, False)


tokens_of_ladders = st.lists(st.integers(1, 40), min_size=4, max_size=4, unique=True).map(sorted)


@st.composite
def small_tables(draw):
    """Draw pages of few sizes and weights, so that many plans are worth the same."""
    pages = []
    for number in range(draw(st.integers(0, 7))):
        counts = draw(tokens_of_ladders)
        missing = draw(st.lists(st.booleans(), min_size=3, max_size=3))
        tokens = [None if gone else count for gone, count in zip(missing, counts, strict=False)]
        pages.append(
            {
                "page_id": f"page {number}",
                "tokens": [*tokens, counts[3]],
                "quality": [*draw(st.tuples(*[st.sampled_from((1, 250, 500, 1000))] * 3)), 1000],
                "weight": draw(st.sampled_from((1, 2, 1 << 10, 1 << 24))),
                "page_type": 0,
                "pin": draw(st.sampled_from((0, 0, 0, 2))),
                "floor": draw(st.integers(0, 4)),
                "digest": bytes(16),
                "turn": draw(st.sampled_from((0, 1, 40, 3000))),
            }
        )
    return pages


@given(
    pages=small_tables(),
    budget=st.integers(1, 150),
    turn=st.sampled_from((0, 3000, 1 << 32 - 1)),
    states_max=st.sampled_from((1, 3, 1 << 18)),
)
@settings(max_examples=400, deadline=None)
def test_both_back_ends_come_to_the_same_optimum(pages, budget, turn, states_max):
    tables = (
        [filled(core, pages) for core in BACKENDS]
        if pages
        else [core.PageTable() for core in BACKENDS]
    )
    best = optimum(choices_of(tables[0]), budget)
    plans = [table.select_exact(budget, turn, states_max=states_max) for table in tables]
    compared = [figures(*pair) for pair in zip(tables, plans, strict=True)]
    assert all(one == compared[0] for one in compared)
    assert plans[0].feasible == (best is not None)
    assert plans[0].value <= plans[0].bound
    for table in tables:
        table.check()
    if plans[0].proven:
        assert plan_of(tables[0]) == best
    if plans[0].feasible:
        # Alike but for the rounding of each page's own.
        own = sum(tables[0].value(slot, tables[0].level(slot), turn) for slot in tables[0].slots())
        assert abs(plans[0].value - own) <= (own >> 24) + 1000 * len(pages)


@given(pages=small_tables(), budget=st.integers(1, 150), data=st.data())
@settings(max_examples=150, deadline=None)
def test_the_plan_depends_on_no_slot_and_no_turn(pages, budget, data):
    levels = set()
    for turn, order in ((3000, pages), (9000, data.draw(st.permutations(pages)))):
        table = _backend.core.PageTable()
        for page in order:
            table.put(**page)
        table.select_exact(budget, turn)
        levels.add(tuple(table.level(table.slot(page["page_id"])) for page in pages))
    assert len(levels) == 1


def extreme_pages(rng):
    """Pages of token counts and weights at and between their limits, many of them alike."""
    tokens_max = rng.choice((6, 1000, 1 << 20, 0xFFFFFFFE))
    weight_max = rng.choice((2, 100, 1 << 24))
    for number in range(rng.choice((1, 2, 5, 16, 40))):
        *cheap, full = sorted(rng.sample(range(1, rng.choice((6, tokens_max))), 4))
        full = 0xFFFFFFFE if rng.random() < 0.1 else full
        yield {
            "page_id": f"page {number}",
            "tokens": [*(None if rng.random() < 0.3 else count for count in cheap), full],
            "quality": [*(rng.randint(1, 1000) for _ in range(3)), 1000],
            "weight": rng.choice((rng.randint(1, weight_max), min(full, 1 << 24))),
            "page_type": 4,
            "pin": 2 if rng.random() < 0.05 else 0,
            "floor": rng.randint(0, 4),
            "digest": bytes(16),
            "turn": rng.choice((0, 10, 2_000, 0xFFFFFFFF)),
        }


def test_numbers_at_their_limits_do_not_overflow():
    """The twin's integers have no limit: what wraps in the compiled core differs from it."""
    rng = random.Random(74)
    proven = 0
    for _ in range(600):
        pages = list(extreme_pages(rng))
        budget = rng.choice((room_for(pages, rng.choice((1e-4, *SHARES))), (1 << 63) - 1))
        turn, states_max = rng.choice((0, 3_000, 0xFFFFFFFF)), rng.choice((1, 50, 4_000))
        tables = [filled(core, pages) for core in BACKENDS]
        plans = [table.select_exact(budget, turn, states_max=states_max) for table in tables]
        compared = [figures(*pair) for pair in zip(tables, plans, strict=True)]
        assert all(one == compared[0] for one in compared)
        assert plans[0].value <= plans[0].bound or not plans[0].feasible
        proven += plans[0].proven
    assert proven > 300


def test_usual_pages_leave_little_to_search():
    rng = random.Random(75)
    states = []
    for _ in range(40):
        pages = pages_of("realistic", rng, 1_000)
        plan = filled(_backend.core, pages).select_exact(room_for(pages, 0.1), TURN)
        assert plan.proven
        states.append(plan.states)
    assert statistics.median(states) < 1_000
    assert max(states) < 50_000


def test_it_is_never_worth_less_than_the_greedy():
    rng = random.Random(70)
    for family in FAMILIES:
        for _ in range(10):
            pages = pages_of(family, rng, 60)
            budget = room_for(pages, 0.2)
            greedy, exact = filled(_backend.core, pages), filled(_backend.core, pages)
            if greedy.select(budget, TURN).feasible:
                exact.select_exact(budget, TURN)
                assert plan_of(greedy)[0] <= plan_of(exact)[0]


def test_a_large_table_is_proven_on_both(core):
    rng = random.Random(71)
    pages = pages_of("realistic", rng, 1500)
    table = filled(core, pages)
    plan = table.select_exact(room_for(pages, 0.1), TURN)
    assert plan.proven
    assert plan.value <= plan.bound <= plan.value * (1 + 2**-22)
    table.check()


def test_an_empty_table_has_an_empty_plan(table):
    plan = table.select_exact(100, 0)
    assert plan.feasible
    assert plan.proven
    assert (plan.value, plan.used_tokens, plan.required, plan.moves) == (0, 0, [], [])


def test_with_room_for_all_every_page_is_full(table, put):
    for name in "abc":
        put(table, name)
    plan = table.select_exact(1 << 62, 0)
    assert plan.proven
    assert plan.moves == [(0, 0, 4), (1, 0, 4), (2, 0, 4)]
    assert plan.value == 3 * 1000 << 40
    assert table.select_exact(1 << 62, 0).moves == []


def test_the_greedy_trap_is_avoided(table, put):
    put(table, "dense", (None, None, None, 60), weight=70)
    put(table, "a", (None, None, None, 50), weight=50)
    put(table, "b", (None, None, None, 50), weight=50)
    table.select_exact(100, 0)
    assert [table.level(slot) for slot in table.slots()] == [0, 4, 4]


def test_of_equal_plans_the_cheapest_is_taken(table, put):
    put(table, "dear", (None, None, None, 60), weight=50)
    put(table, "cheap", (None, None, None, 50), weight=50)
    assert table.select_exact(70, 0).used_tokens == 50
    assert table.level(1) == 4


def test_pages_too_old_to_count_at_this_turn_are_told_apart_all_the_same(table, put):
    put(table, "a", (None, None, None, 100), weight=1)
    put(table, "b", (None, None, None, 100), weight=2)
    plan = table.select_exact(100, 1 << 20)
    assert (plan.value, plan.proven) == (0, True)
    assert [table.level(slot) for slot in table.slots()] == [0, 4]


def test_a_floor_that_does_not_fit_is_reported_and_changes_nothing(table, put):
    put(table, "a", (None, None, None, 30), pin=2)
    put(table, "b", (None, None, None, 70), pin=2)
    put(table, "c", (None, None, None, 70))
    table.demand(2, 1)
    table.set_level(0, 4)
    plan = table.select_exact(169, 0)
    assert not plan.feasible
    assert not plan.proven
    assert (plan.floor_tokens, plan.used_tokens, plan.required) == (170, 30, [1, 2, 0])
    assert (plan.value, plan.bound, plan.states, plan.moves) == (0, 0, 0, [])
    assert table.required_level(2) == 1
    assert table.select_exact(170, 0).feasible


def test_a_demand_holds_for_one_selection(table, put):
    put(table, "a", weight=1)
    put(table, "b", weight=1000)
    table.demand(0, 4)
    plan = table.select_exact(100, 0)
    assert (table.level(0), table.level(1), plan.floor_tokens) == (4, 0, table.tokens(0, 4))
    plan = table.select_exact(100, 0)
    assert (table.level(0), table.level(1), plan.floor_tokens) == (0, 4, 0)


@pytest.mark.parametrize("budget", [0, -1, 1 << 63, 1.5, True, "9"])
def test_a_budget_is_a_number_of_tokens(table, budget):
    with pytest.raises(BudgetInvalid, match="a budget in tokens must be a whole number from 1 to"):
        table.select_exact(budget, 0)


@pytest.mark.parametrize("states_max", [0, -1, 1 << 31, 1.5, True, None])
def test_a_cap_is_a_number_of_states(table, states_max):
    expected = "a number of states must be a whole number from 1 to 2147483647, found"
    with pytest.raises(LimitExceeded, match=expected):
        table.select_exact(1, 0, states_max=states_max)


def test_the_usual_cap_is_the_same_everywhere(core):
    parameters = inspect.signature(core.PageTable.select_exact).parameters
    assert parameters["states_max"].default == STATES_MAX


def test_what_it_answers_is_made_by_the_table_alone(core, table):
    with pytest.raises(TypeError, match=r"made by PageTable\.select_exact"):
        core.ExactSelection()
    assert repr(table.select_exact(5, 0)).startswith("ExactSelection(feasible=True, budget=5, ")


def test_a_warm_search_keeps_no_more_memory():
    if _backend.backend == "reference":
        pytest.skip("the twin keeps nothing between calls")
    rng = random.Random(72)
    pages = pages_of("strongly_correlated", rng, 100)
    table = filled(_backend.core, pages)
    budget = room_for(pages, 0.3)
    table.select_exact(budget, TURN, states_max=50_000)
    tracemalloc.start()
    try:
        table.select_exact(budget, TURN, states_max=50_000)
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(20):
            assert table.select_exact(budget, TURN, states_max=50_000).states > 100
        assert tracemalloc.get_traced_memory()[0] - before < 2_000
        tracemalloc.reset_peak()
        start = tracemalloc.get_traced_memory()[0]
        table.select_exact(budget, TURN, states_max=50_000)
        assert tracemalloc.get_traced_memory()[1] - start < 2_000
    finally:
        tracemalloc.stop()
