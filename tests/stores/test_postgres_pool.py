"""The pool of connections: refusals told at once, nothing lost to an interrupt, no thread left."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from postgres import NoServer, Server, running_server
from store_harness import PROJECT, PostgresPlace, fill

from clawvm.errors import StoreFailed
from clawvm.stores import open_store

psycopg = pytest.importorskip("psycopg")
psycopg_pool = pytest.importorskip("psycopg_pool")

if TYPE_CHECKING:
    from clawvm.stores.postgres_link import Connection, Link

#: Who waits for so long is told that the pool had nothing to give, and not why.
LONG = 60.0


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of the test's own, to be stopped."""
    try:
        with running_server() as server:
            yield server
    except NoServer as reason:
        pytest.skip(str(reason))


@pytest.fixture
def link(postgres: PostgresPlace) -> Iterator[Link]:
    """Connections of a role that may have one at a time."""
    from clawvm.stores.postgres_link import Link

    role = f"one_of_{postgres.schema}"
    postgres.execute(f"CREATE ROLE {role} LOGIN NOSUPERUSER CONNECTION LIMIT 1")
    link = Link(postgres.server.url(user=role), LONG)
    yield link
    link.close()


def statistic(link: Link, name: str) -> int:
    assert link.pool is not None
    return link.pool.get_stats().get(name, 0)


def process_id(connection: Connection) -> int:
    return connection.info.backend_pid


class Held:
    """The one connection of a link, in use until it is let go."""

    def __init__(self, link: Link, threads: ThreadPoolExecutor) -> None:
        self.taken = threading.Event()
        self.free = threading.Event()
        self.done = threads.submit(link.run, "hold", self.hold)
        assert self.taken.wait(60)

    def hold(self, connection: Connection) -> int:
        self.taken.set()
        assert self.free.wait(60)
        return process_id(connection)

    def let_go(self) -> int:
        self.free.set()
        return self.done.result(60)


def test_a_server_that_is_down_is_known_at_once_to_all_who_wait(server: Server) -> None:
    store = open_store(server.url(), timeout=LONG)
    fill(store, PROJECT, 1)
    server.stop()

    def load(_: int) -> BaseException | None:
        with pytest.raises(
            StoreFailed, match=r"Is the server running|terminat|closed the connection"
        ) as caught:
            store.load(PROJECT)
        return caught.value.__cause__

    with ThreadPoolExecutor(20) as threads:
        causes = list(threads.map(load, range(60)))
    assert not any(isinstance(cause, psycopg_pool.PoolTimeout) for cause in causes)
    assert all(isinstance(cause, psycopg.OperationalError) for cause in causes)
    server.start()
    assert store.load(PROJECT).last_seq == 1
    store.close()


def test_a_refusal_leaves_the_connections_that_there_are(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clawvm.stores.postgres_link import Pool

    refused = threading.Event()
    reconnect_failed = Pool.reconnect_failed

    def watched(pool: Pool) -> None:
        reconnect_failed(pool)
        refused.set()

    monkeypatch.setattr(Pool, "reconnect_failed", watched)
    with ThreadPoolExecutor(2) as threads:
        held = Held(link, threads)
        waiting = threads.submit(link.run, "ask", process_id)
        assert refused.wait(60)
        assert held.let_go() == waiting.result(60)
    assert link.run("ask again", process_id) == waiting.result()


def test_a_role_that_has_all_its_connections_elsewhere_is_told_so(link: Link) -> None:
    with psycopg.connect(link.conninfo), pytest.raises(StoreFailed, match="too many connections"):
        link.run("ask", process_id)
    assert link.run("ask again", process_id)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="threads cannot be interrupted")
def test_a_wait_that_is_interrupted_costs_no_connection(
    link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clawvm.stores.postgres_link.CONNECTIONS_MAX", 1)
    main = threading.main_thread().ident
    assert main is not None
    # A shell starts what it runs in the background with this signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def interrupt() -> None:
        while not statistic(link, "requests_waiting"):
            pass
        signal.pthread_kill(main, signal.SIGINT)

    with ThreadPoolExecutor(2) as threads:
        held = Held(link, threads)
        interrupting = threads.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            link.run("ask", process_id)
        interrupting.result(60)
        held.let_go()
    signal.signal(signal.SIGINT, before)
    assert link.run("ask again", process_id)


def test_closing_ends_the_threads_and_the_connections(postgres: PostgresPlace) -> None:
    before = set(threading.enumerate())
    store = postgres.open()
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: store.load(PROJECT), range(64)))
    assert set(threading.enumerate()) - before
    store.close()
    assert set(threading.enumerate()) <= before
    left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'clawvm'"
    while postgres.execute(left) != [(0,)]:  # the server's processes end in their own time
        pass
    with pytest.raises(StoreFailed, match="is closed"):
        store.load(PROJECT)


REFUSED = """
import sys
from clawvm.errors import StoreFailed
from clawvm.stores import open_store
try:
    open_store(sys.argv[1])
except StoreFailed:
    print("refused")
"""

LEFT_OPEN = """
import sys
from clawvm.pages import Scope
from clawvm.stores import Append, Durability, Space, open_store
store = open_store(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
store.append(Append(Space("acme", Scope.PROJECT, "p1"), 1, b"record"), Durability.DEFERRED)
"""


def client(code: str, *arguments: str, **named: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **named,
    )


def test_a_refusal_is_raised_and_not_written_to_the_terminal(postgres: PostgresPlace) -> None:
    postgres.parameters = {"host": str(postgres.folder)}
    said = client(REFUSED, postgres.url).communicate(timeout=60)
    assert said == ("refused\n", "")


def test_a_program_that_ends_writes_its_rows_though_its_connections_broke(
    postgres: PostgresPlace,
) -> None:
    program = client(LEFT_OPEN, postgres.url)
    assert program.stdout is not None
    assert program.stdout.readline() == "open\n"
    cut = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE application_name = 'clawvm'"
    )
    assert postgres.execute(cut) == [(True,)]
    said = program.communicate("go\n", timeout=60)
    assert (said, program.returncode) == (("", ""), 0)
    assert postgres.open().load(PROJECT).last_seq == 1
