"""What `Session.assemble` costs: turns that select, turns that append, turns that change nothing.

The pages came ten a turn; the budget is a tenth of what all of them cost in full. Before each timed
turn three pages, drawn among all, are touched and two are put with a new text of two kilobytes. The
puts, which digest, count and build ladders, are not in the timed call. Everything else of the turn
is: admission, selection, rendering, the plan.

A turn selects when it passes the budget. With a low-water mark of 100 % that is every turn, the
dearest case; the default session selects once in dozens of turns and appends in between.

The lines of the decision trace are noted in the turn and put together at the next flush; what that
costs has a figure of its own.

What the figures do not show: the puts between the turns leave cold caches behind, which is much of
what a turn costs here, but a harness that waits seconds for its model finds them colder still.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from types import ModuleType

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import clawvm._reference as twin
import clawvm.session.book
from bench.sessions import SELECT_EVERY_TURN, LongSession
from bench.timing import time_calls
from clawvm._backend import core
from clawvm.pages import Fidelity, PageType
from clawvm.representations import Form
from clawvm.session import Prompt

# At least this many times faster than the same session on the pure twin, measured turn about.
SPEEDUP_LEAST = 20
TURNS_BEFORE_A_FLUSH = 300

FORMS = {Fidelity.POINTER: Form("what was noted, in one line", 100)}


def on(
    back_end: ModuleType, monkeypatch: pytest.MonkeyPatch, make: Callable[[], LongSession]
) -> LongSession:
    """Make a workload whose page table is of `back_end`."""
    with monkeypatch.context() as patch:
        patch.setattr(clawvm.session.book, "core", back_end)
        return make()


def check(workload: LongSession, prompt: Prompt) -> None:
    """See that a timed turn left a prompt within the budget and a table in order."""
    session = workload.session
    assert 0 < prompt.tokens <= session.budget
    assert prompt.tokens == sum(page.tokens(session.level(page.id)) for page in session.pages())
    session._book.table.check()


def time_turns(
    benchmark: BenchmarkFixture, workload: LongSession, prepare: Callable[[], None]
) -> Prompt:
    """Time one `assemble` after each `prepare`; returns the last prompt."""
    prompt: Prompt = benchmark.pedantic(  # type: ignore[no-untyped-call]
        workload.session.assemble, setup=prepare, rounds=400
    )
    return prompt


@pytest.mark.parametrize("page_count", [100, 1_000, 10_000])
def test_assemble_that_selects_after_5_changes(
    benchmark: BenchmarkFixture, page_count: int
) -> None:
    workload = LongSession(page_count, SELECT_EVERY_TURN)
    prompt = time_turns(benchmark, workload, workload.change)
    check(workload, prompt)


@pytest.mark.parametrize("page_count", [1_000, 10_000])
def test_assemble_of_the_default_session_after_5_changes(
    benchmark: BenchmarkFixture, page_count: int
) -> None:
    workload = LongSession(page_count)
    prompt = time_turns(benchmark, workload, workload.change)
    check(workload, prompt)


@pytest.mark.parametrize("page_count", [1_000, 10_000])
def test_assemble_of_the_default_session_after_2_new_pages(
    benchmark: BenchmarkFixture, page_count: int
) -> None:
    workload = LongSession(page_count)
    prompt = time_turns(benchmark, workload, workload.append)
    check(workload, prompt)


@pytest.mark.parametrize("page_count", [1_000, 100_000])
def test_assemble_with_faults_and_audit_after_5_changes(page_count: int, tmp_path: Path) -> None:
    """The lines of the trace are put together at the flush, which has its own test."""
    workload = LongSession(page_count, audit=tmp_path / "audit.jsonl")
    timing = time_calls(workload.session.assemble, workload.change, seconds=3)
    over = timing.p99_us / timing.median_us
    print(
        f"\n{page_count:,} pages, {timing.rounds} turns: median {timing.median_us:.1f} us, "
        f"99th percentile {timing.p99_us:.1f} us, {over:.1f} times the median"
    )
    check(workload, workload.session.assemble())
    workload.session.close()


@pytest.mark.parametrize("page_count", [1_000, 10_000])
def test_messages_read_of_a_prompt_after_5_changes(
    benchmark: BenchmarkFixture, page_count: int
) -> None:
    workload = LongSession(page_count)

    def assembled() -> tuple[tuple[Prompt], dict[str, object]]:
        workload.change()
        return (workload.session.assemble(),), {}

    messages = benchmark.pedantic(  # type: ignore[no-untyped-call]
        lambda prompt: prompt.messages, setup=assembled, rounds=400
    )
    assert 0 < len(messages) <= len(workload.session.pages())


def test_flush_of_the_lines_of_a_turn(tmp_path: Path) -> None:
    workload = LongSession(1_000, audit=tmp_path / "audit.jsonl")
    flushes = []
    for _ in range(10):
        workload.session.boundary("turn")
        for _ in range(TURNS_BEFORE_A_FLUSH):
            workload.change()
            workload.session.assemble()
        begin = perf_counter_ns()
        workload.session.boundary("turn")
        flushes.append((perf_counter_ns() - begin) / 1_000 / TURNS_BEFORE_A_FLUSH)
    print(f"\nlines of a turn put together and written: {median(flushes):.1f} us a turn")
    assert (tmp_path / "audit.jsonl").stat().st_size > 0
    workload.session.close()


@pytest.mark.parametrize("page_count", [100, 1_000, 10_000])
def test_assemble_of_an_unchanged_session(benchmark: BenchmarkFixture, page_count: int) -> None:
    workload = LongSession(page_count)
    prompt = benchmark(workload.session.assemble)
    assert prompt.plan.moves == ()
    check(workload, prompt)


def test_put_a_text_counted_before(benchmark: BenchmarkFixture) -> None:
    """Only the lines that carry the new version's handle are new to the memo of counts."""
    session = LongSession(1_000).session
    texts = [session.page(f"page-{number}").texts[0] for number in range(2)]

    def put_both() -> None:
        for text in texts:
            session.put("page-0", PageType.EVIDENCE, text)

    benchmark(put_both)
    assert session.page("page-0").texts == (texts[1],)
    session._book.table.check()


