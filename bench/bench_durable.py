"""What it costs to keep a session: saved turn by turn, and brought back, with the peers beside us.

A session of 1,000 messages, a question and an answer a turn, is saved after every turn: by ClawVM in
a store on SQLite at level ``commit``, by LangGraph's ``SqliteSaver`` as a checkpoint of the messages
so far (its format; LangChain message objects, as its graphs have them), by the OpenAI Agents SDK's
``SQLiteSession`` as two new items. All three end each turn with the commit on the disk (SQLite in
WAL mode, ``synchronous=FULL``, their own defaults). The same messages, one after the other in one
process, in one run.

Timed is what saves: ``Session.boundary("turn")``, ``SqliteSaver.put``, ``SQLiteSession.add_items``.
A turn of ours does more than that (pages, their cheaper forms, the prompt), and that is printed as
well. Bytes are those that the process handed to write calls, the final checkpoint of the database
included.

Bringing back: from a closed store to the messages of the whole session as objects.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

import pytest

from clawvm import PageType, Session
from clawvm.stores import open_store

TURNS = 500
BYTES_TIMES_LEAST = 10
TIME_TIMES_LEAST = 3
BUDGET = 10**9
DIRTY_PAGES = 10
PAGE_CHARS = 2_000
BARE_TIMES_MOST = 3

WORDS = (
    *("the figure of last week", "a table of bookings", "two rooms in the east wing", "once more"),
    *("as agreed with the customer", "before the end of the month", "and nothing else", "we found"),
    *("that the invoice", "was sent on", "to the address", "without a reply", "so far", "because"),
)

Message = dict[str, Any]


def text(source: random.Random, chars: int) -> str:
    """Return words, with numbers among them so that no two texts are equal."""
    parts: list[str] = []
    while sum(map(len, parts)) + len(parts) < chars:
        parts.append(source.choice(WORDS))
        if source.random() < 0.3:
            parts.append(str(source.randrange(100_000)))
    return " ".join(parts)[:chars]


@pytest.fixture(scope="module")
def turns() -> list[tuple[Message, Message]]:
    source = random.Random("bench_durable")
    return [
        (
            {"role": "user", "content": text(source, source.choice([80, 200, 600]))},
            {"role": "assistant", "content": text(source, source.choice([400, 1_500, 4_000]))},
        )
        for _ in range(TURNS)
    ]


def written_bytes() -> int:
    """What this process has handed to write calls so far."""
    try:
        lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    except OSError:
        pytest.skip("this system does not count written bytes (/proc/self/io)")
    return int(next(line.split()[1] for line in lines if line.startswith("wchar")))


class Cost:
    """Time and bytes of saving one session."""

    def __init__(self) -> None:
        self.save_us: list[float] = []
        self.turn_us: list[float] = []
        self.bytes = 0
        self.restore_ms = 0.0


def timed_us(call: Callable[[], object]) -> float:
    started = perf_counter_ns()
    call()
    return (perf_counter_ns() - started) / 1000


def best_ms(call: Callable[[], object], rounds: int = 7) -> float:
    return min(timed_us(call) for _ in range(rounds)) / 1000


def save_with_clawvm(turns: list[tuple[Message, Message]], folder: Path) -> Cost:
    cost = Cost()
    url = f"sqlite:///{folder / 'clawvm.db'}"
    before = written_bytes()
    session = Session("s", budget=BUDGET, counter="approximate", store=url)
    for question, reply in turns:
        started = perf_counter_ns()
        session.add(question)
        session.assemble()
        session.post_model(reply)
        cost.save_us.append(timed_us(lambda: session.boundary("turn")))
        cost.turn_us.append((perf_counter_ns() - started) / 1000)
    session.close()
    cost.bytes = written_bytes() - before
    flat = [message for turn in turns for message in turn]

    def restore() -> None:
        with_store = Session("s", budget=BUDGET, counter="approximate", store=store)
        messages = with_store.messages()
        with_store.release()
        assert len(messages) == len(flat)

    store = open_store(url)
    cost.restore_ms = best_ms(restore)
    again = Session("s", budget=BUDGET, counter="approximate", store=store)
    assert again.messages() == flat
    again.close()
    store.close()
    return cost


def save_with_langgraph(turns: list[tuple[Message, Message]], folder: Path) -> Cost:
    pytest.importorskip("langgraph.checkpoint.sqlite", reason="langgraph is not installed")
    from langchain_core.messages import AIMessage, HumanMessage
    from langgraph.checkpoint.base import empty_checkpoint
    from langgraph.checkpoint.sqlite import SqliteSaver

    cost = Cost()
    config: Any = {"configurable": {"thread_id": "s", "checkpoint_ns": ""}}
    before = written_bytes()
    connection = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
    saver = SqliteSaver(connection)
    saver.setup()
    messages: list[Any] = []
    for number, (question, reply) in enumerate(turns):
        messages += [HumanMessage(question["content"]), AIMessage(reply["content"])]
        checkpoint = empty_checkpoint()
        checkpoint["channel_values"] = {"messages": list(messages)}
        checkpoint["channel_versions"] = {"messages": number + 1}
        put = saver.put
        cost.save_us.append(
            timed_us(lambda: put(config, checkpoint, {"step": number}, {"messages": number + 1}))  # noqa: B023
        )
    connection.close()
    cost.bytes = written_bytes() - before

    def restore() -> None:
        fresh = sqlite3.connect(folder / "langgraph.db", check_same_thread=False)
        found = SqliteSaver(fresh).get_tuple(config)
        fresh.close()
        assert found is not None
        assert len(found.checkpoint["channel_values"]["messages"]) == len(messages)

    cost.restore_ms = best_ms(restore)
    return cost


def save_with_openai_agents(turns: list[tuple[Message, Message]], folder: Path) -> Cost:
    agents = pytest.importorskip("agents", reason="openai-agents is not installed")
    cost = Cost()
    path = folder / "agents.db"

    async def save() -> None:
        session = agents.SQLiteSession("s", path)
        for question, reply in turns:
            started = perf_counter_ns()
            await session.add_items([question, reply])
            cost.save_us.append((perf_counter_ns() - started) / 1000)
        session.close()

    async def restore() -> float:
        best = float("inf")
        for _ in range(7):
            session = agents.SQLiteSession("s", path)
            started = perf_counter_ns()
            items = await session.get_items()
            best = min(best, (perf_counter_ns() - started) / 1e6)
            session.close()
            assert len(items) == 2 * len(turns)
        return best

    before = written_bytes()
    asyncio.run(save())
    cost.bytes = written_bytes() - before
    cost.restore_ms = asyncio.run(restore())
    return cost


@pytest.fixture(scope="module")
def costs(
    turns: list[tuple[Message, Message]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Cost]]:
    folder = tmp_path_factory.mktemp("durable")
    found = {
        "clawvm": save_with_clawvm(turns, folder),
        "langgraph": save_with_langgraph(turns, folder),
        "openai-agents": save_with_openai_agents(turns, folder),
    }
    print(
        f"\n{2 * TURNS} messages, {sum(len(m['content']) for t in turns for m in t):,} characters"
    )
    for name, cost in found.items():
        print(
            f"{name:14} save {median(cost.save_us):8.0f} us a turn (sum {sum(cost.save_us) / 1e6:.2f} s), "
            f"{cost.bytes:12,} bytes, restore {cost.restore_ms:6.2f} ms"
        )
    print(f"clawvm, whole turns: {median(found['clawvm'].turn_us):.0f} us")
    yield found


def test_saving_writes_a_tenth_of_the_bytes_of_a_full_copy_each_turn(
    costs: dict[str, Cost],
) -> None:
    assert costs["clawvm"].bytes * BYTES_TIMES_LEAST <= costs["langgraph"].bytes


def test_saving_writes_less_than_a_row_for_each_message(costs: dict[str, Cost]) -> None:
    assert costs["clawvm"].bytes < costs["openai-agents"].bytes


def test_saving_takes_a_third_of_the_time_of_a_full_copy_each_turn(costs: dict[str, Cost]) -> None:
    ours, theirs = sum(costs["clawvm"].save_us), sum(costs["langgraph"].save_us)
    assert ours * TIME_TIMES_LEAST <= theirs


def test_saving_takes_less_time_than_a_row_for_each_message(costs: dict[str, Cost]) -> None:
    assert median(costs["clawvm"].save_us) < median(costs["openai-agents"].save_us)


@pytest.mark.parametrize("peer", ["langgraph", "openai-agents"])
def test_bringing_back_is_faster(costs: dict[str, Cost], peer: str) -> None:
    assert costs["clawvm"].restore_ms < costs[peer].restore_ms


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
