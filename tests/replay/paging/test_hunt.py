"""An adversary that looks at the last prompt before it asks."""

from __future__ import annotations

import pytest

from clawvm.replay.paging import contender, simulate
from clawvm.replay.paging.hunt import HUNT_BUDGET, hunt

ALL = ("clawvm", "no-epochs", "exact", "paper_clawvm", "lru")


@pytest.mark.parametrize("policy", ALL)
def test_it_finds_something_that_is_not_shown_whole_at_every_turn(policy: str) -> None:
    _, result = hunt(contender(policy))
    assert (result.hits, result.recalls) == (0, result.turns - 1)


@pytest.mark.parametrize("policy", ALL)
def test_even_so_no_fault_happens(policy: str) -> None:
    assert hunt(contender(policy))[1].explicit == 0


def test_what_it_did_can_be_run_again() -> None:
    workload, result = hunt(contender("clawvm"))
    assert simulate(workload, contender("clawvm"), HUNT_BUDGET) == result
