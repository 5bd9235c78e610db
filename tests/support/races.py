"""Processes that race for one session and on one project; run as a program of its own.

Usage: ``races.py URL FOLDER SECONDS``. This process imports everything and forks. Some children
race for a session, which each holds for a moment and some keep for too long, so that others take
it over; the others write to one project at once. Each notes what it was told of every operation.
Then all of it is compared with what the journals hold, and one object of JSON is printed: how many
operations ended in which way, and what was wrong (``problems``).
"""

from __future__ import annotations

import json
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from operations import AUTHORITY, operation
from story import count

from clawvm import PageType, Session
from clawvm.errors import JournalConflict, LeaseHeld, LeaseLost
from clawvm.pages import Scope
from clawvm.session import durable
from clawvm.session.fsck import check_store
from clawvm.stores import Space, Store, open_store
from clawvm.stores.spool import Spool
from clawvm.writeback import Journal, OpKind
from clawvm.writeback.reading import decode_append, read_rows

RACERS = 3
LEASE_SECONDS = 0.4
TENANT = "acme"
SESSION = Space(TENANT, Scope.SESSION, "shared")
PROJECT = Space(TENANT, Scope.PROJECT, "shared")


class Track(NamedTuple):
    """Where one race is run, and until when (`time.monotonic`)."""

    url: str
    folder: Path
    until: float

    @property
    def spool(self) -> Path:
        return self.folder / "spool"


class Racer:
    """One process's part in a race: names its operations and notes what it is told of them."""

    def __init__(self, track: Track, name: str) -> None:
        self.track = track
        self.name = name
        self.random = random.Random(name)
        self.number = 0
        self.told: dict[str, str] = {}
        self.also: Counter[str] = Counter()

    def running(self) -> bool:
        self.pause(0.1)
        return time.monotonic() < self.track.until

    def pause(self, most: float) -> None:
        time.sleep(self.random.uniform(0, most))

    def next(self, what: str) -> str:
        self.number += 1
        return f"{self.name}.{self.number} {what}"

    def take(self, receipt: Any, spooled: bool) -> None:
        """Note how the operations of a commit ended."""
        for entry in receipt.committed:
            self.told[_mark(entry.operation)] = "spooled" if spooled else "committed"
        for refused in receipt.rejected:
            self.told[_mark(refused.operation)] = "rejected"


def _mark(op: Any) -> str:
    """The name that an operation of the race carries in its value."""
    return next(iter(op.value)) if isinstance(op.value, dict) else str(op.value)


def race_for_session(racer: Racer) -> None:
    """Open the session whenever it is free, write a little, sometimes keep it for too long."""
    store = open_store(racer.track.url)
    while racer.running():
        try:
            session = Session(
                "shared",
                budget=10_000,
                counter=count,
                store=store,
                tenant=TENANT,
                spool=racer.track.spool,
            )
        except LeaseHeld:
            racer.also["held"] += 1
            continue
        if not session.pages():
            session.put("rules", PageType.BOOTSTRAP, "Be brief.")
        marks: list[str] = []
        try:
            for _ in range(racer.random.randint(1, 8)):
                marks = write_to_session(racer, session)
                settle(racer, session, marks, session.boundary("turn").outcome)
            session.close()
        except LeaseLost:
            # Unless they were told of already: nothing of this commit is in the journal.
            racer.told.update((mark, "lost") for mark in marks if mark not in racer.told)
            racer.also["taken over"] += 1
            session.close(discard=True)
    store.close()


def write_to_session(racer: Racer, session: Session) -> list[str]:
    line, owner, unseen = racer.next("line"), racer.next("owner"), racer.next("unseen")
    head = session.journal.head("page", "owner")
    if racer.random.random() < 0.06:
        time.sleep(2 * LEASE_SECONDS)
    session.stage("page", "lines", "append", line, evidence="rules")
    session.stage(
        "page", "owner", "set", owner, evidence="rules", expected_version=head.version or None
    )
    # What says that it is the first, and is not, is refused.
    session.stage("page", "owner", "set", unseen, evidence="rules", expected_version=0)
    return [line, owner, unseen]


def settle(racer: Racer, session: Session, marks: list[str], outcome: str) -> None:
    """Note what a boundary told of the operations that were staged before it."""
    refused = {_mark(rejection.operation) for rejection in session.rejected()}
    told = "spooled" if outcome == "spooled" else "committed"
    racer.told.update((mark, "rejected" if mark in refused else told) for mark in marks)


def race_on_project(racer: Racer) -> None:
    """Append, merge and set on one page, with the version that was seen last."""
    store = open_store(racer.track.url)
    journal: Journal | None = None
    while racer.running():
        if journal is None:
            spool = Spool(racer.track.spool)
            journal = Journal.open(store, PROJECT, AUTHORITY, spool=spool)
        for change in changes_of_project(racer, journal):
            journal.stage(change)
        try:
            receipt = journal.commit("turn")
        except JournalConflict:
            racer.also["conflict"] += 1  # all of it is still staged, and goes with the next one
            continue
        racer.take(receipt, receipt.spooled)
        if racer.random.random() < 0.1:
            journal.save_snapshot()
        if racer.random.random() < 0.1:
            journal.close()
            journal = None
    if journal is not None:
        racer.take(journal.commit("turn"), spooled=False)
        journal.close()
    store.close()


