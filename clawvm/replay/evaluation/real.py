"""Recorded sessions under every policy and budget, whole and cut short as in the paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec
import xxhash

from ...residency import ClawVMPolicy, Policy
from ...tokens import TokenCounter, counter
from ..billing import PROVIDERS, CacheModel
from ..chaining import chained
from ..compactions import harness_result
from ..importers import open_sessions
from ..oracle import GapSummary, availability_bound, billed_bound, gap_summary, grounds, turn_gaps
from ..policies import POLICY_NAMES, FullPolicy
from ..results import ReplayResult
from ..runner import Recording
from ..runner import replay as replay_one
from ..timeline import TimelineRecorder
from .jobs import Job, Row

__all__ = [
    "BUDGETS",
    "CACHES",
    "CUTS",
    "LOW_WATERS",
    "cut_short",
    "has_solver",
    "real_jobs",
    "real_rows",
]

CUTS: Final = (100, 200, None)
"""Requests that a session is cut to, as in the paper's appendix B; None: whole."""
BUDGETS: Final = (8_000, 16_000, 32_000, 64_000, 128_000)
LOW_WATERS: Final = (10, 20, 30, 40, 50, 60, 70, 85, 100)
"""Percentages of the budget that an epoch demotes down to, for the cost-availability curve."""
CACHES: Final = (*PROVIDERS, CacheModel("study"))
"""The two providers, and the residency study's cache: the last prompt, to the token, for ever."""
_CHAINED: Final = -1
TIMELINE_BUDGET: Final = 32_000
"""The budget of the replay whose residency is told page by page."""
_OF_PAGES: Final = ("pages", "hits", "thrash_index", "moves", "churn", "plan_digest", "timing")
"""What is not measured where there are no pages."""
_WITH_RECALL: Final = ("clawvm", "paper")
_UNBOUNDED: Final = (FullPolicy.name, "compaction", "recorded")
"""The bounds are for what keeps within the budget and keeps the tail."""


def real_jobs(
    paths: Iterable[Path],
    tokens: str,
    budgets: Sequence[int] = BUDGETS,
    policies: Sequence[str] = POLICY_NAMES,
    cuts: Sequence[int | None] = CUTS,
) -> list[Job]:
    """List the replays of recorded sessions, those of one session and cut in one job.

    A session that is not longer than a cut is not cut: it is there once, whole.

    Parameters
    ----------
    paths : iterable of Path
        Trace files of any known format.
    tokens : str
        Name of the token counter.
    budgets, policies, cuts : sequence, optional
        Every combination is replayed.
    """
    return [
        Job(
            "real",
            f"{__name__}:real_rows",
            {
                "path": str(path.absolute()),
                "digest": digest,
                "number": number,
                "cut": cut,
                "tokens": tokens,
                "budgets": list(budgets),
                "policies": list(policies),
                "bounds": has_solver(),
            },
        )
        for path in paths
        for digest in [xxhash.xxh3_128_hexdigest(path.read_bytes())]
        for number, recording in _recordings(path)
        for cut in cuts
        if cut is None or cut < len(recording.turns)
    ]


def has_solver() -> bool:
    """Whether the bounds can be sought here."""
    return find_spec("ortools") is not None


def _recordings(path: Path, only: int | None = None) -> Iterator[tuple[int, Recording]]:
    """Yield the sessions of a file that have a request, with their numbers in it.

    Where there are several they are short as a rule, and come once more as one long session, with
    a reset between them and the number `_CHAINED`.
    """
    traces = []
    for number, session in enumerate(open_sessions(path)):
        traces.append(session.trace)
        if only is None or number == only:
            recording = Recording.of(session.name, session.trace)
            if recording.turns:
                yield number, recording
    alike = len({trace.header.shape for trace in traces}) == 1
    if alike and len(traces) > 1 and only in (None, _CHAINED):
        yield _CHAINED, Recording.of(f"{path.stem} (chained)", chained(traces))


def cut_short(recording: Recording, requests: int) -> Recording:
    """Return the first requests of a session, and what is measured in them."""
    turns = recording.turns[:requests]
    last = turns[-1].request
    return replace(
        recording,
        turns=turns,
        blocks=[block for block in recording.blocks if block.request <= last],
        spans=[span for span in recording.spans if span.request <= last],
    )


