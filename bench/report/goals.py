"""The goals: what was to be reached, and what a run measures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import process_time_ns

import lz4.block

from bench.batches import Batch, turns_per_second
from bench.bench_import import PROCESSES, PROGRAM
from bench.bench_memory import SESSION, SESSION_PAGES, SESSIONS, TABLE, figures
from bench.gate.counting import build_region, count_workload, why_no_counting
from bench.gate.errors import GateError
from bench.report.quality import REALISTIC, Shares
from bench.report.section import Section, microseconds
from bench.report.turns import OURS, Curves
from bench.sessions import LongSession
from bench.tables import TableTurns, TextTurns
from bench.timing import time_calls
from bench.workloads import WORKLOADS
from clawvm._backend import core
from clawvm.pages import Fidelity, PageType
from clawvm.representations import Form
from clawvm.session.saved import whole_of
from clawvm.snapshot import Kind, decode, encode
from clawvm.snapshot.header import HEADER_BYTES, read_header

__all__ = ["goal_section"]

PROJECT = Path(__file__).parents[2]
TURN_US = {100: 3.0, 1_000: 4.5, 10_000: 6.0, 100_000: 8.0}
TIMES_AS_FAST = {
    "numpy argsort": {100: 10, 1_000: 25, 10_000: 200, 100_000: 2_000},
    "plain Python greedy": {100: 100, 1_000: 1_000, 10_000: 8_000, 100_000: 100_000},
}
P99_OVER_MEDIAN = 3
LARGEST_OVER_SMALLEST = 3
COUNTED_TURNS = 1_000
UNCHANGED_US = 0.3
ASSEMBLE_US = {1_000: 12, 100_000: 25}
ASSEMBLE_P99_OVER_MEDIAN = 4
PUT_US = 5
FORMS = {Fidelity.POINTER: Form("what was noted, in one line", 100)}
BYTES_PER_PAGE = 128
BATCH_SESSIONS, BATCH_PAGES = 10_000, 100
BATCH_TURNS = 120_000
TWO_THREADS_OVER_ONE = 1.7
EXACT_US = {100: 50, 1_000: 100}
MEAN_SHARE = {50: 0.998, 200: 0.9995}
WORST_SHARE = 0.95
WORST_SHARE_OF_ANY = 0.5
MEASURED_PAGES = 1_000_000
ID_BYTES = 20
SHARE_OF_LZ4 = 0.9
OF_OPTIMUM = "of the optimum"
LZ4_ROUNDS = 20

Say = Callable[[str], None]


class Goals:
    """Rows of goal, figure and whether it is reached."""

    def __init__(self) -> None:
        self.section = Section(
            "What was to be reached",
            "Medians, five changed pages a turn, pages that cost ten times the budget.",
            ["", "goal", "measured", "reached"],
        )

    def at_most(self, what: str, goal: float, found: float, unit: str) -> None:
        """Enter a figure that should be small."""
        written = f"{found:,}" if isinstance(found, int) else microseconds(found)
        self._add(what, f"{goal:g} {unit}", f"{written} {unit}", found <= goal)

    def at_least(self, what: str, goal: float, found: float, unit: str) -> None:
        """Enter a figure that should be large."""
        written = f"{found:.5g}" if goal < 1 else microseconds(found)
        self._add(what, f"{goal:,g} {unit}", f"{written} {unit}", found >= goal)

    def note(self, what: str, found: str) -> None:
        """Enter a figure without a goal."""
        self.section.add(what, "reported", found, "")

    def _add(self, what: str, goal: str, found: str, reached: bool) -> None:
        self.section.add(what, goal, found, "yes" if reached else "no")


def goal_section(curves: Curves, shares: Shares, say: Say) -> Section:
    """Measure all goals; the curves and the shares have been measured already."""
    goals = Goals()
    selector_goals(goals, curves)
    batch_goals(goals, say)
    quality_goals(goals, shares)
    session_goals(goals, say)
    instruction_goals(goals, say)
    snapshot_goals(goals)
    memory_goals(goals, say)
    return goals.section


def selector_goals(goals: Goals, curves: Curves) -> None:
    """Judge the selector's turn."""
    ours = curves[OURS]
    for pages, goal in TURN_US.items():
        goals.at_most(f"selector's turn, {pages:,} pages", goal, ours[pages].median_us, "us")
    for pages, timing in ours.items():
        over = timing.p99_us / timing.median_us
        goals.at_most(f"its 99th percentile, {pages:,} pages", P99_OVER_MEDIAN, over, "medians")
    for name, factors in TIMES_AS_FAST.items():
        for pages, goal in factors.items():
            if pages in curves[name]:
                over = curves[name][pages].median_us / ours[pages].median_us
                goals.at_least(f"{name}, {pages:,} pages", goal, over, "times ours")
    growth = ours[max(ours)].median_us / ours[min(ours)].median_us
    goals.at_most(f"{max(ours):,} pages over {min(ours):,}", LARGEST_OVER_SMALLEST, growth, "times")
    goals.at_most(f"growths of the core's arrays in {COUNTED_TURNS:,} turns", 0, growths(), "")
    unchanged = time_calls(TableTurns(core, 1_000).select)
    goals.at_most(
        "a turn with nothing changed, 1,000 pages", UNCHANGED_US, unchanged.median_us, "us"
    )


