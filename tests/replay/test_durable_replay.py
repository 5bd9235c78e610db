"""Replays that are kept in a store: cut off anywhere and run again, they decide the same."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from killing import Kill, Tell, run_child
from store_harness import PostgresPlace

from clawvm.errors import TraceInvalid
from clawvm.replay.demo import demo_records
from clawvm.replay.runner import Recording, replay
from clawvm.replay.trace import Event, Header, Trace
from clawvm.tokens import ApproximateCounter

POLICIES = ("clawvm", "paper", "lru", "full")
BUDGET = 8_000
SIGKILLED = -9

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")


@pytest.fixture(scope="module")
def recording() -> Recording:
    header, *events = demo_records()
    trace = Trace(msgspec.convert(header, Header), msgspec.convert(events, list[Event]))
    return Recording.of(trace.header.session, trace)


@pytest.fixture(scope="module")
def expected(recording: Recording) -> dict[str, dict[str, Any]]:
    return {policy: run(recording, policy) for policy in POLICIES}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'replays.db'}"


def run(recording: Recording, policy: str, store: str | None = None) -> dict[str, Any]:
    """Replay and return every figure but the times."""
    result = replay(recording, policy, BUDGET, ApproximateCounter(), store=store)
    figures: dict[str, Any] = msgspec.json.decode(result.to_json())
    del figures["timing"]
    return figures


@pytest.mark.parametrize("policy", POLICIES)
def test_a_store_changes_no_figure(recording, expected, url, policy):
    assert run(recording, policy, url) == expected[policy]


@pytest.mark.parametrize("policy", POLICIES)
def test_a_replay_that_is_done_says_the_same_again(recording, expected, url, policy):
    run(recording, policy, url)
    assert run(recording, policy, url) == expected[policy]


def kills(seed: int) -> Iterator[Kill]:
    rng = random.Random(seed)
    while True:
        yield Kill(nth=rng.randint(5, 120))


def killed_and_resumed(recording: Recording, policy: str, store: str) -> int:
    """Run a replay in processes that are killed, until one of them gets to the end."""

    def live(tell: Tell) -> None:
        run(recording, policy, store)

    for count, kill in enumerate(kills(len(policy))):
        told, code = run_child(live, kill)
        assert code in (0, SIGKILLED), told
        if code == 0:
            return count
    raise AssertionError


@needs_fork
@pytest.mark.parametrize("policy", POLICIES)
def test_a_replay_that_is_killed_again_and_again_decides_the_same(recording, expected, url, policy):
    assert killed_and_resumed(recording, policy, url) >= 3
    assert run(recording, policy, url) == expected[policy]


@needs_fork
def test_it_does_so_on_postgresql(recording, expected, postgres_server, tmp_path, monkeypatch):
    place = PostgresPlace(postgres_server, tmp_path, monkeypatch)
    try:
        assert killed_and_resumed(recording, "clawvm", place.url) >= 3
        assert run(recording, "clawvm", place.url) == expected["clawvm"]
    finally:
        place.close()


def test_a_store_with_another_replay_of_the_name_is_refused(recording, url):
    shorter = Recording.of(recording.name, recording.trace)
    run(recording, "clawvm", url)
    del shorter.turns[0]
    with pytest.raises(TraceInvalid, match="has a replay of this name that decided otherwise"):
        run(shorter, "clawvm", url)
