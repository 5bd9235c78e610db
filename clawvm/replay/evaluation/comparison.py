"""The figures of a report: means and sums over the rows of an evaluation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ...faults import FaultKind
from .results import RealRow, SyntheticRow

__all__ = [
    "FULL",
    "LONG_TOKENS",
    "OURS",
    "Column",
    "Compared",
    "Faults",
    "Point",
    "compare",
    "fault_counts",
    "in_order",
    "mean",
    "of_optimum",
    "points",
]

LONG_TOKENS = 60_000
"""A session is long when its whole history passes this: a shorter one fits most budgets."""

OURS = "clawvm"
FULL = "full"
ALERT = FaultKind.DUPLICATE_SIGNATURE
FAULTS = tuple(kind for kind in FaultKind if kind is not ALERT)

Column = int | str
"""A budget, or the name of a workload."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The replays that are compared with each other.

    Parameters
    ----------
    rows : tuple of RealRow
        Those of the same sessions, cut alike.
    cut : int or None
        After how many turns the sessions were cut; None when they are whole.
    sessions : int
        How many there are.
    long_only : bool
        Whether only sessions of more than `LONG_TOKENS` are in.
    """

    rows: tuple[RealRow, ...]
    cut: int | None
    sessions: int
    long_only: bool


@dataclass(frozen=True, slots=True)
class Point:
    """One policy at one budget and low-water mark, over all sessions.

    Shares are means over the sessions that have the figure, from 0 to 1; None where none has.

    Parameters
    ----------
    policy : str
    budget : int
        In tokens.
    low_water_percent : int or None
        None for the policy as it is.
    available, recallable, bound : float or None
        Spans in the prompt; in it or one recall away; the most that any policy could have.
    billed : dict of str to float
        By provider, what was billed as a share of what the whole history would have been.
    over_least : dict of str to float
        By provider, what was billed as a multiple of the least of any policy that keeps the floor.
    breaks : dict of str to float
        By provider, cache breaks for each 100 requests.
    faults : int or None
        Sum; None where none were looked for.
    infeasible, turns : int
        Sums.
    """

    policy: str
    budget: int
    low_water_percent: int | None
    available: float | None
    recallable: float | None
    bound: float | None
    billed: dict[str, float]
    over_least: dict[str, float]
    breaks: dict[str, float]
    faults: int | None
    infeasible: int
    turns: int


@dataclass(slots=True)
class Faults:
    """Faults summed up.

    Parameters
    ----------
    count : int
        Those that a policy could have avoided.
    insufficient : int
        Those of turns whose floor did not fit, which no policy could.
    kinds : Counter
        All of them by kind.
    """

    count: int = 0
    insufficient: int = 0
    kinds: Counter[str] = field(default_factory=Counter)

    def add(self, row: RealRow | SyntheticRow) -> None:
        """Add those of a row; alerts are none."""
        kinds = _kinds(row)
        self.kinds.update(kinds)
        if isinstance(row, SyntheticRow):
            self.count += row.controllable_faults
            self.insufficient += row.insufficient_faults
        else:
            self.count += kinds.total()


def in_order(policies: Iterable[str]) -> list[str]:
    """Order policies for a reader: ours, the whole history, the others by name."""
    return sorted(set(policies), key=lambda name: (name != OURS, name != FULL, name))


def compare(rows: Sequence[RealRow]) -> Compared:
    """Choose what is compared: whole sessions if there are any, long ones if there are any."""
    cuts = {row.cut for row in rows}
    cut = None if None in cuts else max((cut for cut in cuts if cut is not None), default=None)
    alike = [row for row in rows if row.cut == cut]
    size: dict[str, int] = {}
    for row in alike:
        if row.policy == FULL:
            size[row.trace] = max(size.get(row.trace, 0), row.prompt_tokens.peak)
    long = {trace for trace, tokens in size.items() if tokens > LONG_TOKENS}
    chosen = tuple(row for row in alike if not long or row.trace in long)
    return Compared(chosen, cut, len({row.trace for row in chosen}), bool(long))


def points(rows: Iterable[RealRow]) -> list[Point]:
    """Sum up replays by policy, budget and low-water mark, in that order."""
    rows = list(rows)
    whole = {(row.trace, row.budget_tokens): row for row in rows if row.policy == FULL}
    anywhere = {trace: row for (trace, _), row in sorted(whole.items(), reverse=True)}
    groups: dict[tuple[str, int, int | None], list[RealRow]] = defaultdict(list)
    for row in rows:
        groups[row.policy, row.budget_tokens, row.low_water_percent].append(row)
    rank = {policy: place for place, policy in enumerate(in_order(key[0] for key in groups))}
    keys = sorted(groups, key=lambda key: (rank[key[0]], key[1], key[2] or 0))
    return [
        _point(
            *key,
            [
                (row, whole.get((row.trace, row.budget_tokens), anywhere.get(row.trace)))
                for row in groups[key]
            ],
        )
        for key in keys
    ]


def _point(
    policy: str,
    budget: int,
    low_water_percent: int | None,
    pairs: list[tuple[RealRow, RealRow | None]],
) -> Point:
    measured = [row for row, _ in pairs if row.span_availability.spans]
    billed: dict[str, list[Fraction]] = defaultdict(list)
    over_least: dict[str, list[Fraction]] = defaultdict(list)
    breaks: dict[str, list[Fraction]] = defaultdict(list)
    for row, full in pairs:
        for provider, bill in sorted(row.bills.items()):
            if row.turns:
                breaks[provider].append(Fraction(100 * bill.breaks, row.turns))
            of = None if full is None else full.bills.get(provider)
            if of is not None and of.billed_millitokens:
                share = Fraction(bill.billed_millitokens, of.billed_millitokens)
                billed[provider].append(share)
            least = row.bound_billed_millitokens.get(provider)
            if least:
                over_least[provider].append(Fraction(bill.billed_millitokens, least))
    return Point(
        policy,
        budget,
        low_water_percent,
        available=mean([_share(row, row.span_availability.available) for row in measured]),
        recallable=mean(
            [
                _share(row, row.span_availability.available + row.span_availability.one_recall_away)
                for row in measured
            ]
        ),
        bound=mean(
            [
                _share(row, row.bound_available)
                for row in measured
                if row.bound_available is not None
            ]
        ),
        billed=_means(billed),
        over_least=_means(over_least),
        breaks=_means(breaks),
        faults=sum(_kinds(row).total() for row, _ in pairs) if pairs[0][0].faults else None,
        infeasible=sum(row.turns_infeasible for row, _ in pairs),
        turns=sum(row.turns for row, _ in pairs),
    )


def fault_counts(
    rows: Iterable[RealRow] | Iterable[SyntheticRow], column: Callable[[Any], Column]
) -> dict[tuple[str, Column], Faults]:
    """Sum up the faults of rows by policy and another key, such as the budget.

    Rows of a sweep over low-water marks are left out.
    """
    cells: dict[tuple[str, Column], Faults] = defaultdict(Faults)
    for row in rows:
        if isinstance(row, SyntheticRow) or row.low_water_percent is None:
            cells[row.policy, column(row)].add(row)
    return dict(cells)


def of_optimum(rows: Iterable[SyntheticRow]) -> dict[tuple[str, int], float]:
    """Return by policy and budget the value of all prompts, of the most that there could be."""
    value: Counter[tuple[str, int]] = Counter()
    bound: Counter[tuple[str, int]] = Counter()
    for row in rows:
        value[row.policy, row.budget] += row.value
        bound[row.policy, row.budget] += row.bound
    return {key: float(Fraction(value[key], most)) for key, most in bound.items() if most}


def _kinds(row: RealRow | SyntheticRow) -> Counter[str]:
    if isinstance(row, RealRow):
        counts = {kind: count for kind, count in row.faults.items() if kind != ALERT}
    else:
        counts = {kind.value: getattr(row, kind.name.lower()) for kind in FAULTS}
    return Counter({kind: count for kind, count in counts.items() if count})


def _share(row: RealRow, part: int) -> Fraction:
    return Fraction(part, row.span_availability.spans)


# Means are exact until the last step, so that no order of rows can change a digit.
def _sure(values: list[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


def _means(values: Mapping[str, list[Fraction]]) -> dict[str, float]:
    return {name: float(_sure(some)) for name, some in values.items()}


def mean(values: list[Fraction]) -> float | None:
    """Return the mean, or None of nothing; exact until the last step."""
    return float(_sure(values)) if values else None
