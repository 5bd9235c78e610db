"""Forked processes that are killed at a crash point or at a random time, and tell what they did."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import clawvm
from clawvm import crash_points

__all__ = ["Kill", "Tell", "at_random_times", "at_steps", "crash_point_names", "run_child"]

NTH_MAX = 3
ANY_MAX = 40

Told = list[dict[str, Any]]
Tell = Callable[..., None]


def crash_point_names() -> list[str]:
    """Every name in the code but those of the decision trace, which has a kill test of its own."""
    package = Path(clawvm.__file__).parent
    called = re.compile(r"\breach\(\s*\"([a-z.]+)\"")
    sources = [path.read_text("utf-8") for path in package.rglob("*.py")]
    names = {name for source in sources for name in called.findall(source)}
    return sorted(name for name in names if not name.startswith("audit."))


class Kill(NamedTuple):
    """Where a child is killed: the nth time that it comes to a point, or after some seconds.

    No name means any point; neither a number nor a time that it lives.
    """

    point: str = ""
    nth: int = 0
    after: float = 0.0


def at_steps(rng: random.Random) -> Iterator[Kill]:
    """Every point, the first time, the second time and so on; then any of the points."""
    kills = [Kill(name, nth) for name in crash_point_names() for nth in range(1, NTH_MAX + 1)]
    rng.shuffle(kills)
    yield from kills
    while True:
        yield Kill(nth=rng.randint(1, ANY_MAX))


def at_random_times(rng: random.Random) -> Iterator[Kill]:
    while True:
        yield Kill(after=rng.uniform(0.001, 0.1))


class KillAt:
    """A hook that ends the process at its place."""

    def __init__(self, kill: Kill, tell: Tell) -> None:
        self._kill = kill
        self._left = kill.nth
        self._tell = tell

    def __call__(self, name: str) -> None:
        if self._kill.point in (name, ""):
            self._left -= 1
            if self._left == 0:
                self._tell(at=name)
                os.kill(os.getpid(), signal.SIGKILL)


def run_child(live: Callable[[Tell], None], kill: Kill) -> tuple[Told, int]:
    """Fork a child that lives, kill it where it is to be killed; what it told, how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)

            def tell(**told: Any) -> None:
                os.write(writing, json.dumps(told).encode() + b"\n")

            crash_points.hook = KillAt(kill, tell)
            try:
                live(tell)
                code = 0
            except BaseException:
                tell(raised=traceback.format_exc())
        finally:
            os._exit(code)
    os.close(writing)
    if kill.after:
        time.sleep(kill.after)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(reading, "rb") as stream:
        lines = stream.read().splitlines()
    _, status = os.waitpid(child, 0)
    return [json.loads(line) for line in lines], os.waitstatus_to_exitcode(status)
