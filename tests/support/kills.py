"""Processes that are killed while they live through a story; run as a program of its own.

Usage: ``kills.py URL FOLDER steps|times KILLS SEED``. This process imports everything and forks;
each child opens the session where the one before it was killed, and says through a pipe what it
finds, what it calls and what it was told is on disk. It is killed at a crash point, or at a random
time. When a session has come to the end of the story the journal and the store are checked, and
the next one is begun.

One line of JSON a kill (``at``) is printed, one a session that ended (``ended``), and one for
everything that was wrong (``loss``).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from journals import FailingStore
from story import Player, Twin, digest_loaded, file_digest, loaded, operations_of, play_twin

import clawvm
from clawvm import crash_points
from clawvm.stores import open_store
from clawvm.writeback import delivery, view

NTH_MAX = 3
ANY_MAX = 40
LEVELS = ("commit", "group", "deferred")


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


class Home(NamedTuple):
    """Where one session lives."""

    url: str
    tenant: str
    folder: Path


def children_at_steps(rng: random.Random) -> Iterator[Kill]:
    """Every point, the first time, the second time and so on; then any of the points."""
    kills = [Kill(name, nth) for name in crash_point_names() for nth in range(1, NTH_MAX + 1)]
    rng.shuffle(kills)
    yield from kills
    while True:
        yield Kill(nth=rng.randint(1, ANY_MAX))


def children_at_times(rng: random.Random) -> Iterator[Kill]:
    while True:
        yield Kill(after=rng.uniform(0.001, 0.12))


# In the child


class KillAt:
    """A hook that ends the process at its place."""

    def __init__(self, kill: Kill, tell: Callable[..., None]) -> None:
        self._kill = kill
        self._left = kill.nth
        self._tell = tell

    def __call__(self, name: str) -> None:
        if self._kill.point in (name, ""):
            self._left -= 1
            if self._left == 0:
                self._tell(at=name)
                os.kill(os.getpid(), signal.SIGKILL)


def live(home: Home, kill: Kill, level: str, tell: Callable[..., None]) -> None:
    """Go on with the session, and tell of everything."""
    crash_points.hook = KillAt(kill, tell)
    store = open_store(home.url)
    player = Player(FailingStore(store), home.tenant, home.folder, level)
    found = loaded(store, home.tenant)
    file = file_digest(player.file) if player.file.exists() else ""
    tell(found=digest_loaded(found), seq=player.session.journal.seq, done=player.done, file=file)
    for number in range(player.done, len(player.steps)):
        answer = player.play(number)
        tell(step=number, **answer._asdict())
    player.session.close()
    tell(closed=True)
    operations, rejections = operations_of(store, home.tenant)
    findings = [f"{found.where}: {found.what}" for found in store.check()]
    left = sorted(path.name for path in (home.folder / "spool").glob("*"))
    store.close()
    tell(operations=operations, rejections=rejections, findings=findings, left=left)


def run_child(home: Home, kill: Kill, level: str) -> tuple[list[dict[str, Any]], int]:
    """Fork a child, kill it where it is to be killed; what it told, and how it ended."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            live(home, kill, level, lambda **told: _tell(writing, told))
            code = 0
        except BaseException:
            _tell(writing, {"raised": traceback.format_exc()})
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


def _tell(pipe: int, told: dict[str, Any]) -> None:
    os.write(pipe, json.dumps(told).encode() + b"\n")


# In the parent


class Record:
    """What one session has acknowledged so far, against what is found of it."""

    def __init__(self, twin: Twin, home: Home) -> None:
        self.twin = twin
        self.home = home
        #: Rows of the twin that are known to be on disk, and the last call that was begun.
        self.safe = 0
        self.begun = 0
        self.file = -1
        self.begun_file = -1
        self.losses: list[str] = []

    def take(self, told: list[dict[str, Any]]) -> None:
        """Check what a child told, in order."""
        for line in told:
            if "found" in line:
                self.check_found(line)
            elif "step" in line:
                self.check_step(line)
            elif "operations" in line:
                self.check_end(line)
            elif "closed" in line:
                self.safe = self.twin.seqs[-1]
            elif "raised" in line:
                self.lose(line["raised"])

    def check_found(self, line: dict[str, Any]) -> None:
        twin = self.twin
        place = twin.places.get(line["found"], 0 if line["found"] == "" else -1)
        if place < 0:
            self.lose(f"found a state that the twin never had: {line}")
        last = twin.seqs[self.begun]
        if not self.safe <= place <= last:
            self.lose(f"found row {place}, {self.safe} to {last} were expected: {line}")
        number = twin.files.get(line["file"], -1)
        if not self.file <= number <= self.begun_file or (line["file"] and number < 0):
            self.lose(f"the snapshot file is of call {number}, that of {self.file} was expected")
        self.begun = line["done"]
        self.note_begun()

    def check_step(self, line: dict[str, Any]) -> None:
        number = line["step"]
        expected = self.twin.answers[number]
        if line["prompt"] != expected.prompt:
            self.lose(f"call {number} gave another prompt than the twin's")
        if line["durable"]:
            self.safe = max(self.safe, self.twin.seqs[number])
        if line["snapshot"]:
            self.file = number
        self.begun = number + 1
        self.note_begun()

    def note_begun(self) -> None:
        if self.begun < len(self.twin.answers) and self.twin.answers[self.begun].snapshot:
            self.begun_file = self.begun

    def check_end(self, line: dict[str, Any]) -> None:
        twin = self.twin
        if line["operations"] != twin.operations:
            self.lose(f"the journal has {line['operations']}, the twin's {twin.operations}")
        if line["rejections"] != twin.rejections:
            self.lose(f"{line['rejections']} operations were refused, not {twin.rejections}")
        self.losses += [f"{self.home.tenant}: {finding}" for finding in line["findings"]]
        if line["left"]:
            self.lose(f"left in the spool: {line['left']}")

    def lose(self, what: str) -> None:
        self.losses.append(f"{self.home.tenant}: {what}")


def homes(url: str, folder: Path) -> Iterator[Home]:
    """A place of its own for each session: a file, or a tenant of the server's."""
    for number in itertools.count(1):
        place = folder / str(number)
        place.mkdir()
        yield Home(url or f"sqlite:///{place / 'agents.db'}", f"s{number}", place)


def main(url: str, folder: Path, how: str, target: int, seed: str) -> None:
    # The store is asked again at each commit, and a snapshot row comes after every few rows.
    delivery.BACKOFF_FIRST = 0.0
    view._FOLD_BYTES_MIN = 3_000
    (folder / "twin").mkdir()
    twin = play_twin(folder / "twin")
    rng = random.Random(seed)
    places = homes(url, folder)
    levels = itertools.cycle(LEVELS)
    record = Record(twin, next(places))
    kills = children_at_times(rng) if how == "times" else children_at_steps(rng)
    made = 0
    while True:
        # The last session is let come to its end.
        kill = next(kills) if made < target else Kill()
        told, code = run_child(record.home, kill, next(levels))
        record.take(told)
        if code == -signal.SIGKILL:
            made += 1
            print(json.dumps({"at": told[-1].get("at", "") if told else "", "kill": kill}))
        elif code != 0:
            record.lose(f"a child ended with {code} for {kill}")
        for loss in record.losses:
            print(json.dumps({"loss": loss}))
        if code == 0 or record.losses:
            print(json.dumps({"ended": record.home.tenant}))
            if made >= target:
                return
            record = Record(twin, next(places))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5])
