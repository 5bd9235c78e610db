"""Processes that are killed while they write to a store; run as a program of its own.

Usage: ``kills.py URL FOLDER story|project steps|times KILLS SEED``. This process imports
everything and forks. Each child opens what the one before it was killed in, a session that lives
through a story or a project's log, says through a pipe what it finds and what it was told is on
disk, and goes on. Now and then one comes to the end; the store is checked then, and the next
session or project is begun.

One line of JSON a kill (``at``) is printed, one an end (``ended``), and one for everything that was
wrong (``loss``). Without a URL each session has a SQLite file of its own.
"""

from __future__ import annotations

import importlib
import itertools
import json
import random
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from journals import FailingStore
from killing import Kill, Tell, Told, at_random_times, at_steps, run_child
from operations import AUTHORITY, operation
from story import Player, Twin, digest_loaded, file_digest, loaded, operations_of, play_twin

from clawvm.pages import Scope
from clawvm.session.fsck import check_store
from clawvm.stores import Space, Store, open_store
from clawvm.stores.spool import Spool
from clawvm.writeback import Journal, OpKind, delivery, view
from clawvm.writeback.reading import read_rows

LEVELS = ("commit", "group", "deferred")
LINES = 20


class Home(NamedTuple):
    """Where one session or project lives."""

    url: str
    tenant: str
    folder: Path

    def left_in_spool(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "spool").glob("*"))


class Life(Protocol):
    """What is lived by one child after the other, and what is known of it in the parent."""

    losses: list[str]

    def live(self, tell: Tell) -> None:
        """Go on, in the child."""

    def take(self, told: Told) -> None:
        """Check what a child told, in the parent."""


def findings_of(store: Store, home: Home, *, killed: bool = False) -> list[str]:
    """What `clawvm fsck` has to say of the store, its sessions and its spool.

    Who was killed may leave the row that it was just writing to the spool; the next opening cuts
    it off.
    """
    found = check_store(store, spool=home.folder / "spool")
    return [
        f"{finding.where}: {finding.what}"
        for finding in found
        if not (killed and finding.what.endswith("bytes of a row that was never acknowledged"))
    ]


class Story:
    """A session that lives through the story."""

    levels = itertools.cycle(LEVELS)

    def __init__(self, home: Home, twin: Twin) -> None:
        self.home = home
        self.twin = twin
        #: Rows of the twin that are known to be on disk, and the last call that was begun.
        self.safe = 0
        self.begun = 0
        self.file = -1
        self.begun_file = -1
        self.losses: list[str] = []
        self.level = next(self.levels)

    def live(self, tell: Tell) -> None:
        home = self.home
        store = open_store(home.url)
        tell(findings=findings_of(store, home, killed=True))
        player = Player(FailingStore(store), home.tenant, home.folder, self.level)
        found = digest_loaded(loaded(store, home.tenant))
        file = file_digest(player.file) if player.file.exists() else ""
        tell(found=found, seq=player.session.journal.seq, done=player.done, file=file)
        for number in range(player.done, len(player.steps)):
            answer = player.play(number)
            tell(step=number, **answer._asdict())
        player.session.close()
        tell(closed=True)
        operations, rejections = operations_of(store, home.tenant)
        tell(operations=operations, rejections=rejections, left=home.left_in_spool())
        tell(findings=findings_of(store, home))
        store.close()

    def take(self, told: Told) -> None:
        self.level = next(self.levels)
        for line in told:
            if "found" in line:
                self.check_found(line)
            elif "step" in line:
                self.check_step(line)
            elif "operations" in line:
                self.check_end(line)
            elif line.get("findings"):
                self.lose(f"a check found {line['findings']}")
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
        if line["left"]:
            self.lose(f"left in the spool: {line['left']}")

    def lose(self, what: str) -> None:
        self.losses.append(f"{self.home.tenant}: {what}")


