"""What it costs to keep a session: saved turn by turn, and brought back, with the peers beside us.

A session of 1,000 messages of an agent that reads files (questions, calls, results, answers) is
saved after every two of them: by ClawVM in a store on SQLite at level ``commit``; by LangGraph's
``SqliteSaver`` as a checkpoint of the messages so far, LangChain's message objects, as its graphs
have them; by the OpenAI Agents SDK's ``SQLiteSession`` as two new items. All three end with the
commit on the disk (SQLite in WAL mode, ``synchronous=FULL``, their own defaults). Turn about, in
one process, so that whatever else the machine does falls on all of them.

Timed is what saves: ``Session.boundary("turn")``, ``SqliteSaver.put``, ``SQLiteSession.add_items``.
A turn of ours does more than that (pages, their cheaper forms, the prompt), and that is printed as
well. Bytes are those that the process handed to write calls, the closing of the database included.

What is aimed at is to be faster than both peers, and within 3 times a bare transaction for ten
dirty pages. The bytes and LangGraph's time a turn are reached with much to spare; the others are
not, where a sync takes 0.15 ms: a commit of ours takes about 1.4 times what two plain rows take (it
validates, encodes and journals what they do not), ten dirty pages 2.8 to 3.4 times a bare
transaction, and bringing back takes less than LangGraph's and about 1.5 times as long as reading
rows. Of its time a third goes to reading the texts and decompressing them, a sixth to opening the
store, taking the lease on the disk and closing, as much to the objects of the pages, which are all
made although nobody has asked for them, and the rest to decoding and to the page table. Where a
sync takes 4 ms, all of them wait for the disk. The gates below hold what is reached, and leave room
for a machine with other work.

Bringing back: from a closed store to the messages of the whole session as objects; ours is then a
session that can go on, its lease taken and given back again on the disk.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import pytest

from clawvm import PageType, Session

MESSAGES = 1_000
RESTORES = 9
BYTES_TIMES_LEAST = 10
TIME_TIMES_LEAST = 3
BUDGET = 10**9
DIRTY_PAGES = 10
PAGE_CHARS = 2_000
BARE_TIMES_MOST = 5
# How many times a peer's time ours may be; see above for what is aimed at.
SAVE_TIMES_MOST = 2.5
RESTORE_TIMES_MOST = {"langgraph": 1.4, "openai-agents": 2.8}

WORDS = (
    *("the figure of last week", "a table of bookings", "two rooms in the east wing", "once more"),
    *("as agreed with the customer", "before the end of the month", "and nothing else", "we found"),
    *("that the invoice", "was sent on", "to the address", "without a reply", "so far", "because"),
)

Turn = list[dict[str, Any]]


def text(source: random.Random, chars: int) -> str:
    """Return words, with numbers among them so that no two texts are equal."""
    parts: list[str] = []
    while sum(map(len, parts)) + len(parts) < chars:
        parts.append(source.choice(WORDS))
        if source.random() < 0.3:
            parts.append(str(source.randrange(100_000)))
    return " ".join(parts)[:chars]


def code(source: random.Random, chars: int) -> str:
    """Return lines such as a file has that an agent reads."""
    lines: list[str] = []
    while sum(map(len, lines)) + len(lines) < chars:
        name, number = source.choice(WORDS).replace(" ", "_"), source.randrange(10_000)
        lines.append(f'    {name}_{number} = lookup("{name}", {number})  # {text(source, 30)}')
    return "\n".join(lines)[:chars]


def recorded() -> Iterator[Turn]:
    """Yield the turns of a session of an agent that reads files and answers."""
    source = random.Random("bench_durable")
    for number in range(MESSAGES // 4):
        call_id = f"call_{number}"
        arguments = json.dumps({"path": f"src/{text(source, 20).replace(' ', '_')}.py"})
        function = {"name": "read_file", "arguments": arguments}
        yield [
            {"role": "user", "content": text(source, source.choice([80, 200, 600]))},
            {
                "role": "assistant",
                "content": text(source, 120),
                "tool_calls": [{"id": call_id, "type": "function", "function": function}],
            },
        ]
        yield [
            {
                "role": "tool",
                "tool_call_id": call_id,
                "content": code(source, source.choice([600, 2_000, 4_000, 12_000])),
            },
            {"role": "assistant", "content": text(source, source.choice([200, 600, 1_500]))},
        ]


def written_bytes() -> int:
    """What this process has handed to write calls so far."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        pytest.skip("this system does not count written bytes (/proc/self/io)")
    return int(next(line.split()[1] for line in lines if line.startswith("wchar")))


