"""Processes that are killed while they write a decision trace; run as a program of its own.

Usage: ``audit_kills.py steps|times FOLDER``. Every process is forked, writes lines and tells
through a pipe which have been flushed; it is killed at a crash point, or at a random time. Then the
log is checked as it is, opened again and checked again. One line of JSON a process is printed:
where it was killed, what it had been told to be safe (``flushed``) and what is there (``there``).
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from clawvm import crash_points
from clawvm.audit import AuditLog, verify

LINES = 14
OPTIONS: dict[str, Any] = {"rotate_bytes": 1_024, "keep": 2}


def write(path: Path, lines: int, told: int, hook: Callable[[str], None] | None) -> None:
    """Write lines and tell of each when it is flushed."""
    crash_points.hook = hook
    with AuditLog(path, **OPTIONS) as log:
        for turn in range(lines):
            log.write("archive", turn, page_id=f"page-{turn}-{'x' * (turn % 7 * 20)}")
            assert log.flush()
            os.write(told, f"{log.lines}\n".encode())


def run(path: Path, lines: int, hook: Callable[[str], None] | None, kill_after: float) -> bytes:
    """Run a writer, kill it after some time if it should be, and return what it told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        write(path, lines, writing, hook)
        os._exit(0)
    os.close(writing)
    if kill_after:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as stream:
        told = stream.read()
    os.waitpid(child, 0)
    return told


def check(path: Path, before: int, told: bytes, killed_at: str) -> int:
    """Open the log again, check it and print what was found; returns its number of lines."""
    if told:
        verify(path)
    # Opening may add lines of the log's own; they come after all that was written.
    with AuditLog(path, **OPTIONS) as log:
        log.write("close", 99)
    summary = verify(path)
    flushed = int(told.split()[-1]) if told else before
    found = {
        "at": killed_at,
        "flushed": flushed,
        "there": summary.lines,
        "files": len(summary.files),
    }
    print(json.dumps(found))
    return summary.lines


class KillAt:
    """A hook that ends the process at the nth crash point."""

    def __init__(self, number: int, note: Path) -> None:
        self._left = number
        self._note = note

    def __call__(self, name: str) -> None:
        self._left -= 1
        if self._left == 0:
            self._note.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)


def at_every_step(folder: Path) -> None:
    """Kill a writer at each crash point that it passes, each in a log of its own."""
    for number in range(1, 10_000):
        path, note = folder / str(number) / "audit.jsonl", folder / f"{number}.note"
        path.parent.mkdir()
        torn = b'{"n":1,"event":"beg'
        path.write_bytes(torn)
        told = run(path, LINES, KillAt(number, note), 0)
        if not note.exists():
            return
        check(path, 0, told, note.read_text())


def at_random_times(folder: Path) -> None:
    """Kill one writer after another of the same log."""
    path, lines = folder / "audit.jsonl", 0
    rng = random.Random("audit")
    for _ in range(40):
        told = run(path, 100_000, None, rng.uniform(0.001, 0.04))
        lines = check(path, lines, told, "some time")


if __name__ == "__main__":
    {"steps": at_every_step, "times": at_random_times}[sys.argv[1]](Path(sys.argv[2]))
