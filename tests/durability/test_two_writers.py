"""Processes that race for one session and on one project for a minute, on both stores at once.

``CLAWVM_RACE_SECONDS`` shortens it while one works on it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from conftest import Races

OPERATIONS_PER_SECOND = 20


@pytest.mark.parametrize("store", ["SQLite", "PostgreSQL"])
def test_every_acknowledged_operation_is_there_once_and_every_refused_one_was_told(
    racing: Races, store: str, figure: Callable[[str], None]
) -> None:
    if store not in racing.programs:
        pytest.skip("there is no fork on Windows" if not racing.programs else "no server")
    ended: dict[str, Any] = racing.end(store)
    outcomes = ended["outcomes"]
    figure(f"{store}, a race of {racing.seconds:.0f} s: {tally(outcomes)}")
    assert ended["problems"] == []
    # There was a race: somebody had to wait, was too late, and was taken over.
    assert outcomes["committed"] >= OPERATIONS_PER_SECOND * racing.seconds
    assert min(outcomes[how] for how in ("rejected", "held", "lost", "taken over")) > 0


def tally(outcomes: dict[str, int]) -> str:
    return ", ".join(f"{number} {how}" for how, number in sorted(outcomes.items()))
