"""The named workloads that the gate counts instructions of: fixed seeds, no clock, no network.

To add one, write a function that sets it up and enter it in `WORKLOADS`. What is counted is `run`,
each of `rounds` times; `prepare` comes before each and is not.
"""

from __future__ import annotations

import atexit
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from bench.batches import Batch
from bench.sessions import SELECT_EVERY_TURN, LongSession, draw_text
from bench.tables import TableTurns, TextTurns, page_ladder, put_page
from clawvm._backend import core
from clawvm.pages import PageType, Scope
from clawvm.residency.policy import LOW_WATER_PERCENT
from clawvm.session import Session
from clawvm.stores import Space
from clawvm.stores.open import open_store
from clawvm.writeback import Authority, Operation, OpKind, Principal, PrincipalKind
from clawvm.writeback.journal import Journal

__all__ = ["WORKLOADS", "Workload"]

PAGES = 1_000
SMALL_PAGES = 200


def nothing() -> None:
    """Prepare nothing."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is measured, set up and ready.

    Parameters
    ----------
    run : callable
        The measured work of one round.
    prepare : callable
        What leads to it.
    rounds : int
        How many rounds are measured.
    """

    run: Callable[[], object]
    prepare: Callable[[], object] = nothing
    rounds: int = 10


def put_new_pages() -> Workload:
    """Fill an empty table."""
    rng = random.Random(1)
    ladders = [page_ladder(rng) for _ in range(PAGES)]

    def run() -> None:
        table = core.PageTable(capacity=PAGES)
        for number, tokens in enumerate(ladders):
            put_page(table, number, tokens, 5, number)

    return Workload(run, rounds=3)


def put_known_pages() -> Workload:
    """Give pages of a full table another content."""
    turns = TableTurns(core, PAGES)
    rng = random.Random(2)
    news = [(page_ladder(rng), rng.randbytes(16)) for _ in range(PAGES)]

    def run() -> None:
        turns.turn += 1
        for number, (tokens, digest) in enumerate(news):
            put_page(turns.table, number, tokens, 7, turns.turn, digest)

    return Workload(run, rounds=3)


def find_pages() -> Workload:
    """Look ids up."""
    table = TableTurns(core, PAGES).table
    names = [f"page:{number:015d}" for number in range(PAGES)]

    def run() -> None:
        for name in names:
            table.find(name)

    return Workload(run)


def touch_pages() -> Workload:
    """Touch every page once."""
    turns = TableTurns(core, PAGES)

    def run() -> None:
        turns.turn += 1
        for slot in range(PAGES):
            turns.table.touch(slot, turns.turn)

    return Workload(run)


def select_levels(pages: int) -> Workload:
    """Decide the levels of all pages anew after five changes."""
    turns = TableTurns(core, pages)
    return Workload(turns.select, turns.change, rounds=20)


def turn_of_texts() -> Workload:
    """Do whole turns of a table: touches, texts hashed and put, levels, the list of changes."""
    turns = TextTurns(core, PAGES)
    return Workload(turns.run, turns.prepare, rounds=20)


def turns_of_many() -> Workload:
    """Do a turn of each of many tables in one call."""
    batch = Batch(100, 100)
    return Workload(partial(batch.run, slice(None)), batch.draw)


def put_texts() -> Workload:
    """Put new texts of 2 KB into a session: digest, count of tokens, ladder."""
    session = LongSession(SMALL_PAGES)
    return Workload(session.append)


def assemble_again() -> Workload:
    """Build the prompt of a session in which nothing changed."""
    session = LongSession(SMALL_PAGES)

    def run() -> None:
        for _ in range(100):
            session.assemble()

    return Workload(run, rounds=3)


def assemble_after_changes(low_water_percent: int) -> Workload:
    """Build a prompt after five changes."""
    session = LongSession(PAGES, low_water_percent)
    return Workload(session.assemble, session.change, rounds=20)


def commit_pages() -> Workload:
    """Stage, validate and commit ten new pages of 2 KB."""
    space = Space("acme", Scope.SESSION, "bench")
    harness = Principal("harness", PrincipalKind.HARNESS)
    authority = Authority(lambda evidence: evidence.partition(":")[0])
    store = open_store("memory:")
    journal = Journal.open(store, space, authority, lease=store.acquire(space, "bench", 3600.0))
    rng = random.Random(3)
    numbers = count()

    def prepare() -> None:
        for number in (next(numbers) for _ in range(10)):
            journal.stage(
                Operation(
                    f"read:{number}",
                    "text",
                    OpKind.SET,
                    draw_text(rng),
                    Scope.SESSION,
                    f"tool:{number}",
                    harness,
                    page_type=PageType.EVIDENCE,
                )
            )

    return Workload(lambda: journal.commit("turn"), prepare)


def temporary_file() -> Path:
    """Return a path that is free until the process ends."""
    folder = mkdtemp(prefix="clawvm-bench-")
    atexit.register(rmtree, folder)
    return Path(folder, "file")


def save_snapshot() -> Workload:
    """Write a whole session to a file."""
    session = LongSession(SMALL_PAGES).session
    file = temporary_file()
    return Workload(lambda: session.snapshot(file), rounds=3)


def load_snapshot() -> Workload:
    """Make a session out of the file."""
    session = LongSession(SMALL_PAGES).session
    file = temporary_file()
    session.snapshot(file)
    return Workload(lambda: Session.load(file, budget=session.budget, counter="approximate"))


WORKLOADS: dict[str, Callable[[], Workload]] = {
    "table.put.new": put_new_pages,
    "table.put.known": put_known_pages,
    "table.find": find_pages,
    "table.touch": touch_pages,
    "table.select.100": partial(select_levels, 100),
    "table.select.1000": partial(select_levels, 1_000),
    "table.select.10000": partial(select_levels, 10_000),
    "table.turn.1000": turn_of_texts,
    "table.turn_many": turns_of_many,
    "session.put": put_texts,
    "session.assemble.unchanged": assemble_again,
    "session.assemble.append": partial(assemble_after_changes, LOW_WATER_PERCENT),
    "session.assemble.select": partial(assemble_after_changes, SELECT_EVERY_TURN),
    "journal.commit": commit_pages,
    "snapshot.save": save_snapshot,
    "snapshot.load": load_snapshot,
}
