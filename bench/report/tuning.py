"""What the constants that can be tuned trade against each other."""

from __future__ import annotations

from bench.report.section import Section, microseconds
from bench.sessions import LongSession
from bench.timing import time_calls

__all__ = ["low_water_section"]

PAGES = 1_000
TURNS = 200
LOW_WATER_PERCENTS = (50, 60, 70, 80, 90, 100)


def low_water_section() -> Section:
    """Measure the policy's low-water mark: how far a selection goes below the budget."""
    section = Section(
        "The low-water mark",
        f"{PAGES:,} pages, five of them changed a turn, the default policy's mark otherwise: "
        "median and 99th percentile of `Session.assemble()` in microseconds, the share of prompts "
        "that begin anew, the mean size of a prompt in its budget.",
        ["low-water mark", "median", "99th percentile", "anew", "prompt"],
    )
    for percent in LOW_WATER_PERCENTS:
        session = LongSession(PAGES, percent)
        timing = time_calls(session.assemble, session.change)
        anew = size = 0
        for _ in range(TURNS):
            session.change()
            prompt = session.assemble()
            anew += prompt.plan.epoch
            size += prompt.tokens
        share = size / TURNS / session.session.budget
        times = (microseconds(timing.median_us), microseconds(timing.p99_us))
        section.add(f"{percent} %", *times, f"{anew / TURNS:.0%}", f"{share:.0%}")
    return section
