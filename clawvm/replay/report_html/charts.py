"""The charts of a report, each with the same figures as a table.

Colours are custom properties of the page's style sheet (``var(--name)``), which the page's script
resolves, so that a chart follows the reader's colour scheme.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import log10
from typing import TYPE_CHECKING

from ...errors import ExtraMissing
from .comparison import OURS, Column, Faults, Point, in_order
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
_LINE_PX = 17
_NAMES_PX = 70  # what the names of policies take below a chart, where they stand upright
_TICK_CHARS = 16
_PAD_PX = 92  # the axis below a chart, its title, and room above


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows of text; the first column names the row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Chart:
    """A figure, its legend, table and caption, and what it says for those who do not see it."""

    figure: Figure
    alt: str
    table: Table
    keys: Sequence[Key] = ()
    note: str = ""


def tokens_label(tokens: int) -> str:
    """Return a budget as it is written on the command line: ``32k``, ``120``."""
    return f"{tokens // 1000}k" if tokens >= 1000 and tokens % 1000 == 0 else f"{tokens:,}"


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share as a percentage, or a dash."""
    return "-" if share is None else f"{share:.{digits}%}"


def provider_name(provider: str) -> str:
    """Return a provider's name as a sentence has it before its prices."""
    known = {"anthropic": "Anthropic", "openai": "OpenAI", "study": "the study's"}
    return known.get(provider, provider)


def dot_chart(
    shares: Mapping[tuple[str, int], float], axis: str, subject: str, line_at: float
) -> Chart:
    """Draw a row for each policy and in it a dot for each budget.

    Parameters
    ----------
    shares : mapping of (policy, budget) to float
        What is drawn.
    axis : str
        What the share is, for the axis.
    subject : str
        What the chart shows, for those who do not see it.
    line_at : float
        The share to compare with.
    """
    policies = in_order(policy for policy, _ in shares)
    budgets = sorted({budget for _, budget in shares})
    row = {policy: place for place, policy in enumerate(policies)}
    figure = _figure(_PAD_PX + _ROW_PX * len(policies))
    colours = [f"var(--budget-{place % _BUDGET_COLOURS})" for place in range(len(budgets))]
    for place, budget in enumerate(budgets):
        dots = [(policy, shares[policy, budget]) for policy in row if (policy, budget) in shares]
        offset = (place - (len(budgets) - 1) / 2) * 0.55 / max(1, len(budgets) - 1)
        figure.add_scatter(
            x=[share for _, share in dots],
            y=[row[policy] + offset for policy, _ in dots],
            mode="markers",
            marker={
                "color": colours[place],
                "size": 9 + min(place, 5),
                "line": {"color": "var(--card)", "width": 1},
            },
            hovertext=[
                f"<b>{escape(policy)}</b> at {tokens_label(budget)}<br>{percent(share, 1)}"
                for policy, share in dots
            ],
            hoverinfo="text",
        )
    for place in range(0, len(policies), 2):  # bands, so that the dots of a row stay together
        figure.add_hrect(
            y0=place - 0.5, y1=place + 0.5, fillcolor="var(--page)", line_width=0, layer="below"
        )
    figure.add_vline(x=line_at, line={"color": "var(--ink)", "width": 1, "dash": "dot"})
    figure.update_xaxes(
        title_text=axis, tickformat=".0%", rangemode="tozero", nticks=5, tickangle=0
    )
    figure.update_yaxes(
        tickvals=list(row.values()),
        ticktext=[_tick(policy) for policy in policies],
        range=[len(policies) - 0.5, -0.5],
        showgrid=False,
        zeroline=False,
    )
    cells: dict[tuple[str, Column], str] = {key: percent(share, 1) for key, share in shares.items()}
    table = _table(policies, budgets, cells)
    keys = [Key(tokens_label(budget), colours[place]) for place, budget in enumerate(budgets)]
    return Chart(figure, f"{subject}, by policy and budget. {_ours(shares)}", table, keys)


