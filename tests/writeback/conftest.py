"""Every test that takes `place`, `store` or `journal` runs against each kind of store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from journals import FailingStore, open_session
from store_harness import MemoryPlace, Place, PostgresPlace, SqlitePlace

from clawvm.stores import Store
from clawvm.stores.spool import Spool
from clawvm.writeback import Journal
from clawvm.writeback.delivery import Delivery

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


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def failing(store: Store) -> FailingStore:
    return FailingStore(store)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every commit try the store again, as if the back-off were always over."""
    drain = Delivery.drain
    monkeypatch.setattr(Delivery, "drain", lambda self, at_once=True: drain(self, True))
