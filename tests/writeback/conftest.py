"""Every test that takes `place`, `store` or `journal` runs against each kind of store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from journals import open_session
from store_harness import MemoryPlace, Place, PostgresPlace, SqlitePlace

from clawvm.stores import Store
from clawvm.writeback.journal import Journal

PLACES: dict[str, type[Place]] = {"memory": MemoryPlace, "sqlite": SqlitePlace}


@pytest.fixture(params=[*PLACES, PostgresPlace.kind])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    if request.param == PostgresPlace.kind:
        server = request.getfixturevalue("postgres_server")
        place: Place = PostgresPlace(server, tmp_path, monkeypatch)
    else:
        place = PLACES[request.param](tmp_path, monkeypatch)
    yield place
    place.close()


@pytest.fixture
def store(place: Place) -> Store:
    return place.open()


@pytest.fixture
def journal(store: Store) -> Journal:
    return open_session(store)