def cost_chart(points: Sequence[Point], provider: str) -> Chart:
    """Draw what each policy has available over what it costs, a line through its budgets."""
    figure = _cost_figure()
    keys = []
    policies = in_order(point.policy for point in points)
    for place, policy in enumerate(policies):
        line = [point for point in points if point.policy == policy]
        key = Key(
            policy,
            f"var(--series-{place % _SERIES_COLOURS})",
            SYMBOLS[place % len(SYMBOLS)],
            "solid",
        )
        keys.append(key)
        _add_line(figure, line, provider, key)
        if policy == OURS:
            # Beside a curve that rises to the right; at the low end of it the others begin.
            figure.data[-1].update(
                mode="lines+markers+text",
                text=[tokens_label(point.budget) for point in line],
                textposition=["top left"] + ["bottom right"] * (len(line) - 1),
                cliponaxis=False,
            )
    alt = (
        f"Span availability over cost at {provider_name(provider)} prices: a line for each "
        "policy, a point for each budget; further up and further left is better. The table has "
        "every point."
    )
    return Chart(figure, alt, _cost_table(points, provider), keys)


def sweep_chart(points: Sequence[Point], provider: str) -> Chart:
    """Draw the same for our policy under other low-water marks, a line for each budget.

    A point without a mark is the policy as it is, and is drawn as a ring.
    """
    figure = _cost_figure()
    keys = []
    budgets = sorted({point.budget for point in points})
    for place, budget in enumerate(budgets):
        of_budget = [point for point in points if point.budget == budget]
        swept = [point for point in of_budget if point.low_water_percent is not None]
        key = Key(tokens_label(budget), f"var(--budget-{place % _BUDGET_COLOURS})", line="solid")
        keys.append(key)
        _add_line(figure, swept, provider, key)
        _add_line(figure, [point for point in of_budget if point not in swept], provider, key)
        figure.data[-1].marker.update(symbol="circle-open", size=17, line={"width": 2.5})
    alt = (
        f"Span availability over cost at {provider_name(provider)} prices for other low-water "
        "marks of our policy: a line for each budget. The table has every point."
    )
    return Chart(figure, alt, _cost_table(points, provider), keys)


def _cost_figure() -> Figure:
    figure = _figure(460)
    figure.update_xaxes(title_text="billed", tickformat=".0%", rangemode="tozero", nticks=5)
    figure.update_yaxes(title_text="spans available", tickformat=".0%")
    return figure


def _add_line(figure: Figure, line: Sequence[Point], provider: str, key: Key) -> None:
    figure.add_scatter(
        x=[point.billed[provider] for point in line],
        y=[point.available for point in line],
        mode="lines+markers",
        line={"color": key.colour, "width": 2},
        marker={"color": key.colour, "symbol": key.symbol, "size": 10},
        hovertext=[_cost_hover(point, provider) for point in line],
        hoverinfo="text",
    )


def _cost_table(points: Sequence[Point], provider: str) -> Table:
    rows = [
        [
            point.policy,
            tokens_label(point.budget),
            "-" if point.low_water_percent is None else f"{point.low_water_percent}%",
            percent(point.billed[provider], 1),
            percent(point.available, 1),
        ]
        for point in points
    ]
    return Table(("policy", "budget", "low-water mark", "billed", "spans available"), rows)


def fault_chart(cells: Mapping[tuple[str, Column], Faults], axis: str, subject: str) -> Chart:
    """Draw the number of faults by policy and budget or workload, stronger where there are more.

    Budgets are columns. Workloads, of which there are more, are rows, and policies the columns.
    Policies of others without any fault are only named.

    Parameters
    ----------
    cells : mapping of (policy, budget or workload) to Faults
        What is drawn.
    axis : {"budget", "workload"}
        What the second key is.
    subject : str
        What the chart shows, for those who do not see it.
    """
    policies = in_order(policy for policy, _ in cells)
    columns = sorted({column for _, column in cells}, key=_column_order)
    faulty = {policy for (policy, _), cell in cells.items() if cell.count} | {OURS}
    shown = [policy for policy in policies if policy in faulty]
    keys = [[(policy, column) for column in columns] for policy in shown]
    across, down = list(map(_column_label, columns)), shown
    if axis == "workload":
        keys = [list(line) for line in zip(*keys, strict=True)]
        across, down = shown, across
    figure = _heatmap(keys, across, down, cells)
    figure.update_xaxes(title_text=axis if axis == "budget" else "")
    if axis == "workload":
        figure.update_layout(height=figure.layout.height + _NAMES_PX)
    silent = [policy for policy in policies if policy not in faulty]
    note = f"No fault anywhere: {', '.join(silent)}." if silent else ""
    table = _table(policies, columns, {key: _split(cell) for key, cell in cells.items()})
    ours = sum(cell.count for (policy, _), cell in cells.items() if policy == OURS)
    told = f" {OURS} has {ours:,} in all." if OURS in policies else ""
    return Chart(figure, f"{subject}: faults by policy and {axis}.{told}", table, note=note)


