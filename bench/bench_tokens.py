"""What a token count costs, and what it costs the second time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from clawvm.tokens import ApproximateCounter, CountMemo, TokenCounter, ToktokCounter, digest

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
