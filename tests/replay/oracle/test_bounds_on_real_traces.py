"""On recorded sessions no policy passes a bound, in any request."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from clawvm.replay import Recording, replay
from clawvm.replay.billing import PROVIDERS, CacheModel
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
FILES = trace_files([TRACES]).found if TRACES.is_dir() else []
# The last keeps every prompt for ever, which no provider does: nobody reads more from a cache.
CACHES = (*PROVIDERS, CacheModel("study"), CacheModel("hoard", lifetime_requests=1_000_000))
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


class Beside:
    """Holds each prompt against what every policy faces at its request."""

    def __init__(self, requests: list[Ground]) -> None:
        self._least = {ground.request: ground for ground in requests}

    def __call__(self, request: int, prompt: Prompt, session: Session) -> None:
        ground, plan = self._least[request], prompt.plan
        assert ground.floor_tokens <= plan.used_tokens
        assert ground.new_tokens <= plan.used_tokens - plan.prefix_tokens_kept


@each_policy
@each_budget
@each_file
def test_no_policy_passes_a_bound(path: Path, budget: int, policy: str) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", exc_type=ImportError)
    for recording, requests, most in zip(
        recordings(path), faced(path, budget), most_available(path, budget), strict=True
    ):
        result = replay(
            recording,
            policy,
            budget,
            counter(),
            Beside(requests),
            caches=CACHES,
            offers_recall=policy in ("clawvm", "paper"),
        )
        assert result.spans.spans == most.spans
        assert result.spans.available <= most.available
        for model in CACHES:
            least = billed_bound(requests, model.price)
            assert least is not None
            assert least <= result.bills[model.name].billed_millitokens, model.name
        assert result.turns_infeasible == sum(ground.room_tokens < 0 for ground in requests)


@each_budget
@each_file
def test_no_policy_has_so_many_spans_for_less(path: Path, budget: int) -> None:
    pytest.importorskip("ortools.sat.python.cp_model", exc_type=ImportError)
    for recording, requests in zip(recordings(path), faced(path, budget), strict=True):
        result = replay(recording, "clawvm", budget, counter(), caches=CACHES)
        for model in CACHES:
            least = billed_bound(requests, model.price, result.spans.available)
            assert least is not None
            assert least <= result.bills[model.name].billed_millitokens, model.name


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
