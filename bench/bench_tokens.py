"""What a token count costs, and what it costs the second time."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from statistics import median
from time import perf_counter

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from clawvm.tokens import ApproximateCounter, CountMemo, TokenCounter, ToktokCounter, digest

APPENDED_RATIO_FLOOR = 20  # measured: 190 with 256 KiB before the line
BATCH = 512
TEXT_CHARS = 4_096
LETTERS = string.ascii_letters + " " * 12 + "\n"

PAGE = ("def mean(values):\n    return sum(values) / len(values)  # of at least one value\n" * 13)[
    :1024
]


def toktok() -> TokenCounter:
    return ToktokCounter("o200k_base")


@pytest.mark.parametrize("kind", [ApproximateCounter, toktok])
def test_count_a_kilobyte(benchmark: BenchmarkFixture, kind: Callable[[], TokenCounter]) -> None:
    counter = kind()
    tokens = benchmark(counter.count, PAGE)
    assert 200 <= tokens <= 300


def test_count_a_kilobyte_again(benchmark: BenchmarkFixture) -> None:
    memo = CountMemo(ApproximateCounter())
    first = memo.count(PAGE)
    assert benchmark(memo.count, PAGE) == first
    assert memo.misses == 1


def test_digest_of_a_kilobyte(benchmark: BenchmarkFixture) -> None:
    assert len(benchmark(digest, PAGE)) == 16


def test_a_line_appended_to_a_long_log(benchmark: BenchmarkFixture) -> None:
    """Beside counting the whole log again, which must take many times as long."""
    counter = ToktokCounter("o200k_base")
    before = PAGE * 256
    text = before + "one more line of the log\n"
    tokens = counter.count(before)
    assert benchmark(counter.count_appended, before, tokens, text) == counter.count(text)
    in_full, from_the_cut = [], []
    for _ in range(15):
        begin = perf_counter()
        counter.count(text)
        middle = perf_counter()
        counter.count_appended(before, tokens, text)
        in_full.append(middle - begin)
        from_the_cut.append(perf_counter() - middle)
    ratio = median(in_full) / median(from_the_cut)
    print(f"\nin full / from the last safe cut on: {ratio:.0f}")
    assert ratio >= APPENDED_RATIO_FLOOR


@pytest.mark.parametrize("together", [False, True], ids=["one-by-one", "together"])
def test_count_many_texts(benchmark: BenchmarkFixture, together: bool) -> None:
    """Shown and not judged: how much faster it is is a matter of cores, and of who else uses them.

    Every round has texts of new words: a tokenizer is much faster with words that it has seen.
    """
    counter = ToktokCounter("o200k_base")
    rng = random.Random(1)

    def fresh() -> tuple[tuple[list[str]], dict[str, object]]:
        return (["".join(rng.choices(LETTERS, k=TEXT_CHARS)) for _ in range(BATCH)],), {}

    def one_by_one(texts: list[str]) -> list[int]:
        return [counter.count(text) for text in texts]

    counts = benchmark.pedantic(  # type: ignore[no-untyped-call]
        counter.count_many if together else one_by_one, setup=fresh, rounds=10
    )
    assert len(counts) == BATCH
