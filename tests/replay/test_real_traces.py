"""Every recorded session, replayed under every policy: the promises of a replay, checked on all.

Nothing is sampled: each prompt of each replay is checked and counted anew. A message that several
prompts share (it is the same object then) is validated and counted once.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from chat_validators import check_anthropic_rules, check_openai_rules, check_types

import clawvm
from clawvm import _reference
from clawvm.messages import Shape, prompt_tokens
from clawvm.replay import Recording, ReplayResult, replay
from clawvm.replay.billing import PROVIDERS, bill_prompts
from clawvm.replay.chaining import chained
from clawvm.replay.importers import open_sessions, trace_files
from clawvm.replay.policies import POLICY_NAMES
from clawvm.replay.report import PromptFolder
from clawvm.session import Prompt, Session
from clawvm.tokens import CountMemo, best_counter

TRACES = Path(os.environ.get("CLAWVM_TRACES", Path(__file__).parents[3] / "shared" / "traces"))
FORMATS = (
    *("claude-code", "codex", "copilot-cli", "gemini-cli", "mini-swe-agent", "opencode"),
    *("openhands", "pi", "swe-agent", "tau-bench"),
)
WITH_SEVERAL_SESSIONS = ("openhands", "tau-bench")
CHECKING_PAGE = Path(__file__).parents[2] / "docs" / "span-availability.md"

FOLDERS = [TRACES / name for name in FORMATS if (TRACES / name).is_dir()]
FILES = trace_files(FOLDERS).found
BUDGET = 32_000
SMALL_BUDGET = 8_000
AT_THE_SMALL_BUDGET = (
    *("91b42542f24f-0", "64b5e5660349-1", "gpt-4o-airline.tasks-00-09", "c66a5f5ed92d-0"),
    *("pytest-dev__pytest-7490.traj", "pydicom-1458", "resolver-output"),
)
# A web search, whose result Codex does not record; calls of Pi that the user cut short.
CALLS_WITHOUT_A_RESULT = {"27787ded68f8-0": 1, "large-session": 18}

pytestmark = pytest.mark.skipif(
    not FILES, reason=f"no recorded sessions in {TRACES} (set CLAWVM_TRACES)"
)

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
each_policy = pytest.mark.parametrize("policy", POLICY_NAMES)
each_replay = pytest.mark.parametrize(
    ("path", "budget"),
    [
        (path, budget)
        for path in FILES
        for budget in (BUDGET, SMALL_BUDGET)
        if budget == BUDGET or path.stem in AT_THE_SMALL_BUDGET
    ],
    ids=lambda value: value.stem if isinstance(value, Path) else str(value),
)


@cache
def recordings(path: Path) -> tuple[Recording, ...]:
    return tuple(Recording.of(session.name, session.trace) for session in open_sessions(path))


@cache
def counter() -> Any:
    return best_counter()


@cache
def replayed(path: Path, policy: str, budget: int) -> list[ReplayResult]:
    """Replay a file's sessions; each prompt is checked on the way."""
    return [
        replay(recording, policy, budget, counter(), Checked(recording, policy, budget))
        for recording in recordings(path)
    ]


class Checked:
    """Sees to it that a service would take each prompt, and that it costs what its plan says."""

    def __init__(self, recording: Recording, policy: str, budget: int) -> None:
        self._shape: Shape = recording.trace.header.shape
        self._limit = budget if policy != "full" else None
        self._count = CountMemo(counter()).count
        # The messages are held, so that no other object can get the id of one.
        self._known: dict[int, tuple[dict[str, Any], int]] = {}

    def __call__(self, request: int, prompt: Prompt, session: Session) -> None:
        check_rules = check_openai_rules if self._shape == "openai" else check_anthropic_rules
        check_rules(prompt.messages)
        tokens = sum(map(self._tokens, prompt.messages))
        if prompt.system is not None:
            tokens += self._tokens({"role": "system", "content": prompt.system})
        assert tokens == prompt.tokens, f"request {request}"
        assert self._limit is None or tokens <= self._limit, f"request {request}"

    def _tokens(self, message: dict[str, Any]) -> int:
        if id(message) not in self._known:
            check_types([message], self._shape)
            tokens = prompt_tokens([message], self._shape, self._count)
            self._known[id(message)] = message, tokens
        return self._known[id(message)][1]


def decisions(result: ReplayResult) -> dict[str, Any]:
    """All figures but those that may differ: timing and back end."""
    figures: dict[str, Any] = json.loads(result.to_json())
    del figures["timing"], figures["backend"]
    return figures


@each_policy
@each_replay
def test_every_prompt_is_accepted_and_costs_what_its_plan_says(
    path: Path, budget: int, policy: str
) -> None:
    for result in replayed(path, policy, budget):
        built = result.turns - result.turns_infeasible
        assert built == result.turns
        assert result.prompt_peak > 0
        assert policy == "full" or result.turns_over_budget == 0


