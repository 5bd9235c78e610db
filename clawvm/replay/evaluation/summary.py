"""What an evaluation found, as tables in the form of the paper's, the published figures beside."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ..paging.tables import table_4, table_6, table_8, table_9
from .comparison import Point, compare, points
from .jobs import Row
from .results import RealRow
from .study import study_table
from .tables import Table

__all__ = ["failed_gates", "tables_of"]

_PAPER_NONE = -1
_ABSTRACT_MOST = 1_000  # tokens: a budget below is one of the paper's abstract ones


def failed_gates(rows: Sequence[Row]) -> list[str]:
    """Return the gates of tier 1 whose outcome was not the expected one."""
    return sorted({f"{row['gate']} ({row['path']})" for row in rows if row.get("passed") is False})


def tables_of(rows: Sequence[Row]) -> list[Table]:
    """Return the tables of everything that was evaluated."""
    return [*_synthetic(rows), *_real(rows)]


def _of(rows: Sequence[Row], kind: str) -> list[Any]:
    return [row for row in rows if row["kind"] == kind]


def _synthetic(rows: Sequence[Row]) -> Iterator[Table]:
    gates = _of(rows, "tier1")
    if gates:
        yield _plain(
            "tier1", "Tier 1: the six lifecycle gates", gates, ("gate", "store", "path", "passed")
        )
    sweep = _of(rows, "tier2")
    abstract = [row for row in sweep if row["budget_tokens"] < _ABSTRACT_MOST]
    real = [row for row in sweep if row["budget_tokens"] >= _ABSTRACT_MOST]
    for name, title, some in (
        ("table-4", "Table 4: means over families and the paper's budgets, all the same", abstract),
        (
            "table-4-published-budgets",
            "Table 4 with the smaller budgets that the paper's artifact gives its baselines",
            _of(rows, "tier2-published-budgets"),
        ),
        ("table-4-real", "The same at budgets of 8k to 128k tokens", real),
    ):
        if some:
            yield _plain(name, title, table_4(some))
    ablated = _of(rows, "ablation")
    for name, title, some in (
        ("table-6", "Table 6: what each mechanism prevents, budget 180", _small(ablated)),
        ("table-6-real", "The same at a budget of 16k tokens", _large(ablated)),
    ):
        if some:
            yield _plain(name, title, table_6(some))
    for kind, name, title, make in (
        ("tasks", "table-8", "Table 8: tasks of thirty done without a fault", table_8),
        ("adversarial", "table-9", "Table 9: workloads made to break a policy", table_9),
    ):
        some = _of(rows, kind)
        if some:
            yield _plain(name, title, make(some))


def _small(rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if row["budget_tokens"] < _ABSTRACT_MOST]


def _large(rows: Sequence[Any]) -> list[Any]:
    return [row for row in rows if row["budget_tokens"] >= _ABSTRACT_MOST]


def _plain(
    name: str, title: str, rows: Sequence[Row], columns: Sequence[str] | None = None
) -> Table:
    heads = tuple(columns or rows[0])
    lines = tuple(tuple(_cell(head, row[head]) for head in heads) for row in rows)
    return Table(name, title, tuple(map(_head, heads)), lines)


def _head(name: str) -> str:
    for unit in ("_tenths", "_milli"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")


def _cell(head: str, value: Any) -> str:
    if head.startswith("paper_") and value == _PAPER_NONE:
        return "-"
    if head.endswith("_tenths"):
        return f"{value // 10}.{value % 10}"
    if head.endswith("_milli"):
        return f"{value // 1000}.{value % 1000:03d}"
    return str(value)


def _real(rows: Sequence[Row]) -> Iterator[Table]:
    found = [msgspec.convert(row, RealRow) for row in _of(rows, "real")]
    if not found:
        return
    compared = compare(found)
    what = "whole sessions above 60k tokens" if compared.long_only else "sessions"
    measured = points(compared.rows)
    usual = [point for point in measured if point.low_water_percent is None]
    marks = [point for point in measured if point.low_water_percent is not None]
    yield _points("real", f"{compared.sessions} recorded {what}: means over sessions", usual)
    if marks:
        yield _points("low-water", "The same sessions: what the low-water mark buys", marks)
    for cut in sorted({row.cut for row in found if row.cut is not None}):
        some = [row for row in found if row.cut == cut]
        sessions = len({row.trace for row in some})
        yield _points(
            f"real-{cut}", f"{sessions} recorded sessions cut at {cut} requests", points(some)
        )
    if study := _of(rows, "study"):
        yield study_table(study)
    yield from _optimum(rows)


def _optimum(rows: Sequence[Row]) -> Iterator[Table]:
    gaps: dict[int, list[int]] = {}
    for row in _of(rows, "optimum"):
        gaps.setdefault(row["budget_tokens"], []).extend(row["gaps_ppm"])
    lines = [
        (f"{budget:,}", f"{len(found):,}", *(_percent(found, share) for share in (50, 99, 100)))
        for budget, found in sorted(gaps.items())
        if found
    ]
    if lines:
        title = "What our epochs' plans are worth less than the optimum of their turn, all sessions"
        columns = ("budget", "plans", "median", "99th percentile", "worst")
        yield Table("optimum", title, columns, tuple(lines))


def _percent(gaps_ppm: Sequence[int], percent: int) -> str:
    ordered = sorted(gaps_ppm)
    return f"{ordered[(len(ordered) - 1) * percent // 100] / 10_000:.3f} %"


def _points(name: str, title: str, found: Sequence[Point]) -> Table:
    providers = sorted({provider for point in found for provider in point.billed})
    columns = (
        *("policy", "budget", "spans available", "or one recall away", "faults", "infeasible"),
        *(f"billed, of full ({provider})" for provider in providers),
        *(f"breaks per 100 ({provider})" for provider in providers[:1]),
    )
    return Table(name, title, columns, tuple(_point(point, providers) for point in found))


def _point(point: Point, providers: Sequence[str]) -> tuple[str, ...]:
    low = "" if point.low_water_percent is None else f" {point.low_water_percent} %"
    return (
        f"{point.policy}{low}",
        f"{point.budget:,}",
        _share(point.available),
        _share(point.recallable),
        "-" if point.faults is None else str(point.faults),
        str(point.infeasible),
        *(_share(point.billed.get(provider)) for provider in providers),
        *(_share(point.breaks.get(provider), 1) for provider in providers[:1]),
    )


def _share(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