def growths() -> int:
    """Return how often whole turns of a warm table had its arrays grow or move."""
    turns = TextTurns(core, 1_000)
    before = turns.table.stats
    for _ in range(COUNTED_TURNS):
        turns.prepare()
        turns.run()
    after = turns.table.stats
    return sum(after[name] - before[name] for name in ("allocations", "resizes", "compactions"))


def quality_goals(goals: Goals, shares: Shares) -> None:
    """Judge how near the plans are to the optimum, and the solver that finds it."""
    realistic = shares[REALISTIC]
    for pages, goal in MEAN_SHARE.items():
        found = mean(realistic[pages])
        goals.at_least(f"value, realistic mixes of {pages} pages, mean", goal, found, OF_OPTIMUM)
    worst = min(share for found in realistic.values() for share in found)
    goals.at_least("value, realistic mixes, worst", WORST_SHARE, worst, OF_OPTIMUM)
    worst = min(
        share for by_pages in shares.values() for found in by_pages.values() for share in found
    )
    goals.at_least("value, any family, worst", WORST_SHARE_OF_ANY, worst, OF_OPTIMUM)
    for pages, goal in EXACT_US.items():
        turns = TableTurns(core, pages)
        timing = time_calls(partial(turns.table.select_exact, turns.budget, 0), turns.change)
        goals.at_most(f"the exact solver, {pages:,} pages", goal, timing.median_us, "us")


def batch_goals(goals: Goals, say: Say) -> None:
    """Judge the turns of many sessions in one call."""
    say(f"turns of {BATCH_SESSIONS:,} sessions at once")
    batch = Batch(BATCH_SESSIONS, BATCH_PAGES)
    one, two = turns_per_second(batch, 1), turns_per_second(batch, 2)
    what = f"batch turns, {BATCH_SESSIONS:,} sessions of {BATCH_PAGES} pages"
    goals.at_least(what, BATCH_TURNS, one, "a second on one core")
    goals.at_least("the same on two cores", TWO_THREADS_OVER_ONE, two / one, "times as many")


def session_goals(goals: Goals, say: Say) -> None:
    """Judge a session's turn, with faults and audit on."""
    for pages, goal in ASSEMBLE_US.items():
        say(f"a session of {pages:,} pages")
        with TemporaryDirectory(prefix="clawvm-report-") as folder:
            session = LongSession(pages, audit=Path(folder, "audit.jsonl"))
            timing = time_calls(session.assemble, session.change)
            session.session.release()
        what = f"`Session.assemble()` with faults and audit, {pages:,} pages"
        goals.at_most(what, goal, timing.median_us, "us")
        over = timing.p99_us / timing.median_us
        goals.at_most(
            f"its 99th percentile, {pages:,} pages", ASSEMBLE_P99_OVER_MEDIAN, over, "medians"
        )
    put_goals(goals)


