"""What `import clawvm` costs, each time in a new process with its bytecode already written."""

from __future__ import annotations

import subprocess
import sys
from statistics import median

from pytest_benchmark.fixture import BenchmarkFixture

PROCESSES = 9
IMPORT_MS_MOST = 150
PROGRAM = """
from time import perf_counter
begin = perf_counter()
import clawvm
from clawvm import Session
print((perf_counter() - begin) * 1000)
"""


def test_import(benchmark: BenchmarkFixture) -> None:
    """The table shows whole processes; what is asserted is the import alone, by their own clock."""
    took_ms: list[float] = []

    def import_in_a_new_process() -> None:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True
        )
        took_ms.append(float(run.stdout))

    benchmark.pedantic(  # type: ignore[no-untyped-call]
        import_in_a_new_process, rounds=PROCESSES, warmup_rounds=1
    )
    print(f"\nimport clawvm: {median(took_ms):.1f} ms, median of {PROCESSES} processes")
    assert median(took_ms) < IMPORT_MS_MOST
