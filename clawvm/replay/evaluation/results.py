"""What `clawvm eval` wrote into a folder, read and checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ...errors import ResultsInvalid, TraceInvalid
from ..timeline import Timeline, read_timeline

__all__ = [
    "RESULTS",
    "SYNTHETIC_KINDS",
    "TIMELINES",
    "Bill",
    "GateRow",
    "OptimumRow",
    "RealRow",
    "Results",
    "SyntheticRow",
    "read_results",
]

RESULTS = "results.jsonl"
TIMELINES = "timelines"
SYNTHETIC_KINDS = ("tier2", "tier2-published-budgets", "tasks", "adversarial", "ablation")
_AGAIN = "run `clawvm eval all --out DIR` again (it goes on where it stopped)"

Row = TypeVar("Row")


class PromptTokens(msgspec.Struct):
    """The largest prompt and the mean over the prompts of a replay, in tokens."""

    peak: int
    mean: float


class Spans(msgspec.Struct):
    """Quoted spans: measured, in the prompt, and one recall away (`docs/span-availability.md`)."""

    spans: int
    available: int
    one_recall_away: int


class Bill(msgspec.Struct):
    """What a provider would have billed, in thousandths of an uncached input token."""

    billed_millitokens: int
    sent_tokens: int = 0
    read_tokens: int = 0
    written_tokens: int = 0
    breaks: int = 0


class RealRow(msgspec.Struct, kw_only=True):
    """One policy on one recorded session; the fields that the report shows.

    Parameters
    ----------
    cut : int or None
        After how many turns the session was cut; None for a whole one.
    low_water_percent : int or None
        The mark of a sweep over low-water marks; None for the policy as it is.
    bound_available : int or None
        The most spans that any policy could have had in its prompts; None where it was not sought.
    bound_billed_millitokens : dict of str to (int or None)
        By provider the least bill of any policy that keeps the floor.
    """

    trace: str
    policy: str
    budget_tokens: int
    turns: int
    prompt_tokens: PromptTokens
    turns_over_budget: int
    turns_infeasible: int
    faults: dict[str, int]
    span_availability: Spans
    bills: dict[str, Bill] = {}
    cut: int | None = None
    low_water_percent: int | None = None
    bound_available: int | None = None
    bound_billed_millitokens: dict[str, int | None] = {}


class SyntheticRow(msgspec.Struct, kw_only=True):
    """One policy on one workload made for a purpose; the fields that the report shows.

    Parameters
    ----------
    budget_tokens : int
        What the policy got.
    sweep_budget_tokens : int or None
        The budget of the sweep, where the policy got another one.
    controllable_faults, insufficient_faults : int
        Faults that a policy could have avoided, and those of turns whose floor did not fit.
    value, bound : int
        Sums over the prompts: their value, and the most that any within budget and floor has.
    refetch, duplicate_tool, pinned_invariant_miss, ... : int
        All faults by kind.
    """

    family: str
    policy: str
    budget_tokens: int
    controllable_faults: int
    sweep_budget_tokens: int | None = None
    insufficient_faults: int = 0
    value: int = 0
    bound: int = 0
    refetch: int = 0
    duplicate_tool: int = 0
    pinned_invariant_miss: int = 0
    post_compaction_bootstrap: int = 0
    silent_recall: int = 0
    flush_miss: int = 0

    @property
    def budget(self) -> int:
        """The budget that the row is compared at."""
        return self.sweep_budget_tokens or self.budget_tokens


class OptimumRow(msgspec.Struct, kw_only=True):
    """How far our plans for one recorded session are from the optimum of each turn.

    Parameters
    ----------
    plans, proven : int
        Plans, and those of them whose optimum is known and not only bounded.
    median_ppm, p99_ppm : int
        What they are short of it, in millionths.
    """

    trace: str
    budget_tokens: int
    plans: int
    proven: int
    median_ppm: int
    p99_ppm: int


class GateRow(msgspec.Struct, kw_only=True):
    """One lifecycle gate of the paper, provoked: what was to be seen, and what was."""

    gate: str
    store: str
    path: str
    expected: dict[str, int]
    seen: dict[str, int]
    passed: bool


@dataclass(slots=True)
class Results:
    """All that a report is made of.

    Parameters
    ----------
    real : list of RealRow
        In the order of the file.
    synthetic : dict of str to list of SyntheticRow
        By kind, kinds without rows left out.
    gates : list of GateRow
        In the order of the file.
    optima : list of OptimumRow
        In the order of the file.
    timelines : list of Timeline
        By session, budget and policy.
    not_shown : dict of str to int
        Rows of kinds that the report has no figure for.
    """

    real: list[RealRow] = field(default_factory=list)
    synthetic: dict[str, list[SyntheticRow]] = field(default_factory=dict)
    gates: list[GateRow] = field(default_factory=list)
    optima: list[OptimumRow] = field(default_factory=list)
    timelines: list[Timeline] = field(default_factory=list)
    not_shown: dict[str, int] = field(default_factory=dict)


def read_results(directory: Path) -> Results:
    """Read a folder that `clawvm eval` wrote.

    Parameters
    ----------
    directory : Path
        Holds ``results.jsonl`` and, if sessions were replayed, ``timelines/*.json``.

    Raises
    ------
    ResultsInvalid
        When the folder or its results are not there, or not whole.
    """
    path = directory / RESULTS
    if not path.is_file():
        what = "no such folder" if not directory.is_dir() else f"no {RESULTS} in it"
        raise ResultsInvalid(
            f"{directory}: expected a folder that `clawvm eval` wrote, found {what}; "
            "run `clawvm eval all --out DIR` first and name its DIR"
        )
    results = Results()
    not_shown: Counter[str] = Counter()
    for where, row in _lines(path):
        kind = row.get("kind")
        if not isinstance(kind, str):
            raise ResultsInvalid(f"{where}: expected a row with its kind, found none; {_AGAIN}")
        if kind == "real":
            results.real.append(_row(row, RealRow, where))
        elif kind == "tier1":
            results.gates.append(_row(row, GateRow, where))
        elif kind == "optimum":
            results.optima.append(_row(row, OptimumRow, where))
        elif kind in SYNTHETIC_KINDS:
            results.synthetic.setdefault(kind, []).append(_row(row, SyntheticRow, where))
        else:
            not_shown[kind] += 1
    results.not_shown = dict(sorted(not_shown.items()))
    results.timelines = _timelines(directory / TIMELINES)
    if not (results.real or results.synthetic or results.gates or results.timelines):
        raise ResultsInvalid(f"{path}: expected results, found none to show; {_AGAIN}")
    return results


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    content = path.read_bytes()
    if content and not content.endswith(b"\n"):
        raise ResultsInvalid(
            f"{path}: its last line breaks off: the evaluation was cut short or still runs; "
            f"wait for it, or {_AGAIN}"
        )
    for number, line in enumerate(content.splitlines(), 1):
        where = f"{path}:{number}"
        yield where, _row(_json(line, where), dict[str, Any], where)


def _json(line: bytes, where: str) -> Any:
    try:
        return msgspec.json.decode(line)
    except msgspec.MsgspecError as error:
        raise ResultsInvalid(f"{where}: expected a JSON object, found: {error}; {_AGAIN}") from None


def _row(value: Any, row_type: type[Row], where: str) -> Row:
    try:
        return msgspec.convert(value, row_type)
    except msgspec.ValidationError as error:
        raise ResultsInvalid(
            f"{where}: not a row of this version of `clawvm eval`: {error}; {_AGAIN}"
        ) from None


def _timelines(directory: Path) -> list[Timeline]:
    try:
        found = [read_timeline(path) for path in sorted(directory.glob("*.json"))]
    except TraceInvalid as error:
        raise ResultsInvalid(str(error)) from None
    return sorted(found, key=lambda each: (each.trace, each.budget_tokens, each.policy))
