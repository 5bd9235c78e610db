"""The same pages give the same plan, whatever the hash seed and the order they came in."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import pytest

SCRIPT = """
import hashlib, importlib, random, sys
core = importlib.import_module(sys.argv[1])
rng = random.Random(5)
table = core.PageTable()
for number in range(300):
    tokens = sorted(rng.sample(range(1, 400), 4))
    table.put(f"page {number}", tokens, (100, 300, 600, 1000), rng.randint(1, 3), page_type=0,
              pin=2 if number % 40 == 0 else 0, floor=1, digest=bytes(16), turn=rng.randint(0, 9))
seen = hashlib.sha256()
for turn in range(10, 40):
    table.touch(rng.randrange(300), turn)
    if turn % 3 == 0:
        table.remove(table.slot(f"page {turn}"))
    plan = table.select(9000, turn)
    seen.update(repr((plan.moves, plan.required, plan.value, plan.bound, plan.steps)).encode())
print(seen.hexdigest())
"""


@pytest.mark.parametrize("core", ["compiled", "reference"], indirect=True)
def test_the_hash_seed_does_not_matter(core):
    answers = {
        subprocess.run(
            [sys.executable, "-c", SCRIPT, core.__name__],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert len(answers) == 1


def test_the_order_of_insertion_does_not_matter(core, random_pages):
    rng = random.Random(6)
    for _ in range(40):
        pages = random_pages(rng, 25, rng.choice((5, 100)), 2)
        outcomes = set()
        for _ in range(3):
            table = core.PageTable()
            for page in rng.sample(pages, len(pages)):
                table.put(**page)
            plan = table.select(300, 100)
            levels = tuple(table.level(table.slot(page["page_id"])) for page in pages)
            required = tuple(table.page_id(slot) for slot in plan.required)
            outcomes.add((levels, required, plan.value, plan.bound, plan.steps))
        assert len(outcomes) == 1


def test_a_history_leaves_no_trace_in_the_plan(core, random_pages):
    rng = random.Random(8)
    pages = random_pages(rng, 30)
    fresh, used = core.PageTable(), core.PageTable()
    for page in random_pages(rng, 60):
        used.put(**page)
    used.select(500, 100)
    for slot in used.slots():
        used.remove(slot)
    for page in pages:
        fresh.put(**page)
        used.put(**page)
    plans = [table.select(700, 100) for table in (fresh, used)]
    assert plans[0].value == plans[1].value
    assert plans[0].bound == plans[1].bound
    for page in pages:
        name = page["page_id"]
        assert fresh.level(fresh.slot(name)) == used.level(used.slot(name))
