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
        "feasible budget floor_tokens used_tokens value bound required moves packed steps".split()  # noqa: SIM905
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
    worth = sum(table.value(slot, table.level(slot), 100) for slot in slots)
    assert plan.value == pytest.approx(worth, rel=2**-24, abs=1000 * len(slots) + 1)
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


def plain_gains(pages, room):
    """Return the gains of the prefix and of the single raise, as the contract words them.

    `pages` are records by page id, all of them with the base 0.
    """
    now = turn_heat(100, 32)
    level = dict.fromkeys(pages, 0)
    steps = {name: densities(p["tokens"], p["quality"], 0, room) for name, p in pages.items()}
    gain = 0
    while True:
        offers = []
        for name, page in pages.items():
            above = [at for at in range(level[name] + 1, 5) if steps[name][at - 1] != NO_STEP]
            if above:
                offers.append((-page["heat"] - steps[name][above[0] - 1], name, above[0]))
        if not offers:
            return gain, 0
        _, name, above = min(offers)
        page, before = pages[name], level[name]
        cost, worth = [0, *page["tokens"]], [0, *page["quality"]]
        if cost[above] - cost[before] > room:
            return gain, score(page["heat"], now) * worth[above]
        room -= cost[above] - cost[before]
        gain += score(page["heat"], now) * (worth[above] - worth[before])
        level[name] = above


@pytest.mark.parametrize("tokens_max", [6, 200])
def test_a_plan_is_never_worse_than_the_prefix_or_the_single_raise(core, random_pages, tokens_max):
    rng = random.Random(7)
    singles = 0
    for _ in range(120):
        pages = [page | {"pin": 0} for page in random_pages(rng, 25, tokens_max, 1000)]
        table = filled(core, pages, 32)
        share = rng.choice((0.01, *SHARES))
        budget = max(1, int(sum(page["tokens"][3] for page in pages) * share))
        records = {page["page_id"]: table.record(table.slot(page["page_id"])) for page in pages}
        prefix, single = plain_gains(records, budget)
        singles += single > prefix
        assert table.select(budget, 100).value >= max(prefix, single) * (1 - 2**-24)
    assert singles