class ProjectLog:
    """A project's log, which two journals write at once: one through a store that fails."""

    def __init__(self, home: Home, number: int = 0) -> None:
        self.home = home
        self.number = number
        self.safe: list[str] = []
        self.begun: set[str] = set()
        self.losses: list[str] = []

    def live(self, tell: Tell) -> None:
        home = self.home
        space = Space(home.tenant, Scope.PROJECT, "log")
        store = open_store(home.url)
        tell(findings=findings_of(store, home, killed=True))
        failing = FailingStore(store)
        spool = Spool(home.folder / "spool")
        ours = Journal.open(cast(Store, failing), space, AUTHORITY, spool=spool)
        rival = Journal.open(store, space, AUTHORITY)
        tell(lines=lines_of(store, space))
        for number in range(LINES):
            failing.down = number % 5 in (2, 3)
            failing.answers_lost = number % 7 == 4
            for name, journal in (("ours", ours), ("rival", rival)):
                line = f"{self.number}.{number} {name}"
                tell(begun=line)
                change = operation(OpKind.APPEND, line, page_id="log", scope=Scope.PROJECT)
                journal.stage(change)
                journal.commit("turn")
                tell(safe=line)
            if number % 4 == 1:
                ours.save_snapshot()
        failing.down = failing.answers_lost = False
        ours.close()
        rival.close()
        tell(lines=lines_of(store, space), left=home.left_in_spool())
        tell(findings=findings_of(store, home))

    def take(self, told: Told) -> None:
        self.number += 1
        for line in told:
            if "begun" in line:
                self.begun.add(line["begun"])
            elif "safe" in line:
                self.safe.append(line["safe"])
            elif "raised" in line:
                self.losses.append(line["raised"])
            elif "lines" in line:
                self.check_lines(line)
            elif line.get("findings"):
                self.losses.append(f"{self.home.tenant}: a check found {line['findings']}")

    def check_lines(self, line: dict[str, Any]) -> None:
        found = Counter(line["lines"])
        missing = [each for each in self.safe if each not in found]
        twice = [each for each, times in found.items() if times > 1]
        unknown = found.keys() - self.begun
        left = line.get("left", [])
        if missing or twice or unknown or left:
            self.losses.append(
                f"{self.home.tenant}: lines {missing} are missing, {twice} there twice, {unknown} "
                f"there and never written; {left} left in the spool"
            )


def lines_of(store: Store, space: Space) -> list[str]:
    """The lines of the log by the journal's rows, which are what its head says."""
    entries = [entry for row in read_rows(store, space) for entry in row.transaction.committed]
    lines = [str(entry.operation.value) for entry in entries]
    reader = Journal.open(store, space, AUTHORITY)
    assert reader.head("log").value == ("\n".join(lines) if lines else None)
    reader.close()
    return lines


def homes(url: str, folder: Path) -> Iterator[Home]:
    """A place of its own for each session: a file, or a schema of the server's."""
    for number in itertools.count(1):
        place = folder / str(number)
        place.mkdir()
        address = f"sqlite:///{place / 'agents.db'}"
        if url:
            address = with_schema(url, f"{folder.name}-{number}")
        yield Home(address, f"t{number}", place)


def with_schema(url: str, schema: str) -> str:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE SCHEMA "{schema}"'.encode())
    return f"{url}&options=-csearch_path%3D%22{schema}%22"


def lives(url: str, folder: Path, kind: str) -> Iterator[Life]:
    if kind == "project":
        yield from map(ProjectLog, homes(url, folder))
    (folder / "twin").mkdir()
    twin = play_twin(folder / "twin")
    for home in homes(url, folder):
        yield Story(home, twin)


def main(url: str, folder: Path, kind: str, how: str, target: int, seed: str) -> None:
    # The store is asked again at each commit, and a snapshot row comes after every few rows.
    delivery.BACKOFF_FIRST = 0.0
    view._FOLD_BYTES_MIN = 3_000
    # Each child would import what opens its store once more.
    for name in ("postgres_append", "postgres_check", "postgres_migrate") if url else ("sqlite",):
        importlib.import_module(f"clawvm.stores.{name}")
    every = lives(url, folder, kind)
    life = next(every)
    rng = random.Random(seed)
    kills = at_random_times(rng) if how == "times" else at_steps(rng)
    made = 0
    missed: Kill | None = None
    while True:
        # The last one is let come to its end. A point that was not come to any more, or that only a
        # beginning has, is tried again at a beginning.
        kill = (missed or next(kills)) if made < target else Kill()
        told, code = run_child(life.live, kill)
        life.take(told)
        missed = kill if code == 0 and kill.point and missed is None else None
        if code == -signal.SIGKILL:
            made += 1
            print(json.dumps({"at": told[-1].get("at", "") if told else "", "kill": kill}))
        elif code != 0:
            life.losses.append(f"a child ended with {code} for {kill}")
        for loss in life.losses:
            print(json.dumps({"loss": loss}))
        if code == 0 or life.losses:
            print(json.dumps({"ended": kind}))
            if made >= target:
                return
            life = next(every)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5]), sys.argv[6])
