"""The charts of a report, each with the same figures as a table.

Colours are custom properties of the page's style sheet (``var(--name)``), which the page's script
resolves, so that a chart follows the reader's colour scheme.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from typing import TYPE_CHECKING

from ...errors import ExtraMissing
from .comparison import OURS, Cell, Point, in_order
from .legend import SYMBOLS, Key

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

__all__ = [
    "Chart",
    "Table",
    "cost_chart",
    "dot_chart",
    "fault_chart",
    "percent",
    "provider_name",
    "tokens_label",
]

_SERIES_COLOURS = 8
_BUDGET_COLOURS = 6
_ROW_PX = 38
_CELL_PX = 34
_PAD_PX = 92  # the axis below a chart, its title, and room above


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of text; the first column names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure, its legend, its table, and what it says for those who do not see it."""

    figure: Figure
    alt: str
    table: Table
    keys: Sequence[Key] = ()


def tokens_label(tokens: int) -> str:
    """Return a budget as it is written on the command line: ``32k``, ``120``."""
    return f"{tokens // 1000}k" if tokens >= 1000 and tokens % 1000 == 0 else f"{tokens:,}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share as a percentage, or a dash."""
    return "-" if share is None else f"{share:.{digits}%}"


def provider_name(provider: str) -> str:
    """Return a provider's name as it writes itself, where we know it."""
    return {"anthropic": "Anthropic", "openai": "OpenAI"}.get(provider, provider)


