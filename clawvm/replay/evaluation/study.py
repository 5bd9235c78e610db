"""Long recorded sessions as the study of them counted: characters / 4, rules beside the budget.

Other figures count tokens as a provider does and put everything into the budget. Its definitions
are in ``docs/span-availability.md``; here its figures can be compared with ours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Final

import xxhash

from ...messages import PART_OVERHEAD
from ...residency import ClawVMPolicy
from ...tokens import CallableCounter
from ..billing import CacheModel
from ..blocks import blocks_of
from ..importers import detect, open_sessions
from ..policies import FullPolicy
from ..results import ReplayResult
from ..runner import Recording
from ..runner import replay as replay_one
from .comparison import LONG_TOKENS, in_order, mean
from .jobs import Job, Row
from .tables import Table

__all__ = ["study_jobs", "study_rows", "study_table"]

BUDGETS: Final = (16_000, 32_000, 64_000)
POLICIES: Final = (ClawVMPolicy.name, "lru", "sliding-window", "tool-clearing")
LOW_WATERS: Final = (30, 40, 50, 55, 60, 65, 75, 80, 85)
_CACHE: Final = CacheModel("study")
_CHARACTERS_PER_TOKEN: Final = 4


def study_jobs(paths: Iterable[Path]) -> list[Job]:
    """List the sessions of more than 60,000 tokens, each with its format, a job for each."""
    return [
        Job(
            "study",
            f"{__name__}:study_rows",
            {"path": str(path.absolute()), "digest": digest, "number": number},
        )
        for path in paths
        for digest in [xxhash.xxh3_128_hexdigest(path.read_bytes())]
        for number, session in enumerate(open_sessions(path))
        if sum(len(block.text) for block in blocks_of(session.trace))
        >= LONG_TOKENS * _CHARACTERS_PER_TOKEN
    ]


def _tokens(text: str) -> int:
    return max(1, -(-len(text) // _CHARACTERS_PER_TOKEN))


def study_rows(path: str, digest: str, number: int) -> list[Row]:
    """Replay one session under the study's budgets.

    Parameters
    ----------
    path : str
        The trace file.
    digest : str
        Of the file: other contents are another job.
    number : int
        Which session of the file.
    """
    session = list(open_sessions(path))[number]
    recording = Recording.of(f"{detect(path)}/{session.name}", session.trace)
    whole = _replayed(recording, FullPolicy.name, BUDGETS[-1])
    rows = [
        _row(_replayed(recording, policy, budget), whole, budget, None)
        for policy in POLICIES
        for budget in BUDGETS
    ]
    rows += [
        _row(_replayed(recording, ClawVMPolicy.name, budget, low), whole, budget, low)
        for budget in BUDGETS
        for low in LOW_WATERS
    ]
    return rows


def _replayed(
    recording: Recording, policy: str, budget: int, low_water_percent: int | None = None
) -> ReplayResult:
    rules = sum(_tokens(block.text) + PART_OVERHEAD for block in recording.blocks if block.fixed)
    return replay_one(
        recording,
        policy,
        budget + rules,
        CallableCounter(_tokens, name="characters / 4"),
        caches=[_CACHE],
        around=None if low_water_percent is None else lambda _: ClawVMPolicy(low_water_percent),
    )


def _row(result: ReplayResult, whole: ReplayResult, budget: int, low: int | None) -> Row:
    bill, spans = result.bills[_CACHE.name], result.spans
    return {
        "session": result.trace,
        "policy": result.policy,
        "budget_tokens": budget,
        "low_water_percent": low,
        "turns": result.turns,
        "breaks": bill.breaks,
        "billed_millitokens": bill.billed_millitokens,
        "full_billed_millitokens": whole.bills[_CACHE.name].billed_millitokens,
        **spans.counts(),
    }


def study_table(rows: Sequence[Row]) -> Table:
    """Return the means over sessions, of all of them and of each half.

    Sorted by format and name and taken alternately they make two halves: the default policy was
    chosen on the first.
    """
    sessions = sorted({row["session"] for row in rows})
    groups: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["policy"], row["budget_tokens"], row["low_water_percent"] or 0].append(row)
    rank = {policy: place for place, policy in enumerate(in_order(key[0] for key in groups))}
    halves = [set(sessions[half::2]) for half in (0, 1)]
    columns = (
        *("policy", "budget", "spans available", "first half", "second half"),
        *("or one recall away", "billed, of full", "breaks per 100"),
    )
    lines = [
        _line(policy, budget, low, some, halves)
        for (policy, budget, low), some in sorted(
            groups.items(), key=lambda item: (bool(item[0][2]), rank[item[0][0]], item[0][1:])
        )
    ]
    title = f"{len(sessions)} recorded sessions as the study counted: means over sessions"
    return Table("study", title, columns, tuple(lines))


def _line(
    policy: str, budget: int, low: int, rows: Sequence[Row], halves: Sequence[set[str]]
) -> tuple[str, ...]:
    measured = [row for row in rows if row["spans"]]
    parts = [[row for row in measured if row["session"] in half] for half in halves]
    shares = [mean([Fraction(row["available"], row["spans"]) for row in part]) for part in parts]
    return (
        f"{policy} {low} %" if low else policy,
        f"{budget:,}",
        _said(mean([Fraction(row["available"], row["spans"]) for row in measured])),
        *map(_said, shares),
        _said(mean([_reachable(row) for row in measured])),
        _said(mean([_billed(row) for row in rows])),
        _said(mean([Fraction(100 * row["breaks"], row["turns"]) for row in rows]), 1),
    )


def _reachable(row: Mapping[str, int]) -> Fraction:
    return Fraction(row["available"] + row["one_recall_away"], row["spans"])


def _billed(row: Mapping[str, int]) -> Fraction:
    return Fraction(row["billed_millitokens"], row["full_billed_millitokens"])


def _said(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
