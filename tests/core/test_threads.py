"""Many threads on one table, in a process of their own so that a crash or hang is a failure."""

from __future__ import annotations

import subprocess
import sys

import pytest

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


@pytest.mark.parametrize(
    ("core", "rounds"), [("compiled", 400), ("reference", 40)], indirect=["core"]
)
def test_threads_leave_the_table_in_order(core, rounds):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, core.__name__, str(rounds)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "[]", "")