def _heatmap(
    keys: Sequence[Sequence[tuple[str, Column]]],
    across: Sequence[str],
    down: Sequence[str],
    cells: Mapping[tuple[str, Column], Faults],
) -> Figure:
    found = [[cells.get(key) for key in line] for line in keys]
    ticks = list(map(_tick, down))
    lines = max((tick.count("<br>") + 1 for tick in ticks), default=1)
    figure = _figure(_PAD_PX + max(_CELL_PX, _LINE_PX * lines + 8) * len(down))
    figure.add_heatmap(
        x=list(map(_tick, across)),
        y=ticks,
        z=[[None if cell is None else log10(1 + cell.count) for cell in line] for line in found],
        text=[["" if cell is None else _short(cell.count) for cell in line] for line in found],
        texttemplate="%{text}",
        textfont={"size": 12},
        hovertext=[[_fault_hover(key, cells.get(key)) for key in line] for line in keys],
        hoverinfo="text",
        colorscale=[[0, "var(--calm)"], [0.0001, "var(--faults-low)"], [1, "var(--faults-high)"]],
        zmin=0,
        zmax=max([0.1, *(log10(1 + cell.count) for cell in cells.values())]),
        showscale=False,
        xgap=2,
        ygap=2,
    )
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


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
            "font": {"color": "var(--card)", "family": "var(--font)"},
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


def _tick(name: str) -> str:
    """Return a name for an axis, in lines that leave a phone room for the chart."""
    pieces = [
        piece[start : start + _TICK_CHARS]
        for piece in re.split(r"(?<=[-_:/ ])", name)
        for start in range(0, len(piece), _TICK_CHARS)
    ]
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > _TICK_CHARS:
            lines.append("")
        lines[-1] += piece
    text = "<br>".join(escape(line.strip()) for line in lines)
    return f"<b>{text}</b>" if name == OURS else text


def _cost_hover(point: Point, provider: str) -> str:
    mark = "" if point.low_water_percent is None else f", low water {point.low_water_percent}%"
    return (
        f"<b>{escape(point.policy)}</b> at {tokens_label(point.budget)}{mark}<br>"
        f"{percent(point.billed[provider], 1)} billed<br>{percent(point.available, 1)} available"
    )


def _fault_hover(key: tuple[str, Column], cell: Faults | None) -> str:
    policy, column = key
    lines = ["not run"] if cell is None else _told(cell) or ["no fault"]
    where = "budget " if isinstance(column, int) else ""
    head = f"<b>{escape(policy)}</b><br>{where}{escape(_column_label(column))}"
    return "<br>".join([head, *map(escape, lines)])


def _column_order(column: Column) -> tuple[int, str]:
    return (column, "") if isinstance(column, int) else (0, column)


def _column_label(column: Column) -> str:
    return tokens_label(column) if isinstance(column, int) else column.replace("_", " ")


def _short(count: int) -> str:
    if count < 1000:
        return str(count)
    return f"{count / 1000:.{1 if count < 10_000 else 0}f}k"


def _told(cell: Faults) -> list[str]:
    kinds = [f"{count:,} {kind}" for kind, count in sorted(cell.kinds.items())]
    if cell.insufficient:
        kinds.append(f"{cell.insufficient:,} of these where the floor did not fit")
    return kinds


def _split(cell: Faults) -> str:
    return f"{cell.count:,} ({', '.join(_told(cell))})" if cell.kinds else "0"


def _ours(shares: Mapping[tuple[str, int], float]) -> str:
    told = ", ".join(
        f"{percent(share, 1)} at {tokens_label(budget)}"
        for (policy, budget), share in sorted(shares.items())
        if policy == OURS
    )
    return f"{OURS}: {told}." if told else "The table has every figure."


def _table(
    policies: Sequence[str], columns: Sequence[Column], cells: Mapping[tuple[str, Column], str]
) -> Table:
    rows = [
        [policy, *(cells.get((policy, column), "-") for column in columns)] for policy in policies
    ]
    return Table(["policy", *map(_column_label, columns)], rows)
