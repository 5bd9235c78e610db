"""Threads and finalizers on one table, in a process of their own: a crash or hang is a failure."""

from __future__ import annotations

import subprocess
import sys

import pytest
from builds import IS_CHECKED

FINALIZER = """
import gc, importlib, sys

core = importlib.import_module(sys.argv[1])
table = core.PageTable(capacity=1)
fields = dict(page_type=0, pin=2, floor=1, digest=bytes(16), turn=0)

class Meddler:
    busy = False

    def __init__(self):
        self.cycle = self

    def __del__(self):
        if not Meddler.busy:
            Meddler.busy = True
            name = f"page {len(table) % 97}"
            table.put(name, (1, 2, 3, 4), (1, 2, 3, 1000), 1, **fields)
            table.put(f"new {len(table)}", (1, 2, 3, 4), (1, 2, 3, 1000), 1, **fields)
            table.select(1000, 1)
            table.select_exact(1000, 1)
            Meddler.busy = False

gc.set_threshold(1)
for number in range(int(sys.argv[2])):
    Meddler()
    table.put(f"own {number}", (1, 2, 3, 4), (1, 2, 3, 1000), 1, **fields)
    Meddler()
    plan = table.select(100, 1)
    assert not plan.feasible or plan.used_tokens <= 100
    Meddler()
    exact = table.select_exact(100, 1)
    assert not exact.feasible or exact.used_tokens <= 100
    Meddler()
    assert len(table.records()) <= len(table)
gc.set_threshold(0)
table.check()
print([])
"""

SCRIPT = """
import importlib, random, sys, threading
from clawvm.errors import PageNotFound

core = importlib.import_module(sys.argv[1])
sys.setswitchinterval(1e-6)
table = core.PageTable(capacity=1)
start = threading.Barrier(8)
faults = []

def work(seed):
    rng = random.Random(seed)
    start.wait()
    try:
        for _ in range(int(sys.argv[2])):
            name = f"page {rng.randrange(60)}"
            try:
                tokens = (1, 2, None, rng.randint(3, 90))
                table.put(name, tokens, (1, 2, 3, 1000), rng.randint(1, 9),
                          page_type=0, pin=0, floor=0, digest=rng.randbytes(16), turn=seed)
                slot = table.slot(name)
                table.touch(slot, seed)
                table.demand(slot, 1)
                if table.select(500, 9).used_tokens > 500:
                    faults.append("over budget")
                if table.select_exact(500, 9).used_tokens > 500:
                    faults.append("over budget")
                table.page_id(slot)
                table.records()
                table.remove(table.slot(f"page {rng.randrange(60)}"))
            except PageNotFound:
                pass
    except BaseException as error:
        faults.append(repr(error))

threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
table.check()
print(faults)
"""


def run(script, core, rounds):
    done = subprocess.run(
        [sys.executable, "-c", script, core.__name__, str(rounds)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout.strip(), done.stderr


@pytest.mark.parametrize(
    ("core", "rounds"), [("compiled", 400), ("reference", 40)], indirect=["core"]
)
def test_threads_leave_the_table_in_order(core, rounds):
    assert run(SCRIPT, core, rounds) == (0, "[]", "")


@pytest.mark.parametrize(
    ("core", "rounds"), [("compiled", 60 if IS_CHECKED else 300)], indirect=["core"]
)
def test_a_finalizer_that_uses_the_table_in_the_middle_of_a_call_does_no_harm(core, rounds):
    """Before Python 3.12 a collection may run wherever a list or tuple is made."""
    assert run(FINALIZER, core, rounds) == (0, "[]", "")
