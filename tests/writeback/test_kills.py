"""Real processes, really killed: what was acknowledged is there, and nothing is there by half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from journal_child import text
from journals import open_project, open_session
from store_harness import SqlitePlace

from clawvm.stores.spool import Spool

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")

SUPPORT = Path(__file__).parents[1] / "support"
POINTS = (
    "writeback.stage",
    "writeback.validated",
    "writeback.encoded",
    "writeback.appended",
    "writeback.snapshot",
    "spool.write",
    "spool.synced",
    "spool.drained",
    "spool.removed",
    "store.row",
    "store.committed",
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SqlitePlace:
    return SqlitePlace(tmp_path, monkeypatch)


def run(place: SqlitePlace, scope: str, point: str, occurrence: int) -> tuple[int, list[int], bool]:
    """Exit status, what was acknowledged, and whether it came to its end."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import sys; sys.path.insert(0, {str(SUPPORT)!r})\n"
            "import journal_child; journal_child.main(*sys.argv[1:])",
            place.url,
            str(place.folder / "spool"),
            scope,
            point,
            str(occurrence),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    acknowledged = [int(word[1]) for word in words if word[0] == "acknowledged"]
    return done.returncode, acknowledged, ["closed"] in words


@pytest.mark.parametrize("scope", ["session", "project"])
@pytest.mark.parametrize("point", POINTS)
def test_a_killed_process_has_lost_nothing_that_it_acknowledged(
    place: SqlitePlace, point: str, scope: str
) -> None:
    acknowledged: list[int] = []
    killed = 0
    for occurrence in (1, 2, 4, 7):
        status, told, closed = run(place, scope, point, occurrence)
        assert closed == (status == 0)
        killed += status != 0
        acknowledged += told
        store = place.open()
        spool = Spool(place.folder / "spool")
        journal = open_project(store, spool) if scope == "project" else open_session(store, spool)
        found = str(journal.head("log").value or "").split()
        assert found == [f"{number}" for number in range(len(found))]
        assert acknowledged == list(range(len(acknowledged)))
        # What was under way when it was killed may be there too, whole.
        assert len(acknowledged) <= len(found) <= len(acknowledged) + 1
        acknowledged = [int(number) for number in found]
        for number in acknowledged:
            assert journal.head(f"page-{number}").value == text(number)
        if scope == "session" and found:
            state = journal.take_state()
            assert state is not None
            assert state.scalars == {"number": acknowledged[-1]}
        assert journal.waiting == 0
        assert spool.refused() == []
        journal.close()
        assert store.check() == []
        store.close()
    assert killed > 0
