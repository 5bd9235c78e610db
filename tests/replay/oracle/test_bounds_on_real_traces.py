"""On recorded sessions no policy passes a bound, in any request."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from clawvm.replay import Recording, replay
from clawvm.replay.importers import open_sessions, trace_files
from clawvm.replay.oracle import (
    AvailabilityBound,
    Ground,
    availability_bound,
    billed_bound,
    grounds,
    turn_gaps,
)
from clawvm.replay.policies import POLICY_NAMES
from clawvm.session import Prompt, Session
from clawvm.tokens import best_counter

TRACES = Path(os.environ.get("CLAWVM_TRACES", Path(__file__).parents[4] / "shared" / "traces"))
FOLDERS = [
    path for name in ("claude-code", "codex", "tau-bench") if (path := TRACES / name).is_dir()
]
FILES = trace_files(FOLDERS).found
QUICK = ("91b42542f24f-0", "64b5e5660349-1", "gpt-4o-airline.tasks-00-09")

pytestmark = pytest.mark.skipif(
    not FILES, reason=f"no recorded sessions in {TRACES} (set CLAWVM_TRACES)"
)


def among(path: Path) -> Any:
    """A few sessions stand for all in the quick run."""
    return pytest.param(path, id=path.stem, marks=() if path.stem in QUICK else pytest.mark.slow)


each_file = pytest.mark.parametrize("path", [among(path) for path in FILES])
each_budget = pytest.mark.parametrize(
    "budget", [pytest.param(8_000, marks=pytest.mark.slow), 16_000, 32_000]
)
each_policy = pytest.mark.parametrize("policy", [name for name in POLICY_NAMES if name != "full"])


@cache
def counter() -> Any:
    return best_counter()


@cache
def recordings(path: Path) -> tuple[Recording, ...]:
    return tuple(Recording.of(session.name, session.trace) for session in open_sessions(path))


@cache
def faced(path: Path, budget: int) -> list[list[Ground]]:
    return [grounds(recording, budget, counter()) for recording in recordings(path)]


@cache
def most_available(path: Path, budget: int) -> list[AvailabilityBound]:
    return [availability_bound(requests) for requests in faced(path, budget)]


def price(sent: int, read: int) -> int:
    """A tenth for what is read from a cache and a quarter more for the rest, in millitokens."""
    return 100 * read + 1250 * (sent - read)


class Beside:
    """Holds each prompt against what every policy faces at its request, and adds up the bill."""

    def __init__(self, requests: list[Ground]) -> None:
        self.billed = 0
        self._least = {ground.request: ground for ground in requests}

    def __call__(self, request: int, prompt: Prompt, session: Session) -> None:
        ground, plan = self._least[request], prompt.plan
        assert ground.floor_tokens <= plan.used_tokens
        assert ground.new_tokens <= plan.used_tokens - plan.prefix_tokens_kept
        self.billed += price(plan.used_tokens, plan.prefix_tokens_kept)


@each_policy
@each_budget
@each_file
def test_no_policy_passes_a_bound(path: Path, budget: int, policy: str) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", exc_type=ImportError)
    for recording, requests, most in zip(
        recordings(path), faced(path, budget), most_available(path, budget), strict=True
    ):
        watch = Beside(requests)
        result = replay(recording, policy, budget, counter(), watch)
        least = billed_bound(requests, price)
        assert result.spans.spans == most.spans
        assert result.spans.available <= most.available
        assert least is not None
        assert least <= watch.billed
        assert result.turns_infeasible == sum(ground.room_tokens < 0 for ground in requests)


@each_budget
@each_file
def test_no_policy_has_so_many_spans_for_less(path: Path, budget: int) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", exc_type=ImportError)
    for recording, requests in zip(recordings(path), faced(path, budget), strict=True):
        watch = Beside(requests)
        result = replay(recording, "clawvm", budget, counter(), watch)
        least = billed_bound(requests, price, result.spans.available)
        assert least is not None
        assert least <= watch.billed


@each_budget
@each_file
def test_a_bound_never_rises_as_the_budget_falls(path: Path, budget: int) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", exc_type=ImportError)
    for less, more in zip(
        most_available(path, budget // 2), most_available(path, budget), strict=True
    ):
        assert less.available <= more.available
        assert less.whole_pages <= less.available


@pytest.mark.parametrize(
    "policy",
    [
        "clawvm",
        *(
            pytest.param(name, marks=pytest.mark.slow)
            for name in POLICY_NAMES
            if name not in ("full", "clawvm")
        ),
    ],
)
@each_budget
@each_file
def test_no_plan_is_worth_more_than_the_optimum(path: Path, budget: int, policy: str) -> None:
    for recording in recordings(path):
        gaps = turn_gaps(recording, policy, budget, counter())
        assert all(gap.value <= gap.bound for gap in gaps)
        assert all(gap.proven for gap in gaps)