@each_policy
@each_replay
def test_both_back_ends_decide_the_same(
    path: Path, budget: int, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = [decisions(result) for result in replayed(path, policy, budget)]
    # Where the twin runs anyway, this only says that a second run is like the first.
    monkeypatch.setattr("clawvm.session.book.core", _reference)
    again = [
        decisions(replay(recording, policy, budget, counter())) for recording in recordings(path)
    ]
    assert again == first


@each_file
def test_every_policy_is_asked_for_the_same_spans_and_pages(path: Path) -> None:
    results = [replayed(path, policy, BUDGET) for policy in POLICY_NAMES]
    for of_one_session in zip(*results, strict=True):
        full = of_one_session[0]
        assert {result.spans.spans for result in of_one_session} == {full.spans.spans}
        assert {str(result.pages) for result in of_one_session} == {str(full.pages)}
        assert {result.turns for result in of_one_session} == {full.turns}


@each_file
def test_the_whole_history_has_every_span_and_no_miss(path: Path) -> None:
    for result in replayed(path, "full", BUDGET):
        assert result.spans.available == result.spans.spans
        assert result.faults["refetch"] == result.faults["duplicate-tool"] == 0
        assert result.epochs == 0


@each_policy
@each_file
def test_the_figures_of_a_replay_agree_with_each_other(path: Path, policy: str) -> None:
    """What `docs/metrics.md` says must hold."""
    for result in replayed(path, policy, BUDGET):
        spans = result.spans
        for groups in (result.spans_by_type, result.spans_by_kind, result.spans_by_age):
            assert "no page" not in groups
            parts = [totals.counts() for totals in groups.values()]
            assert {name: sum(part[name] for part in parts) for name in spans.counts()} == (
                spans.counts()
            )
        assert spans.gone >= 0
        for bill in result.bills.values():
            assert bill.read_tokens + bill.written_tokens == bill.sent_tokens == result.prompt_total
            assert bill.read_tokens * 100 <= bill.billed_millitokens <= bill.sent_tokens * 1250
        assert len({bill.breaks for bill in result.bills.values()}) == 1
        if policy == "full":
            assert {bill.breaks for bill in result.bills.values()} == {0}
            assert result.moves == 0


@each_policy
@pytest.mark.parametrize("name", ["91b42542f24f-0", "64b5e5660349-1"])
def test_the_bill_is_that_of_the_message_lists(name: str, policy: str) -> None:
    """`bill_prompts` compares all messages of all prompts, and asks no plan what was kept."""
    (path,) = [file for file in FILES if file.stem == name]
    (recording,) = recordings(path)
    untimed = [replace(model, lifetime_seconds=None) for model in PROVIDERS]
    lists: list[list[dict[str, Any]]] = []

    def keep(request: int, prompt: Prompt, session: Session) -> None:
        lists.append(prompt.messages)

    result = replay(recording, policy, BUDGET, counter(), keep, caches=untimed)
    count = CountMemo(counter()).count
    assert bill_prompts(lists, recording.trace.header.shape, count, untimed) == result.bills


@each_file
def test_nothing_is_mended_in_a_healthy_recording(path: Path) -> None:
    repairs = sum(result.repairs for result in replayed(path, "clawvm", BUDGET))
    assert repairs == CALLS_WITHOUT_A_RESULT.get(path.stem, 0)


@pytest.mark.skipif(
    not (TRACES / "tau-bench").is_dir(), reason=f"no tau-bench sessions in {TRACES}"
)
@each_policy
def test_one_policy_page_stays_through_a_chain_of_short_sessions(policy: str) -> None:
    (path,) = trace_files([TRACES / "tau-bench"]).found
    chain = chained(session.trace for session in open_sessions(path))
    recording = Recording.of("chain", chain)

    result = replay(recording, policy, 4_000, counter(), Checked(recording, policy, 4_000))

    assert result.turns_infeasible == 0
    assert result.pages["bootstrap"] == 1
    assert result.faults["pinned-invariant-miss"] == 0
    assert result.faults["post-compaction-bootstrap"] == 0
    assert policy != "full" or result.spans.available == result.spans.spans > 0


def run_cli(*arguments: str, seed: str) -> Iterator[dict[str, Any]]:
    run = subprocess.run(
        [sys.executable, "-c", "from clawvm.cli import main; main()", "replay", *arguments],
        env={
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(Path(clawvm.__file__).parents[1]),
        },
        capture_output=True,
        check=True,
    )
    for line in run.stdout.splitlines():
        figures = json.loads(line)
        del figures["timing"]
        yield figures


@pytest.mark.parametrize("name", ["64b5e5660349-1", "gpt-4o-airline.tasks-00-09"])
def test_two_runs_print_the_same_json_whatever_the_hash_seed(name: str) -> None:
    (path,) = [file for file in FILES if file.stem == name]
    command = (str(path), "--budget", "32k", "--json")
    first, second = (list(run_cli(*command, seed=seed)) for seed in ("1", "2"))
    assert json.dumps(first) == json.dumps(second)
    assert len(first) == len(recordings(path)) * len(POLICY_NAMES)
    assert {figures["backend"] for figures in first} == {clawvm.backend}


def checkable(path: Path) -> Any:
    """Long sessions take the plain checking program seconds, and are left to the slow run."""
    quick = ("91b42542f24f-0", "64b5e5660349-1", "c66a5f5ed92d-0", "pydicom-1458")
    marks = () if path.stem in quick else pytest.mark.slow
    return pytest.param(path, id=path.stem, marks=marks)


@pytest.mark.parametrize(
    "path", [checkable(path) for path in FILES if path.parent.name not in WITH_SEVERAL_SESSIONS]
)
@pytest.mark.parametrize("policy", ["tool-clearing", "clawvm"])
def test_anybody_can_recompute_span_availability_from_the_dumps(
    path: Path, policy: str, tmp_path: Path
) -> None:
    (recording,) = recordings(path)
    last = recording.turns[-1].request
    # What the last request wrote is in no prompt, so the dumps cannot tell of its quotations.
    spans = [span for span in recording.spans if span.request < last]
    shorter = Recording("s", recording.trace, recording.turns, recording.blocks, spans)
    prompts = PromptFolder(tmp_path)
    for name in ("full", policy):
        with prompts.file("s", name) as dump:
            result = replay(shorter, name, BUDGET, counter(), dump)
    program = CHECKING_PAGE.read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    run = subprocess.run(
        [sys.executable, "-c", program, "s.full.jsonl", f"s.{policy}.jsonl"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == [str(result.spans.spans), str(result.spans.available)]
