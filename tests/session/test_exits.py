"""The end of the process as a boundary: real processes that end, or are ended by a signal."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import pytest
from session_driver import count

import clawvm
from clawvm import BoundaryKind, PageType, Session

HEAD = """
import os, signal, sys
import clawvm
from clawvm import PageType, Session, commit_on_signals

def count(text):
    return (len(text) + 3) // 4

session = Session("s", budget=1_000, counter=count, store=sys.argv[1])
session.put("plan", PageType.PLAN, "step one")
"""


def run(tmp_path: Path, program: str) -> subprocess.CompletedProcess[str]:
    """Run a program that begins with a session which has a page to be saved."""
    root = str(Path(clawvm.__file__).parents[1])
    return subprocess.run(
        [sys.executable, "-c", HEAD + program, url(tmp_path)],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'agents.db'}"


def saved(tmp_path: Path) -> Session:
    return Session("s", budget=1_000, counter=count, store=url(tmp_path))


def test_a_session_that_is_open_at_the_end_is_committed(tmp_path):
    assert run(tmp_path, "").returncode == 0
    with saved(tmp_path) as session:
        assert session.page("plan").texts == ("step one",)
        assert session.coverage.counts[BoundaryKind.EXIT] == 1
        assert session.coverage.counts[BoundaryKind.RECOVERY] == 0


def test_a_session_of_a_program_that_failed_is_committed(tmp_path):
    done = run(tmp_path, "raise RuntimeError('oops')")
    assert done.returncode == 1
    with saved(tmp_path) as session:
        assert session.page("plan").texts == ("step one",)


@pytest.mark.skipif(os.name == "nt", reason="signals end a process of Windows at once")
def test_a_signal_commits_and_then_ends_the_process_as_before(tmp_path):
    done = run(
        tmp_path, "commit_on_signals()\nos.kill(os.getpid(), signal.SIGTERM)\nprint('alive')"
    )
    assert (done.returncode, done.stdout) == (-signal.SIGTERM, "")
    with saved(tmp_path) as session:
        assert session.page("plan").texts == ("step one",)
        assert session.coverage.counts[BoundaryKind.EXIT] == 1


@pytest.mark.skipif(os.name == "nt", reason="signals end a process of Windows at once")
def test_a_handler_that_was_there_before_is_called_after(tmp_path):
    done = run(
        tmp_path,
        """
signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(f"handled, {session.closed}"))
commit_on_signals()
os.kill(os.getpid(), signal.SIGTERM)
""",
    )
    assert (done.returncode, done.stderr) == (1, "handled, True\n")


@pytest.mark.skipif(os.name == "nt", reason="signals end a process of Windows at once")
def test_a_signal_within_an_operation_waits_for_its_end(tmp_path):
    done = run(
        tmp_path,
        """
commit_on_signals()

def slow(text):
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(100_000):
        pass
    return count(text)

session._ladders.counts.count = slow
session.put("more", PageType.PLAN, "step two")
import time
time.sleep(5)
""",
    )
    assert done.returncode == -signal.SIGTERM
    with saved(tmp_path) as session:
        assert {page.id for page in session.pages()} == {"plan", "more"}


def test_a_session_that_cannot_be_saved_at_the_end_is_told_of(tmp_path):
    done = run(
        tmp_path,
        """
session._durable.store.release(session._durable._lease)
other = Session("s", budget=1_000, counter=count, store=sys.argv[1])
other.close()
""",
    )
    assert "clawvm: session 's' was not saved: " in done.stderr


def test_closing_leaves_nothing_to_do_at_the_end(tmp_path):
    run(tmp_path, "session.close()")
    with saved(tmp_path) as session:
        assert session.coverage.counts[BoundaryKind.EXIT] == 0
        assert session.coverage.counts[BoundaryKind.END] == 1


def test_a_session_is_not_kept_alive_by_being_watched(tmp_path):
    session = saved(tmp_path)
    session.put("plan", PageType.PLAN, "step one")
    session.close()
    watched = weakref.ref(session)
    del session
    gc.collect()
    assert watched() is None
