"""Every peer that is installed decides, and follows what changed."""

from __future__ import annotations

import pytest

from bench.peers import DOES, PEERS, missing_package
from bench.tables import TableTurns
from clawvm import _reference

PAGES = 60

# What a peer warns of while it is imported is its own affair.
pytestmark = pytest.mark.filterwarnings("ignore")


def contents(answer):
    """Return the texts that a peer chose, where it answers with texts."""
    for name in ("sections", "items"):
        if hasattr(answer, name):
            return [getattr(part, "text", "") for part in getattr(answer, name)]
    return [str(message.content) for message in answer]


def test_every_peer_has_a_line_on_what_it_does():
    assert DOES.keys() == PEERS.keys()


@pytest.mark.parametrize("name", list(PEERS))
def test_a_peer_decides_turn_after_turn(name):
    if missing_package(name):
        pytest.skip(f"{name} is not installed")
    turns = TableTurns(_reference, PAGES)
    peer = PEERS[name](turns)
    for _ in range(3):
        turns.change()
        for page in turns.changed:
            peer.follow(page)
        assert peer.decide() is not None


@pytest.mark.parametrize("name", ["langchain-core", "promptbudget", "contextcram"])
def test_a_peer_fills_the_budget_with_whole_pages(name):
    if missing_package(name):
        pytest.skip(f"{name} is not installed")
    turns = TableTurns(_reference, PAGES)
    peer = PEERS[name](turns)
    chosen = "\n".join(contents(peer.decide()))
    pages = [text for text in peer.texts if text in chosen]
    tokens = sum(peer.counts[text] for text in pages)
    assert 0 < tokens <= turns.budget
