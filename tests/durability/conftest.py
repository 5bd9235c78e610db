"""What the proofs of durability run on, and their figures in the summary at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import races
from command import FORKING, environment
from postgres import Server
from store_harness import MemoryPlace, Place, PostgresPlace, SqlitePlace

from clawvm.stores import Store

FIGURES = pytest.StashKey[list[str]]()

PLACES: dict[str, type[Place]] = {"memory": MemoryPlace, "sqlite": SqlitePlace}


@pytest.fixture(scope="session")
def figure(pytestconfig: pytest.Config) -> Callable[[str], None]:
    """``figure(line)``: have a line printed at the end of the run."""
    return pytestconfig.stash.setdefault(FIGURES, []).append


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    lines = config.stash.get(FIGURES, [])
    if lines:
        terminalreporter.section("durability")
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture(params=[*PLACES, PostgresPlace.kind])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Where a store is kept, once for each kind."""
    if request.param == PostgresPlace.kind:
        server: Server = request.getfixturevalue("postgres_server")
        place: Place = PostgresPlace(server, tmp_path, monkeypatch)
    else:
        place = PLACES[request.param](tmp_path, monkeypatch)
    yield place
    place.close()


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


class Races:
    """The races of `test_two_writers`, on each store that there is, all at the same time."""

    def __init__(self) -> None:
        self.seconds = float(os.environ.get("CLAWVM_RACE_SECONDS", "60"))
        self.programs: dict[str, subprocess.Popen[str]] = {}
        self._ended: dict[str, dict[str, Any]] = {}

    def begin(self, store: str, url: str, folder: Path) -> None:
        command = [*FORKING, races.__file__, url, str(folder), str(self.seconds)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.programs[store] = subprocess.Popen(command, env=environment(), text=True, **pipes)

    def end(self, store: str) -> dict[str, Any]:
        """What came of one, once it has ended."""
        if store not in self._ended:
            program = self.programs[store]
            out, errors = program.communicate(timeout=self.seconds + 240)
            assert (program.returncode, errors) == (0, "")
            self._ended[store] = json.loads(out)
        return self._ended[store]


@pytest.fixture(scope="session", autouse=True)
def racing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Races]:
    """The races; they take a minute by the clock and are run beside the other tests of the folder.

    They are begun with the first of these, if the test that awaits them is to be run at all.
    """
    running = Races()
    awaited = any(item.path.name == "test_two_writers.py" for item in request.session.items)
    if awaited and sys.platform != "win32":
        folder = tmp_path_factory.mktemp("races")
        running.begin("SQLite", f"sqlite:///{folder / 'agents.db'}", folder)
        try:
            server: Server = request.getfixturevalue("postgres_server")
        except pytest.skip.Exception:
            pass  # there is none here, and the test that asks for it says so
        else:
            server.execute("CREATE SCHEMA races")
            url = server.url(options="-csearch_path=races")
            running.begin("PostgreSQL", url, tmp_path_factory.mktemp("races"))
    yield running
    for program in running.programs.values():
        if program.returncode is None:
            program.kill()
            program.communicate()