def real_rows(
    path: str,
    digest: str,
    number: int,
    cut: int | None,
    tokens: str,
    budgets: Sequence[int],
    policies: Sequence[str],
    bounds: bool,
) -> list[Row]:
    """Replay one session under every policy and budget, beside what harnesses do.

    What has no budget is there once: the policy `full`, and what the recording harness kept. A
    whole session also has the sweep over low-water marks, and the bounds that no policy can beat.

    Parameters
    ----------
    path : str
        The trace file.
    digest : str
        Of the file: other contents are another job.
    number : int
        Which session of the file.
    cut : int or None
        Requests to cut it to.
    tokens : str
        Name of the token counter.
    budgets, policies : sequence
        What to replay under.
    bounds : bool
        Whether to seek the bounds, which needs the solver of the extra ``eval``.
    """
    (_, recording), *_ = _recordings(Path(path), number)
    if cut is not None:
        recording = cut_short(recording, cut)
    played = _Played(recording, counter(tokens), cut)
    rows = [
        played.row(policy, budget)
        for policy in policies
        for budget in (budgets if policy != FullPolicy.name else budgets[-1:])
    ]
    rows += [played.harness("compaction", budget) for budget in budgets]
    rows.append(played.harness("recorded", budgets[-1]))
    if cut is None:
        rows += [played.row("clawvm", budget, low) for budget in budgets for low in LOW_WATERS]
        if bounds:
            rows += _bounded(rows, recording, budgets, counter(tokens))
        rows.append(played.timeline(TIMELINE_BUDGET))
    return rows


class _Played:
    """Replays of one session as rows."""

    def __init__(self, recording: Recording, count: TokenCounter, cut: int | None) -> None:
        self._recording = recording
        self._count = count
        self._cut = cut

    def row(self, policy: str, budget: int, low_water_percent: int | None = None) -> Row:
        """Replay under a policy; ours, and the paper's, offer the model the recall tool."""
        around = None
        if low_water_percent is not None:
            around = partial(_with_low_water, low_water_percent)
        result = replay_one(
            self._recording,
            policy,
            budget,
            self._count,
            caches=CACHES,
            around=around,
            offers_recall=policy in _WITH_RECALL,
        )
        return self._named(result, low_water_percent)

    def timeline(self, budget: int) -> Row:
        """Replay under our policy, and tell page by page what was resident."""
        recorder = TimelineRecorder(self._recording, "clawvm", budget)
        replay_one(self._recording, "clawvm", budget, self._count, recorder, offers_recall=True)
        told = msgspec.json.decode(recorder.timeline.to_json())
        return {"kind": "timeline", "trace": self._recording.name, "timeline": told}

    def harness(self, name: str, budget: int) -> Row:
        """Measure what harnesses do: ``compaction`` at a fill level, or what was ``recorded``."""
        row = self._named(harness_result(self._recording, name, budget, self._count, CACHES), None)
        return {key: value for key, value in row.items() if key not in _OF_PAGES}

    def _named(self, result: ReplayResult, low_water_percent: int | None) -> Row:
        row = msgspec.json.decode(result.to_json(), type=dict[str, Any])
        # It is known of all of them only when all are there.
        del row["billed_share_of_full"]
        return {"cut": self._cut, "low_water_percent": low_water_percent, **row}


def _with_low_water(percent: int, policy: Policy) -> Policy:
    return ClawVMPolicy(percent)


def _bounded(
    rows: Sequence[Row], recording: Recording, budgets: Sequence[int], count: TokenCounter
) -> list[Row]:
    """Note in the rows what no policy can beat; return what each plan of ours is of the optimum."""
    gaps = []
    for budget in budgets:
        faced = grounds(recording, budget, count, offers_recall=True)
        most = availability_bound(faced).available
        least = {cache.name: billed_bound(faced, cache.price) for cache in CACHES}
        for row in rows:
            if row["budget_tokens"] == budget and row["policy"] not in _UNBOUNDED:
                row["bound_available"] = most
                row["bound_billed_millitokens"] = least
        found = [gap for gap in turn_gaps(recording, "clawvm", budget, count) if gap.selected]
        each = sorted(gap.ppm for gap in found)
        gaps.append({"budget_tokens": budget, **_asked(gap_summary(found)), "gaps_ppm": each})
    return [{**row, "kind": "optimum", "trace": recording.name, "cut": None} for row in gaps]


def _asked(summary: GapSummary) -> Row:
    return {name: getattr(summary, name) for name in GapSummary.__slots__}
