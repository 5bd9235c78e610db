"""What the proofs of durability run on, and their figures in the summary at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
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
