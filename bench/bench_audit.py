"""What a line of the decision trace costs, beside the standard library's JSON and hash of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter_ns

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from clawvm.audit import AuditLog, History, Moved, verify

ROUNDS = 200
LINES_PER_ROUND = 200
# Measured: 0.6, buffer and writing to the file included; the limit leaves room for other
# versions of Python and OpenSSL.
RATIO_MOST = 1.0
REASON = "it was at none when the call was made"


@pytest.fixture
def log(tmp_path: Path) -> Iterator[AuditLog]:
    with AuditLog(tmp_path / "audit.jsonl") as log:
        yield log


def test_write_a_small_event(benchmark: BenchmarkFixture, log: AuditLog) -> None:
    benchmark(lambda: log.write("fault", 7, kind="refetch", page_id="read:a", reason=REASON))
    assert log.lost == 0


def test_write_an_epoch_of_1_000_moves(benchmark: BenchmarkFixture, log: AuditLog) -> None:
    moves: list[Moved] = [(f"read:src/{n}.py", "full", "pointer", 400, 12) for n in range(1_000)]

    def write() -> None:
        log.write(
            "assemble",
            7,
            budget=32_000,
            used=22_000,
            floor=900,
            epoch=True,
            prefix_kept=4_000,
            low_water=22_400,
            moves=moves,
            worth={},
            least_worth=0.5,
            feasible=True,
            missing=0,
        )

    benchmark(write)
    assert log.lost == 0


def test_write_against_json_and_hash_of_the_same_line(log: AuditLog) -> None:
    """Turn about in one run: the log, and the least that the standard library needs for a line."""
    record = {
        "n": 100_000,
        "event": "fault",
        "turn": 7,
        "time": 1_764_000_000.25,
        "kind": "refetch",
        "page_id": "read:a",
        "reason": REASON,
        "prev": "0" * 64,
    }

    def write() -> None:
        log.write("fault", 7, kind="refetch", page_id="read:a", reason=REASON)

    def encode_and_hash() -> None:
        body = json.dumps(record, separators=(",", ":")).encode()
        hashlib.sha256(body).hexdigest()

    took = [(nanoseconds(write), nanoseconds(encode_and_hash)) for _ in range(ROUNDS)]
    ours = median(ours for ours, _ in took) / LINES_PER_ROUND / 1_000
    ratio = median(ours / theirs for ours, theirs in took)
    print(f"\na line in {ours:.2f} us, {ratio:.2f} of the time of json.dumps and sha256")
    assert log.lost == 0
    assert ratio <= RATIO_MOST


def test_verify_and_fold_10_000_lines(benchmark: BenchmarkFixture, log: AuditLog) -> None:
    for turn in range(10_000):
        log.write("fault", turn, kind="refetch", page_id="read:a", reason=REASON)
    log.flush()
    benchmark(verify, log.path)
    assert len(History.read(log.path).faults) == 10_000


def nanoseconds(call: Callable[[], None]) -> int:
    """Return what some calls take."""
    begin = perf_counter_ns()
    for _ in range(LINES_PER_ROUND):
        call()
    return perf_counter_ns() - begin
