"""Named workloads: whole sessions, message by message, drawn or recorded."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter_ns
from typing import Any

from bench.report.section import Section, microseconds
from bench.sessions import draw_text
from clawvm.replay.importers import open_sessions, trace_files
from clawvm.replay.runner import Recording, replay
from clawvm.session import Session
from clawvm.tokens import best_counter

__all__ = ["Profile", "named_section", "recorded_section"]

TRACES = Path(os.environ.get("CLAWVM_TRACES") or Path(__file__).parents[2] / "../shared/traces")
RECORDED = {"claude-code": "coding agents", "codex": "coding agents", "tau-bench": "a chat service"}
BUDGET_TOKENS = 32_000


@dataclass(frozen=True, slots=True)
class Profile:
    """How a drawn session looks.

    Parameters
    ----------
    turns : int
        Requests of the model.
    calls_percent : int
        How many of the turns call a tool.
    result_chars : tuple of int
        Least and most characters of a tool's result.
    sessions : int
        How many sessions take turns.
    """

    turns: int
    calls_percent: int
    result_chars: tuple[int, int]
    sessions: int = 1


PROFILES = {
    "a coding agent's 500 turns": Profile(500, 90, (200, 6_000)),
    "a chat server's mix, 50 sessions": Profile(20, 20, (200, 2_000), sessions=50),
    "a research agent with huge results": Profile(60, 95, (20_000, 120_000)),
}


def messages_of(profile: Profile, rng: random.Random) -> Iterator[list[dict[str, Any]]]:
    """Draw what arrives before each request."""
    yield [{"role": "system", "content": draw_text(rng)}]
    for turn in range(profile.turns):
        if rng.randrange(100) >= profile.calls_percent:
            yield [{"role": "user", "content": draw_text(rng, rng.randrange(40, 600))}]
            continue
        call = f"call_{turn}"
        path = f'{{"path": "src/module_{rng.randrange(200)}.py"}}'
        function = {"name": "read", "arguments": path}
        yield [
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [{"id": call, "type": "function", "function": function}],
            },
            {
                "role": "tool",
                "tool_call_id": call,
                "content": draw_text(rng, rng.randint(*profile.result_chars)),
            },
        ]


def named_section() -> Section:
    """Measure the drawn sessions, turn by turn."""
    counter = best_counter()
    section = Section(
        "Named workloads",
        f"Drawn sessions with a budget of {BUDGET_TOKENS:,} tokens: microseconds of a turn, which "
        f"takes messages in, counts their tokens ({counter.name}) and builds the prompt.",
        ["workload", "turns", "median / 99th percentile"],
    )
    for name, profile in PROFILES.items():
        sessions = [
            (Session(f"s{number}", budget=BUDGET_TOKENS, counter=counter), messages)
            for number in range(profile.sessions)
            for messages in [messages_of(profile, random.Random(f"{name} {number}"))]
        ]
        taken = []
        for _ in range(profile.turns + 1):
            for session, messages in sessions:
                arrived = next(messages)
                begin = perf_counter_ns()
                session.extend(arrived)
                session.assemble()
                taken.append((perf_counter_ns() - begin) / 1_000)
        section.add(name, f"{len(taken):,}", spread(taken))
    return section


def recorded_section() -> Section | None:
    """Measure recorded sessions; None where there are none."""
    section = Section(
        "Recorded sessions",
        f"Replayed with {BUDGET_TOKENS:,} tokens under the default policy: microseconds "
        "of policy work a turn.",
        ["recorded by", "kind", "sessions", "turns", "median / 99th percentile"],
    )
    counter = best_counter()
    for folder, kind in RECORDED.items():
        if not (TRACES / folder).is_dir():
            continue
        results = [
            replay(recording, "clawvm", BUDGET_TOKENS, counter)
            for path in trace_files([TRACES / folder]).found
            for session in open_sessions(path)
            if (recording := Recording.of(session.name, session.trace)).turns
        ]
        taken = [us for result in results for us in result.turn_us]
        section.add(folder, kind, f"{len(results)}", f"{len(taken):,}", spread(taken))
    return section if section.rows else None


def spread(taken: list[float]) -> str:
    """Write median and 99th percentile."""
    last = sorted(taken)[len(taken) * 99 // 100]
    return f"{microseconds(median(taken))} / {microseconds(last)}"
