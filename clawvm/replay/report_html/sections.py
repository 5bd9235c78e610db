"""The parts of a report in their order: a heading, what to see, charts, the figures as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..evaluation.comparison import (
    FULL,
    LONG_TOKENS,
    OURS,
    Compared,
    Point,
    compare,
    fault_counts,
    in_order,
    of_optimum,
    points,
)
from ..evaluation.results import GateRow, OptimumRow, RealRow, Results, SyntheticRow
from .charts import dot_chart, fault_chart
from .costs import cost_chart, sweep_chart
from .figures import Chart, Table, percent, provider_name, tokens_label

__all__ = ["REFERENCE_BUDGET", "Section", "our_faults", "sections"]

REFERENCE_BUDGET = 32_000
"""The budget that a report speaks of first, in tokens."""

_ABSTRACT_BELOW = 1000  # the paper's budgets are units of its own, not tokens
_RECORDED = "Faults on recorded sessions"
_KINDS = {
    "tier2": (
        "Synthetic workloads",
        "Faults that a policy could have avoided, over all families of workloads.",
    ),
    "tier2-published-budgets": (
        "The paper's smaller budgets",
        "Faults on the synthetic workloads where the paper's baselines have the smaller budgets "
        "that its artifact gives them on workloads of several sessions.",
    ),
    "tasks": (
        "Task replays",
        "Faults over the thirty tasks; a task counts as done when there is none.",
    ),
    "adversarial": (
        "Adversarial workloads",
        "Faults that a policy could have avoided, on workloads that were made to break one, each "
        "at a budget of its own.",
    ),
    "ablation": (
        "Ablations",
        "Faults of the paper's policy and of ours with one mechanism taken away at a time.",
    ),
}


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the report.

    Parameters
    ----------
    id, title : str
        Its anchor and heading.
    text : str
        What is shown and how to read it.
    charts : list of (str, Chart)
        Each with its heading; a blank one where the section's own is enough.
    table : Table or None
        A table that is always open.
    """

    id: str
    title: str
    text: str
    charts: Sequence[tuple[str, Chart]] = field(default_factory=list)
    table: Table | None = None


def sections(results: Results) -> Iterator[Section]:
    """Yield the parts for which there are results."""
    if results.real:
        yield from _real(compare(results.real), results.optima)
    for kind, (title, text) in _KINDS.items():
        rows = results.synthetic.get(kind, [])
        if kind == "adversarial" and rows:
            cells = fault_counts(rows, lambda row: row.family)
            yield Section(kind, title, text, [("", fault_chart(cells, "workload", title))])
        elif rows:
            yield Section(kind, title, text, list(_synthetic_charts(kind, title, rows)))
    if results.gates:
        yield _gates(results.gates)


def _real(compared: Compared, optima: Sequence[OptimumRow]) -> Iterator[Section]:
    every = points(compared.rows)
    plain = [point for point in every if point.low_water_percent is None]
    budgeted = [point for point in plain if point.policy != FULL]  # the others know a budget
    providers = sorted({provider for point in plain for provider in point.billed})
    yield _glance(plain, compared, providers)
    if providers:
        yield Section(
            "billed",
            "Tokens billed",
            "What a provider would have billed, as a share of sending the whole history each time. "
            "Further left is cheaper; the dotted line is the whole history.",
            [(_prices(provider), _billed_chart(budgeted, provider)) for provider in providers],
        )
        yield Section(
            "cost",
            "Cost against availability",
            "Spans in the prompt over the share of the whole history's bill; up and to the left is "
            "better. Each line is a policy, each point a budget, the smallest at the lower end.",
            [
                (_prices(provider), cost_chart(_priced(plain, provider), provider))
                for provider in providers
            ],
        )
    swept = {point.policy for point in every if point.low_water_percent is not None}
    if swept and providers:
        yield Section(
            "low-water",
            "Low-water marks",
            "The same for our policy with other low-water marks: down to how much of the budget an "
            "epoch demotes. A line is a budget, a ring the mark that the policy has.",
            [
                (_prices(provider), sweep_chart(_priced(every, provider, swept), provider))
                for provider in providers
            ],
        )
    yield from _bounds(budgeted, providers, optima)
    yield Section(
        "faults",
        _RECORDED,
        "Each number counts the faults of all sessions; the stronger the colour, the more.",
        [("", fault_chart(fault_counts(compared.rows, _budget_of_real), "budget", _RECORDED))],
    )


def _prices(provider: str) -> str:
    name = provider_name(provider)
    return f"{name[0].upper()}{name[1:]} prices"


def _priced(
    some: Sequence[Point], provider: str, policies: Container[str] | None = None
) -> list[Point]:
    return [
        point
        for point in some
        if provider in point.billed
        and point.available is not None
        and (policies is None or point.policy in policies)
    ]


def _bounds(
    budgeted: Sequence[Point], providers: Sequence[str], optima: Sequence[OptimumRow]
) -> Iterator[Section]:
    available = {
        (point.policy, point.budget): point.available / point.bound
        for point in budgeted
        if point.bound and point.available is not None
    }
    charts = []
    if available:
        told = "Spans available, of the most that any policy could have"
        charts.append((told, dot_chart(available, "of the most", told, 1)))
    for provider in providers[:1]:
        over = {
            (point.policy, point.budget): point.over_least[provider]
            for point in budgeted
            if provider in point.over_least
        }
        if over:
            told = f"The bill at {provider_name(provider)} prices, of the least that any could have"
            charts.append((told, dot_chart(over, "of the least", told, 1)))
    if not charts and not optima:
        return
    yield Section(
        "bound",
        "Gap to the bound",
        "No policy that keeps the floor can pass the dotted line, not even one that knows the "
        "future; it may be that none can reach it. The least bill is that of a policy which needs "
        "to have nothing available.",
        charts,
        _optimum_table(optima) if optima else None,
    )


