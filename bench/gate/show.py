"""Tables and sentences of the gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from bench.gate.judge import LIMIT, Finding

__all__ = ["counts_table", "ratios_table", "sentence", "times", "wall_table"]


def counts_table(findings: Sequence[Finding]) -> Table:
    """Show the instructions of both revisions."""
    table = Table(title="instructions of all rounds")
    table.add_column("workload")
    for column in ("base", "head", "change"):
        table.add_column(column, justify="right")
    table.add_column("")
    for finding in findings:
        change = "-" if finding.ratio is None else f"{finding.ratio - 1:+.2%}"
        said = "" if finding.kind == "same" else finding.kind
        table.add_row(
            finding.name,
            number(finding.base),
            number(finding.head),
            change,
            f"{said}, allowed" if said and finding.is_allowed else said,
        )
    return table


def ratios_table(ratios: Sequence[Mapping[str, Any]]) -> Table:
    """Show how many times as fast the core is."""
    table = Table(title="times as fast, turn about in one process")
    table.add_column("comparison")
    table.add_column("median", justify="right")
    table.add_column("floor", justify="right")
    for ratio in ratios:
        table.add_row(ratio["name"], times(ratio["ratio"]), f"{ratio['floor']:g}")
    return table


def wall_table(wall_us: Mapping[str, float]) -> Table:
    """Show wall times."""
    table = Table(title="wall time of a round, median; a report, not a gate")
    table.add_column("workload")
    table.add_column("us", justify="right")
    for name, taken in wall_us.items():
        table.add_row(name, f"{taken:,.1f}")
    return table


def sentence(finding: Finding) -> str:
    """Say why a finding does not pass."""
    if finding.kind == "dearer":
        return (
            f"{finding.name}: {(finding.ratio or 1) - 1:+.2%} instructions "
            f"({number(finding.base)} to {number(finding.head)}), the limit is "
            f"{float(LIMIT) - 1:+.0%}"
        )
    return f"{finding.name}: this workload was {finding.kind}"


def times(ratio: float) -> str:
    """Write a ratio of times with the digits that mean something."""
    return f"{ratio:,.0f}" if ratio >= 100 else f"{ratio:.3g}"


def number(count: int | None) -> str:
    """Write a count, or that there is none."""
    return "-" if count is None else f"{count:,}"
