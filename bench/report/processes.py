"""What takes a process of its own to measure: import, and resident memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from statistics import median

__all__ = ["import_ms", "resident_bytes_per_page", "resident_bytes_per_session"]

PROJECT = Path(__file__).parents[2]
IMPORTS = 9

IMPORT = """
from time import perf_counter
begin = perf_counter()
import clawvm
from clawvm import Session
print((perf_counter() - begin) * 1000)
"""
RESIDENT = """
import gc, os
from pathlib import Path
def resident():
    gc.collect()
    return int(Path('/proc/self/statm').read_text().split()[1]) * os.sysconf('SC_PAGE_SIZE')
"""
TABLE = """
from clawvm._backend import core
from bench.tables import LEVEL_QUALITY
pages = {pages}
core.PageTable().put('warm', (1, 2, 3, 4), LEVEL_QUALITY, 1, page_type=4, pin=0, floor=1,
                     digest=bytes(16), turn=0)
before = resident()
table = core.PageTable(capacity=pages)
for number in range(pages):
    table.put(f'p{{number}}', (10, 40, 200, 400), LEVEL_QUALITY, 5, page_type=4, pin=0, floor=1,
              digest=bytes(16), turn=number & 1023)
table.select(pages * 20, 1024)
print((resident() - before - sum(len(f'p{{number}}') for number in range(pages))) / pages)
"""
SESSIONS = """
from bench.sessions import LongSession
kept = [LongSession({pages})]
before = resident()
kept += [LongSession({pages}) for _ in range({sessions})]
texts = sum(len(text) for session in kept[1:] for page in session.session.pages()
            for text in page.texts)
print((resident() - before - texts) / {sessions})
"""


def import_ms() -> float:
    """Return the median milliseconds of ``import clawvm`` in new processes."""
    return median(run(IMPORT) for _ in range(IMPORTS))


def resident_bytes_per_page(pages: int) -> float:
    """Return resident bytes of a page table that has been selected, by page, without its id."""
    return run(RESIDENT + TABLE.format(pages=pages))


def resident_bytes_per_session(sessions: int, pages: int) -> float:
    """Return resident bytes of a session in its steady state, without the texts of its pages."""
    return run(RESIDENT + SESSIONS.format(sessions=sessions, pages=pages))


def run(program: str) -> float:
    """Run a program in a new process; returns the number that it prints."""
    path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    return float(done.stdout)