def test_put_with_its_forms_a_text_counted_before(benchmark: BenchmarkFixture) -> None:
    """A new text each time, counted before: digested, its ladder built, its record and row made."""
    workload = LongSession(1_000)
    session = workload.session
    numbers = count()

    def counted() -> tuple[tuple[str], dict[str, object]]:
        text = f"{next(numbers)}\n{workload.new_text()}"
        session._ladders.counts.count(text)
        return (text,), {}

    def put(text: str) -> None:
        session.put("page-0", PageType.EVIDENCE, text, forms=FORMS)

    benchmark.pedantic(put, setup=counted, rounds=2_000)  # type: ignore[no-untyped-call]
    assert list(session.page("page-0").ladder) == [Fidelity.POINTER, Fidelity.FULL]
    session._book.table.check()


def test_assemble_that_selects_against_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same turns on both back ends, turn about: equal plans, and the speed that the core is for."""
    compiled = on(core, monkeypatch, lambda: LongSession(1_000, SELECT_EVERY_TURN))
    pure = on(twin, monkeypatch, lambda: LongSession(1_000, SELECT_EVERY_TURN))
    ratios = []
    for _ in range(100):
        compiled_ns, prompt = timed_turn(compiled)
        pure_ns, pure_prompt = timed_turn(pure)
        assert prompt.plan == pure_prompt.plan
        assert prompt.messages == pure_prompt.messages
        ratios.append(pure_ns / compiled_ns)
    check(compiled, prompt)
    print(f"\ncompiled over twin: {median(ratios):.0f} times as fast")
    assert median(ratios) >= SPEEDUP_LEAST


def timed_turn(workload: LongSession) -> tuple[int, Prompt]:
    """Make a turn's changes, then assemble; returns nanoseconds of the latter, and the prompt."""
    workload.change()
    begin = perf_counter_ns()
    prompt = workload.session.assemble()
    return perf_counter_ns() - begin, prompt
