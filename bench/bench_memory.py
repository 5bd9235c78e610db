"""Resident bytes: of the page table for each page, of a session for each session of 100 pages.

Every figure is the growth of a new process's resident set, as the kernel counts it, after the heap
was warmed with a small thing of the same kind. What the numbers do not show: what the caller keeps
itself (the ids of its pages, the texts), and what a heap that has been in use for days has lost to
fragments.
"""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.compiled import compiled_only

# Measured: 124 to 149 from build to build, ids of 20 bytes included, and 150 once levels were
# decided, which adds the two heaps and a page's place in each. The limits leave some room.
PAGES = (100_000, 1_000_000)
PAGE_BYTES_MOST = 170
SELECTED_BYTES_MOST = 190
SESSION_PAGES = 100
SESSIONS = 200
SESSION_BYTES_MOST = 4_000 * SESSION_PAGES  # measured: 3,000 for each page

pytestmark = [
    pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads Linux's /proc"),
    compiled_only,
]

_PRELUDE = """
import gc, os, sys
count = int(sys.argv[1])

def resident():
    gc.collect()
    with open("/proc/self/statm") as pages:
        return int(pages.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
"""

TABLE = (
    _PRELUDE
    + """
from clawvm._core import PageTable

def filled(count):
    table = PageTable()
    for number in range(count):
        table.put(
            f"page:{number:015d}", (8, 40, 90, 200), (150, 400, 800, 1000), 1 + number % 100,
            page_type=4, pin=0, floor=0, digest=bytes(16), turn=number % 200,
        )
    return table

filled(100)
before = resident()
table = filled(count)
held = resident() - before
selection = table.select(count * 20, 201)
print(held, resident() - before)
"""
)

SESSION = (
    _PRELUDE
    + """
from clawvm import PageType, Session

PAGES = int(sys.argv[2])
TEXTS = [f"Note {number}: the figure is {number * 37 % 101} and it holds.\\n" * 40
         for number in range(PAGES)]

def filled(name):
    session = Session(name, budget=200 * PAGES // 10 + 2000, counter=lambda text: len(text) // 4)
    for number, text in enumerate(TEXTS):
        session.put(f"note:{number}", PageType.EVIDENCE, text)
    session.assemble()
    return session

warm = filled("warm")
before = resident()
sessions = [filled(f"session-{number}") for number in range(count)]
print(resident() - before)
"""
)


def figures(program: str, *arguments: int) -> list[int]:
    """Return the whole numbers that a new process prints."""
    run = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        check=True,
        capture_output=True,
        text=True,
    )
    return [int(word) for word in run.stdout.split()]


@pytest.mark.parametrize("pages", PAGES)
def test_bytes_of_a_page(benchmark: BenchmarkFixture, pages: int) -> None:
    """What the table keeps of a page, with the index, and what a selection adds."""
    held, selected = benchmark.pedantic(  # type: ignore[no-untyped-call]
        figures, (TABLE, pages), rounds=1
    )
    benchmark.extra_info["bytes_per_page"] = held / pages
    benchmark.extra_info["bytes_per_page_selected"] = selected / pages
    print(f"\n{pages:,} pages: {held / pages:.0f} bytes each, {selected / pages:.0f} selected")
    assert held <= PAGE_BYTES_MOST * pages
    assert selected <= SELECTED_BYTES_MOST * pages


def test_bytes_of_a_session(benchmark: BenchmarkFixture) -> None:
    """Of 100 pages with their cheaper forms, after a prompt; the full texts are the caller's."""
    (grown,) = benchmark.pedantic(  # type: ignore[no-untyped-call]
        figures, (SESSION, SESSIONS, SESSION_PAGES), rounds=1
    )
    benchmark.extra_info["bytes_per_session"] = grown / SESSIONS
    print(f"\n{SESSION_PAGES} pages: {grown / SESSIONS / 1024:.0f} KiB a session")
    assert grown <= SESSION_BYTES_MOST * SESSIONS