def dot_chart(
    points: Sequence[Point],
    value: Callable[[Point], float | None],
    axis: str,
    subject: str,
    line_at: float,
) -> Chart:
    """Draw a row for each policy and in it a dot for each budget.

    Parameters
    ----------
    points : sequence of Point
        Without those of a sweep over low-water marks.
    value : callable
        A point's share; a point without one has no dot.
    axis : str
        What the share is, for the axis.
    subject : str
        What the chart shows, for those who do not see it.
    line_at : float
        The share to compare with.
    """
    shown = [(point, share) for point in points if (share := value(point)) is not None]
    policies = in_order(point.policy for point, _ in shown)
    budgets = sorted({point.budget for point, _ in shown})
    row = {policy: place for place, policy in enumerate(policies)}
    figure = _figure(_PAD_PX + _ROW_PX * len(policies))
    colours = [f"var(--budget-{place % _BUDGET_COLOURS})" for place in range(len(budgets))]
    for place, budget in enumerate(budgets):
        dots = [(point, share) for point, share in shown if point.budget == budget]
        offset = (place - (len(budgets) - 1) / 2) * 0.55 / max(1, len(budgets) - 1)
        figure.add_scatter(
            x=[share for _, share in dots],
            y=[row[point.policy] + offset for point, _ in dots],
            mode="markers",
            marker={
                "color": colours[place],
                "size": 9 + min(place, 5),
                "line": {"color": "var(--card)", "width": 1},
            },
            hovertext=[
                f"<b>{escape(point.policy)}</b> at {tokens_label(budget)}<br>{percent(share, 1)}"
                for point, share in dots
            ],
            hoverinfo="text",
        )
    for place in range(0, len(policies), 2):  # bands, so that the dots of a row stay together
        figure.add_hrect(
            y0=place - 0.5, y1=place + 0.5, fillcolor="var(--page)", line_width=0, layer="below"
        )
    figure.add_vline(x=line_at, line={"color": "var(--ink)", "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text=axis, tickformat=".0%", rangemode="tozero")
    figure.update_yaxes(
        tickvals=list(row.values()),
        ticktext=[_tick(policy) for policy in policies],
        range=[len(policies) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    cells = {(point.policy, point.budget): percent(share, 1) for point, share in shown}
    table = _table("policy", policies, budgets, cells)
    keys = [Key(tokens_label(budget), colours[place]) for place, budget in enumerate(budgets)]
    return Chart(figure, f"{subject}, by policy and budget. {_best(shown)}", table, keys)


def cost_chart(points: Sequence[Point], provider: str) -> Chart:
    """Draw what each policy has available over what it costs, a line through its budgets.

    A sweep over low-water marks is a dotted line of its own for each budget.
    """
    figure = _figure(460)
    shown = [point for point in points if provider in point.billed and point.available is not None]
    keys = []
    rank = {policy: place for place, policy in enumerate(in_order(each.policy for each in shown))}
    for name, line in _cost_lines(shown):
        place = rank[line[0].policy]
        sweep = line[0].low_water_percent is not None
        colour = f"var(--series-{place % _SERIES_COLOURS})"
        symbol = SYMBOLS[place % len(SYMBOLS)]
        dash = "dot" if sweep else "solid"
        keys.append(Key(name, colour, symbol, dash))
        figure.add_scatter(
            x=[point.billed[provider] for point in line],
            y=[point.available for point in line],
            mode="lines+markers",
            line={"color": colour, "dash": dash, "width": 2},
            marker={"color": colour, "symbol": symbol, "size": 7 if sweep else 10},
            hovertext=[_cost_hover(point, provider) for point in line],
            hoverinfo="text",
        )
    figure.update_xaxes(title_text="billed", tickformat=".0%")
    figure.update_yaxes(title_text="spans available", tickformat=".0%")
    rows = [
        [
            point.policy,
            tokens_label(point.budget),
            "-" if point.low_water_percent is None else f"{point.low_water_percent} %",
            percent(point.billed[provider], 1),
            percent(point.available, 1),
        ]
        for point in shown
    ]
    head = ("policy", "budget", "low-water mark", "billed", "spans available")
    alt = (
        f"Span availability over cost at {provider_name(provider)} prices: a line for each "
        "policy, a point for each budget; further up and further left is better. The table has "
        "every point."
    )
    return Chart(figure, alt, Table(head, rows), keys)


def fault_chart(cells: Mapping[tuple[str, int], Cell], subject: str) -> Chart:
    """Draw the number of faults by policy and budget, darker where there are more."""
    policies = in_order(policy for policy, _ in cells)
    budgets = sorted({budget for _, budget in cells})
    counts = [
        [cells[policy, budget].total() if (policy, budget) in cells else None for budget in budgets]
        for policy in policies
    ]
    figure = _figure(_PAD_PX + _CELL_PX * len(policies))
    figure.add_heatmap(
        x=[tokens_label(budget) for budget in budgets],
        y=[_tick(policy) for policy in policies],
        z=[[None if count is None else log10(1 + count) for count in line] for line in counts],
        text=[["" if count is None else _short(count) for count in line] for line in counts],
        texttemplate="%{text}",
        hovertext=[
            [_fault_hover(policy, budget, cells) for budget in budgets] for policy in policies
        ],
        hoverinfo="text",
        colorscale=[[0, "var(--calm)"], [0.0001, "var(--faults-low)"], [1, "var(--faults-high)"]],
        zmin=0,
        zmax=max(0.1, *(log10(1 + (count or 0)) for line in counts for count in line)),
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_xaxes(title_text="budget", type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    table = _table(
        "policy",
        policies,
        budgets,
        {key: _split(cell) for key, cell in cells.items()},
    )
    ours = sum(cell.total() for (policy, _), cell in cells.items() if policy == OURS)
    told = f" {OURS} has {ours:,} in all." if any(policy == OURS for policy, _ in cells) else ""
    return Chart(figure, f"{subject}, by policy and budget.{told}", table)


def _figure(height: int) -> Figure:
    try:
        import plotly.graph_objects as go
    except ImportError:
        raise ExtraMissing("a report", "plotly", "report") from None
    figure = go.Figure()
    axis = {"gridcolor": "var(--line)", "linecolor": "var(--line)", "automargin": True}
    figure.update_layout(
        template="none",
        height=height,
        margin={"l": 8, "r": 12, "t": 8, "b": 8, "pad": 4},
        paper_bgcolor="var(--card)",
        plot_bgcolor="var(--card)",
        font={"color": "var(--ink)", "family": "var(--font)", "size": 13},
        hoverlabel={
            "bgcolor": "var(--ink)",
            "bordercolor": "var(--ink)",
            "font": {"color": "var(--card)"},
            "align": "left",
        },
        hovermode="closest",
        dragmode=False,
        showlegend=False,
    )
    # A drag on a phone scrolls the page.
    figure.update_xaxes(
        **axis, fixedrange=True, zerolinecolor="var(--line)", title_standoff=12, title_font_size=13
    )
    figure.update_yaxes(
        **axis, fixedrange=True, zerolinecolor="var(--line)", title_standoff=8, title_font_size=13
    )
    return figure


def _tick(policy: str) -> str:
    return f"<b>{escape(policy)}</b>" if policy == OURS else escape(policy)


def _cost_lines(points: Sequence[Point]) -> Iterator[tuple[str, list[Point]]]:
    """Group points to lines: each policy over its budgets, each budget over its marks."""
    for policy in in_order(point.policy for point in points):
        line = [
            point for point in points if point.policy == policy and point.low_water_percent is None
        ]
        if line:
            yield policy, line
    swept = [point for point in points if point.low_water_percent is not None]
    for policy, budget in sorted({(point.policy, point.budget) for point in swept}):
        line = [point for point in swept if (point.policy, point.budget) == (policy, budget)]
        yield f"{policy} at {tokens_label(budget)}, low-water marks", line


def _cost_hover(point: Point, provider: str) -> str:
    mark = "" if point.low_water_percent is None else f", low water {point.low_water_percent} %"
    return (
        f"<b>{escape(point.policy)}</b> at {tokens_label(point.budget)}{mark}<br>"
        f"{percent(point.billed[provider], 1)} billed<br>{percent(point.available, 1)} available"
    )


def _fault_hover(policy: str, budget: int, cells: Mapping[tuple[str, int], Cell]) -> str:
    head = f"<b>{escape(policy)}</b> at {tokens_label(budget)}"
    cell = cells.get((policy, budget))
    if cell is None:
        return f"{head}<br>not run"
    lines = [f"{escape(kind)}: {count:,}" for kind, count in sorted(cell.items())]
    return "<br>".join([head, *(lines or ["no fault"])])


def _short(count: int) -> str:
    return str(count) if count < 1000 else f"{count / 1000:.3g}k"


def _split(cell: Cell) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(cell.items()))
    return f"{cell.total():,} ({kinds})" if len(cell) > 1 else kinds or "0"


def _best(shown: Sequence[tuple[Point, float]]) -> str:
    ours = [(point, share) for point, share in shown if point.policy == OURS]
    told = ", ".join(
        f"{percent(share, 1)} at {tokens_label(point.budget)}" for point, share in ours
    )
    return f"{OURS}: {told}." if told else "The table has every figure."


def _table(
    corner: str,
    policies: Sequence[str],
    budgets: Sequence[int],
    cells: Mapping[tuple[str, int], str],
) -> Table:
    rows = [
        [policy, *(cells.get((policy, budget), "-") for budget in budgets)] for policy in policies
    ]
    return Table([corner, *map(tokens_label, budgets)], rows)