def changes_of_project(racer: Racer, journal: Journal) -> Iterator[Any]:
    seen = journal.head("page", "owner").version
    given = {"scope": Scope.PROJECT}
    line, entry, owner = racer.next("line"), racer.next("entry"), racer.next("owner")
    yield operation(OpKind.APPEND, line, field="lines", **given)
    yield operation(
        OpKind.MERGE, {entry: True}, field=f"by {racer.name}".replace(" ", "-"), **given
    )
    yield operation(OpKind.SET, owner, field="owner", expected_version=seen or None, **given)


# Afterwards


def compare(store: Store, space: Space, spool: Path, racers: list[dict[str, Any]]) -> list[str]:
    """Everything that the journal says otherwise than the racers were told."""
    rows = list(read_rows(store, space))
    transactions = [row.transaction for row in rows]
    ours = [entry for each in transactions for entry in each.committed if _is_ours(entry.operation)]
    committed = Counter(_mark(entry.operation) for entry in ours)
    rejected = Counter(
        _mark(refused.operation) for each in transactions for refused in each.rejected
    )
    aside = Counter(_mark(entry.operation) for entry in _set_aside(spool, space))
    told = {mark: how for racer in racers for mark, how in racer["told"].items()}
    problems = []
    if [each.seq for each in transactions] != list(range(1, len(rows) + 1)):
        problems.append(f"{space}: the rows are not numbered from 1 on")
    for mark in told.keys() | committed.keys() | rejected.keys():
        found = (committed[mark], rejected[mark], aside[mark])
        expected = {
            "committed": [(1, 0, 0)],
            "rejected": [(0, 1, 0)],
            "lost": [(0, 0, 0), (0, 0, 1)],
            # On this machine's disk; where others were first it was decided anew, or set aside.
            "spooled": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
        }
        how = told.get(mark, "never told")
        if found not in expected.get(how, []):
            problems.append(f"{space}: {mark!r} was {how}, found {found} times")
    lines = [e.operation.value for e in ours if e.operation.field == "lines"]
    versions = [(e.before, e.version) for e in ours if e.operation.field == "owner"]
    if [version for _, version in versions] != list(range(1, len(versions) + 1)):
        problems.append(f"{space}: versions {versions} do not follow each other")
    with_lines = Journal.open(store, space, AUTHORITY) if space.scope is Scope.PROJECT else None
    if with_lines is not None:
        if with_lines.head("page", "lines").value != "\n".join(map(str, lines)):
            problems.append(f"{space}: the lines are not those that were committed")
        with_lines.close()
    return problems


def _is_ours(op: Any) -> bool:
    return op.page_id == "page"


def _set_aside(spool: Path, space: Space) -> Iterator[Any]:
    """Operations in rows that the store never took, as another holder had the session."""
    everything = Spool(spool)
    for path in everything.paths(refused=True):
        owner, rows, _ = everything.read(path)
        for row in rows if owner == space else []:
            yield from (
                e for e in decode_append(row).transaction.committed if _is_ours(e.operation)
            )


def run(track: Track, race: Callable[[Racer], None], name: str) -> int:
    """Fork a racer, who leaves what it was told in a file."""
    child = os.fork()
    if child:
        return child
    code = 1
    racer = Racer(track, name)
    try:
        race(racer)
        code = 0
    except BaseException:
        racer.also[traceback.format_exc()] += 1
    finally:
        told = json.dumps({"told": racer.told, "also": racer.also})
        (track.folder / f"{name}.json").write_text(told)
        os._exit(code)


def main(url: str, folder: Path, seconds: float) -> None:
    durable.LEASE_SECONDS = LEASE_SECONDS
    open_store(url).close()
    track = Track(url, folder, time.monotonic() + seconds)
    races = {SESSION: race_for_session, PROJECT: race_on_project}
    names = {space: [f"{space.scope}{n}" for n in range(RACERS)] for space in races}
    children = [run(track, races[space], name) for space in races for name in names[space]]
    problems = []
    for child in children:
        _, status = os.waitpid(child, 0)
        if code := os.waitstatus_to_exitcode(status):
            problems.append(f"a racer ended with {code}")
    store = open_store(url)
    outcomes: Counter[str] = Counter()
    for space in races:
        racers = [json.loads((folder / f"{name}.json").read_text()) for name in names[space]]
        problems += compare(store, space, track.spool, racers)
        for racer in racers:
            outcomes.update(racer["told"].values())
            outcomes.update(racer["also"])
    # What was set aside is a finding, and is counted above.
    for finding in check_store(store, spool=track.spool):
        if not finding.where.endswith(".refused"):
            problems.append(f"{finding.where}: {finding.what}")
    store.close()
    print(json.dumps({"outcomes": outcomes, "problems": problems}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
