"""What holds for every selection: random tables, both back ends, at least 10,000 cases."""

from __future__ import annotations

import random

import pytest

from clawvm._reference.arithmetic import score, turn_heat
from clawvm._reference.frontier import densities
from clawvm._reference.layout import NO_STEP

CASES = 5_000
SHARES = (0.02, 0.1, 0.3, 0.6, 0.9, 1.1)


def filled(core, pages, half_life):
    table = core.PageTable(half_life=half_life)
    for page in pages:
        table.put(**page)
    return table


def figures(plan):
    names = (
        "feasible budget floor_tokens used_tokens value bound required moves steps".split()  # noqa: SIM905
    )
    return {name: getattr(plan, name) for name in names}


def instance(rng, random_pages):
    """Return pages, a half life, demands and two budgets."""
    pages = random_pages(rng, rng.choice((1, 2, 5, 9, 14)), rng.choice((6, 100, 5000)))
    tokens = sum(page["tokens"][3] for page in pages)
    demands = [(rng.randrange(len(pages)), rng.randint(0, 4)) for _ in range(rng.randint(0, 2))]
    budgets = [max(1, int(tokens * rng.choice(SHARES))) for _ in range(2)]
    return pages, rng.choice((1, 32, 500)), demands, budgets


def assert_sound(table, plan, budget, required):
    """Assert what a plan promises: budget, floor, value, bound."""
    slots = table.slots()
    assert plan.floor_tokens == sum(
        table.tokens(slot, next(at for at in range(level, 5) if has(table, slot, at)))
        for slot, level in required.items()
    )
    assert plan.feasible == (plan.floor_tokens <= budget)
    if not plan.feasible:
        assert plan.moves == []
        return
    assert plan.used_tokens <= budget
    used = sum(table.tokens(slot, table.level(slot)) for slot in slots)
    assert used == plan.used_tokens == table.used_tokens
    assert all(table.level(slot) >= required[slot] for slot in slots)
    assert plan.value == sum(table.value(slot, table.level(slot), 100) for slot in slots)
    assert plan.value <= plan.bound


def has(table, slot, level):
    return level == 0 or table.record(slot)["tokens"][level - 1] != 0xFFFFFFFF


def test_budget_and_floor_hold_and_the_back_ends_agree(request, random_pages):
    """5,000 tables, two selections each, on each back end: 20,000 cases with the extension."""
    load = request.getfixturevalue("backends_at_hand")
    rng = random.Random(20260101)
    feasible = 0
    for _ in range(CASES):
        pages, half_life, demands, budgets = instance(rng, random_pages)
        tables = [filled(core, pages, half_life) for core in load]
        for budget in budgets:
            for slot, level in demands:
                for table in tables:
                    table.demand(slot, level)
            required = {slot: tables[0].required_level(slot) for slot in tables[0].slots()}
            plans = [table.select(budget, 100) for table in tables]
            assert_sound(tables[0], plans[0], budget, required)
            feasible += plans[0].feasible
            for table, plan in zip(tables[1:], plans[1:], strict=True):
                assert figures(plan) == figures(plans[0])
                assert table.used_tokens == tables[0].used_tokens
        for table in tables:
            table.clear_demands()
    assert CASES < feasible < 2 * CASES


@pytest.fixture
def backends_at_hand(request):
    """Both back ends, or the twin alone where the compiled core was not asked for."""
    try:
        return request.getfixturevalue("backends")
    except pytest.skip.Exception:
        import clawvm._reference

        return (clawvm._reference,)


def plain_greedy(pages, room):
    """Return the levels of the greedy as the contract words it: no early exit, no heap."""
    level = dict.fromkeys(pages, 0)
    steps = {name: densities(p["tokens"], p["quality"], 0, room) for name, p in pages.items()}
    waiting = set(pages)
    while True:
        offers = []
        for name in sorted(waiting):
            above = [at for at in range(level[name] + 1, 5) if steps[name][at - 1] != NO_STEP]
            if above:
                offers.append((-pages[name]["heat"] - steps[name][above[0] - 1], name, above[0]))
        if not offers:
            return level, room
        _, name, above = min(offers)
        cost = [0, *pages[name]["tokens"]]
        worth = [0, *pages[name]["quality"]]
        if cost[above] - cost[level[name]] <= room:
            room -= cost[above] - cost[level[name]]
            level[name] = above
            continue
        waiting.remove(name)
        fitting = [
            at
            for at in range(level[name] + 1, 5)
            if cost[at] != 0xFFFFFFFF
            and cost[at] - cost[level[name]] <= room
            and worth[at] > worth[level[name]]
        ]
        if fitting:
            best = max(fitting, key=lambda at: (worth[at], -at))
            room -= cost[best] - cost[level[name]]
            level[name] = best


@pytest.mark.parametrize("tokens_max", [6, 200])
def test_early_exit_and_buckets_do_not_change_the_answer(core, random_pages, tokens_max):
    rng = random.Random(7)
    for _ in range(120):
        pages = [page | {"pin": 0} for page in random_pages(rng, 25, tokens_max, 1000)]
        table = filled(core, pages, 32)
        budget = max(1, int(sum(page["tokens"][3] for page in pages) * rng.choice(SHARES)))
        now = turn_heat(100, 32)
        records = {page["page_id"]: table.record(table.slot(page["page_id"])) for page in pages}
        level, room = plain_greedy(records, budget)
        gain = sum(
            score(records[name]["heat"], now) * [0, *records[name]["quality"]][at]
            for name, at in level.items()
        )
        plan = table.select(budget, 100)
        if plan.value == gain:
            assert {name: table.level(table.slot(name)) for name in records} == level
            assert plan.used_tokens == budget - room
        else:
            assert plan.value > gain, "only the single raise may replace the greedy's answer"
