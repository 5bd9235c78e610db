"""What `import clawvm` costs, each time in a new process with its bytecode already written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
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


def test_import(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    """The table shows whole processes; what is asserted is the import alone, by their own clock.

    The least of them is held to the limit: it is what the import costs, the rest is the machine.
    """
    took_ms: list[float] = []
    bytecode = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}

    def import_in_a_new_process() -> None:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **bytecode},
        )
        took_ms.append(float(run.stdout))

    benchmark.pedantic(  # type: ignore[no-untyped-call]
        import_in_a_new_process, rounds=PROCESSES, warmup_rounds=1
    )
    took = f"{min(took_ms):.1f} ms at least, {median(took_ms):.1f} ms in the median"
    print(f"\nimport clawvm: {took} of {PROCESSES} processes")
    assert min(took_ms) < IMPORT_MS_MOST
