"""Recorded sessions under every policy and budget, whole and cut short as in the paper."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import xxhash

from ...tokens import TokenCounter, counter
from ..importers import open_sessions
from ..policies import POLICY_NAMES
from ..runner import Recording
from ..runner import replay as replay_one
from .jobs import Job, Row

__all__ = ["BUDGETS", "CUTS", "cut_short", "real_jobs", "real_rows"]

CUTS: Final = (100, 200, None)
"""Requests that a session is cut to, as in the paper's appendix B; None: whole."""
BUDGETS: Final = (8_000, 16_000, 32_000, 64_000, 128_000)


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
            },
        )
        for path in paths
        for digest in [xxhash.xxh3_128_hexdigest(path.read_bytes())]
        for number, recording in _recordings(path)
        for cut in cuts
        if cut is None or cut < len(recording.turns)
    ]


def _recordings(path: Path, only: int | None = None) -> Iterator[tuple[int, Recording]]:
    """Yield the sessions of a file that have a request, with their numbers in it."""
    for number, session in enumerate(open_sessions(path)):
        if only is None or number == only:
            recording = Recording.of(session.name, session.trace)
            if recording.turns:
                yield number, recording


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
) -> list[Row]:
    """Replay one session under every policy and budget; the policy `full` once, it has no budget.

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
    """
    (_, recording), *_ = _recordings(Path(path), number)
    if cut is not None:
        recording = cut_short(recording, cut)
    count = counter(tokens)
    return [
        {"cut": cut, **_row(recording, policy, budget, count)}
        for policy in policies
        for budget in (budgets if policy != "full" else budgets[-1:])
    ]


def _row(recording: Recording, policy: str, budget: int, count: TokenCounter) -> dict[str, Any]:
    result = replay_one(recording, policy, budget, count)
    return msgspec.json.decode(result.to_json(), type=dict[str, Any])