def _optimum_table(optima: Sequence[OptimumRow]) -> Table:
    rows = []
    for budget in sorted({row.budget_tokens for row in optima}):
        some = [row for row in optima if row.budget_tokens == budget and row.plans]
        if some:
            rows.append(
                [
                    tokens_label(budget),
                    f"{sum(row.plans for row in some):,}",
                    f"{sum(row.proven for row in some):,}",
                    percent(max(row.median_ppm for row in some) / 1_000_000, 2),
                    percent(max(row.p99_ppm for row in some) / 1_000_000, 2),
                ]
            )
    head = (
        "budget",
        f"plans of {OURS}",
        "with a known optimum",
        "median gap, worst session",
        "99th percentile, worst session",
    )
    return Table(head, rows)


def _billed_chart(budgeted: Sequence[Point], provider: str) -> Chart:
    shares = {
        (point.policy, point.budget): point.billed[provider]
        for point in budgeted
        if provider in point.billed
    }
    return dot_chart(shares, "billed", f"Tokens billed at {provider_name(provider)} prices", 1.0)


def _budget_of_real(row: RealRow) -> int:
    return row.budget_tokens


def _glance(plain: Sequence[Point], compared: Compared, providers: Sequence[str]) -> Section:
    budgets = sorted({point.budget for point in plain})
    budget = min(budgets, key=lambda each: abs(each - REFERENCE_BUDGET))
    # What knows no budget has been replayed only once.
    once = {
        policy for policy, count in Counter(each.policy for each in plain).items() if count == 1
    }
    here = {
        point.policy: point for point in plain if point.budget == budget or point.policy in once
    }
    rows = [
        [
            point.policy,
            percent(point.available, 1),
            percent(point.recallable, 1),
            *(percent(point.billed.get(provider)) for provider in providers),
            *(f"{point.breaks.get(provider, 0):.1f}" for provider in providers[:1]),
            "–" if point.faults is None else f"{point.faults:,}",  # noqa: RUF001
            f"{point.infeasible:,}",
        ]
        for point in map(here.__getitem__, in_order(here))
    ]
    head = [
        "policy",
        "spans available",
        "or one recall",
        *(f"billed, {provider_name(provider)}" for provider in providers),
        *("breaks per 100" for _ in providers[:1]),
        "faults",
        "infeasible",
    ]
    which = f"longer than {LONG_TOKENS:,} tokens" if compared.long_only else "of any length"
    cut = "whole" if compared.cut is None else f"cut after {compared.cut} turns"
    return Section(
        "glance",
        f"At a glance, at {tokens_label(budget)}",
        f"Means over {compared.sessions} recorded sessions {which}, {cut}; faults and infeasible "
        "requests are sums.",
        table=Table(head, rows),
    )


def _synthetic_charts(
    kind: str, title: str, rows: Sequence[SyntheticRow]
) -> Iterator[tuple[str, Chart]]:
    abstract = [row for row in rows if row.budget < _ABSTRACT_BELOW]
    tokens = [row for row in rows if row.budget >= _ABSTRACT_BELOW]
    for heading, some in (("The paper's budgets", abstract), ("Budgets in tokens", tokens)):
        if not some:
            continue
        cells = fault_counts(some, lambda row: row.budget)
        yield heading if abstract and tokens else "", fault_chart(cells, "budget", title)
        shares = of_optimum(row for row in some if row.policy != FULL)
        if kind == "tier2" and shares:
            told = "Value of all prompts, of the most that any within budget and floor could have"
            yield f"{heading}: value, of the optimum", dot_chart(shares, "of the optimum", told, 1)


def _gates(gates: Sequence[GateRow]) -> Section:
    rows = []
    for name in dict.fromkeys(gate.gate for gate in gates):
        of_name = [gate for gate in gates if gate.gate == name]
        seen = [
            "; ".join(sorted({_counts(gate.seen) for gate in of_name if gate.path == path}))
            for path in ("unguarded", OURS)
        ]
        stores = ", ".join(sorted({gate.store for gate in of_name}))
        passed = all(gate.passed for gate in of_name)
        rows.append([name.replace("_", " "), *seen, stores, "yes" if passed else "NO"])
    held = sum(gate.passed for gate in gates)
    return Section(
        "tier1",
        "Lifecycle gates",
        "The six gates of the paper's first tier: what harnesses do today must show the fault, and "
        f"our own path none. {held} of {len(gates)} runs came out as expected.",
        table=Table(("gate", "unguarded", OURS, "stores", "as expected"), rows),
    )


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "nothing"


def our_faults(results: Results) -> int | None:
    """Sum up the faults of our policy over everything; None where it was not run."""
    groups = [
        fault_counts(results.real, _budget_of_real),
        *(fault_counts(rows, lambda row: row.budget) for rows in results.synthetic.values()),
    ]
    ours = [cell.count for cells in groups for (policy, _), cell in cells.items() if policy == OURS]
    return sum(ours) if ours else None
