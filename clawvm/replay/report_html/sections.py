"""The parts of a report in their order: a heading, what to see, charts, the figures as tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from .charts import (
    Chart,
    Table,
    cost_chart,
    dot_chart,
    fault_chart,
    percent,
    provider_name,
    tokens_label,
)
from .comparison import FULL, LONG_TOKENS, OURS, Compared, Point, compare, fault_counts, points
from .results import Results, SyntheticRow

__all__ = ["REFERENCE_BUDGET", "Section", "our_faults", "sections"]

REFERENCE_BUDGET = 32_000
"""The budget that a report speaks of first, in tokens."""

_ABSTRACT_BELOW = 1000  # the paper's budgets are units of its own, not tokens
_KINDS = {
    "tier2": (
        "Synthetic workloads",
        "Faults over all families and seeds. A fault is one that a policy could have avoided.",
    ),
    "tasks": (
        "Task replays",
        "Faults over the tasks that count as solved when there is none.",
    ),
    "adversarial": (
        "Adversarial workloads",
        "Faults over families that were made to break a policy.",
    ),
    "ablation": (
        "Ablations",
        "Faults of our policy with one mechanism taken away at a time.",
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
        yield from _real(compare(results.real))
    for kind, (title, text) in _KINDS.items():
        rows = results.synthetic.get(kind)
        if rows:
            yield Section(kind, title, text, list(_synthetic_charts(title, rows)))


def _real(compared: Compared) -> Iterator[Section]:
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
            [
                (f"{provider_name(provider)} prices", _billed_chart(budgeted, provider))
                for provider in providers
            ],
        )
        yield Section(
            "cost",
            "Cost against availability",
            "Spans in the prompt over the share of the whole history's bill; up and to the left is "
            "better. Each line is a policy, each point a budget, the smallest at the lower end; a "
            "dotted line goes through the low-water marks.",
            [(f"{provider_name(name)} prices", cost_chart(every, name)) for name in providers],
        )
    if any(point.bound is not None for point in plain):
        yield Section(
            "bound",
            "Gap to the bound",
            "How many of the quoted spans a policy had in its prompts, of those that any policy "
            "could have had that knows the future. At 100% nothing is left to win.",
            [
                (
                    "",
                    dot_chart(
                        budgeted, _of_bound, "of the bound", "Share of the bound reached", 1.0
                    ),
                )
            ],
        )
    yield Section(
        "faults",
        "Faults on recorded sessions",
        "Each number counts the faults of all sessions; the stronger the colour, the more.",
        [("", fault_chart(fault_counts(compared.rows), "Faults on recorded sessions"))],
    )


def _billed_chart(budgeted: Sequence[Point], provider: str) -> Chart:
    return dot_chart(
        budgeted,
        lambda point: point.billed.get(provider),
        "billed",
        f"Tokens billed at {provider_name(provider)} prices",
        1.0,
    )


def _of_bound(point: Point) -> float | None:
    if not point.bound or point.available is None:
        return None
    return point.available / point.bound


def _glance(plain: Sequence[Point], compared: Compared, providers: Sequence[str]) -> Section:
    budgets = sorted({point.budget for point in plain})
    budget = min(budgets, key=lambda each: abs(each - REFERENCE_BUDGET))
    rows = []
    for point in plain:
        if point.budget == budget:
            rows.append(
                [
                    point.policy,
                    percent(point.available, 1),
                    percent(point.recallable, 1),
                    *(percent(point.billed.get(provider)) for provider in providers),
                    *(f"{point.breaks.get(provider, 0):.1f}" for provider in providers[:1]),
                    f"{point.faults:,}",
                    f"{point.infeasible:,}",
                ]
            )
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


def _synthetic_charts(title: str, rows: Sequence[SyntheticRow]) -> Iterator[tuple[str, Chart]]:
    abstract = [row for row in rows if row.budget_tokens < _ABSTRACT_BELOW]
    tokens = [row for row in rows if row.budget_tokens >= _ABSTRACT_BELOW]
    for heading, some in (("The paper's budgets", abstract), ("Budgets in tokens", tokens)):
        if some:
            families = len({row.family for row in some})
            subject = f"{title}: faults over {families} families"
            yield heading if abstract and tokens else "", fault_chart(fault_counts(some), subject)


def our_faults(results: Results) -> int | None:
    """Sum up the faults of our policy over everything; None where it was not run."""
    groups = [fault_counts(results.real), *map(fault_counts, results.synthetic.values())]
    counts = [
        cell.total() for group in groups for (policy, _), cell in group.items() if policy == OURS
    ]
    return sum(counts) if counts else None
