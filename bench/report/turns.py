"""The selector's turn, beside its peers and over sizes."""

from __future__ import annotations

from collections.abc import Callable

from bench.peers import DOES, PEERS, missing_package
from bench.report.section import Section, microseconds
from bench.tables import TableTurns, TextTurns
from bench.timing import Timing, time_calls
from clawvm._backend import core

__all__ = ["OURS", "SIZES", "Curves", "measure_curves", "peer_section", "size_section"]

SIZES = (100, 1_000, 10_000, 100_000)
CHANGES = (1, 5, 20)
OURS = "clawvm"
# A peer that took longer than this for a turn is not asked for more pages.
TURN_MOST_US = 300_000

Curves = dict[str, dict[int, Timing]]
"""Times of a turn by who and by pages."""


def measure_curves(say: Callable[[str], None]) -> Curves:
    """Time a turn of everybody at every size, one size after the other."""
    curves: Curves = {OURS: {}}
    for name in PEERS:
        missing = missing_package(name)
        if missing is None:
            curves[name] = {}
        else:
            say(f"{missing} is not installed: it is left out (pip install 'clawvm[bench-peers]')")
    for pages in SIZES:
        for name, curve in curves.items():
            if name == OURS:
                ours = TextTurns(core, pages)
                curve[pages] = time_calls(ours.run, ours.prepare)
            elif not curve or curve[max(curve)].median_us < TURN_MOST_US:
                curve[pages] = time_peer(name, pages)
    return curves


def time_peer(name: str, pages: int) -> Timing:
    """Time what a peer decides after five changes."""
    turns = TableTurns(core, pages)
    peer = PEERS[name](turns)

    def prepare() -> None:
        turns.change()
        for page in turns.changed:
            peer.follow(page)

    return time_calls(peer.decide, prepare)


def peer_section(curves: Curves) -> Section:
    """Show everybody's time, and how many times ours that is."""
    section = Section(
        "A turn beside the peers",
        "Median microseconds, and times ours. Ours is the whole turn: three pages touched, two "
        "texts of 2 KB hashed and put, levels decided, changes listed. The peers only decide: what "
        "changed was given to them before.",
        ["pages", *(f"{pages:,}" for pages in SIZES), "what it does"],
    )
    for name, curve in curves.items():
        cells = []
        for pages in SIZES:
            if pages not in curve:
                cells.append("-")
                continue
            taken = curve[pages].median_us
            ratio = taken / curves[OURS][pages].median_us
            cells.append(microseconds(taken) + ("" if name == OURS else f" ({ratio:,.1f} x)"))
        section.add(name, *cells, DOES.get(name, "the whole turn"))
    return section


def size_section() -> Section:
    """Show the selector's turn over sizes and numbers of changes."""
    section = Section(
        "The turn by pages and changes",
        "Median / 99th percentile in microseconds of one call from Python after another: three in "
        "five changes are touches, the others texts of 2 KB. `select` alone is after five changes.",
        [
            "pages",
            *(f"{changes} changed" for changes in CHANGES),
            "nothing changed",
            "select alone",
        ],
    )
    for pages in SIZES:
        cells = []
        for changes in CHANGES:
            turns = TextTurns(core, pages, changes)
            cells.append(both(time_calls(turns.run, turns.prepare)))
        again = TableTurns(core, pages)
        cells.append(both(time_calls(again.select)))
        cells.append(both(time_calls(again.select, again.change)))
        section.add(f"{pages:,}", *cells)
    return section


def both(timing: Timing) -> str:
    """Write median and 99th percentile."""
    return f"{microseconds(timing.median_us)} / {microseconds(timing.p99_us)}"
