"""What `Session.assemble` costs: turns that select, turns that append, turns that change nothing.

The pages came ten a turn; the budget is a tenth of what all of them cost in full. Before each timed
turn three pages, drawn among all, are touched and two are put with a new text of two kilobytes. The
puts, which digest, count and build ladders, are not in the timed call. Everything else of the turn
is: admission, selection, rendering, the plan.

A turn selects when it passes the budget. With a low-water mark of 100 % that is every turn, the
dearest case; the default session selects once in dozens of turns and appends in between.

What the figures do not show: the puts between the turns leave cold caches behind, which is much of
what a turn costs here, but a harness that waits seconds for its model finds them colder still.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from types import ModuleType

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

import clawvm._reference as twin
import clawvm.session.book
from clawvm._backend import core
from clawvm.pages import Fidelity, PageType
from clawvm.residency import ClawVMPolicy
from clawvm.residency.policy import LOW_WATER_PERCENT
from clawvm.session import Prompt, Session

OVERCOMMIT = 10
TOUCHED_PER_TURN = 3
PUT_PER_TURN = 2
PAGES_PER_EARLIER_TURN = 10
TEXT_CHARS = 2048
SELECT_EVERY_TURN = 100

# At least this many times faster than the same session on the pure twin, measured turn about.
SPEEDUP_LEAST = 20

PAGE_TYPES = (PageType.EVIDENCE, PageType.EVIDENCE, PageType.CONVERSATION, PageType.PLAN)
WORDS = (
    *("budget", "cache", "decide", "evict", "floor", "handle", "index", "journal", "kernel"),
    *("ladder", "memory", "notice", "order", "page", "quality", "record", "select", "table"),
    *("because", "between", "without", "the", "of", "and", "to"),
)


class Workload:
    """A session of `page_count` pages beside its two rules, and the turns that follow."""

    def __init__(self, page_count: int, low_water_percent: int = SELECT_EVERY_TURN) -> None:
        self._random = random.Random(f"bench_session {page_count}")
        self._texts = [self._text() for _ in range(400)]
        self._ids: list[str] = []
        policy = ClawVMPolicy(low_water_percent)
        self.session = Session(budget=10**9, counter="approximate", policy=policy)
        self.session.put("rules", PageType.BOOTSTRAP, self._random.choice(self._texts))
        self.session.put("task", PageType.CONSTRAINT, self._random.choice(self._texts))
        while len(self._ids) < page_count:
            self.append(PAGES_PER_EARLIER_TURN)
            self.session.assemble()
        full_tokens = sum(page.tokens(Fidelity.FULL) for page in self.session.pages())
        self.session.budget = full_tokens // OVERCOMMIT
        self.session.assemble()

    def change(self) -> None:
        """Touch some pages and give others a new text."""
        changed = self._random.sample(self._ids, TOUCHED_PER_TURN + PUT_PER_TURN)
        for page_id in changed[:TOUCHED_PER_TURN]:
            self.session.touch(page_id)
        for page_id in changed[TOUCHED_PER_TURN:]:
            self.put(page_id)

    def append(self, count: int = PUT_PER_TURN) -> None:
        """Put pages that are new."""
        for _ in range(count):
            self._ids.append(f"page-{len(self._ids)}")
            self.put(self._ids[-1])

    def put(self, page_id: str) -> None:
        """Give one page a text that it has not had."""
        page_type = PAGE_TYPES[int(page_id.removeprefix("page-")) % len(PAGE_TYPES)]
        number = self._random.randrange(10**9)
        self.session.put(page_id, page_type, f"{number}\n{self._random.choice(self._texts)}")

    def _text(self) -> str:
        text = ""
        while len(text) < TEXT_CHARS:
            text += " ".join(self._random.choices(WORDS, k=self._random.randrange(4, 16))) + "\n"
        return text[:TEXT_CHARS]


def on(
    back_end: ModuleType, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Workload]
) -> Workload:
    """Make a workload whose page table is of `back_end`."""
    with monkeypatch.context() as patch:
        patch.setattr(clawvm.session.book, "core", back_end)
        return make()


def check(workload: Workload, prompt: Prompt) -> None:
    """See that a timed turn left a prompt within the budget and a table in order."""
    session = workload.session
    assert 0 < prompt.tokens <= session.budget
    assert prompt.tokens == sum(page.tokens(session.level(page.id)) for page in session.pages())
    session._book.table.check()


def time_turns(
    benchmark: BenchmarkFixture, workload: Workload, prepare: Callable[[], None]
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
    workload = Workload(page_count)
    prompt = time_turns(benchmark, workload, workload.change)
    check(workload, prompt)


@pytest.mark.parametrize("page_count", [1_000, 10_000])
def test_assemble_of_the_default_session_after_5_changes(
    benchmark: BenchmarkFixture, page_count: int
) -> None:
    workload = Workload(page_count, LOW_WATER_PERCENT)
    prompt = time_turns(benchmark, workload, workload.change)
    check(workload, prompt)


@pytest.mark.parametrize("page_count", [1_000, 10_000])
def test_assemble_of_the_default_session_after_2_new_pages(
    benchmark: BenchmarkFixture, page_count: int
) -> None:
    workload = Workload(page_count, LOW_WATER_PERCENT)
    prompt = time_turns(benchmark, workload, workload.append)
    check(workload, prompt)


@pytest.mark.parametrize("page_count", [100, 1_000, 10_000])
def test_assemble_of_an_unchanged_session(benchmark: BenchmarkFixture, page_count: int) -> None:
    workload = Workload(page_count, LOW_WATER_PERCENT)
    prompt = benchmark(workload.session.assemble)
    assert prompt.plan.moves == ()
    check(workload, prompt)


def test_put_a_text_counted_before(benchmark: BenchmarkFixture) -> None:
    """Only the lines that carry the new version's handle are new to the memo of counts."""
    session = Workload(1_000).session
    texts = [session.page(f"page-{number}").texts[0] for number in range(2)]

    def put_both() -> None:
        for text in texts:
            session.put("page-0", PageType.EVIDENCE, text)

    benchmark(put_both)
    assert session.page("page-0").texts == (texts[1],)
    session._book.table.check()


def test_assemble_that_selects_against_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Same turns on both back ends, turn about: equal plans, and the speed that the core is for."""
    compiled = on(core, monkeypatch, lambda: Workload(1_000))
    pure = on(twin, monkeypatch, lambda: Workload(1_000))
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


def timed_turn(workload: Workload) -> tuple[int, Prompt]:
    """Make a turn's changes, then assemble; returns nanoseconds of the latter, and the prompt."""
    workload.change()
    begin = perf_counter_ns()
    prompt = workload.session.assemble()
    return perf_counter_ns() - begin, prompt
