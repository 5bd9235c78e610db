"""A disk that takes nothing stops nobody, and what was lost is counted and told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command import environment

from clawvm.audit import AuditLog, verify
from clawvm.audit import log as log_module
from clawvm.audit.log import BACKLOG_BYTES_MAX, FLUSH_BYTES

# A limit on the size of files acts like a full disk: the last write is done by half.
PROGRAM = """
import json, resource, sys
from clawvm.audit import AuditLog

def limit(size):
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

def report(log, **more):
    with open(sys.argv[1], "rb") as stream:
        size = len(stream.read())
    print(json.dumps({"size": size, "lost": log.lost, "lines": log.lines} | more))

log = AuditLog(sys.argv[1])
limit(20_000)
flushed = [None, True]
while flushed[-1]:
    log.write("archive", 1, page_id="x" * 777)
    flushed.append(log.flush())
report(log, failure=str(log.failure))
for turn in range(2, 2 + int(sys.argv[2])):
    log.write("archive", turn, page_id="x" * 777)
report(log, flushed=log.flush())
if sys.argv[3] == "heal":
    limit(resource.RLIM_INFINITY)
    report(log, flushed=log.flush())
log.close()
report(log)
"""

limited = pytest.mark.skipif(sys.platform == "win32", reason="there is no limit on file sizes")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.jsonl"


def run(path: Path, lines: int, then: str) -> list[dict[str, Any]]:
    # A coverage that is measured could not be written under the limit either, and would say so.
    variables = {name: value for name, value in environment().items() if "COVERAGE" not in name}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), str(lines), then],
        env=variables,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@limited
def test_lines_wait_in_memory_until_it_takes_them(path: Path) -> None:
    full, waiting, healed, closed = run(path, 100, "heal")
    assert "File too large" in full["failure"]
    assert full["size"] < 20_000
    assert (waiting["size"], waiting["flushed"], waiting["lost"]) == (full["size"], False, 0)
    assert (healed["flushed"], closed["lost"]) == (True, 0)
    summary = verify(path)
    assert (summary.lines, summary.lost) == (closed["lines"], 0)


@limited
def test_lines_past_the_most_that_may_wait_are_lost_counted_and_told(path: Path) -> None:
    _, waiting, healed, _ = run(path, 2_000, "heal")
    assert 0 < waiting["lost"] < 2_000
    assert (healed["flushed"], healed["lost"]) == (True, waiting["lost"])
    assert BACKLOG_BYTES_MAX <= healed["size"] < BACKLOG_BYTES_MAX + 30_000
    summary = verify(path)
    assert (summary.lines, summary.lost) == (healed["lines"], waiting["lost"])
    note = json.loads(path.read_bytes().splitlines()[-1])
    assert (note["event"], note["lines"]) == ("lost", waiting["lost"])
    assert note["last_turn"] - note["first_turn"] == waiting["lost"] - 1
    assert "File too large" in note["reason"]


@limited
def test_what_waits_when_the_log_is_closed_is_counted_as_lost(path: Path) -> None:
    full, waiting, closed = run(path, 50, "stay")
    assert waiting["lost"] == 0
    assert closed["lost"] == 51
    assert verify(path).lines == closed["lines"] - 51
    assert path.stat().st_size == full["size"]


def test_a_log_opened_on_it_writes_when_there_is_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        log = AuditLog(path)
        log.write("close", 1)
        assert log.flush() is False
        assert "No space left" in str(log.failure)
    log.close()
    assert (verify(path).lines, log.lost) == (2, 0)


def test_half_a_write_is_taken_back_though_not_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(fd: int, data: memoryview) -> int:
        if len(data) < 50:
            raise OSError(28, "No space left on device")
        return write(fd, data[: len(data) // 2])

    def stuck(fd: int, size: int) -> None:
        raise OSError(5, "Input/output error")

    write = os.write
    with AuditLog(path) as log:
        log.write("close", 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", half)
            patch.setattr(os, "ftruncate", stuck)
            assert log.flush() is False
        assert not path.read_bytes().endswith(b"\n")
        log.write("close", 2)
        assert log.flush() is True
    assert verify(path).lines == 3


@pytest.mark.parametrize("rotate_bytes", [1_024, 10**9])
def test_is_not_tried_again_at_every_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, rotate_bytes: int
) -> None:
    tried = 0

    def full(fd: int, data: memoryview) -> int:
        nonlocal tried
        tried += 1
        raise OSError(28, "No space left on device")

    with AuditLog(path, rotate_bytes=rotate_bytes) as log:
        log.write("close", 1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "write", full)
            for turn in range(2_000):
                log.write("archive", turn, page_id="x" * 1_000)
        assert log.lost > 0
        assert 0 < tried <= 2 * BACKLOG_BYTES_MAX // FLUSH_BYTES + 1


def test_a_line_too_long_to_be_read_again_is_lost_and_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "LINE_BYTES_MAX", 5_000)
    with AuditLog(path) as log:
        log.write("archive", 1, page_id="x" * 5_000)
        log.write("close", 2)
    assert [json.loads(line)["event"] for line in path.read_bytes().splitlines()] == [
        "begun",
        "lost",
        "close",
    ]
    assert verify(path).lost == log.lost == 1


def test_a_line_longer_than_may_wait_is_written_when_nothing_waits(path: Path) -> None:
    with AuditLog(path) as log:
        log.write("close", 1)
        log.write("archive", 1, page_id="x" * 2 * BACKLOG_BYTES_MAX)
        log.write("close", 2)
    assert (verify(path).lines, log.lost) == (4, 0)
