"""How long it takes to import and replay recorded sessions under every policy, folder by folder.

The sessions are not part of the project: ``CLAWVM_TRACES`` says where they are.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from clawvm.replay.importers import open_sessions, trace_files
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.runner import Recording, ReplayResult, replay
from clawvm.tokens import TokenCounter, best_counter

TRACES = Path(os.environ.get("CLAWVM_TRACES") or Path(__file__).parents[1] / "../shared/traces")
BUDGET_TOKENS = 32_000


def replay_all(folder: Path, counter: TokenCounter) -> list[ReplayResult]:
    """Do what ``clawvm replay`` does, without its table."""
    return [
        replay(recording, policy, BUDGET_TOKENS, counter)
        for path in trace_files([folder]).found
        for session in open_sessions(path)
        if (recording := Recording.of(session.name, session.trace)).turns
        for policy in POLICY_NAMES
    ]


@pytest.mark.parametrize("name", ["claude-code", "codex", "tau-bench"])
def test_import_and_replay_under_every_policy(benchmark: BenchmarkFixture, name: str) -> None:
    folder = TRACES / name
    if not folder.is_dir():
        pytest.skip(f"no recorded sessions in {folder}; set CLAWVM_TRACES to their folder")
    results: list[ReplayResult] = benchmark.pedantic(  # type: ignore[no-untyped-call]
        replay_all, args=(folder, best_counter()), rounds=1
    )
    assert results
    assert all(
        result.turns_over_budget == 0 for result in results if result.policy in ("clawvm", "paper")
    )
    turns = sum(result.turns for result in results)
    print(f"\n{name}: {len(results) // len(POLICY_NAMES)} sessions, {turns} prompts in all")
