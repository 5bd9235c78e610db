"""A story: what a harness does to one durable session, call by call, so that it can go on anywhere.

The harness of the story notes in `Session.notes` how far it is; a process that finds the session
again goes on there. A twin that was never interrupted tells what each of its commits must hold.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from chat_histories import openai_asks, openai_call, openai_result, says, user
from journals import FailingStore

from clawvm import PageType, Session
from clawvm.pages import Scope
from clawvm.snapshot import Kind, StateDelta, apply, encode
from clawvm.stores import Space, Store, open_store
from clawvm.writeback import Committed, Principal, PrincipalKind
from clawvm.writeback.heads import Heads
from clawvm.writeback.reading import Loaded, load, read_rows

ROUNDS = 5
BUDGET = 1_400
NAME = "agent"  # it stands in handles, and so in what is compared
MODEL = Principal("model", PrincipalKind.MODEL)
BOUNDARIES = ("turn", "idle", "compaction", "model-switch", "turn")


class Step(NamedTuple):
    """One call."""

    name: str
    arguments: tuple[Any, ...] = ()


def count(text: str) -> int:
    return (len(text) + 3) // 4


def text(topic: str, lines: int) -> str:
    return "\n".join(f"{topic}: note {n} says {n * 37 % 101} and it holds." for n in range(lines))


def the_story() -> list[Step]:
    """Every kind of call and of boundary, the store failing in between."""
    return [
        Step("put", ("rules", PageType.BOOTSTRAP, text("rules", 3))),
        Step("put", ("no-mail", PageType.CONSTRAINT, "Never send a mail.")),
        Step("stage", ("log", "text", "append", "started", "rules")),
        *(step for number in range(ROUNDS) for step in _round(number)),
        Step("boundary", ("turn",)),
        Step("snapshot"),
        Step("wait"),
    ]


def _round(number: int) -> Iterator[Step]:
    yield Step("add", (user(f"question {number}"),))
    yield Step("assemble")
    call = openai_call(f"c{number}", "read", json.dumps({"path": f"src/{number % 3}.py"}))
    yield Step("post_model", (openai_asks(call),))
    # Every third result is equal to an earlier one: its text is stored once.
    yield Step("add", (openai_result(f"c{number}", text(f"file {number % 3}", 24)),))
    yield Step("boundary", ("turn",))
    if number == 1:
        yield Step("down", (True,))
    if number == 2:
        yield Step("answers_lost", (True,))
    yield Step("assemble")
    yield Step("post_model", (says(f"answer {number}"),))
    yield Step("stage", ("log", "text", "append", f"line {number}", f"tool:c{number}"))
    yield Step("stage", ("status", "done", "merge", {f"round {number}": True}, "rules"))
    yield Step("stage", ("rules", "text", "set", "", "rules"))  # refused: not its version
    yield Step("boundary", (BOUNDARIES[number % len(BOUNDARIES)],))
    yield Step("put", (f"plan{number // 4}", PageType.PLAN, text(f"plan {number}", 20)))
    yield Step("boundary", ("turn",))
    if number == 2:
        yield Step("answers_lost", (False,))
        yield Step("down", (False,))
        yield Step("boundary", ("turn",))
    if number % 2:
        yield Step("snapshot")
    if number == 3:
        yield Step("boundary", ("reset",))
        yield Step("boundary", ("turn",))
    yield Step("wait")


class Answer(NamedTuple):
    """What a call told."""

    durable: bool = False
    """Whether everything that was committed up to here was said to be on disk."""
    prompt: str | None = None
    """Digest of a prompt."""
    snapshot: bool = False
    """Whether the snapshot file was said to be written."""


class Player:
    """Plays the story on a session.

    Parameters
    ----------
    store : FailingStore
        Where the session is; the story has it fail.
    tenant : str
        Whose session it is.
    folder : Path
        Where the snapshot file and the spool are.
    durability : str
        Level of every commit; at ``group`` each boundary is waited for, at ``deferred`` only where
        the story says so.
    """

    def __init__(self, store: FailingStore, tenant: str, folder: Path, durability: str) -> None:
        self.store = store
        self.steps = the_story()
        self.waits = durability == "group"
        self.file = folder / "session.clawvm"
        self.session = Session(
            NAME,
            budget=BUDGET,
            counter=count,
            store=cast(Store, store),
            tenant=tenant,
            durability=durability,
            spool=folder / "spool",
        )
        self.done: int = self.session.notes.get("done", 0)
        for step in self.steps[: self.done]:
            if step.name in ("down", "answers_lost"):
                setattr(store, step.name, *step.arguments)

    def play(self, number: int) -> Answer:
        """Make one call and note that it was made."""
        step, session = self.steps[number], self.session
        answer = Answer()
        if step.name == "boundary":
            if step.arguments[0] != "reset":
                session.notes["done"] = number + 1
            report = session.boundary(*step.arguments)
            if self.waits:
                session.wait()
            answer = Answer(durable=self.waits or report.outcome in ("committed", "spooled"))
        elif step.name == "assemble":
            prompt = session.assemble()
            shown = json.dumps([prompt.messages, prompt.system, prompt.tokens], sort_keys=True)
            answer = Answer(prompt=_hash(shown + repr(prompt.plan)))
        elif step.name == "wait":
            session.wait()
            answer = Answer(durable=True)
        elif step.name == "snapshot":
            session.notes["done"] = number + 1
            session.snapshot(self.file)
            answer = Answer(snapshot=True)
        elif step.name == "stage":
            self._stage(*step.arguments)
        elif step.name in ("down", "answers_lost"):
            setattr(self.store, step.name, *step.arguments)
        else:
            getattr(session, step.name)(*step.arguments)
        session.notes["done"] = number + 1
        return answer

    def _stage(self, page_id: str, field_name: str, op: str, value: Any, evidence: str) -> None:
        # A set that names no version replaces nothing: it is refused where something is there.
        self.session.stage(page_id, field_name, op, value, evidence=evidence, principal=MODEL)


@dataclass
class Twin:
    """What the uninterrupted session was at each of its commits, and said at each call."""

    #: After each call, the closing included, how many rows the journal had; what each call told.
    seqs: list[int] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    #: By digest of the state, the last row of the journal after which it was that.
    places: dict[str, int] = field(default_factory=dict)
    #: By digest of a snapshot file's state, the last call that wrote it.
    files: dict[str, int] = field(default_factory=dict)
    operations: list[str] = field(default_factory=list)
    rejections: int = 0


def play_twin(folder: Path) -> Twin:
    """Play the whole story at once, on a store in memory."""
    twin = Twin()
    store = open_store("memory:")
    player = Player(FailingStore(store), "twin", folder, "commit")
    # The twin's store never fails: what is spooled is the same row a little later.
    for number, step in enumerate(player.steps):
        if step.name in ("down", "answers_lost"):
            player.session.notes["done"] = number + 1
            twin.answers.append(Answer())
        else:
            twin.answers.append(player.play(number))
        twin.seqs.append(player.session.journal.seq)
        if step.name == "snapshot":
            twin.files[file_digest(player.file)] = number
    player.session.close()
    space = space_of("twin")
    state, heads = None, Heads()
    for row in read_rows(store, space):
        transaction = row.transaction
        heads.fold(transaction.committed, str(space))
        if row.delta is not None:
            state = row.delta if state is None else apply(state, row.delta)
        twin.places[digest(state, heads)] = transaction.seq
        twin.operations += map(_told, transaction.committed)
        twin.rejections += len(transaction.rejected)
    twin.seqs.append(max(twin.places.values()))
    return twin


def digest_loaded(loaded: Loaded) -> str:
    """Digest of what a store has of a session; empty when it has nothing."""
    return "" if loaded.state is None else digest(loaded.state, loaded.heads)


def digest(state: StateDelta | None, heads: Heads | None) -> str:
    """Digest of everything that an interrupted session and its twin must have in common."""
    assert state is not None
    # How often a session was recovered, and by what it ended last, is the interruption itself.
    session = {**state.scalars["session"], "boundaries": {}, "last": None}
    same = replace(state, scalars={**state.scalars, "session": session})
    fields = {} if heads is None else heads.fields
    shown = repr(sorted((key, tuple(head)) for key, head in fields.items()))
    return _hash(shown + encode(Kind.SNAPSHOT, same).digest.hex())


def file_digest(path: Path) -> str:
    from clawvm import snapshot

    return digest(snapshot.load(path).delta, None)


def operations_of(store: Store, tenant: str) -> tuple[list[str], int]:
    """Every operation that was committed, in order, and how many were refused."""
    rows = list(read_rows(store, space_of(tenant)))
    told = [_told(entry) for row in rows for entry in row.transaction.committed]
    return told, sum(len(row.transaction.rejected) for row in rows)


def loaded(store: Store, tenant: str) -> Loaded:
    return load(store, space_of(tenant))


def space_of(tenant: str) -> Space:
    return Space(tenant, Scope.SESSION, NAME)


def _told(entry: Committed) -> str:
    operation = entry.operation
    what = (operation.page_id, operation.field, operation.op, entry.before, entry.version)
    return f"{what} {_hash(repr(operation.value))}"


def _hash(shown: str) -> str:
    return hashlib.blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