class Cost:
    """Time and bytes of saving one session, and time of bringing it back."""

    def __init__(self) -> None:
        self.save_us: list[float] = []
        self.turn_us: list[float] = []
        self.restore_us: list[float] = []
        self.bytes = 0


def timed_us(call: Callable[[], object]) -> float:
    started = perf_counter_ns()
    call()
    return (perf_counter_ns() - started) / 1000


class Clawvm:
    """A session of ours in a store on SQLite."""

    name = "clawvm"

    def __init__(self, folder: Path) -> None:
        self.cost = Cost()
        self._url = f"sqlite:///{folder / 'clawvm.db'}"
        self._session = self._open(self._url)

    def _open(self, store: Any) -> Session:
        return Session("s", budget=BUDGET, counter="approximate", store=store)

    def save(self, turn: Turn) -> None:
        """Take a turn in, decide its prompt, and commit it."""
        session = self._session
        started = perf_counter_ns()
        session.extend(turn[:-1])
        session.assemble()
        session.post_model(turn[-1])
        self.cost.save_us.append(timed_us(lambda: session.boundary("turn")))
        self.cost.turn_us.append((perf_counter_ns() - started) / 1000)

    def close(self) -> None:
        """End the session; its last commit folds it into a snapshot."""
        self._session.close()

    def restore(self) -> int:
        """Bring the session back and return how many messages it has."""
        session = self._open(self._url)
        messages = session.messages()
        session.release()
        return len(messages)


class LangGraph:
    """A thread of LangGraph's: a checkpoint of the messages so far after each turn."""

    name = "langgraph"

    def __init__(self, folder: Path) -> None:
        pytest.importorskip("langgraph.checkpoint.sqlite", reason="langgraph is not installed")
        from langgraph.checkpoint.sqlite import SqliteSaver

        self.cost = Cost()
        self._make = SqliteSaver
        self._path = folder / "langgraph.db"
        self._config: Any = {"configurable": {"thread_id": "s", "checkpoint_ns": ""}}
        self._connection = sqlite3.connect(self._path, check_same_thread=False)
        self._saver = SqliteSaver(self._connection)
        self._saver.setup()
        self._messages: list[Any] = []
        self._version = 0

    def save(self, turn: Turn) -> None:
        """Put a checkpoint of everything so far."""
        from langchain_core.messages import convert_to_messages
        from langgraph.checkpoint.base import empty_checkpoint

        self._messages += convert_to_messages(turn)
        self._version += 1
        versions: Any = {"messages": self._version}
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"messages": list(self._messages)}
        checkpoint["channel_versions"] = versions
        metadata: Any = {"step": self._version}
        self.cost.save_us.append(
            timed_us(lambda: self._saver.put(self._config, checkpoint, metadata, versions))
        )

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def restore(self) -> int:
        """Read the newest checkpoint and return how many messages it has."""
        connection = sqlite3.connect(self._path, check_same_thread=False)
        found = self._make(connection).get_tuple(self._config)
        connection.close()
        assert found is not None
        return len(found.checkpoint["channel_values"]["messages"])


class OpenAIAgents:
    """A session of the OpenAI Agents SDK: a row for each message."""

    name = "openai-agents"

    def __init__(self, folder: Path) -> None:
        agents = pytest.importorskip("agents", reason="openai-agents is not installed")
        self.cost = Cost()
        self._make: Callable[[], Any] = lambda: agents.SQLiteSession("s", folder / "agents.db")
        self._session = self._make()
        self.loop = asyncio.new_event_loop()

    def save(self, turn: Turn) -> None:
        """Add the turn's messages."""
        add = self._session.add_items
        self.cost.save_us.append(timed_us(lambda: self.loop.run_until_complete(add(turn))))

    def close(self) -> None:
        """Close the database."""
        self._session.close()

    def restore(self) -> int:
        """Read the messages and return how many there are."""
        session = self._make()
        items = self.loop.run_until_complete(session.get_items())
        session.close()
        return len(items)


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    """Save the same session with all three, turn about, and bring each back, turn about."""
    folder = tmp_path_factory.mktemp("durable")
    turns = list(recorded())
    peers: list[Any] = [make(folder) for make in (Clawvm, LangGraph, OpenAIAgents)]
    for turn in turns:
        for peer in peers:
            before = written_bytes()
            peer.save(turn)
            peer.cost.bytes += written_bytes() - before
    for peer in peers:
        before = written_bytes()
        peer.close()
        peer.cost.bytes += written_bytes() - before
    count = sum(map(len, turns))
    for _ in range(RESTORES):
        for peer in peers:
            started = perf_counter_ns()
            assert peer.restore() == count
            peer.cost.restore_us.append((perf_counter_ns() - started) / 1000)
    peers[-1].loop.close()
    report(turns, peers)
    return {peer.name: peer.cost for peer in peers}