def put_goals(goals: Goals) -> None:
    """Judge a put of a text that the page has not had, but whose tokens were counted."""
    kept = LongSession(1_000)
    session, texts = kept.session, [""]

    def count_tokens() -> None:
        texts[0] = kept.new_text()
        session._ladders.counts.count(texts[0])

    given = time_calls(
        lambda: session.put("page-0", PageType.EVIDENCE, texts[0], forms=FORMS), count_tokens
    )
    what = "a page put with 2 KB, tokens counted, cheaper forms given"
    goals.at_most(what, PUT_US, given.median_us, "us")
    built = time_calls(lambda: session.put("page-0", PageType.EVIDENCE, texts[0]), count_tokens)
    goals.note("the same, cheaper forms built", f"{microseconds(built.median_us)} us")


def instruction_goals(goals: Goals, say: Say) -> None:
    """Count the instructions of a turn at 1,000 pages."""
    reason = why_no_counting()
    if reason is not None:
        say(f"instructions per turn are left out: {reason}")
        return
    try:
        with TemporaryDirectory(prefix="clawvm-report-") as folder:
            build_region(Path(folder))
            for name in ("table.turn.1000", "session.assemble.append"):
                count = count_workload(PROJECT, name, Path(folder)) / WORKLOADS[name]().rounds
                goals.note(f"instructions of a turn, `{name}`", f"{count:,.0f}")
    except GateError as error:
        say(f"instructions per turn are left out: {error}")


def snapshot_goals(goals: Goals) -> None:
    """Compare encoding and decoding a session with lz4 alone on the same bytes."""
    session = LongSession(1_000).session
    state = whole_of(session._parts, session._saved_extra())
    data = encode(Kind.SNAPSHOT, state).data
    raw = read_header(data, len(data)).raw_bytes
    payload = lz4.block.decompress(data[HEADER_BYTES:], uncompressed_size=raw)
    stored = lz4.block.compress(payload, store_size=False)
    ours = best_ns(lambda: encode(Kind.SNAPSHOT, state)) + best_ns(lambda: decode(data))
    theirs = best_ns(lambda: lz4.block.compress(payload, store_size=False))
    theirs += best_ns(lambda: lz4.block.decompress(stored, uncompressed_size=raw))
    what = f"a snapshot saved and loaded, {len(payload):,} bytes"
    goals.at_least(what, SHARE_OF_LZ4, theirs / ours, "of lz4's speed")


def memory_goals(goals: Goals, say: Say) -> None:
    """Judge resident memory and the time to import."""
    if Path("/proc/self/statm").exists():
        say(f"memory of {MEASURED_PAGES:,} pages")
        _, selected = figures(TABLE, MEASURED_PAGES)
        found = selected / MEASURED_PAGES - ID_BYTES
        what = f"resident bytes a page with index and heaps, {MEASURED_PAGES:,} pages"
        goals.at_most(what, BYTES_PER_PAGE, found, f"bytes without its id of {ID_BYTES}")
        (grown,) = figures(SESSION, SESSIONS, SESSION_PAGES)
        what = f"resident bytes a session of {SESSION_PAGES} pages, without their full texts"
        goals.note(what, f"{grown / SESSIONS:,.0f}")
    else:
        say("resident memory is left out: this system has no /proc")
    goals.note("`import clawvm`, in a new process", f"{import_ms():.1f} ms")


def import_ms() -> float:
    """Return the median milliseconds of the import in new processes."""
    command = [sys.executable, "-c", PROGRAM]
    runs = (subprocess.run(command, check=True, capture_output=True) for _ in range(PROCESSES))
    return median(float(run.stdout) for run in runs)


def best_ns(step: Callable[[], object]) -> int:
    """Return the least time of the processor that a step took."""
    taken = []
    for _ in range(LZ4_ROUNDS):
        begin = process_time_ns()
        made = step()
        taken.append(process_time_ns() - begin)
        del made
    return min(taken)
