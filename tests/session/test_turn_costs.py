"""What a turn allocates does not depend on how many pages there are."""

from __future__ import annotations

import gc
import tracemalloc
from statistics import median

import pytest
from session_driver import count

from clawvm import Fidelity, PageType, Session
from clawvm.representations import Form
from clawvm.residency import ClawVMPolicy

TURNS = 40
FORMS = {Fidelity.POINTER: Form("a line", 10)}


def crowded(path, page_count):
    """A session under pressure with a decision trace."""
    session = Session("s", budget=10**9, counter=count, audit=path)
    session.put("rules", PageType.BOOTSTRAP, "Be brief.")
    for number in range(page_count):
        session.put(f"p{number}", PageType.EVIDENCE, f"page {number} " * 10, forms=FORMS)
    session.assemble()
    session.budget = sum(page.tokens(Fidelity.FULL) for page in session.pages()) // 10
    session.assemble()
    return session


def change(session, page_count, turn):
    """Touch three pages and give two a new text, the same ones for any number of pages."""
    for step in range(3):
        session.touch(f"p{(turn * 5 + step) % page_count}")
    for step in (3, 4):
        name = f"p{(turn * 5 + step) % page_count}"
        session.put(name, PageType.EVIDENCE, f"new {turn % 10} " * 10, forms=FORMS)


def allocations(session, page_count):
    """Bytes that turns between epochs had allocated at their peak, each in its `assemble`."""
    peaks = []
    for turn in range(TURNS):
        change(session, page_count, turn)
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        prompt = session.assemble()
        _, peak = tracemalloc.get_traced_memory()
        if not prompt.plan.epoch:
            peaks.append(peak - before)
    return peaks


@pytest.fixture
def traced():
    """``traced(call)``: what `call` returns while allocations are counted.

    The collector is off, as it would free in one turn what another one has made.
    """

    def run(call):
        gc.disable()
        tracemalloc.start()
        try:
            return call()
        finally:
            tracemalloc.stop()
            gc.enable()

    return run


def test_a_turn_allocates_the_same_in_a_large_session(tmp_path, traced):
    small, large = (crowded(tmp_path / name, int(name)) for name in ("1000", "100000"))
    with small, large:
        few = traced(lambda: allocations(small, 1_000))
        many = traced(lambda: allocations(large, 100_000))
    assert len(few) > TURNS // 2
    # The same kinds of turns come in another mix. Now and then a list has to grow: no median sees
    # that. A byte for each page would be a hundred times the difference that is allowed.
    assert median(many) <= median(few) + 1_000


def test_work_counts_the_selections_and_nothing_where_nothing_changed(core, open_session):
    session = open_session(100, policy=ClawVMPolicy(solver="repair"))
    for number in range(20):
        session.put(f"p{number}", PageType.EVIDENCE, f"page {number} " * 10, forms=FORMS)
    session.assemble()
    first = session.work
    assert first["selects"] == 1
    assert set(first) >= {"steps", "frontiers", "log2", "resizes", "compactions", "allocations"}
    session.assemble()
    assert session.work == first