def report(turns: list[Turn], peers: list[Any]) -> None:
    """Print what all of it cost."""
    chars = sum(len(str(message)) for turn in turns for message in turn)
    print(f"\n{sum(map(len, turns))} messages in {len(turns)} turns, {chars:,} characters")
    for peer in peers:
        cost = peer.cost
        print(
            f"{peer.name:14} save {median(cost.save_us):6.0f} us a turn, {cost.bytes:12,} bytes; "
            f"restore {median(cost.restore_us) / 1000:6.2f} ms "
            f"(least {min(cost.restore_us) / 1000:.2f})"
        )
    whole = median(peers[0].cost.turn_us)
    print(f"a whole turn of clawvm, forms and prompt included: {whole:.0f} us")


def test_saving_writes_a_tenth_of_the_bytes_of_a_full_copy_each_turn(
    costs: dict[str, Cost],
) -> None:
    assert costs["clawvm"].bytes * BYTES_TIMES_LEAST <= costs["langgraph"].bytes


def test_saving_writes_less_than_a_row_for_each_message(costs: dict[str, Cost]) -> None:
    assert costs["clawvm"].bytes < costs["openai-agents"].bytes


def test_saving_takes_a_third_of_the_time_of_a_full_copy_each_turn(costs: dict[str, Cost]) -> None:
    ours, theirs = sum(costs["clawvm"].save_us), sum(costs["langgraph"].save_us)
    assert ours * TIME_TIMES_LEAST <= theirs


def test_what_saving_takes_beside_a_row_for_each_message(costs: dict[str, Cost]) -> None:
    ours, theirs = median(costs["clawvm"].save_us), median(costs["openai-agents"].save_us)
    assert ours <= theirs * SAVE_TIMES_MOST


@pytest.mark.parametrize("peer", RESTORE_TIMES_MOST)
def test_what_bringing_back_takes_beside_the_peers(costs: dict[str, Cost], peer: str) -> None:
    ours, theirs = min(costs["clawvm"].restore_us), min(costs[peer].restore_us)
    assert ours <= theirs * RESTORE_TIMES_MOST[peer]


def test_a_boundary_against_a_bare_transaction(tmp_path: Path) -> None:
    """Ten dirty pages of 2 KB at level ``commit``, against sqlite3 alone writing the same bytes."""
    source = random.Random("boundary")
    session = Session(
        "s",
        budget=BUDGET,
        counter="approximate",
        store=f"sqlite:///{tmp_path / 'clawvm.db'}",
    )
    bare = sqlite3.connect(tmp_path / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE pages (id INTEGER PRIMARY KEY, text TEXT)")
    ours, theirs = [], []
    for _ in range(60):
        texts = [text(source, PAGE_CHARS) for _ in range(DIRTY_PAGES)]
        for number, one in enumerate(texts):
            session.put(f"p{number}", PageType.EVIDENCE, one)
        session.assemble()
        ours.append(timed_us(lambda: session.boundary("turn")))

        def write(texts: list[str] = texts) -> None:
            bare.execute("BEGIN IMMEDIATE")
            bare.executemany("INSERT INTO pages (text) VALUES (?)", [(one,) for one in texts])
            bare.execute("COMMIT")

        theirs.append(timed_us(write))
    session.close()
    bare.close()
    ratio = median(ours) / median(theirs)
    print(
        f"\n{DIRTY_PAGES} dirty pages of {PAGE_CHARS} characters: boundary {median(ours):.0f} us, "
        f"bare transaction {median(theirs):.0f} us: {ratio:.2f} times"
    )
    assert ratio <= BARE_TIMES_MOST
